"""The stand-in's other side: /_control, by which a test directs it and asks the judge.

    GET  /_control/judge | runs            counts and verdicts | every run with its inputs
    POST /_control/script                  one script or a list of them (github_script.ACTIONS)
    POST /_control/clear                   no scripts any more
    POST /_control/set                     any of SETTINGS
    POST /_control/finish                  {"run_id": N, "conclusion": "success"}
    POST /_control/begin                   {"run_id": N}: queued -> in_progress
"""
from __future__ import annotations

import json
from typing import Any, Callable

from tests.support.github_api import GithubApi
from tests.support.github_rules import Input
from tests.support.github_script import Script, Scripts

CONCLUSIONS = ("success", "failure", "cancelled", "timed_out", "startup_failure", "action_required", "neutral",
               "skipped", "stale")


class Control:
    """Turns control requests into changes of the API's state."""

    def __init__(self, api: GithubApi, scripts: Scripts) -> None:
        self.api, self.scripts = api, scripts
        self.accept_delay_s = 0.0
        life, workflow = api.runs.life, api.workflow
        self.settings: dict[str, Callable[[Any], Any]] = {
            "conclusion": lambda v: setattr(life, "conclusion", _conclusion(v)),
            "next_conclusions": lambda v: setattr(api.runs, "next_conclusions", [_conclusion(c) for c in v]),
            "queued_s": lambda v: setattr(life, "queued_s", v),
            "in_progress_s": lambda v: setattr(life, "in_progress_s", v),
            "pending": lambda v: setattr(life, "pending", bool(v)),
            "tokens": lambda v: setattr(api, "tokens", set(v)),
            "refs": lambda v: setattr(api, "refs", list(v)),
            "workflow_state": lambda v: setattr(workflow, "state", v),
            "trigger": lambda v: setattr(workflow, "trigger", bool(v)),
            "run_name": lambda v: setattr(workflow, "run_name", v),
            "inputs": lambda v: setattr(workflow, "inputs", dict(Input.parse(text) for text in v)),
            "details_known": lambda v: setattr(api, "details_known", bool(v)),
            "details_given": lambda v: setattr(api, "details_given", bool(v)),
            "max_inputs": lambda v: setattr(api, "max_inputs", int(v)),
            "limit": lambda v: setattr(api, "limit", int(v)),
            "listing_paused": lambda v: api.runs.pause_listing(bool(v)),
            "list_lag_s": lambda v: setattr(api.runs, "list_lag_s", float(v)),
            "listed_twice": lambda v: setattr(api.runs, "listed_twice", bool(v)),
            "clock_off_s": lambda v: setattr(api.runs, "clock_off_s", float(v)),
            "accept_delay_s": lambda v: setattr(self, "accept_delay_s", float(v)),
        }

    def handle(self, method: str, path: str, raw: bytes) -> tuple[int, Any]:
        """One control request: (status, JSON)."""
        name = path[len("/_control/"):]
        if method == "GET" and name == "judge":
            return 200, self.api.judge.verdict()
        if method == "GET" and name == "runs":
            return 200, self.runs()
        if method != "POST" or name not in ("script", "clear", "set", "finish", "begin"):
            return 404, {"error": "GET judge|runs, POST script|clear|set|finish|begin"}
        data = json.loads(raw) if raw else {}
        getattr(self, name)(data)
        return 200, {}

    def runs(self) -> list[dict[str, Any]]:
        """What the API shows of every run, plus the inputs it does not show."""
        api = self.api
        return [{**r.view(api.base, api.repo, api.workflow), "inputs": r.inputs, "relay_id": r.relay_id}
                for r in api.runs.all()]

    def script(self, data: Any) -> None:
        """Adds one script or several, all of them or none."""
        for script in [Script.of(d) for d in (data if isinstance(data, list) else [data])]:
            self.scripts.add(script)

    def clear(self, _: Any) -> None:
        """Drops what is left of the scripts."""
        self.scripts.clear()

    def set(self, data: dict[str, Any]) -> None:
        """Changes settings; an unknown one is an error."""
        for name in data:
            self.settings[name]  # KeyError before anything changed
        for name, value in data.items():
            self.settings[name](value)

    def finish(self, data: dict[str, Any]) -> None:
        """Ends a run by hand."""
        self.api.runs.finish(self.api.runs.get(str(data["run_id"])), _conclusion(data.get("conclusion", "success")))

    def begin(self, data: dict[str, Any]) -> None:
        """A runner took the job."""
        self.api.runs.progress(self.api.runs.get(str(data["run_id"])))


def _conclusion(text: str) -> str:
    if text not in CONCLUSIONS:
        raise ValueError(f"unknown conclusion {text!r}")
    return text
