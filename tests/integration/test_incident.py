"""GitHub was down from 01:00 to 04:00 and ops raised the threshold at 02:00: what the status page, `status`, `requests`
and `show` answer at five o'clock. The night itself is tests/stories/incident.story, kept in a real store."""
from __future__ import annotations

import re
import subprocess
import time
from datetime import datetime, timezone
from typing import Any, Callable

import pytest

from tests.support.app import Text
from tests.support.github_standin import StandIn
from tests.support.relay import BINARY, ROOT, Relay
from tests.support.wall_clock import WallClock

STORY = ROOT / "tests" / "stories" / "incident.story"
FIVE = datetime(2026, 1, 5, 5, 0, 30, tzinfo=timezone.utc).timestamp()


@pytest.fixture(name="night")
def _night(make_relay: Callable[..., Relay]) -> Relay:
    relay = make_relay({"routes": {"cooldown": "6h", "settle": "15m"}})
    played = subprocess.run([str(BINARY.parent / "tests" / "stories" / "story"), "--store",
                             str(relay.folder / "state" / "relay.db"), str(STORY)],
                            stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert played.returncode == 0, played.stdout
    clock = WallClock(relay.folder)
    clock.step(int(FIVE - time.time()))
    relay.env.update(clock.env)
    return relay.start()


def of_key(relay: Relay, key: str) -> list[dict[str, Any]]:
    """Its requests, newest first."""
    return [r for r in relay.api("requests?limit=200")["items"] if r["key"] == key]


def row(page: str, relay_id: str) -> str:
    """The words of one request's row."""
    (found,) = [r for r in re.findall(r"<tr class=.*?</tr>", page, re.S) if f"/requests/{relay_id}\"" in r]
    return Text(found).text


def card(page: str, key: str) -> str:
    """The words of one key's part."""
    (found,) = [k for k in re.findall(r"<li class=\"key\">.*?</ul>", page, re.S) if f"/keys/{key}\"" in k]
    return Text(found).text


def test_the_page_tells_what_happened_what_was_not_done_and_what_comes_next(night: Relay, standin: StandIn) -> None:
    page = night.admin("/").body.decode()
    words = Text(page).text
    assert "1 key fires, 0 requests wait, 0 runs are under way. As of 2026-01-05 05:00:3" in words
    (before,), (never,), (run, edited) = (of_key(night, f"kospi/m{n}") for n in (1, 2, 3))
    # What happened.
    assert "done · success Its run ended well." in row(page, before["relay_id"])
    assert "done · success Its run ended well." in row(page, run["relay_id"])
    assert row(page, run["relay_id"]).startswith("02:05:00 (2 h 55 min ago)")
    assert run["run"]["url"] in page
    # What was not done, and why.
    for request in (never, edited):
        told = row(page, request["relay_id"])
        assert "dead · resolved Not started: its alerts resolved before anything ran." in told, told
        assert re.search(r"Tried \d+ times\.", told), "how often it was tried"
    assert "kospi/m2 It resolved, which ended what had not been started yet." in words
    assert "kospi/m1 A run was started for this incident already" in words
    # What happens next.
    assert re.search(r"disarmed 1 alert fires A run was started for this incident\. It may act again once it was quiet "
                     r"for 15 min, not before 10:0\d:\d\d \(in 5 h \d+ min\) , at the latest 2026-01-06 04:0\d:\d\d "
                     r"\(in 23 h", card(page, "kospi/m3"))
    assert re.search(r"cooling 0 alerts fire It may act again at 06:30:0\d \(in 1 h 29 min\)", card(page, "kospi/m1"))
    assert "/keys/kospi/m2" not in page, "nothing forbids it a run: it is as new"
    assert "Needs attention" not in words
    assert standin.judge()["posts_total"] == 0, "nothing is started by looking"


def test_the_command_line_tells_the_same(night: Relay) -> None:
    admin = ("--admin", night.admin_url)
    (never,), (run, _) = of_key(night, "kospi/m2"), of_key(night, "kospi/m3")
    status = night.cli("status", *admin)
    assert status.returncode == 0 and re.search(r"dead\W+2\b|2 dead", status.stdout), status.stdout
    shown = night.cli("show", never["relay_id"], *admin)
    assert shown.returncode == 0, shown.stderr
    for words in ("kospi/m2", "dead", "resolved", "not_sent", "could not connect"):
        assert words in shown.stdout, shown.stdout
    tries = night.request(never["relay_id"])["attempts"]
    assert {a["outcome"] for a in tries} == {"not_sent"} and len(tries) >= 5
    assert tries[0]["at"].startswith("2026-01-05T01:10:0") and tries[-1]["at"] < "2026-01-05T02:00:00Z"
    shown = night.cli("show", run["relay_id"], *admin)
    assert "success" in shown.stdout and run["run"]["url"] in shown.stdout
    last = night.request(run["relay_id"])["attempts"][-1]
    assert last["outcome"] == "accepted" and "2026-01-05T04:00:00Z" <= last["at"] < "2026-01-05T04:11:00Z"
