"""Runs the shell steps of a workflow as a runner would: same files, same environment, same shell.

`uses` steps are left out. Of GitHub's expressions it knows what our workflows have: names with dots, literals, `||`
and `==`.
"""
from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.relay import ROOT


def read(name: str) -> dict[str, Any]:
    """A workflow; the key `on` is YAML's true."""
    return yaml.safe_load((ROOT / ".github/workflows" / name).read_text(encoding="utf-8"))


@dataclass
class Runner:
    """One run: what expressions see, where steps work, and what they wrote."""

    context: dict[str, Any]
    workspace: Path
    environment: dict[str, str]
    summary: str = ""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)  # by job

    def value(self, expression: str) -> str:
        """What stands between ${{ and }}."""
        if " == " in expression:
            left, right = expression.split(" == ")
            return "true" if self.value(left) == self.value(right) else "false"
        for part in expression.split(" || "):
            part = part.strip()
            if part.startswith("'"):
                return part[1:-1]
            found: Any = self.context
            for name in part.split("."):
                found = found.get(name, "") if isinstance(found, dict) else ""
            if found:
                return str(found)
        return ""

    def text(self, template: Any) -> str:
        """A value of the workflow with its expressions replaced."""
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda m: self.value(m.group(1)), str(template))

    def variables(self, group: dict[str, Any]) -> dict[str, str]:
        """An env: of workflow, job or step."""
        return {name: self.text(value) for name, value in group.get("env", {}).items()}

    def job(self, workflow: dict[str, Any], name: str) -> list[subprocess.CompletedProcess[str]]:
        """Its shell steps until one fails."""
        job = workflow["jobs"][name]
        done: list[subprocess.CompletedProcess[str]] = []
        self.context |= {"env": self.variables(workflow), "steps": {}}
        for number, step in enumerate(s for s in job["steps"] if "run" in s):
            assert "${{" not in step["run"], "an expression in a script is code from outside"
            files = {key: self.workspace / f".{key}-{name}-{number}" for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
            for file in files.values():
                file.touch()
            environment = {**self.environment, **self.variables(workflow), **self.variables(job), **self.variables(step),
                           **{key: str(file) for key, file in files.items()}}
            done.append(subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                                       cwd=self.workspace, env=environment, capture_output=True, text=True, timeout=120,
                                       check=False))
            self.summary += files["GITHUB_STEP_SUMMARY"].read_text()
            lines = files["GITHUB_OUTPUT"].read_text().splitlines()
            self.context["steps"][step.get("id", str(number))] = {"outputs": dict(line.split("=", 1) for line in lines)}
            if done[-1].returncode != 0:
                break
        self.outputs[name] = {key: self.text(value) for key, value in job.get("outputs", {}).items()}
        self.context.setdefault("needs", {})[name] = {"outputs": self.outputs[name]}
        return done
