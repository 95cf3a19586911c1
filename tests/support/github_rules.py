"""What GitHub lets pass and what it refuses, as pure functions.

The stand-in is only worth something when it is at least as strict as the real API, so every rule of
the workflow_dispatch endpoint stands here alone, without sockets, where a table can test it.
Messages follow the observed ones; clients match them loosely.
"""
from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Optional

DOCS = "https://docs.github.com/rest"
DISPATCH_DOCS = DOCS + "/actions/workflows#create-a-workflow-dispatch-event"
API_VERSIONS = ("2022-11-28", "2026-03-10")
DEFAULT_API_VERSION = "2022-11-28"
MAX_INPUTS = 25
MAX_INPUTS_BYTES = 65_535


@dataclass
class Refusal(Exception):
    """An answer that started nothing."""

    status: int
    message: str
    documentation_url: str = DOCS
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """GitHub's error shape: `status` is a string."""
        return {"message": self.message, "documentation_url": self.documentation_url, "status": str(self.status)}


@dataclass
class Input:
    """One declared input of the workflow."""

    type: str = "string"
    required: bool = False
    default: Optional[str] = None
    options: tuple[str, ...] = ()

    @staticmethod
    def parse(text: str) -> tuple[str, "Input"]:
        """`name[:type[:required|optional[:a,b,c]]]` of the command line."""
        name, _, rest = text.partition(":")
        kind, _, rest = rest.partition(":")
        need, _, options = rest.partition(":")
        if kind not in ("", "string", "choice", "boolean", "number", "environment"):
            raise ValueError(f"unknown input type {kind!r}")
        if need not in ("", "required", "optional"):
            raise ValueError(f"required or optional, not {need!r}")
        return name, Input(kind or "string", need == "required", None, tuple(options.split(",")) if options else ())


@dataclass
class Workflow:
    """The one workflow of the repository, as the default branch and `refs` have it."""

    file: str = "retrain.yml"
    id: int = 161_335_024
    name: str = "retrain"
    state: str = "active"
    trigger: bool = True
    run_name: str = "retrain ${{ inputs.model }} [${{ inputs.relay_id }}]"
    inputs: dict[str, Input] = field(default_factory=dict)

    def named(self, wanted: str) -> bool:
        """A workflow is addressed by its file name or its number, never by a path."""
        return wanted in (self.file, str(self.id))


@dataclass
class Dispatch:
    """A dispatch that passed every check."""

    ref: str
    inputs: dict[str, str]
    details: bool
    sent_inputs: dict[str, Any]


class DuplicateKey(ValueError):
    """A JSON object that names a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise DuplicateKey(key)
        seen[key] = value
    return seen


def check_version(version: Optional[str]) -> str:
    """An unknown API version is a 400; none at all means the oldest supported one."""
    if version is None:
        return DEFAULT_API_VERSION
    if version not in API_VERSIONS:
        raise Refusal(400, f"API version '{version}' is not supported. Supported: {', '.join(API_VERSIONS)}",
                      DOCS + "/about-the-rest-api/api-versions")
    return version


def parse_body(raw: bytes) -> dict[str, Any]:
    """Bytes to a JSON object, or one of GitHub's two 400s."""
    try:
        body = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique)
    except DuplicateKey as twice:  # stricter than GitHub, on purpose: it would hide a client's bug
        raise Refusal(400, f"Problems parsing JSON: the key {twice} is there twice", DISPATCH_DOCS) from None
    except (ValueError, RecursionError):
        raise Refusal(400, "Problems parsing JSON", DISPATCH_DOCS) from None
    if not isinstance(body, dict):
        raise Refusal(400, "Body should be a JSON object", DISPATCH_DOCS)
    return body


def _invalid(text: str) -> Refusal:
    return Refusal(422, "Invalid request.\n\n" + text, DISPATCH_DOCS)


def _check_keys(body: dict[str, Any], details_known: bool) -> None:
    permitted = {"ref", "inputs"} | ({"return_run_details"} if details_known else set())
    for key in body:
        if key not in permitted:
            raise _invalid(f'"{key}" is not a permitted key.')
    if "ref" not in body:
        raise _invalid('"ref" wasn\'t supplied.')


def _check_types(body: dict[str, Any], max_inputs: int) -> None:
    if not isinstance(body["ref"], str):
        raise _invalid(f"For 'properties/ref', {json.dumps(body['ref'])} is not a string.")
    if not isinstance(body.get("return_run_details", False), bool):
        raise _invalid("For 'properties/return_run_details', it is not a boolean.")
    inputs = body.get("inputs", {})
    if not isinstance(inputs, dict):
        raise _invalid("For 'properties/inputs', it is not an object.")
    if len(inputs) > max_inputs:
        raise _invalid(f"For 'properties/inputs', more than {max_inputs} properties.")
    if len(json.dumps(inputs, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_INPUTS_BYTES:
        raise Refusal(422, "inputs are too large.", DISPATCH_DOCS)


def _text(name: str, value: Any) -> str:
    """Scalars are taken and become text, as GitHub does; null, lists and objects are not inputs."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise _invalid(f"For 'properties/inputs', the value of '{name}' is not a string.")


def _check_inputs(sent: dict[str, Any], declared: dict[str, Input]) -> dict[str, str]:
    unexpected = [name for name in sent if name not in declared]
    if unexpected:
        raise Refusal(422, f"Unexpected inputs provided: {json.dumps(unexpected)}", DISPATCH_DOCS)
    values: dict[str, str] = {}
    for name, spec in declared.items():
        value = _text(name, sent[name]) if name in sent else spec.default
        if spec.required and (value is None or value == ""):
            raise Refusal(422, f"Required input '{name}' not provided", DISPATCH_DOCS)
        if name in sent and spec.options and value not in spec.options:
            raise Refusal(422, f"Provided value '{value}' for input '{name}' not in the list of allowed values",
                          DISPATCH_DOCS)
        values[name] = value if value is not None else ""
    return values


def known_ref(ref: str, refs: list[str]) -> bool:
    """A branch or tag, bare or in full; a bare commit hash is none."""
    return any(ref in (name, "refs/heads/" + name, "refs/tags/" + name) for name in refs)


def check_dispatch(body: dict[str, Any], workflow: Workflow, refs: list[str], *, details_known: bool = True,
                   max_inputs: int = MAX_INPUTS, version: str = DEFAULT_API_VERSION) -> Dispatch:
    """Every rule in GitHub's order: schema, ref, workflow, inputs."""
    _check_keys(body, details_known)
    _check_types(body, max_inputs)
    if not known_ref(body["ref"], refs):
        raise Refusal(422, f"No ref found for: {body['ref']}", DISPATCH_DOCS)
    if workflow.state != "active":
        raise Refusal(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow", DISPATCH_DOCS)
    if not workflow.trigger:
        raise Refusal(422, "Workflow does not have 'workflow_dispatch' trigger", DISPATCH_DOCS)
    sent = body.get("inputs", {})
    values = _check_inputs(sent, workflow.inputs)
    details = bool(body.get("return_run_details", False)) or version >= "2026-03-10"
    return Dispatch(body["ref"], values, details, sent)


def run_title(pattern: str, inputs: dict[str, str]) -> str:
    """`run-name` with its inputs filled in: what the API shows as display_title."""
    def value(found: "re.Match[str]") -> str:
        context, _, name = found.group(1).partition(".")
        return inputs.get(name, "") if context == "inputs" else ""

    return re.sub(r"\$\{\{\s*([\w.-]+)\s*\}\}", value, pattern)
