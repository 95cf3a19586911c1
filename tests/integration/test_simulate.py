"""`export` and `simulate`: what came in, once more under another config."""
from __future__ import annotations

import json
import re
import sqlite3
import time
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Optional

import pytest

from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, fingerprint, grafana_body, notification
from tests.support.relay import Relay
from tests.support.relay_config import merged

MONDAY = datetime(2026, 11, 16, tzinfo=timezone.utc)
ULIDS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def stamp(t: datetime) -> str:
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def line(at: datetime, status: str, number: int, decision: str, model: str = "kospi") -> dict[str, Any]:
    """One line as `export` writes it."""
    one = alert(model, status, starts=(at - timedelta(minutes=1)).timestamp(), ends=at.timestamp())
    verdict, _, reason = decision.partition("/")
    said = {"fingerprint": one["fingerprint"], "route": "kospi", "key": f"kospi/{model}", "verdict": verdict,
            "reason": reason}
    if verdict == "dispatch":
        said["relay_id"] = f"01KAR{number:021d}"
    return {"notification": f"01KAN{number:021d}", "source": "grafana", "format": "grafana",
            "received_at": stamp(at), "body": notification(one), "alerts": [said]}


def week() -> list[dict[str, Any]]:
    """Two incidents of two hours a day, at 06:00 and at 14:00: each was dispatched (cooldown 6h)."""
    made = []
    for day in range(7):
        for hour in (6, 14):
            at = MONDAY + timedelta(days=day, hours=hour)
            made.append(line(at, "firing", len(made), "dispatch/first"))
            made.append(line(at + timedelta(hours=2), "resolved", len(made), "resolved/quiet"))
    return made


def write_log(relay: Relay, lines: list[dict[str, Any]]) -> str:
    path = relay.folder / "log.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    return str(path)


def simulate(relay: Relay, lines: list[dict[str, Any]], route: Optional[dict[str, Any]] = None,
             *options: str) -> dict[str, Any]:
    assert isinstance(relay.config, dict)
    relay.write_config(merged(relay.config, {"routes": route or {}}))
    done = relay.cli("simulate", "--json", "--utc", "--config", str(relay.config_file), *options,
                     write_log(relay, lines))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


CASES: dict[str, tuple[dict[str, Any], int, Optional[str]]] = {
    "the same policy": ({}, 2, None),
    "a cooldown of 12h": ({"cooldown": "12h"}, 1, "now suppressed/cooldown (1 alert)"),
    "two alerts wanted": ({"min_alerts": 2}, 0, "now suppressed/below_min (2 alerts)"),
    "a hold that ends before the alert does": ({"hold": "1h"}, 2, None),
    "a hold that no incident outlasts": ({"hold": "3h"}, 0, "now held/hold (2 alerts)"),
    "a budget of one a day": ({"budget": {"max": 1, "per": "12h"}}, 1, "now suppressed/budget (1 alert)"),
    "other labels wanted": ({"match": ["action=other"]}, 0, "now ignored/no_route (2 alerts)"),
    "an input that cannot be made": ({"inputs": [{"name": "x", "value": "{label:none}"}]}, 0,
                                     "now suppressed/bad_input (2 alerts)"),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_week_under_another_config(name: str, make_relay: Callable[..., Relay]) -> None:
    route, per_day, why = CASES[name]
    said = simulate(make_relay(), week(), route)
    assert said["totals"] == {"then": 14, "now": 7 * per_day}
    assert [(d["day"], d["key"], d["then"], d["now"], d["why"]) for d in said["days"]] == \
        [(f"2026-11-{16 + i}", "kospi/kospi", 2, per_day, why) for i in range(7)]
    assert (said["notifications"], said["from"]) == (28, "2026-11-16T06:00:00Z")


def test_more_dispatches_than_then_are_explained_by_what_stood_in_the_way_then(
        make_relay: Callable[..., Relay]) -> None:
    lines = week()
    for one in lines:
        if one["received_at"].endswith("T14:00:00Z"):
            one["alerts"][0] = {**one["alerts"][0], "verdict": "suppressed", "reason": "cooldown"}
    said = simulate(make_relay(), lines)
    assert said["totals"] == {"then": 7, "now": 14}
    assert {d["why"] for d in said["days"]} == {"then suppressed/cooldown (1 alert)"}


def test_the_run_takes_as_long_as_it_is_told(make_relay: Callable[..., Relay]) -> None:
    # a second alert 30 minutes after the first: with runs of 20m it is too early only by the cooldown
    lines = [line(MONDAY, "firing", 1, "dispatch/first"),
             line(MONDAY + timedelta(minutes=10), "resolved", 2, "resolved/quiet"),
             line(MONDAY + timedelta(minutes=40), "firing", 3, "suppressed/running")]
    route = {"cooldown": "5m", "settle": "1m"}
    assert simulate(make_relay(), lines, route)["totals"] == {"then": 1, "now": 2}
    slow = simulate(make_relay(), lines, route, "--run-time", "2h")
    assert slow["totals"] == {"then": 1, "now": 1}
    assert any("each run takes 2h" in one for one in slow["assumptions"])


def test_the_assumptions_are_stated_and_say_what_was_left_out(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay()
    lines = week()[:4]
    lines[1]["source"] = "elsewhere"
    request = {"request": "01KAR" + "9" * 21, "route": "kospi", "key": "kospi/kospi", "cause": "redeliver",
               "created_at": stamp(MONDAY + timedelta(hours=20)), "state": "done", "reason": "success"}
    bare = " ".join(simulate(relay, lines)["assumptions"])
    assert "The log has no requests" in bare and "GitHub accepts every POST; each run takes 20m" in bare
    assert "1 notifications come from sources" in bare and "stop file" in bare
    full = simulate(relay, lines + [request])
    assert "1 redelivered requests are not counted" in " ".join(full["assumptions"])
    assert full["totals"]["then"] == 0  # what was dispatched is in the log's requests, and they have none
    shown = relay.cli("simulate", "--utc", "--config", str(relay.config_file), write_log(relay, lines)).stdout
    assert "Assumed:" in shown and "2026-11-16" in shown and all(len(one) <= 80 for one in shown.splitlines())


def test_a_timer_that_was_early_by_the_logs_stamps_counts(make_relay: Callable[..., Relay]) -> None:
    held = line(MONDAY, "firing", 1, "held/hold")
    made = {"request": "01KAR" + "1" * 21, "route": "kospi", "key": "kospi/kospi", "cause": "timer",
            "created_at": "2026-11-16T00:59:59.990Z", "state": "done", "reason": "success"}
    assert simulate(make_relay(), [held, made], {"hold": "1h"})["totals"] == {"then": 1, "now": 1}


BAD_LOGS = {
    "empty": ("\n", "there is nothing in it"),
    "no JSON": ("{\n", "log.jsonl:1: "),
    "another JSON": ('{"a":1}\n', "a line of drift-relay export is wanted"),
    "not in order": ("".join(json.dumps(one) + "\n" for one in reversed(week())), "log.jsonl:2: it is older"),
}


@pytest.mark.parametrize("name", sorted(BAD_LOGS))
def test_a_log_that_is_none_is_refused_with_its_line(name: str, make_relay: Callable[..., Relay]) -> None:
    text, words = BAD_LOGS[name]
    relay = make_relay()
    (relay.folder / "log.jsonl").write_text(text)
    done = relay.cli("simulate", "--config", str(relay.config_file), "log.jsonl")
    assert (done.returncode, done.stdout) == (1, "") and words in done.stderr
    done = relay.cli("simulate", "--config", str(relay.config_file), "--run-time", "0s", "log.jsonl")
    assert done.returncode == 2 and "--run-time" in done.stderr


def test_what_a_relay_took_is_exported_alike_from_it_and_from_a_copy(make_relay: Callable[..., Relay],
                                                                    standin: StandIn) -> None:
    relay = make_relay({"routes": {"hold": "1s", "min_alerts": 1}}).start()
    posted = []
    for i in range(3):
        posted.append(relay.post(grafana_body(alert(f"m{i}"))).json())
        time.sleep(0.005)  # no two in one millisecond: a part is cut out by time below
    relay.post(grafana_body(alert("m0", labels={"alertname": "TestAlert"})))
    for one in posted:
        key = one["alerts"][0]["key"]
        assert one["alerts"][0]["verdict"] == "held"
        relay.process.wait_text(lambda text, key=key: re.search(rf"event=posting .*key={key} ", text) is not None,  # type: ignore[union-attr]
                                30, f"the POST of {key}")
    ids = [item["relay_id"] for item in relay.api("requests")["items"]]
    for relay_id in ids:
        relay.wait_request(relay_id, "done")
    live = relay.cli("export", "--admin", relay.admin_url)
    assert live.returncode == 0, live.stderr
    lines = [json.loads(one) for one in live.stdout.splitlines()]
    taken = [one for one in lines if "notification" in one]
    made = [one for one in lines if "request" in one]
    assert [one["notification"] for one in taken][:3] == [one["notification"] for one in posted]
    assert len(taken) == 4 and set(taken[0]) == {"notification", "source", "format", "received_at", "body", "alerts"}
    assert taken[0]["body"]["alerts"][0]["fingerprint"] == posted[0]["alerts"][0]["fingerprint"]
    assert sorted(one["request"] for one in made) == sorted(ids) and {one["cause"] for one in made} == {"timer"}
    times = [datetime.fromisoformat(one.get("received_at", one.get("created_at"))) for one in lines]
    assert times == sorted(times)

    half = relay.cli("export", "--admin", relay.admin_url, "--since", taken[1]["received_at"],
                     "--until", taken[2]["received_at"])
    assert [json.loads(one)["notification"] for one in half.stdout.splitlines()] == [taken[1]["notification"]]
    assert relay.term() == 0
    copy = str(relay.folder / "copy.db")
    with sqlite3.connect(str(relay.folder / "state" / "relay.db")) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    stored = relay.cli("export", "--db", copy)
    assert stored.returncode == 0 and stored.stdout == live.stdout

    (relay.folder / "log.jsonl").write_text(live.stdout)
    done = relay.cli("simulate", "--json", "--config", str(relay.config_file), "log.jsonl")
    assert json.loads(done.stdout)["totals"] == {"then": 3, "now": 3}, done.stdout
    assert not any("no requests" in one for one in json.loads(done.stdout)["assumptions"])


def test_more_than_a_page_is_exported_whole(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"routes": {"match": ["action=never"]}}).start()
    for i in range(205):
        assert relay.post(grafana_body(alert(f"m{i}"))).status == 202
    lines = relay.cli("export", "--admin", relay.admin_url).stdout.splitlines()
    models = [json.loads(one)["body"]["alerts"][0]["labels"]["model"] for one in lines]
    assert models == [f"m{i}" for i in range(205)] and fingerprint({}) not in lines


def test_export_without_a_relay_or_with_a_wrong_time_says_so(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay()
    assert relay.cli("export", "--admin", "http://127.0.0.1:1").returncode == 3
    wrong = relay.cli("export", "--since", "monday", "--db", "nowhere.db")
    assert wrong.returncode == 2 and "--since" in wrong.stderr
    none = relay.cli("export", "--db", "nowhere.db")
    assert none.returncode == 1 and "nowhere.db: No such file or directory: name a copy" in none.stderr
