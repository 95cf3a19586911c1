"""A flipped byte in every page of the store and every frame of its journal, and files cut short: the relay says what is
wrong and how to mend it, or serves; it never crashes, hangs, or POSTs twice, and what it serves passes SQLite's check.

PAGES sets how many places of each file are tried (12); make trust tries every page. SEED says which byte of it.
"""
from __future__ import annotations

import os
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Callable

from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.relay_config import base_config
from tests.support.wait import until

PAGES = int(os.environ.get("PAGES", "12"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().randrange(2**32))))
PAGE = 4096
REMEDIES = ("move the file aside", "please report this", "cannot be opened", "is no drift-relay store", "newer", "it is read-only")


def lived(relay: Relay, standin: StandIn) -> None:
    """A store with something in every table, ended without a goodbye."""
    relay.start()
    for n in range(40):
        one = alert(f"m{n % 6}", "resolved" if n in (11, 35) else "firing", annotations={"n": str(n)})
        assert relay.post(grafana_body(one)).status == 202
    standin.wait_posts(2)
    relay.kill9()


def integrity(path: Path) -> bool:
    """By SQLite's own word."""
    db = sqlite3.connect(path)
    try:
        return bool(db.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
    except sqlite3.DatabaseError:
        return False
    finally:
        db.close()


def outcome(original: Path, damage: Callable[[Path], None], standin: StandIn) -> str:
    """"refused" or "served", of a copy."""
    relay = Relay()
    try:
        relay.write_config(base_config(relay.folder, standin.url, TOKEN))
        state = relay.folder / "state"
        shutil.rmtree(state)
        shutil.copytree(original, state)
        damage(state)
        process = relay.spawn()
        until(lambda: not process.alive() or "event=ready" in process.text(), 30, "an end or a start")
        if not process.alive():
            assert process.wait(1) == 1, f"exit status {process.wait(1)}\n{relay.log_tail(30)}"
            assert any(words in process.text() for words in REMEDIES), relay.log_tail(30)
            return "refused"
        relay.wait_listening()
        answer = relay.post(grafana_body(alert("afterwards")))
        assert answer.status in (202, 503), answer.body
        assert relay.term() == 0
        relay.check_log()
        if answer.status == 503:
            assert any(words in process.text() for words in REMEDIES), relay.log_tail(30)
            return "refused later"
        return "served" if integrity(state / "relay.db") else "served, though damaged"
    finally:
        relay.close()


def flip(name: str, at: int) -> Callable[[Path], None]:
    """One byte becomes another."""
    def damage(state: Path) -> None:
        with open(state / name, "r+b") as file:
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 0xFF]))
    return damage


def cut(name: str, size: int) -> Callable[[Path], None]:
    """The file ends there."""
    return lambda state: os.truncate(state / name, size)


def places(size: int) -> list[int]:
    """A byte in each of PAGES pages, the first always among them."""
    pages = range(0, size // PAGE, max(1, size // PAGE // PAGES))
    chance = random.Random(SEED)
    # Half of them where a page has its header and pointers, half anywhere.
    return [page * PAGE + chance.randrange(64 if n % 2 == 0 else PAGE) for n, page in enumerate(pages)]


def test_damage_is_refused_or_harmless(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    relay = make_relay()
    lived(relay, standin)
    journal_only = relay.folder / "state"
    moved = relay.folder / "moved"
    shutil.copytree(journal_only, moved)
    db = sqlite3.connect(moved / "relay.db")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    seen: dict[str, int] = {}
    faults = []
    tries = [(moved, "relay.db", at, flip) for at in places((moved / "relay.db").stat().st_size)]
    tries += [(journal_only, "relay.db-wal", at, flip) for at in places((journal_only / "relay.db-wal").stat().st_size)]
    tries += [(moved, "relay.db", at & ~7, cut) for at in places((moved / "relay.db").stat().st_size)[1:6]]
    tries += [(journal_only, "relay.db-wal", at, cut) for at in places((journal_only / "relay.db-wal").stat().st_size)[:5]]
    for folder, name, at, damage in tries:
        try:
            with StandIn() as github:
                what = f"{name} {damage.__name__}: {outcome(folder, damage(name, at), github)}"
                assert github.judge()["doubled_runs"] == []
            seen[what] = seen.get(what, 0) + 1
        except AssertionError as fault:
            faults.append(f"{name} {damage.__name__} at {at}: {fault}")
    print(f"SEED={SEED}: " + ", ".join(f"{what} × {n}" for what, n in sorted(seen.items())))
    assert not faults, f"{len(faults)} of {len(tries)}:\n" + "\n\n".join(faults[:5])
    assert any("refused" in what for what in seen), seen
