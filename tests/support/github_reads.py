"""What the stand-in shows of its repository to those who only read: repository, refs, files, the rate limit."""
from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Optional

from tests.support.github_rules import DOCS, Refusal, Workflow

CONTENTS_DOCS = DOCS + "/repos/contents#get-repository-content"
REF_DOCS = DOCS + "/git/refs#get-a-reference"


@dataclass
class Reads:
    """The repository's state beside its workflow, and what a personal token may read of it."""

    archived: bool = False
    push: bool = True               # the token's owner may write
    contents: bool = True           # the token has Contents: read
    scopes: Optional[str] = None    # of a classic token; None: a fine-grained one
    expires: Optional[str] = None   # "2026-12-01 10:00:00 UTC"
    former: Optional[str] = None    # "owner/name" that the repository had before
    file: Optional[str] = None      # the workflow file's text; None: one that fits the workflow
    file_refs: Optional[tuple[str, ...]] = None  # where the file is; None: everywhere

    def headers(self) -> dict[str, str]:
        """Those that tell about a personal token."""
        told = {"x-oauth-scopes": self.scopes, "github-authentication-token-expiration": self.expires}
        return {name: value for name, value in told.items() if value is not None}

    def repository(self, repo: str, branch: str) -> dict[str, Any]:
        """GET /repos/OWNER/NAME."""
        owner, name = repo.split("/")
        return {"id": 1, "name": name, "full_name": repo, "private": True, "archived": self.archived,
                "disabled": False, "owner": {"login": owner}, "default_branch": branch,
                "permissions": {"admin": False, "maintain": False, "push": self.push, "triage": self.push,
                                "pull": True}}

    def contents_of(self, workflow: Workflow, path: str, ref: str, refs: list[str]) -> dict[str, Any]:
        """GET /repos/OWNER/NAME/contents/PATH."""
        if ref not in refs:
            raise Refusal(404, f"No commit found for the ref {ref}", CONTENTS_DOCS)
        if path != f".github/workflows/{workflow.file}" or (self.file_refs is not None and ref not in self.file_refs):
            raise Refusal(404, "Not Found", CONTENTS_DOCS)
        text = (workflow_text(workflow) if self.file is None else self.file).encode()
        return {"type": "file", "name": workflow.file, "path": path, "size": len(text), "encoding": "base64",
                "content": base64.encodebytes(text).decode()}


def ref_of(kind: str, name: str, branches: list[str]) -> dict[str, Any]:
    """GET /repos/OWNER/NAME/git/ref/heads|tags/NAME: names like v1.0 are tags."""
    is_tag = name[:1] == "v" and name[1:2].isdigit()
    if name not in branches or is_tag != (kind == "tags"):
        raise Refusal(404, "Not Found", REF_DOCS)
    return {"ref": f"refs/{kind}/{name}", "object": {"type": "commit", "sha": "0" * 40}}


def rate_limit_of(limit: int, used: int, reset: int) -> dict[str, Any]:
    """GET /rate_limit, which costs nothing."""
    core = {"limit": limit, "remaining": max(0, limit - used), "used": used, "reset": reset}
    return {"resources": {"core": core}, "rate": core}


def workflow_text(workflow: Workflow) -> str:
    """A workflow file that says what the workflow is."""
    lines = [f"name: {workflow.name}", f"run-name: {json.dumps(workflow.run_name)}"]
    if not workflow.trigger:
        return "\n".join([*lines, "on: push", "jobs: {}", ""])
    lines += ["on:", "  workflow_dispatch:", "    inputs:"]
    for name, spec in workflow.inputs.items():
        lines += [f"      {name}:", f"        required: {str(spec.required).lower()}", f"        type: {spec.type}"]
        if spec.default is not None:
            lines.append(f"        default: {json.dumps(spec.default)}")
        if spec.options:
            lines += ["        options:", *(f"          - {json.dumps(option)}" for option in spec.options)]
    return "\n".join([*lines, "jobs:", "  retrain:", "    runs-on: ubuntu-latest", ""])
