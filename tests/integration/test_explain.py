"""`explain` says before what a notification would come to, and the relay then does it."""
from __future__ import annotations

import json
import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.support import http
from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import DATA, Recording, alert, alertmanager_body, grafana_body, recordings
from tests.support.relay import Relay
from tests.support.relay_config import hmac_source, merged

COMMON = ("fingerprint", "route", "key", "verdict", "reason")
CHECKS = {1: "kind", 2: "room", 3: "duplicate", 4: "min_alerts", 5: "paused", 6: "held", 7: "running",
          8: "disarmed", 9: "cooldown", 10: "budget", 11: "inputs", 12: "hold", 13: "dispatch"}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def write(relay: Relay, body: bytes, name: str = "payload.json") -> str:
    path = relay.folder / name
    path.write_bytes(body)
    return str(path)


def explain(relay: Relay, body: bytes, *options: str) -> dict[str, Any]:
    """The JSON of one explanation; --config is the relay's."""
    how = () if {"--empty", "--db", "--live"} & set(options) else ("--live",)
    where = ("--admin", relay.admin_url) if "--live" in (how + options) else ("--config", str(relay.config_file))
    done = relay.cli("explain", "--json", *how, *options, *where, write(relay, body))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def only(explanation: dict[str, Any]) -> dict[str, Any]:
    (one,) = explanation["alerts"]
    return one


def deciding(one: dict[str, Any]) -> int:
    return next(c["row"] for c in one["checks"] if c["holds"])


def common(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: a[k] for k in COMMON} for a in alerts]


def copy_of(relay: Relay) -> str:
    """A backup of a stopped relay's database."""
    copy = relay.folder / "copy.db"
    source = sqlite3.connect(str(relay.folder / "state" / "relay.db"))
    target = sqlite3.connect(str(copy))
    source.backup(target)
    source.close()
    target.close()
    return str(copy)


@pytest.mark.parametrize("recording", recordings(), ids=lambda r: r.name)
def test_an_empty_relay_explains_every_recording_as_its_first_notification(recording: Recording,
                                                                           make_relay: Callable[..., Relay]) -> None:
    relay = make_relay()
    done = relay.cli("explain", "--json", "--empty", "--config", str(relay.config_file),
                     str(DATA / f"{recording.name}.http.json"))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    first = {"firing": ("dispatch/first", "dispatch/joined"), "resolved": ("resolved/noted",), "test": ("ignored/test",),
             "no_data": ("ignored/no_data",), "error": ("ignored/error",)}
    for one in said["alerts"]:
        expected = first[one["kind"]] if one["route"] or one["kind"] != "firing" else ("ignored/no_route",)
        assert f"{one['verdict']}/{one['reason']}" in expected
        assert (one["acts_at"] is not None) == (one["verdict"] == "dispatch")


def test_explaining_changes_nothing_and_the_post_does_as_was_said(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"routes": {"inputs": [{"name": "model", "value": "{label:model}"}]}}).start()
    steps = [grafana_body(alert("a"), alert("b")), grafana_body(alert("a"), alert("c")),
             grafana_body(alert("a", labels={"extra": "1"})), grafana_body(alert("b", "resolved")),
             grafana_body(alert("d", labels={"action": "none"}))]
    for body in steps:
        before = (relay.api("keys"), relay.api("notifications"), relay.api("requests"))
        said = explain(relay, body)
        for now, old in zip((relay.api("keys"), relay.api("notifications")), before):
            assert [i.get("key", i.get("notification")) for i in now["items"]] == \
                [i.get("key", i.get("notification")) for i in old["items"]]
        dry = relay.post(body, "/hooks/grafana?dry=1").json()["alerts"]
        done = relay.post(body).json()["alerts"]
        # What the request's state is may move on between the two; that it is open does not.
        assert common(said["alerts"]) == common(dry) == common(done)
        for one, did in zip(said["alerts"], done):
            if did["verdict"] == "dispatch":
                model = relay.request(did["relay_id"])["inputs"]
                assert {k: v for k, v in model.items() if k != "relay_id"} == one["inputs"]


def test_a_copy_is_asked_like_the_relay_it_was_made_of_and_stays_as_it_is(make_relay: Callable[..., Relay],
                                                                         standin: StandIn) -> None:
    relay = make_relay().start()
    first = grafana_body(alert("a"))
    relay.wait_request(relay.post(first).json()["alerts"][0]["relay_id"], "done")
    again = grafana_body(alert("a", labels={"extra": "1"}))
    live = only(explain(relay, again))
    assert relay.term() == 0
    copy = copy_of(relay)
    bytes_before = Path(copy).read_bytes()
    relay.env["TMPDIR"] = str(relay.folder)
    stored = only(explain(relay, again, "--db", copy))
    assert Path(copy).read_bytes() == bytes_before and not Path(copy + "-wal").exists()
    assert not list(relay.folder.glob("drift-relay-*"))
    assert {k: stored[k] for k in COMMON} == {k: live[k] for k in COMMON}
    assert (stored["verdict"], stored["reason"]) == ("suppressed", "not_rearmed")
    assert abs(moment(stored["until"]) - moment(live["until"])) < timedelta(seconds=2)
    relay.start()
    assert common([relay.post(again).json()["alerts"][0]]) == common([stored])


def test_it_says_when_the_same_alert_would_act(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"routes": {"rearm": "cooldown", "cooldown": "6h"}}).start()
    posted = relay.post(grafana_body(alert("a"))).json()["alerts"][0]
    done = relay.wait_request(posted["relay_id"], "done")
    again = grafana_body(alert("a", labels={"extra": "1"}))
    one = only(explain(relay, again))
    assert (deciding(one), one["reason"], one["acts_when"]) == (9, "cooldown", None)
    end = moment(done["attempts"][0]["at"]) + timedelta(hours=6)
    assert abs(moment(one["acts_at"]) - end) < timedelta(seconds=5)
    assert one["acts_at"] == one["until"] and one["inputs"] == {}
    later = only(explain(relay, again, "--at", "+6h1m"))
    assert (later["verdict"], later["reason"]) == ("dispatch", "first")
    assert later["acts_at"] is not None and deciding(later) == 13


def test_blocks_one_after_the_other_are_followed_to_the_last(make_relay: Callable[..., Relay]) -> None:
    # cooldown ends after 1h, rearm_after after 2h, the budget's slot comes back after 3h, the hold takes 5m
    relay = make_relay({"routes": {"hold": "0s", "cooldown": "1h", "rearm_after": "2h",
                                   "budget": {"max": 1, "per": "3h"}}}).start()
    posted = relay.post(grafana_body(alert("a"))).json()["alerts"][0]
    at = moment(relay.wait_request(posted["relay_id"], "done")["created_at"])
    relay.write_config(merged(relay.config, {"routes": {"hold": "5m"}}))  # type: ignore[arg-type]
    relay.process.signal(1)  # type: ignore[union-attr]
    relay.process.wait_text(lambda text: "event=reloaded" in text, 30, "reload")  # type: ignore[union-attr]
    one = only(explain(relay, grafana_body(alert("a", labels={"extra": "1"}))))
    assert [c["row"] for c in one["checks"] if c["holds"]] == [8, 9, 10]
    assert abs(moment(one["acts_at"]) - at - timedelta(hours=3, minutes=5)) < timedelta(seconds=5)


def row_cases() -> dict[int, dict[str, Any]]:
    """Which row decides: the route's changes, and what comes before the explained notification."""
    return {
        1: {"body": [alert("a", labels={"alertname": "TestAlert"})], "words": "a test of the contact point"},
        2: {"body": [alert("a", labels={"action": "none"})], "words": "no route matches"},
        3: {"before": True, "body": [alert("a")], "slow": True, "words": "belongs to the key's request"},
        4: {"route": {"min_alerts": 2}, "body": [alert("a")], "words": "1 alert of min_alerts 2 fires"},
        5: {"stop": True, "body": [alert("a")], "words": "the stop file exists", "when": "resumed"},
        6: {"route": {"hold": "2h"}, "before": True, "body": [alert("a", labels={"extra": "1"})],
            "words": "it joins the hold that began at"},
        7: {"before": True, "slow": True, "body": [alert("a", labels={"extra": "1"})], "words": "is open:",
            "when": "request_ended"},
        8: {"before": True, "route": {"rearm_after": "0s"}, "body": [alert("a", labels={"extra": "1"})],
            "words": "disarmed the key until it is quiet for 15m", "when": "rearmed"},
        9: {"before": True, "route": {"rearm": "cooldown"}, "body": [alert("a", labels={"extra": "1"})],
            "words": "6h from the POST at"},
        10: {"before": True, "route": {"budget": {"max": 1, "per": "3h"}}, "body": [alert("b")],
             "words": "route kospi has taken 1 of 1 requests in 3h"},
        11: {"route": {"inputs": [{"name": "x", "value": "{label:missing}"}]}, "body": [alert("a")],
             "words": "input x: the alert has no label missing", "when": "inputs"},
        12: {"route": {"hold": "2h"}, "body": [alert("a")], "words": "the key must fire for 2h without a break"},
        13: {"body": [alert("a")], "words": "nothing stands in the way"},
    }


@pytest.mark.parametrize("row", sorted(row_cases()))
def test_each_row_of_the_table_is_shown_with_its_words(row: int, make_relay: Callable[..., Relay],
                                                       standin: StandIn) -> None:
    case = row_cases()[row]
    if case.get("slow"):
        standin.set(queued_s=0, in_progress_s=3600)
    relay = make_relay({"routes": case.get("route", {})}).start()
    if case.get("stop"):
        Path(relay.config["stop_file"]).touch()  # type: ignore[index]
        relay.process.wait_text(lambda t: "event=stopped" in t, 30, "the stop file is seen")  # type: ignore[union-attr]
    if case.get("before"):
        did = relay.post(grafana_body(alert("a"))).json()["alerts"][0]
        if did["verdict"] == "dispatch":
            relay.wait_request(did["relay_id"], "running" if case.get("slow") else "done")
    body = grafana_body(*case["body"])
    one = only(explain(relay, body))
    assert deciding(one) == row
    assert [c["name"] for c in one["checks"]] == [CHECKS[c["row"]] for c in one["checks"]]
    assert [c["row"] for c in one["checks"]] == sorted(c["row"] for c in one["checks"])
    assert one["acts_when"] == case.get("when", one["acts_when"])
    assert common([one]) == common(relay.post(body, "/hooks/grafana?dry=1").json()["alerts"])
    shown = relay.cli("explain", "--admin", relay.admin_url, write(relay, body)).stdout
    (marked,) = [" ".join(part.split()) for part in shown.split("\n>")[1:]]
    assert marked.startswith(f"{row} {CHECKS[row]} ") and case["words"] in marked
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_hostile_labels_do_not_reach_the_terminal(make_relay: Callable[..., Relay]) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\u202eevil\u009b31m\x7f"
    relay = make_relay({"routes": {"key": ["alertname"],
                                   "inputs": [{"name": "x", "value": "{annotation:summary}"}]}})
    body = grafana_body(alert("a", labels={"alertname": evil}, annotations={"summary": evil},
                              fingerprint="f\x1b[31m"))
    done = relay.cli("explain", "--empty", "--config", str(relay.config_file), write(relay, body))
    assert done.returncode == 0, done.stderr
    assert "\\u001b" in done.stdout and "\\u202e" in done.stdout
    assert not [c for c in done.stdout if c != "\n" and (ord(c) < 32 or 0x7f <= ord(c) < 0xa0 or c == "\u202e")]


def test_several_sources_are_told_apart_by_format_or_by_name(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay()
    assert isinstance(relay.config, dict)
    grafana = relay.config["sources"][0]
    relay.write_config({**relay.config, "sources": [
        grafana, {**hmac_source(relay.folder, "second")},
        {**hmac_source(relay.folder, "am"), "format": "alertmanager"}]})
    body = write(relay, grafana_body(alert("a")))
    asked = ("explain", "--json", "--empty", "--config", str(relay.config_file))
    unclear = relay.cli(*asked, body)
    assert unclear.returncode == 1 and "grafana, second" in unclear.stderr
    assert json.loads(relay.cli(*asked, "--source", "second", body).stdout)["source"] == "second"
    wrong = relay.cli(*asked, "--source", "nobody", body)
    assert wrong.returncode == 1 and "no source nobody" in wrong.stderr
    other = relay.cli(*asked, "--source", "am", write(relay, alertmanager_body(alert("a")), "am.json"))
    assert json.loads(other.stdout)["source"] == "am"


MISTAKES = {
    "no file": (["--empty", "nowhere.json"], 1, "nowhere.json: No such file"),
    "no notification": (["--empty", "drift-relay.conf"], 1, "line 1"),
    "a time that is none": (["--empty", "--at", "tomorrow", "payload.json"], 2, "2026-11-25T07:00:00Z"),
    "a duration that is none": (["--empty", "--at", "+soon", "payload.json"], 2, "+2h"),
    "two places": (["--empty", "--live", "payload.json"], 2, "one of --live, --db and --empty"),
    "no such copy": (["--db", "nowhere.db", "payload.json"], 1, "nowhere.db: No such file or directory: name a copy"),
    "a copy that is none": (["--db", "drift-relay.conf", "payload.json"], 1, "a copy of drift-relay.conf"),
    "no relay": (["--admin", "http://127.0.0.1:1", "payload.json"], 3, "Without a relay: --empty, or --db"),
    "no config": (["--empty", "--config", "nowhere.conf", "payload.json"], 1, "--config FILE names another"),
}


@pytest.mark.parametrize("name", sorted(MISTAKES))
def test_a_mistake_is_answered_with_its_remedy(name: str, make_relay: Callable[..., Relay]) -> None:
    arguments, code, words = MISTAKES[name]
    relay = make_relay()
    write(relay, grafana_body(alert("a")))
    config = [] if "--config" in arguments or "--admin" in arguments else ["--config", str(relay.config_file)]
    relay.env["TMPDIR"] = str(relay.folder)
    done = relay.cli("explain", *config, *arguments)
    assert not list(relay.folder.glob("drift-relay-*"))
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr


def test_a_time_before_now_is_refused_where_it_cannot_be_known(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay().start()
    relay.post(grafana_body(alert("a")))
    body = write(relay, grafana_body(alert("a")))
    past = (datetime.now(timezone.utc) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    live = relay.cli("explain", "--admin", relay.admin_url, "--at", past, body)
    assert live.returncode == 1 and "is past" in live.stderr
    assert relay.term() == 0
    stored = relay.cli("explain", "--config", str(relay.config_file), "--db", copy_of(relay), "--at", past, body)
    assert stored.returncode == 1 and "made later than --at" in stored.stderr


def test_the_operators_listener_takes_a_body_there_and_nowhere_else(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"limits": {"body": "64KiB"}}).start()
    headers = {"Content-Type": "application/json"}
    body = grafana_body(alert("a"))
    good = http.once(relay.admin_port, "POST", "/api/v1/explain?source=grafana", headers, body)
    assert good.status == 200 and good.json()["alerts"][0]["verdict"] == "dispatch"
    for path, payload, method, status in (("/api/v1/explain", b"{}", "POST", 400),
                                          ("/api/v1/explain?source=x", body, "POST", 400),
                                          ("/api/v1/explain?at=never", body, "POST", 400),
                                          ("/api/v1/explain", b"", "POST", 400),
                                          ("/api/v1/explain", b" " * 70000, "POST", 413),
                                          ("/api/v1/explain", b"", "GET", 405),
                                          ("/api/v1/status", b"", "POST", 405)):
        answer = http.once(relay.admin_port, method, path, headers, payload)
        assert answer.status == status, (path, answer.body)
    assert relay.api("notifications")["items"] == []
