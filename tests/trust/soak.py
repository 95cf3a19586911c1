"""Half an hour of everything at once: good, repeated, forged, broken and oversized notifications, a GitHub that fails in its
ways, floods, reloads, pauses, kill -9 and clean stops, by chance. At each clean stop the books must balance; at the end
nothing that was acknowledged is missing, no run was started twice, and memory and descriptors are where they were.

    MINUTES=30 SEED=1 python3 -m tests.trust.soak       prints its figures; exit status 1: a book did not balance
"""
from __future__ import annotations

import os
import random
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable

from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay, signed_headers
from tests.support.relay_config import base_config, merged

MINUTES = float(os.environ.get("MINUTES", "30"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(2**32))))
LIFE_S = min(180.0, MINUTES * 60 / 3)  # between two clean stops
SENDERS = 4
PAUSE_S = 0.02
TROUBLE: tuple[dict[str, Any], ...] = (
    {"do": "answer", "status": 500}, {"do": "answer", "status": 502, "start": True}, {"do": "answer", "status": 503}, {"do": "cut"},
    {"do": "reset"}, {"do": "cut", "start": True}, {"do": "slow_read", "seconds": 2}, {"do": "rate_secondary", "seconds": 3},
    {"do": "cut_body"})
ROUTE = {"cooldown": "5s", "rearm": "cooldown", "budget": {"max": 100_000, "per": "24h"}}


class Books:
    """What senders were told, since the relay was last started and in all."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.life: Counter[str] = Counter()
        self.all: Counter[str] = Counter()
        self.kept: dict[str, list[tuple[Any, ...]]] = {}
        self.faults: list[str] = []

    def told(self, what: str, said: Any = None) -> None:
        """One answer."""
        with self.lock:
            self.life[what] += 1
            self.all[what] += 1
            if what == "accepted":
                self.life["alerts"] += len(said["alerts"])
                self.kept[said["notification"]] = [(a["verdict"], a["reason"]) for a in said["alerts"]]


class Sender(threading.Thread):
    """Posts without end, of every kind."""

    def __init__(self, relay: Relay, books: Books, number: int) -> None:
        super().__init__(daemon=True)
        self.relay, self.books, self.chance, self.n = relay, books, random.Random(SEED * 100 + number), 0
        self.go, self.idle, self.over = threading.Event(), threading.Event(), False
        self.last: tuple[bytes, dict[str, str]] = (b"", {})

    def run(self) -> None:
        while not self.over:
            if not self.go.is_set():
                self.idle.set()
                self.go.wait(0.1)
                continue
            self.idle.clear()
            self.one()
            time.sleep(PAUSE_S * self.chance.uniform(0.5, 1.5))

    def one(self) -> None:
        """A notification, mostly good."""
        self.n += 1
        kind = self.chance.choices(("good", "again", "forged", "broken", "large"), (80, 8, 5, 5, 2))[0]
        if kind == "good" or not self.last[0]:
            kind = "good"
            alerts = [alert(f"m{self.chance.randrange(30)}", self.chance.choice(("firing", "firing", "resolved")),
                            labels={"n": str(i)}, annotations={"number": f"{self.name}-{self.n}"}) for i in range(self.chance.randrange(1, 4))]
            body = grafana_body(*alerts)
            self.last = (body, signed_headers(body))
        body, headers = self.last
        if kind == "forged":
            headers = signed_headers(body, secret="another secret that nobody has")
        elif kind == "broken":
            body = body[:-self.chance.randrange(1, 40)]
            headers = signed_headers(body)
        elif kind == "large":
            body = b"x" * 2_000_000
        want = {"good": (202,), "again": (202, 401), "forged": (401, 429), "broken": (400,), "large": (413,)}[kind]
        try:
            answer = self.relay.post(body, headers=headers, timeout=20)
        except (OSError, AssertionError):
            self.books.told("cut")
            return
        if answer.status == 503:
            self.books.told("unavailable")
        elif answer.status not in want:
            self.books.faults.append(f"{kind}: {answer.status} {answer.body[:200]!r}")
        elif answer.status == 202:
            said = answer.json()
            self.books.told("duplicate" if said.get("duplicate") else "accepted", said)
        else:
            self.books.told(kind)


class Soak:
    """The relay, its GitHub, its senders, and what happens to them."""

    def __init__(self, relay: Relay, github: StandIn) -> None:
        self.relay, self.github, self.books, self.chance = relay, github, Books(), random.Random(SEED)
        self.config = relay.config
        self.senders = [Sender(relay, self.books, n) for n in range(SENDERS)]
        self.did: Counter[str] = Counter()
        self.growth: list[int] = []
        self.descriptors: set[int] = set()
        self.killed = False

    # --- what happens ----------------------------------------------------------------------------------
    def kill(self) -> None:
        """kill -9, and a start."""
        self.relay.kill9()
        self.killed = True
        self.relay.start()

    def trouble(self) -> None:
        """GitHub fails for some requests."""
        self.github.script("dispatch", **self.chance.choice(TROUBLE), count=self.chance.randrange(1, 4))

    def reload(self) -> None:
        """Another cooldown, or a config that is refused."""
        assert isinstance(self.config, dict) and self.relay.process is not None
        broken = self.chance.random() < 0.3
        self.relay.write_config("nonsense = ;" if broken else merged(self.config, {"routes": {"cooldown": f"{self.chance.randrange(3, 9)}s"}}))
        self.relay.process.signal(1)
        time.sleep(0.5)
        self.relay.write_config(self.config)

    def flood(self) -> None:
        """200 connections that say nothing."""
        made = []
        for _ in range(200):
            try:
                made.append(socket.create_connection(("127.0.0.1", self.relay.port), 2, ("127.0.0.3", 0)))
            except OSError:
                pass
        time.sleep(3)
        for one in made:
            one.close()

    def pause(self) -> None:
        """An operator's, for a moment."""
        for words in (("pause", "kospi", "--for", "1m", "--reason", "soak"), ("resume", "kospi")):
            self.relay.cli(*words, "--admin", str(self.relay.folder / "admin.sock"))
            time.sleep(1)

    def backup(self) -> None:
        """A copy."""
        self.relay.cli("backup", "--admin", str(self.relay.folder / "admin.sock"))

    # --- a life ----------------------------------------------------------------------------------------
    def live(self, seconds: float) -> None:
        """From a start to a clean stop."""
        happenings: list[Callable[[], None]] = [self.kill, self.trouble, self.trouble, self.reload, self.flood, self.pause, self.backup]
        end = time.monotonic() + seconds
        self.relay.start()
        self.books.life.clear()
        self.killed = False
        for sender in self.senders:
            sender.go.set()
        time.sleep(min(20.0, seconds / 4))
        warm, pid = self.relay.rss_kib(), self.relay.process.pid if self.relay.process else 0
        while time.monotonic() < end:
            time.sleep(self.chance.uniform(2, 8))
            # Every second life is not killed, so that its memory can be looked at.
            happening = self.chance.choice(happenings[int(self.did["stop"] % 2 == 0):])
            happening()
            self.did[happening.__name__] += 1
        for sender in self.senders:
            sender.go.clear()
        for sender in self.senders:
            sender.idle.wait(30)
        time.sleep(1)
        if self.relay.process is not None and self.relay.process.pid == pid:
            self.growth.append(self.relay.rss_kib() - warm)
            self.descriptors.add(len(os.listdir(f"/proc/{pid}/fd")))
        self.balance()
        assert self.relay.term() == 0
        self.did["stop"] += 1

    def balance(self) -> None:
        """The relay's counters, its rows, and what senders were told."""
        life, metrics = self.books.life, self.relay.metrics()
        requests = self.relay.api("status")["requests"]
        rows = sum(requests.values())
        faults = []
        if not self.killed and life["cut"] == 0:  # else some answers did not arrive
            for ours, result in (("accepted", "accepted"), ("duplicate", "duplicate")):
                counted = metrics.sum("drift_relay_notifications_total", result=result)
                if counted != life[ours]:
                    faults.append(f"{result}: the relay counts {counted:g}, senders {life[ours]}")
            if metrics.sum("drift_relay_alerts_total") != life["alerts"]:
                faults.append(f"alerts: the relay counts {metrics.sum('drift_relay_alerts_total'):g}, senders {life['alerts']}")
        if metrics.sum("drift_relay_requests") != rows:
            faults.append(f"requests: {metrics.sum('drift_relay_requests'):g} in the metrics, {rows} in the API")
        self.books.faults += faults
        print(f"stop {self.did['stop'] + 1}: {dict(life)}, requests {requests}, memory {self.growth[-1:] or '-'} KiB", flush=True)

    def at_the_end(self) -> None:
        """All that was acknowledged, and the file itself."""
        db = sqlite3.connect(self.relay.folder / "state" / "relay.db")
        kept = {row[0] for row in db.execute("SELECT id FROM notifications")}
        if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            self.books.faults.append("the store is damaged")
        db.close()
        lost = [n for n in self.books.kept if n not in kept]
        verdict = self.github.judge()
        if lost:
            self.books.faults.append(f"{len(lost)} acknowledged notifications are lost: {lost[:3]}")
        if verdict["doubled_runs"] or verdict["without_proof"]:
            self.books.faults.append(f"runs: {verdict['doubled_runs']}, without proof {verdict['without_proof']}")
        if len(self.descriptors) > 1 and max(self.descriptors) - min(self.descriptors) > 8:
            self.books.faults.append(f"descriptors: {sorted(self.descriptors)}")
        if self.growth and sorted(self.growth)[len(self.growth) // 2] > 8 * 1024:
            self.books.faults.append(f"memory grew by {self.growth} KiB in each life")
        print(f"{MINUTES:g} min, seed {SEED}: {sum(self.books.all.values())} answers ({dict(self.books.all)}), {len(self.books.kept)} acknowledged, "
              f"{len(lost)} lost; {verdict['runs_total']} runs, {len(verdict['doubled_runs'])} twice; what happened: {dict(self.did)}; memory in lives "
              f"without a kill {self.growth} KiB; descriptors {sorted(self.descriptors)}")


def main() -> int:
    """All lives."""
    with tempfile.TemporaryDirectory(prefix="soak-") as name, StandIn() as github:
        github.set(queued_s=0, in_progress_s=0.2)
        relay = Relay(folder=Path(name))
        relay.write_config(merged(base_config(Path(name), github.url, TOKEN), {"routes": ROUTE}))
        soak = Soak(relay, github)
        for sender in soak.senders:
            sender.start()
        end = time.monotonic() + MINUTES * 60
        try:
            while time.monotonic() < end:
                soak.live(min(LIFE_S, max(10.0, end - time.monotonic())))
            soak.at_the_end()
        finally:
            for sender in soak.senders:
                sender.over = True
            relay.close()
    print("\n".join(soak.books.faults[:20]))
    return 1 if soak.books.faults else 0


if __name__ == "__main__":
    sys.exit(main())
