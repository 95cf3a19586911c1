"""The log: one event a line, ids that join, and one grep that tells what became of a request."""
from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay, signed_headers
from tests.support.wait import until

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"=]*)(?: |$)')


def read_line(line: str) -> dict[str, Any]:
    """One line of either format; anything that is neither fails."""
    if line.startswith("{"):
        return json.loads(line)
    fields, at = {}, 0
    while at < len(line):
        found = FIELD.match(line, at)
        assert found, f"no logfmt at {at}: {line!r}"
        assert found.group(1) not in fields, f"{found.group(1)} twice: {line!r}"
        value = found.group(2)
        fields[found.group(1)] = json.loads(value) if value.startswith('"') else value
        at = found.end()
    return fields


def lines(relay: Relay) -> list[dict[str, Any]]:
    """Everything that was logged; each line has the four fields that all have."""
    found = [read_line(line) for line in relay.log_text().splitlines() if line and not line.startswith("--- ")]
    assert all({"ts", "level", "module", "event"} <= set(one) for one in found), found
    return found


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_grep_of_a_relay_id_tells_the_whole_story(make_relay: Callable[..., Relay], standin: StandIn,
                                                  log_format: str) -> None:
    standin.set(in_progress_s=1)
    relay = make_relay({"log": {"format": log_format}}).start()
    first, evil = alert("kospi"), alert("x", labels={"action": "none"})
    body = grafana_body(first, evil, receiver='two\nlines "quoted" a=b')
    answer = relay.post(body, headers={**signed_headers(body), "traceparent": TRACEPARENT}).json()
    relay_id = answer["alerts"][0]["relay_id"]
    again = relay.post(grafana_body(first)).json()
    assert again["alerts"][0]["relay_id"] == relay_id
    relay.wait_request(relay_id, "done")
    relay.post(grafana_body({**first, "status": "resolved", "endsAt": "2099-01-01T00:00:00Z"}))

    def told_of_it() -> list[dict[str, Any]]:
        return [one for one in lines(relay) if one.get("relay_id") == relay_id]

    until(lambda: [one for one in told_of_it() if one.get("effect") == "effective"], 30, "the story's last line")
    story = told_of_it()
    assert [one["reason"] for one in story if one["event"] == "decided"] == ["first", "duplicate"]
    assert [one["event"] for one in story if one["event"] not in ("run", "decided")] == \
        ["request", "posting", "posted", "effect", "done", "effect"]
    grep = [line for line in relay.log_text().splitlines() if relay_id in line]
    assert len(grep) == len(story), "a line names it somewhere else"
    told, decided = {one["event"]: one for one in story}, story[0]
    assert (decided["verdict"], decided["reason"], decided["key"]) == ("dispatch", "first", "kospi/kospi")
    assert told["request"]["notification"] == decided["notification"] == answer["notification"]
    run = relay.request(relay_id)["run"]
    assert str(told["posted"]["run"]) == str(told["done"]["run"]) == str(run["id"])
    assert told["done"]["reason"] == "success" and told["done"]["run_url"] == run["url"]
    assert told["effect"]["effect"] == "effective"
    # The notification's own lines: whose trace it belongs to, and why its other alert came to nothing.
    (came,) = [one for one in lines(relay) if one["event"] == "notification"
               and one["notification"] == answer["notification"]]
    assert came["traceparent"] == TRACEPARENT and came["receiver"] == 'two\nlines "quoted" a=b'
    assert [one["reason"] for one in lines(relay) if one["event"] == "decided"
            and one["notification"] == answer["notification"]] == ["first", "no_route"]


def test_alerts_that_meet_the_same_are_one_line_and_many_kinds_are_cut(relay: Relay) -> None:
    kinds = [alert(f"m{n}") for n in range(30)]
    copies = [alert("m0", labels={"copy": str(n)}) for n in range(50)]
    answer = relay.post(grafana_body(*kinds, *copies)).json()
    said = [one for one in lines(relay) if one.get("notification") == answer["notification"]]
    decided = [one for one in said if one["event"] == "decided"]
    (more,) = [one for one in said if one["event"] == "decided_more"]
    assert len(decided) == 20
    assert sum(int(one["alerts"]) for one in decided) + int(more["alerts"]) == 80


def test_what_strangers_cause_is_braked_by_its_cause(relay: Relay) -> None:
    for _ in range(40):
        assert relay.post(b"{}", secret="wrong").status == 401
    assert relay.post(b"{}", ts=1).status == 401
    for n in range(30):
        assert relay.post(b"no json %d" % n).status == 400
    reasons = [one["reason"] for one in lines(relay) if one["event"] == "unauthorized"]
    assert reasons.count("mismatch") == 10, "a flood of one kind is cut"
    assert reasons.count("stale") == 1, "and hides no other"
    assert len([one for one in lines(relay) if one["event"] == "malformed"]) == 10


def journal(relay: Relay, log: Path) -> None:
    """What systemd sets when stderr is the journal's stream."""
    log.touch()
    stat = os.stat(log)
    relay.env["JOURNAL_STREAM"] = f"{stat.st_dev}:{stat.st_ino}"


def test_under_the_journal_each_line_says_its_priority(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay()
    journal(relay, relay.folder / "relay-1.log")
    relay.start()
    assert relay.post(b"{}", secret="wrong").status == 401
    relay.write_config("nonsense")
    until(lambda: "event=reload_failed" in relay.log_text(), 30, "the reload to be refused")
    priorities = {"info": "<6>", "warn": "<4>", "error": "<3>", "debug": "<7>"}
    text = [line for line in relay.log_text().splitlines() if line and not line.startswith("--- ")]
    for line in text:
        assert line.startswith(priorities[read_line(line[3:])["level"]] + "ts="), line
    assert {line[:3] for line in text} >= {"<6>", "<4>", "<3>"}
