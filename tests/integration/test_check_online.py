"""`check --online`: what GitHub would say to each target, asked without starting anything."""
from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.support.github_app import App, new_key
from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import grafana_body
from tests.support.relay import Relay
from tests.support.wait import until

Make = Callable[..., Relay]
Line = tuple[str, str, str]
ROUTE_INPUTS = [{"name": "model", "value": "{label:model}"}]


def check(relay: Relay, *arguments: str) -> tuple[int, str]:
    """Exit code and standard output; no secret in either stream."""
    done = relay.cli("check", "--online", *arguments, "--config", str(relay.config_file))
    assert TOKEN not in done.stdout + done.stderr and "ghs_" not in done.stdout + done.stderr
    return done.returncode, done.stdout


def findings(relay: Relay) -> tuple[int, list[Line]]:
    """Exit code, and severity, subject, text of each finding."""
    code, out = check(relay, "--json")
    (target,) = json.loads(out)["targets"]
    return code, [(f["severity"], f["subject"], f["text"]) for f in target["findings"]]


def bad(lines: list[Line]) -> list[Line]:
    """Those that are warnings or errors."""
    return [line for line in lines if line[0] in ("warning", "error")]


def test_a_target_that_works_has_no_fault_and_nothing_is_started(make_relay: Make, standin: StandIn) -> None:
    relay = make_relay({"routes": {"inputs": ROUTE_INPUTS}})
    code, lines = findings(relay)
    assert code == 0 and bad(lines) == [], lines
    assert [line[1] for line in lines] == ["reachable", "clock", "credential", "expiry", "limit", "repository",
                                           "permission", "ref", "workflow", "file", "trigger", "run-name", "input"]
    assert standin.runs() == [] and standin.api.judge.posts() == []
    code, out = check(relay)
    assert code == 0 and "ok       retrain: ref: branch main\n" in out
    assert out.endswith("0 errors, 0 warnings, 1 skipped\n")
    standin.assert_clean()


Setup = Callable[[StandIn], Any]


def reads(**values: Any) -> Setup:
    """Settings of what the repository shows."""
    def setup(standin: StandIn) -> None:
        for name, value in values.items():
            setattr(standin.api.reads, name, value)
    return setup


def settings(**values: Any) -> Setup:
    """Settings of the control API."""
    return lambda standin: standin.set(**values)


def script(on: str, do: str, **more: Any) -> Setup:
    """One failure."""
    return lambda standin: standin.script(on, do, **more)


def in_days(days: float) -> str:
    """A time as GitHub's header tells it."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time.time() + days * 86400))


TARGET = "targets"
CONSTANT = {"routes": {"inputs": [{"name": "model", "value": "kospi"}]}}
CHOICE = ["relay_id:string:required", "model:choice:required:a,b"]
CASES: list[tuple[str, Setup, dict[str, Any], int, str, str, str]] = [
    ("cannot be reached", lambda s: s.stop(), {}, 3, "error", "reachable", "look at api_url"),
    ("cut", script("rate_limit", "cut"), {}, 3, "error", "reachable", "look at api_url"),
    ("GitHub is ill", script("rate_limit", "answer", status=502), {}, 3, "error", "reachable", "try again later"),
    ("no API", script("rate_limit", "answer", status=200, body="hello"), {}, 1, "error", "limit", "no JSON object"),
    ("clock", settings(clock_off_s=3600), {}, 0, "warning", "clock", "behind GitHub's: set it"),
    ("clock ahead", settings(clock_off_s=-3600), {}, 0, "warning", "clock", "ahead of GitHub's"),
    ("token", settings(tokens=["other"]), {}, 1, "error", "credential", "Bad credentials"),
    ("token repeated", script("rate_limit", "answer", status=401, body={"message": "bad {token}"}), {}, 1, "error",
     "credential", "bad ***"),
    ("token ends", reads(expires=in_days(3)), {}, 0, "warning", "expiry", "make a new one"),
    ("spent", settings(limit=10), {}, 0, "ok", "limit", "10 of 10"),
    ("nearly spent", lambda s: setattr(s.api, "used", 4900), {}, 0, "warning", "limit", "100 of 5000"),
    ("limited", script("repo", "rate_secondary"), {}, 0, "warning", "limit", "secondary rate limit"),
    ("no repository", settings(), {TARGET: {"repository": "acme/none"}}, 1, "error", "repository", "not found"),
    ("renamed", reads(former="acme/old"), {TARGET: {"repository": "acme/old"}}, 0, "warning", "repository",
     'write repository = "acme/kospi"'),
    ("archived", reads(archived=True), {}, 1, "error", "repository", "unarchive it"),
    ("no write access", reads(push=False), {}, 1, "error", "permission", "give that person write access"),
    ("no scope", reads(scopes="read:org, workflow"), {}, 1, "error", "permission", "give it repo"),
    ("a classic token", reads(scopes="repo, workflow"), {}, 0, "ok", "permission", "scope repo"),
    ("a tag", settings(), {TARGET: {"ref": "v1.0"}}, 0, "ok", "ref", "tag v1.0"),
    ("no ref", settings(), {TARGET: {"ref": "feature/x"}}, 1, "error", "ref", "no such branch or tag"),
    ("a ref in full", settings(), {TARGET: {"ref": "refs/heads/none"}}, 1, "error", "ref", "no such branch in"),
    ("no workflow", settings(), {TARGET: {"workflow": "none.yml"}}, 1, "error", "workflow", "default branch"),
    ("disabled", settings(workflow_state="disabled_inactivity"), {}, 1, "error", "workflow", "enable it"),
    ("no right to Actions", script("workflow", "answer", status=403, body={
        "message": "Resource not accessible by personal access token"}), {}, 1, "error", "workflow", "read and write"),
    ("not at the ref", reads(file_refs=("v1.0",)), {}, 1, "error", "file", "merge it there"),
    ("unreadable", reads(contents=False), {}, 0, "skipped", "file", "Contents: read"),
    ("a form that is not read", reads(file="on: &a\n  push:\n"), {}, 0, "warning", "file", "cannot read this form"),
    ("no trigger", settings(trigger=False), {}, 1, "error", "trigger", "workflow_dispatch"),
    ("no title", settings(run_name="retrain"), {}, 0, "warning", "run-name", "[${{ inputs.relay_id }}]"),
    ("no relay_id", settings(inputs=["model"]), {}, 0, "warning", "input", "relay_id is not declared"),
    ("no relay_id, which is sent always", settings(inputs=["model"]), {TARGET: {"correlation": "input"}}, 1, "error",
     "input", "relay_id is not declared"),
    ("relay_id that is not sent", settings(inputs=["relay_id:string:required", "model"]),
     {TARGET: {"correlation": "none"}}, 1, "error", "input", "sends none"),
    ("unknown input", settings(inputs=["relay_id"]), {}, 1, "error", "input", "does not declare"),
    ("required input", settings(inputs=["relay_id", "model", "region:string:required"]), {}, 1, "error", "input",
     "does not send region"),
    ("not a choice", settings(inputs=CHOICE), CONSTANT, 1, "error", "input", "none of the input's options"),
    ("not known before", settings(inputs=CHOICE), {}, 0, "ok", "input", "fits"),
]


@pytest.mark.parametrize("name, setup, change, code, severity, subject, words", CASES, ids=[c[0] for c in CASES])
def test_each_fault_is_found_with_its_remedy(make_relay: Make, standin: StandIn, name: str, setup: Setup,
                                             change: dict[str, Any], code: int, severity: str, subject: str,
                                             words: str) -> None:
    relay = make_relay({"routes": {"inputs": ROUTE_INPUTS}, **change})
    setup(standin)
    got, lines = findings(relay)
    matching = [text for s, about, text in lines if (s, about) == (severity, subject) and words in text]
    assert len(matching) == 1, (name, lines)
    assert len(bad(lines)) == (severity in ("warning", "error")), (name, lines)
    assert got == code, (name, lines)
    assert standin.api.judge.posts() == [] and standin.judge()["violations"] == []


def app_target(key: str) -> dict[str, Any]:
    return {"targets": {"token_file": None, "app": {"id": 12345, "installation": 678, "key_file": key}},
            "routes": {"inputs": ROUTE_INPUTS}}


def test_an_app_is_asked_for_its_token_and_reads_no_files(make_relay: Make, standin: StandIn, tmp_path: Path) -> None:
    key = new_key(tmp_path)
    standin.api.app = App(key)
    standin.set(tokens=[])
    code, lines = findings(make_relay(app_target(key)))
    assert code == 0 and bad(lines) == [], lines
    assert ("ok", "permission", "the App's token has Actions: write") in lines
    assert [line[1] for line in lines if line[0] == "skipped"] == ["ref", "file"]
    assert len(standin.api.app.grants) == 1


def test_an_app_without_the_permission_is_an_error(make_relay: Make, standin: StandIn, tmp_path: Path) -> None:
    key = new_key(tmp_path)
    standin.api.app = App(key, permissions={"metadata": "read"})
    code, lines = findings(make_relay(app_target(key)))
    assert code == 1 and [line[:2] for line in lines] == [("error", "credential")]
    assert "the installation needs Actions: write" in lines[0][2]


def test_every_target_is_asked_and_a_fault_outweighs_silence(make_relay: Make, standin: StandIn) -> None:
    relay = make_relay({"routes": {"inputs": ROUTE_INPUTS}})
    assert isinstance(relay.config, dict)
    (target,) = relay.config["targets"]
    silent = {**target, "name": "silent", "api_url": "http://127.0.0.1:1"}
    relay.write_config({**relay.config, "targets": [silent, target]})
    code, out = check(relay, "--json")
    assert code == 3 and [t["reachable"] for t in json.loads(out)["targets"]] == [False, True]
    assert json.loads(out)["errors"] == 1
    standin.set(workflow_state="disabled_manually")
    code, out = check(relay)
    assert code == 1 and "error    silent: reachable: http://127.0.0.1:1: " in out
    assert "error    retrain: workflow: retrain.yml is disabled_manually: enable it" in out


def test_json_without_online_is_a_usage_error(make_relay: Make) -> None:
    relay = make_relay()
    assert relay.cli("check", "--json", "--config", str(relay.config_file)).returncode == 2


ON = {"check_online": True}


def found(relay: Relay) -> dict[str, float]:
    """The gauge of a running relay: the worst by subject."""
    samples = relay.metrics().samples
    return {labels["subject"]: value for name, labels, value in samples if name == "drift_relay_target_findings"}


def test_a_running_relay_says_what_is_wrong_once_and_starts_all_the_same(make_relay: Make, standin: StandIn) -> None:
    standin.set(refs=["v1.0"])
    relay = make_relay({**ON, "routes": {"inputs": ROUTE_INPUTS}}).start()
    until(lambda: "workflow" in found(relay), 60, "the end of the row")
    assert {s: v for s, v in found(relay).items() if v} == {"ref": 2}
    assert relay.admin("/readyz").status == 200
    relay.restart()
    until(lambda: found(relay).get("ref") == 2, 60, "the same after a restart")
    lines = [line for line in relay.log_text().splitlines() if "event=target_finding" in line]
    assert len(lines) == 2 and all("target=retrain severity=error subject=ref text=\"main: no such branch" in line
                                   for line in lines), lines
    assert standin.runs() == []


def test_a_running_relay_asks_with_the_dispatchers_own_token(make_relay: Make, standin: StandIn, tmp_path: Path) -> None:
    key = new_key(tmp_path)
    standin.api.app = App(key)
    standin.set(tokens=[])
    app = {"id": 12345, "installation": 678, "key_file": key}
    relay = make_relay({**ON, "targets": {"token_file": None, "app": app}, "routes": {"inputs": ROUTE_INPUTS}}).start()
    until(lambda: "workflow" in found(relay), 60, "the end of the row")
    (one,) = relay.post(grafana_body()).json()["alerts"]
    relay.wait_request(one["relay_id"], "done")
    assert standin.judge()["requests"]["token"] == 1


def test_a_running_relay_that_reaches_nobody_is_ready_at_once(make_relay: Make, standin: StandIn) -> None:
    relay = make_relay(ON)
    standin.stop()
    relay.start()
    assert relay.admin("/readyz").status == 200
    until(lambda: found(relay) == {"reachable": 2}, 30, "the finding")
    assert "subject=reachable" in relay.log_text()
