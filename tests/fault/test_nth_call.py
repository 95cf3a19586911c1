"""The n-th call fails, or the process ends there as by kill -9: of the disk, of sockets, of memory. What was acknowledged
is kept, no request is POSTed twice, and afterwards the relay works as if nothing had been.

NTH_RUNS sets how many n are tried of each kind (6), spread over a whole life: start, notifications, a POST, its run,
retention of what an earlier life left, a reload, a backup, the end. SEED says where the first is. make trust tries every n of the disk, and thousands of the rest.
"""
from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator, Union

import pytest

from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.nth_call import KILL, NthCall
from tests.support.relay import Relay, signed_headers
from tests.support.relay_config import base_config, merged
from tests.support.wait import until

RUNS = int(os.environ.get("NTH_RUNS", "6"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(2**32))))
PAST = 60  # notifications that are forgotten: more than one commit takes
DISK, SOCKETS = "pwrite,fdatasync,ftruncate", "send,recv"
KINDS = [pytest.param(DISK, KILL, 1, id="killed at a call of the disk"),
         pytest.param(SOCKETS, KILL, 1, id="killed at a call of a socket"),
         pytest.param(DISK, errno.ENOSPC, 12, id="no space for a while"),
         pytest.param("fdatasync", errno.EIO, 1, id="a sync fails"),
         pytest.param("pwrite", errno.EIO, 1, id="a write fails"),
         pytest.param("malloc", errno.ENOMEM, 1, id="memory fails once"),
         pytest.param("malloc", errno.ENOMEM, 50, id="memory fails for a while")]
Notification = tuple[bytes, dict[str, str]]


def notifications() -> list[Notification]:
    """A run for m1, one more of it, one for m2, and m1's end."""
    bodies = [grafana_body(alert("m1", annotations={"n": "1"})), grafana_body(alert("m1", annotations={"n": "2"})),
              grafana_body(alert("m2")), grafana_body(alert("m1", "resolved"))]
    return [(body, signed_headers(body)) for body in bodies]


class Life:
    """A relay that lives through everything it does, if it is let."""

    def __init__(self, relay: Relay, standin: StandIn) -> None:
        self.relay, self.standin = relay, standin
        self.calls_at_start = 0
        self.acknowledged: list[tuple[Notification, dict[str, Any]]] = []
        self.refused: list[int] = []

    def live(self, nth: NthCall) -> None:
        """Each step may meet the fault; whoever is told nothing sends again later."""
        try:
            self.relay.start()
        except AssertionError:
            return  # how it ended is looked at by the caller
        self.calls_at_start = nth.count
        for one in notifications():
            self.send(one)
        self.quietly(lambda: self.standin.wait_posts(1, 2))
        assert self.relay.process is not None
        if self.relay.process.alive():
            self.relay.process.signal(signal.SIGHUP)
        self.quietly(lambda: self.relay.cli("backup", "--admin", str(self.relay.folder / "admin.sock"), timeout=10))
        self.quietly(lambda: self.relay.metrics())
        if self.relay.process.alive():
            self.relay.process.signal(signal.SIGTERM)
        self.relay.process.wait(30)

    @staticmethod
    def quietly(step: Callable[[], object]) -> None:
        """What may fail here is made good later."""
        try:
            step()
        except (OSError, AssertionError, ValueError, subprocess.SubprocessError):
            pass

    def send(self, one: Notification) -> None:
        """Remembers the answer."""
        try:
            answer = self.relay.post(one[0], headers=one[1], timeout=5)
        except (OSError, AssertionError):
            return
        if answer.status == 202:
            self.acknowledged.append((one, answer.json()))
        else:
            self.refused.append(answer.status)


@pytest.fixture(scope="module", name="past")
def an_earlier_life() -> Iterator[Path]:
    """A store whose notifications are all older than what is kept."""
    with StandIn() as github:
        relay = Relay()
        relay.write_config(merged(base_config(relay.folder, github.url, TOKEN), {"routes": {"match": ["action=never"]}}))
        relay.start()
        for i in range(PAST):
            assert relay.post(grafana_body(alert(f"past{i}"))).status == 202
        assert relay.term() == 0
        path = relay.folder / "state" / "relay.db"
        db = sqlite3.connect(path)
        db.execute("UPDATE notifications SET received_at = received_at - 100 * 86400000")
        db.commit()
        db.close()
        yield path
        relay.close()


def left_of_the_past(relay: Relay) -> int:
    """Notifications of the earlier life that the store still has."""
    db = sqlite3.connect(relay.folder / "state" / "relay.db")
    try:
        return int(db.execute("SELECT count(*) FROM notifications WHERE seq <= ?", (PAST,)).fetchone()[0])
    finally:
        db.close()


def assert_kept(life: Life) -> None:
    """Every 202 is on disk as it was said, and the store has no fault."""
    for _, said in life.acknowledged:
        assert life.relay.api("notifications/" + said["notification"])["alerts"] == said["alerts"]
        for one in said["alerts"]:
            if one.get("relay_id"):
                assert life.relay.request(one["relay_id"])["relay_id"] == one["relay_id"]


def sound(relay: Relay) -> bool:
    """By SQLite's own word, of a relay that has ended."""
    db = sqlite3.connect(relay.folder / "state" / "relay.db")
    try:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        db.close()


def ended_well(relay: Relay, does: Union[int, str], fired: bool) -> None:
    """By our kill, by its own word, or with an error that it wrote; never by a signal, but for libconfig 1.5, which does
    not look at what malloc returns: a reload without memory can end the process there."""
    assert relay.process is not None
    status = relay.process.wait(30)
    allowed = {0} if not fired else {0, 137} if does == KILL else {0, 1, 2}
    frames = [line for line in relay.log_text().splitlines() if "[0x" in line][2:4]
    if status == -signal.SIGSEGV and any("libconfig.so" in line for line in frames):
        return
    assert status in allowed, f"exit status {status}\n{relay.log_tail(40)}"
    if status in (1, 2):
        words = relay.log_text().lower()
        assert "error" in words or "cannot" in words or "memory" in words, relay.log_tail(40)
    relay.check_log()


def afterwards(life: Life) -> None:
    """A new start without faults: all is kept, what was not acknowledged is taken, m2's run comes to an end."""
    relay = life.relay
    relay.env = {}
    relay.start()
    assert_kept(life)
    body = grafana_body(alert("m2", annotations={"n": "later"}))
    answer = relay.post(body)
    assert answer.status == 202, answer.body
    until(lambda: relay.api("requests?state=queued")["items"] == [], 20, "nothing is queued")
    assert relay.term() == 0 and sound(relay)
    assert left_of_the_past(relay) == 0


def run_once(past: Path, kind: tuple[str, Union[int, str], int], at: int) -> tuple[int, int]:
    """One life with its fault, with a GitHub of its own; how many calls there were at its start, and in all."""
    calls, does, times = kind
    with StandIn() as github:
        github.set(queued_s=0, in_progress_s=0)
        github.api.judge.gap_tolerance_s = 0.05
        relay = Relay()
        changes = {"routes": {"budget": {"max": 1000, "per": "24h"}}, "sandbox": "off"}
        relay.write_config(merged(base_config(relay.folder, github.url, TOKEN), changes))
        (relay.folder / "state").mkdir(exist_ok=True)
        shutil.copy(past, relay.folder / "state")
        nth = NthCall(relay.folder, calls, does, relay.folder / "state")
        relay.env = nth.env(at, times)
        life = Life(relay, github)
        try:
            life.live(nth)
            count = nth.count
            ended_well(relay, does, fired=0 < at <= count)
            assert set(life.refused) <= {503}, life.refused
            afterwards(life)
            verdict = github.judge()
            assert verdict["doubled_runs"] == [] and verdict["without_proof"] == 0, verdict
            assert verdict["violations"] == [], verdict
        except AssertionError as fault:
            raise AssertionError(f"call {at} of {calls}, {does}, {times} times: {fault}\n{relay.log_tail(60)}") from fault
        finally:
            relay.close()
    return life.calls_at_start, count


def spread(first: int, last: int) -> range:
    """About half of RUNS numbers, from first to last."""
    step = max(1, (last - first + 1) // max(1, RUNS // 2))
    return range(first + SEED % step, last + 1, step)


@pytest.mark.parametrize("calls, does, times", KINDS)
def test_the_nth_call(past: Path, calls: str, does: Union[int, str], times: int) -> None:
    started, total = run_once(past, (calls, does, times), 0)
    assert total > 10, "the calls are not seen: the test shows nothing"
    chosen = [*spread(1, started), *spread(started + 1, total)]
    print(f"SEED={SEED}: {len(chosen)} of {total} calls of {calls}, each "
          f"{does if does == KILL else errno.errorcode[int(does)]}")
    faults = []
    for at in chosen:
        try:
            run_once(past, (calls, does, times), at)
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, f"{len(faults)} of {len(chosen)}:\n" + "\n\n".join(faults[:5])
