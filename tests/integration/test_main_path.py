"""The main job, end to end: a signed notification becomes exactly one workflow run, and nothing else does."""
from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import Recording, alert, grafana_body
from tests.support.relay import Relay, sign, signed_headers
from tests.support.relay_config import SECRET, SIGNATURE_HEADER, TIMESTAMP_HEADER, hmac_source, write_secret
from tests.support.wait import stays, until

ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
SECRET_OF_RECORDINGS = Recording.load("01-firing-first").secret


def decided(answer: Any) -> list[str]:
    """verdict/reason of each alert of a 202."""
    assert answer.status in (200, 202), (answer.status, answer.body)
    return [f"{a['verdict']}/{a['reason']}" for a in answer.json()["alerts"]]


def with_recorded_secret(relay: Relay) -> Relay:
    """The recordings are signed with a secret of their own."""
    assert isinstance(relay.config, dict)
    relay.write_config({**relay.config, "sources": [hmac_source(relay.folder, secrets=(SECRET_OF_RECORDINGS, SECRET))]})
    return relay


def post_recording(relay: Relay, recording: Recording) -> Any:
    return relay.post(recording.body, recording.path, headers=recording.signed())


def test_a_recorded_notification_becomes_one_run(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    relay = with_recorded_secret(make_relay()).start()
    answer = post_recording(relay, Recording.load("01-firing-first"))
    said = answer.json()
    assert answer.status == 202 and answer.headers["content-type"].startswith("application/json")
    assert set(said) == {"notification", "duplicate", "alerts"} and said["duplicate"] is False
    assert ULID.fullmatch(said["notification"])
    (one,) = said["alerts"]
    assert set(one) - {"until"} == {"fingerprint", "route", "key", "verdict", "reason", "relay_id"}
    assert (one["fingerprint"], one["route"], one["key"]) == ("a31ec7a8aaaed795", "kospi", "kospi/kospi")
    assert (one["verdict"], one["reason"]) == ("dispatch", "first") and ULID.fullmatch(one["relay_id"])

    request = relay.wait_request(one["relay_id"], "done")
    (run,) = standin.runs()
    assert run["inputs"]["relay_id"] == one["relay_id"] and one["relay_id"] in run["display_title"]
    assert request["reason"] == "success" and request["run"]["id"] == run["id"]
    assert (request["run"]["status"], request["run"]["conclusion"]) == ("completed", "success")
    assert request["run"]["url"] == run["html_url"]
    assert set(request) >= {"relay_id", "state", "reason", "route", "key", "target", "cause", "created_at",
                            "expires_at", "ended_at", "inputs", "run", "duplicate_runs", "effect", "attempts"}
    assert [(a["outcome"], a["http_status"]) for a in request["attempts"]] == [("accepted", 200)]

    notification = relay.api("notifications/" + said["notification"])
    assert set(notification) == {"notification", "source", "format", "received_at", "body", "alerts"}
    assert notification["alerts"] == said["alerts"] and notification["source"] == "grafana"
    metrics = relay.metrics()
    assert metrics.sum("drift_relay_notifications_total", source="grafana", result="accepted") == 1
    assert metrics.sum("drift_relay_alerts_total", route="kospi", verdict="dispatch", reason="first") == 1
    assert metrics.sum("drift_relay_dispatch_attempts_total", target="retrain", outcome="accepted") == 1
    assert metrics.sum("drift_relay_run_conclusions_total", target="retrain", conclusion="success") == 1
    standin.assert_clean()


def test_the_same_bytes_again_are_a_duplicate_that_changes_nothing(relay: Relay, standin: StandIn) -> None:
    body = grafana_body(alert("a"), alert("b"), alert("a", "resolved", labels={"alertname": "other"}))
    headers = signed_headers(body)
    first = relay.post(body, headers=headers).json()
    for _ in range(3):
        again = relay.post(body, headers=headers)
        assert again.status == 202 and again.json() == {**first, "duplicate": True}
    assert relay.metrics().sum("drift_relay_notifications_total", result="duplicate") == 3
    assert relay.metrics().sum("drift_relay_alerts_total") == 3
    until(lambda: len(standin.runs()) == 2, 30, "two runs")
    stays(lambda: len(standin.runs()) == 2, 2, "one run for each of two keys")
    standin.assert_clean()


def test_a_tampered_body_is_a_401_that_says_nothing(relay: Relay, standin: StandIn) -> None:
    body = grafana_body()
    headers = signed_headers(body)
    bodies = set()
    for name, bad, send in (("body", body.replace(b"kospi", b"kospj"), headers), ("unsigned", body, {}),
                            ("other secret", body, signed_headers(body, secret="x" * 20)),
                            ("time moved", body, {**headers, TIMESTAMP_HEADER: str(int(time.time()) + 1)})):
        answer = relay.post(bad, headers=send)
        assert answer.status == 401 and answer.headers["content-type"] == "application/problem+json", name
        bodies.add(answer.body)
    assert len(bodies) == 1 and json.loads(bodies.pop())["status"] == 401
    assert relay.api("notifications")["items"] == [] and standin.runs() == []
    assert relay.metrics().sum("drift_relay_auth_failures_total", source="grafana") == 4


def test_resolve_and_refire_at_once_start_nothing(relay: Relay, standin: StandIn) -> None:
    starts = time.time() - 120
    first = relay.post(grafana_body(alert(starts=starts)))
    assert decided(first) == ["dispatch/first"]
    relay.wait_request(first.json()["alerts"][0]["relay_id"], "done")
    assert decided(relay.post(grafana_body(alert(starts=starts, annotations={"n": "2"})))) == ["suppressed/not_rearmed"]
    assert decided(relay.post(grafana_body(alert(status="resolved", starts=starts)))) == ["resolved/quiet"]
    refire = relay.post(grafana_body(alert(starts=time.time())))
    assert decided(refire) == ["suppressed/not_rearmed"]
    key = relay.api("keys/kospi%2Fkospi")
    assert key["key"] == "kospi/kospi" and key["route"] == "kospi"
    assert len(standin.runs()) == 1


def test_an_alert_while_the_run_is_open_is_running_or_duplicate(relay: Relay, standin: StandIn) -> None:
    standin.set(in_progress_s=None)
    first = relay.post(grafana_body(alert())).json()["alerts"][0]
    same = relay.post(grafana_body(alert(annotations={"n": "2"}))).json()["alerts"][0]
    other = relay.post(grafana_body(alert(labels={"feature": "MA20"}))).json()["alerts"][0]
    assert (same["verdict"], same["reason"], same["relay_id"]) == ("suppressed", "duplicate", first["relay_id"])
    assert (other["verdict"], other["reason"], other["relay_id"]) == ("suppressed", "running", first["relay_id"])
    relay.wait_request(first["relay_id"], "running")
    assert relay.metrics().sum("drift_relay_run_active") == 1


def test_the_test_button_is_ignored(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    relay = with_recorded_secret(make_relay()).start()
    answer = post_recording(relay, Recording.load("28-test-button"))
    assert decided(answer) == ["ignored/test"]
    assert answer.json()["alerts"][0]["route"] is None and answer.json()["alerts"][0]["key"] is None
    stays(lambda: standin.judge()["posts_total"] == 0, 1, "no POST")


def test_a_dry_run_stores_nothing(relay: Relay, standin: StandIn) -> None:
    body = grafana_body()
    headers = signed_headers(body)
    for _ in range(2):
        answer = relay.post(body, "/hooks/grafana?dry=1", headers=headers)
        said = answer.json()
        assert answer.status == 200 and said["notification"] is None and said["dry"] is True
        assert decided(answer) == ["dispatch/first"]
    assert relay.post(body.replace(b"kospi", b"other"), "/hooks/grafana?dry=1", headers=headers).status == 401
    assert relay.api("notifications")["items"] == [] and relay.api("requests")["items"] == []
    assert decided(relay.post(body, headers=headers)) == ["dispatch/first"]
    standin.wait_posts(1)


def test_inputs_come_from_the_alert_as_data(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    standin.set(inputs=["relay_id", "model", "why", "since", "n"])
    inputs = [{"name": "model", "value": "{label:model}", "pattern": "[a-z0-9-]{1,64}"},
              {"name": "why", "value": "{annotation:summary} {{A={value:A}"},
              {"name": "since", "value": "{starts_at}"}, {"name": "n", "value": "{count}"}]
    relay = make_relay({"routes": {"inputs": inputs}}).start()
    hostile = '$(reboot) "; DROP ${{ secrets.X }}\n\t\\'
    answer = relay.post(grafana_body(alert(starts=1_700_000_000, annotations={"summary": hostile})))
    relay_id = answer.json()["alerts"][0]["relay_id"]
    got = standin.wait_run(relay_id)["inputs"]
    assert got == {"relay_id": relay_id, "model": "kospi", "n": "1", "since": "2023-11-14T22:13:20Z",
                   "why": '$(reboot) "; DROP ${{ secrets.X }}\\ {A=0.93'}
    bad = relay.post(grafana_body(alert("KOSPI;rm")))
    assert decided(bad) == ["suppressed/bad_input"]


def test_an_undeclared_relay_id_is_left_out_and_remembered(relay: Relay, standin: StandIn) -> None:
    standin.set(inputs=["model"], run_name="retrain")
    first = relay.post(grafana_body(alert("a"))).json()["alerts"][0]["relay_id"]
    request = relay.wait_request(first, "done")
    assert [a["outcome"] for a in request["attempts"]] == ["no_relay_id", "accepted"]
    second = relay.post(grafana_body(alert("b"))).json()["alerts"][0]["relay_id"]
    assert [a["outcome"] for a in relay.wait_request(second, "done")["attempts"]] == ["accepted"]
    assert len(standin.runs()) == 2


def test_an_old_server_gets_no_run_details_key(relay: Relay, standin: StandIn) -> None:
    standin.set(details_known=False)
    relay_id = relay.post(grafana_body()).json()["alerts"][0]["relay_id"]
    request = relay.wait_request(relay_id, "done", "accepted_no_id")
    assert [a["outcome"] for a in request["attempts"]] == ["no_run_details", "accepted_no_id"]
    assert len(standin.runs()) == 1


@pytest.mark.parametrize("rearm, blocked_by", [("resolved", "not_rearmed"), ("cooldown", "cooldown")])
def test_a_run_accepted_without_an_id_ends_untracked_and_blocks_like_any_other(
        make_relay: Callable[..., Relay], standin: StandIn, rearm: str, blocked_by: str) -> None:
    standin.set(details_given=False)
    standin.script("dispatch", "slow_read", seconds=1)
    relay = make_relay({"routes": {"rearm": rearm}, "targets": {"correlation": "none"}}).start()
    starts = time.time() - 120
    first = relay.post(grafana_body(alert(starts=starts)))
    assert decided(first) == ["dispatch/first"]
    relay_id = first.json()["alerts"][0]["relay_id"]
    standin.wait_posts(1)
    sending = relay.request(relay_id)
    assert (sending["state"], sending["run"], sending["attempts"]) == ("sending", None, [])
    request = relay.wait_request(relay_id, "done", "dead", "parked")
    assert (request["state"], request["reason"], request["run"]) == ("done", "untracked", None)
    assert [(a["outcome"], a["http_status"]) for a in request["attempts"]] == [("accepted_no_id", 204)]
    for again in ("before", "after"):
        firing = grafana_body(alert(starts=starts, annotations={again: "a restart"}))
        assert decided(relay.post(firing)) == [f"suppressed/{blocked_by}"], again
        resolve = alert(status="resolved", starts=starts, annotations={again: "a restart"})
        assert decided(relay.post(grafana_body(resolve))) == ["resolved/quiet"], again
        assert (relay.request(relay_id)["state"], relay.request(relay_id)["reason"]) == ("done", "untracked")
        if again == "before":
            relay.restart()
    assert [r["relay_id"] for r in relay.api("requests")["items"]] == [relay_id]
    # Nothing is asked about a run that nobody can name.
    stays(lambda: standin.judge()["requests"] == {"dispatch": 1}, 2, "one POST and no other request")
    standin.assert_clean()


@pytest.mark.parametrize("settings, words", [({"workflow_state": "disabled_manually"}, "disabled"),
                                             ({"refs": ["trunk"]}, "No ref found"), ({"trigger": False}, "trigger")])
def test_a_refused_dispatch_is_dead_with_githubs_words(relay: Relay, standin: StandIn, settings: dict[str, Any],
                                                       words: str) -> None:
    standin.set(**settings)
    ended = {"state": "dead", "reason": "refused"}
    metrics = relay.metrics()
    assert metrics.has("drift_relay_requests_ended_total") and metrics.sum("drift_relay_requests_ended_total") == 0
    relay_id = relay.post(grafana_body()).json()["alerts"][0]["relay_id"]
    request = relay.wait_request(relay_id, "dead")
    assert relay.metrics().sum("drift_relay_requests_ended_total", **ended) == 1
    assert request["reason"].startswith("refused") and request["attempts"][0]["http_status"] == 422
    assert words in relay.log_text()
    assert decided(relay.post(grafana_body(alert(annotations={"n": "2"})))) == ["suppressed/cooldown"]
    standin.assert_clean()


def test_operators_can_look_by_command_line(relay: Relay) -> None:
    said = relay.post(grafana_body()).json()
    relay_id = said["alerts"][0]["relay_id"]
    relay.wait_request(relay_id, "done")
    status = relay.cli("status", "--admin", relay.admin_url, "--json")
    assert status.returncode == 0 and set(json.loads(status.stdout)) >= {"version", "ready", "keys", "requests"}
    assert json.loads(status.stdout)["requests"]["done"] == 1
    for wanted in (relay_id, said["notification"]):
        shown = relay.cli("show", wanted, "--admin", str(relay.folder / "admin.sock"), "--json")
        assert shown.returncode == 0 and wanted in shown.stdout, shown
        assert relay.cli("show", wanted, "--admin", relay.admin_url).returncode == 0
    assert relay.cli("show", "01JDXXXXXXXXXXXXXXXXXXXXXX", "--admin", relay.admin_url).returncode == 1
    assert relay.cli("health", "--admin", relay.admin_url).returncode == 0
    assert relay.cli("health", "--admin", "http://127.0.0.1:1").returncode == 3
    assert relay.cli("nonsense").returncode == 2


def test_sign_and_send_by_command_line(relay: Relay, tmp_path: Path) -> None:
    body, secret = tmp_path / "body.json", write_secret(tmp_path, "secret", SECRET)
    body.write_bytes(grafana_body())
    signed = relay.cli("sign", "--secret-file", secret, "--timestamp", "1795411765", str(body))
    assert signed.returncode == 0
    assert dict(line.split(": ") for line in signed.stdout.splitlines()) == {
        SIGNATURE_HEADER: sign(body.read_bytes(), 1795411765), TIMESTAMP_HEADER: "1795411765"}
    url = f"http://127.0.0.1:{relay.port}/hooks/grafana"
    sent = relay.cli("send", "--url", url, "--secret-file", secret, str(body))
    assert sent.returncode == 0 and "dispatch" in sent.stdout, sent
    wrong = write_secret(tmp_path, "wrong", "another secret, long enough")
    assert relay.cli("send", "--url", url, "--secret-file", wrong, str(body)).returncode == 1
    assert relay.cli("send", "--url", "http://127.0.0.1:1/", "--secret-file", secret, str(body)).returncode == 3


def test_check_reports_every_fault_with_its_line(relay: Relay, tmp_path: Path) -> None:
    assert relay.cli("check", "--config", str(relay.config_file)).returncode == 0
    bad = tmp_path / "bad.conf"
    bad.write_text(relay.config_file.read_text().replace('cooldown = "6h"', 'cooldown = "6 hours"')
                   + 'surprise = 1;\n')
    found = relay.cli("check", "--config", str(bad))
    assert found.returncode == 1
    for word in ("cooldown", "surprise"):
        assert re.search(rf"{re.escape(str(bad))}:\d+: .*{word}", found.stderr), found.stderr


def test_the_environment_alone_is_enough(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    relay = make_relay(env_only=True)
    relay.env = {"REPO_OWNER": "acme", "REPO_NAME": "kospi", "WORKFLOW_FILENAME": "retrain.yml",
                 "GITHUB_ACCESS_TOKEN": TOKEN, "GITHUB_API_URL": standin.url,
                 "WEBHOOK_SECRET_FILE": write_secret(relay.folder, "secret", SECRET),
                 "RELAY_LISTEN": "127.0.0.1:0", "RELAY_ADMIN_LISTEN": "127.0.0.1:0",
                 "RELAY_STATE_DIR": str(relay.folder)}
    relay.start()
    one = relay.post(grafana_body()).json()["alerts"][0]
    assert (one["route"], one["key"], one["verdict"]) == ("grafana", "grafana/kospi", "dispatch")
    run = standin.wait_run(one["relay_id"])
    assert run["head_branch"] == "main"
    request = relay.wait_request(one["relay_id"], "done")
    assert request["target"] == "retrain"
    assert (relay.folder / "relay.db").exists()
    standin.assert_clean()


def test_no_secret_shows_anywhere(relay: Relay, standin: StandIn) -> None:
    relay_id = relay.post(grafana_body()).json()["alerts"][0]["relay_id"]
    relay.post(grafana_body(), secret="wrong")
    relay.wait_request(relay_id, "done")
    seen = [relay.log_text(), relay.admin("/").body.decode(), relay.admin("/metrics").body.decode(),
            relay.admin("/api/v1/requests").body.decode(), relay.cli("status", "--admin", relay.admin_url).stdout]
    for text in seen:
        assert SECRET not in text and TOKEN not in text and "canary" not in text
    for path in (relay.folder / "state").iterdir():
        assert SECRET.encode() not in path.read_bytes() and TOKEN.encode() not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0, path
