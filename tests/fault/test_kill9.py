"""kill -9 at random under load: no acknowledged notification is lost, no request is POSTed twice.

KILLS sets how often (50), SEED which way chance goes; both are printed, so that a failure can be played
again with the same moments.
"""
from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from itertools import count
from typing import Any, Callable

from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay, signed_headers

KILLS = int(os.environ.get("KILLS", "50"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(2**32))))
SENDERS = 3
MANY = KILLS > 200  # then what senders send is bounded, and so is the store


class Load:
    """Senders that post without pause and remember every 202."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        self.acknowledged: list[tuple[bytes, dict[str, str], dict[str, Any]]] = []
        self.faults: list[str] = []
        self._numbers = count()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(random.Random(SEED + i),)) for i in range(SENDERS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _body(self, chance: random.Random) -> bytes:
        number = next(self._numbers)
        # Mostly few models, which meet cooldowns and open requests; now and then a new one, which dispatches.
        model = f"new-{number}" if chance.random() < 0.05 else f"m{chance.randrange(20)}"
        status = "resolved" if chance.random() < 0.3 else "firing"
        alerts = [alert(model, status, labels={"n": str(i)}, annotations={"number": str(number)})
                  for i in range(chance.randrange(1, 4))]
        return grafana_body(*alerts)

    def _send(self, chance: random.Random) -> None:
        while not self._stop.is_set():
            body = self._body(chance)
            headers = signed_headers(body)
            try:
                answer = self.relay.post(body, headers=headers, timeout=5)
            except (OSError, AssertionError):
                time.sleep(0.01)  # between a kill and the next start
                continue
            if MANY:
                time.sleep(0.01)
            if answer.status == 202:
                self.acknowledged.append((body, headers, answer.json()))
            elif answer.status != 503:
                self.faults.append(f"{answer.status} {answer.body!r}")


def assert_kept(relay: Relay, load: Load) -> None:
    """Each 202 is on disk with the decisions it named, and its bytes are still known."""
    one_in = 1 + len(load.acknowledged) // 60_000
    for number, (body, headers, said) in enumerate(load.acknowledged[::one_in]):
        stored = relay.api("notifications/" + said["notification"])
        assert stored["alerts"] == said["alerts"], said["notification"]
        if number % 50 == 0 and time.time() - int(headers["X-Grafana-Alerting-Signature-Timestamp"]) < 240:
            again = relay.post(body, headers=headers)
            assert again.status == 202 and again.json() == {**said, "duplicate": True}
        for one in said["alerts"]:
            if one.get("relay_id"):
                assert relay.request(one["relay_id"])["relay_id"] == one["relay_id"]


def assert_spaced(relay: Relay) -> None:
    """A second between two writes, over kills too: to the millisecond by the clock that the relay keeps on disk. Its
    log says less, since what it announces may be killed before it is committed, and is then announced again."""
    db = sqlite3.connect(relay.folder / "state" / "relay.db")
    try:
        times = [at for at, in db.execute("SELECT posted_at FROM requests WHERE posted_at > 0 ORDER BY posted_at")]
    finally:
        db.close()
    gaps = [b - a for a, b in zip(times, times[1:])]
    print(f"{len(times)} POSTs committed, at least {min(gaps)} ms apart")
    assert min(gaps) >= 1000, gaps


def assert_sound(relay: Relay, load: Load) -> None:
    """SQLite finds no fault in the file the relay left, and every 202 is in it."""
    db = sqlite3.connect(relay.folder / "state" / "relay.db")
    try:
        kept = {row[0] for row in db.execute("SELECT id FROM notifications")}
        assert [said for _, _, said in load.acknowledged if said["notification"] not in kept] == []
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        db.close()


def test_kill_9_loses_nothing_and_posts_nothing_twice(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    print(f"KILLS={KILLS} SEED={SEED}")
    chance = random.Random(SEED)
    standin.set(in_progress_s=0.5)
    # Here every POST was answered or cut by a kill, and the relay counts anew from the answer or the start: nothing but
    # its whole milliseconds may be missing from a second.
    standin.api.judge.gap_tolerance_s = 0.01
    # POSTs take a while, so that kills meet some of them between the sending and the answer.
    standin.script("dispatch", "slow_read", seconds=0.3, count=1_000_000)
    budget = {"max": 100_000, "per": "24h"}
    relay = make_relay({"routes": {"budget": budget, "rearm": "cooldown", "cooldown": "1s"}})
    relay.start()
    with Load(relay) as load:
        for kill in range(KILLS):
            time.sleep(chance.uniform(0.02, 0.3 if MANY else 0.8))
            relay.kill9()
            relay.start()
            if kill % 10 == 9:
                posts = standin.judge()["posts_total"]
                print(f"{kill + 1} kills, {len(load.acknowledged)} acknowledged, {posts} POSTs")
    assert load.faults == []
    assert len(load.acknowledged) >= KILLS, "hardly any load: the test shows nothing"
    assert_kept(relay, load)
    cut = relay.log_text().count("stopped before the answer was recorded")
    print(f"{cut} POSTs were cut by a kill")
    assert cut >= (1 if KILLS >= 50 else 0), "no kill met a POST: the test shows little"
    assert relay.term() == 0
    assert_sound(relay, load)

    verdict = standin.judge()
    twice = {relay_id: posts for relay_id, posts in verdict["posts"].items() if len(posts) > 1}
    assert twice == {}
    assert verdict["doubled_runs"] == [] and verdict["without_proof"] == 0
    assert verdict["posts_total"] >= min(5, KILLS // 4), verdict
    print(f"POSTs arrived at least {standin.api.judge.smallest_gap_s:.3f} s apart")
    assert verdict["violations"] == []
    assert_spaced(relay)
