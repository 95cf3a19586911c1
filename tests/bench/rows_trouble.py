"""Intake while something else goes on, memory, starts and restarts."""
from __future__ import annotations

import socket
import sqlite3
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

from tests.bench.programs import CORES, PROGRAMS, BenchRelay, free_port, on_first_core, start_ms
from tests.bench.table import Row, in_turns, ratio, spread
from tests.support.github_standin import StandIn
from tests.support.relay import BINARY

OPTIONS = {"connections": 32, "seconds": 2}
MANY = 100_000
AT_ONCE: dict[str, Any] = {"route": {"hold": "0s"}}


def beside(name: str, alone: BenchRelay, troubled: BenchRelay, before: Any = None) -> Row:
    """The same load on both, in turns."""
    def measure() -> float:
        if before:
            before()
        return troubled.load(**OPTIONS).rate
    calm, busy = in_turns(lambda: alone.load(**OPTIONS).rate, measure)
    return Row(f"notifications/s {name}", spread(busy), f"alone: {spread(calm)}", ratio(busy, calm), 0.9)


def hung() -> Iterator[Row]:
    """GitHub takes the connection and says nothing; every notification starts a run."""
    with StandIn() as github, BenchRelay(AT_ONCE) as alone:
        github.script("dispatch", "hang", seconds=600, count=1000)
        with BenchRelay(AT_ONCE, github=github) as relay:
            relay.load(requests=100)
            yield beside("with GitHub hung", alone, relay)


def retention() -> Iterator[Row]:
    """As much is forgotten as comes in."""
    with BenchRelay() as alone, BenchRelay({"store": {"retain_size": "16MiB"}}) as relay:
        relay.load(connections=32, requests=20000)
        alone.load(connections=32, requests=20000)
        yield beside("during retention", alone, relay)


def backup() -> Iterator[Row]:
    """A copy is made from start to end, again and again."""
    with BenchRelay() as alone, BenchRelay() as relay:
        for each in (alone, relay):
            each.load(connections=32, requests=40000)
        copying: list[subprocess.Popen[bytes]] = []

        def start() -> None:
            argv = ["taskset", "-c", str(CORES[-1]), "sh", "-c",
                    f"for i in 1 2 3 4 5 6 7 8 9; do '{BINARY}' backup --admin '{relay.folder}/admin.sock' || exit; done"]
            for each in copying:
                each.kill()
                each.wait()
            copying[:] = [subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
            time.sleep(0.1)
        yield beside("during a backup", alone, relay, start)
        for each in copying:
            each.kill()
            each.wait()


def queued() -> Iterator[Row]:
    """100,000 requests wait: intake, memory, and a restart after kill -9."""
    with BenchRelay(AT_ONCE) as alone, BenchRelay(AT_ONCE) as relay:
        idle = alone.anon_kib() / 1024
        yield Row("RssAnon idle", f"{idle:.1f} MiB", target="≤ 4 MB", met=idle * 1.048576 <= 4)
        relay.load(connections=64, requests=MANY, seconds=300)
        states = relay.relay.api("status")["requests"]
        memory = relay.anon_kib() / 1024
        yield Row(f"RssAnon with {states.get('queued', 0):,} queued", f"{memory:.1f} MiB", target="< 64 MB",
                  met=memory * 1.048576 < 64)
        yield beside(f"with {MANY:,} queued", alone, relay)
        yield from restart(relay)
    with BenchRelay() as holding:
        holding.load(connections=64, requests=MANY, seconds=300)
        memory = holding.anon_kib() / 1024
        yield Row(f"RssAnon with {MANY:,} keys that hold", f"{memory:.1f} MiB", target="< 32 MB", met=memory * 1.048576 < 32)


def restart(relay: BenchRelay) -> Iterator[Row]:
    """Until /readyz says 200, each time after kill -9; beside it sqlite3 that opens the same file and counts requests."""
    ours, theirs = [], []
    for _ in range(5):
        relay.load(connections=8, requests=200)
        relay.relay.kill9()
        copy = relay.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(relay.folder / "state", copy)
        began = time.perf_counter()
        db = sqlite3.connect(copy / "relay.db")
        db.execute("SELECT count(*) FROM requests").fetchone()
        db.execute("PRAGMA quick_check").fetchone()
        theirs.append((time.perf_counter() - began) * 1000)
        db.close()
        began = time.perf_counter()
        relay.start()
        while relay.relay.admin("/readyz").status != 200:
            pass
        ours.append((time.perf_counter() - began) * 1000)
    yield Row(f"restart with {MANY:,} queued", spread(ours, " ms"), f"sqlite3: open, count, quick_check: {spread(theirs, ' ms')}",
              ratio(ours, theirs), target="< 1 s", met=statistics.median(ours) < 1000)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as s:
            s.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return s.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def start() -> Iterator[Row]:
    """From fork to the first 200 of /readyz, all on one processor."""
    with BenchRelay() as relay:
        relay.relay.kill9()
        port = free_port()
        relay.relay.write_config({**relay.relay.config, "admin": {"address": "127.0.0.1", "port": port}})  # type: ignore
        argv = [str(BINARY), "serve", "--config", str(relay.relay.config_file)]
        on_its_store, on_a_new_one, empty = [], [], []
        for _ in range(15):
            for file in (relay.folder / "state").iterdir():
                file.unlink()
            on_a_new_one.append(start_ms(argv, lambda: _answers(port)))
            on_its_store.append(start_ms(argv, lambda: _answers(port)))
            began = time.perf_counter()
            subprocess.run([str(PROGRAMS / "empty")], check=True, preexec_fn=on_first_core)
            empty.append((time.perf_counter() - began) * 1000)
        beside = f"an empty program with the same libraries: {spread(empty, ' ms', 1)}"
        yield Row("start to the first answer", spread(on_its_store, " ms", 1), beside, ratio(on_its_store, empty), most=1.5)
        yield Row("the same, making its store", spread(on_a_new_one, " ms", 1), beside, ratio(on_a_new_one, empty))


def _instructions(number: int) -> int:
    """Of a whole life with so many notifications, by callgrind."""
    with BenchRelay({"sandbox": "off"}, under=("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")) as relay:
        relay.load(connections=32, requests=number)
        assert relay.relay.term() == 0
        return int(relay.relay.log_text().rpartition("Collected : ")[2].split()[0])


def costs() -> Iterator[Row]:
    """What the kernel is asked for one notification, at 32 connections; strace slows it, so only counts are read."""
    if shutil.which("strace") is None:
        yield Row("syscalls per notification", "no strace here")
        return
    number = 4000
    with BenchRelay() as relay:
        relay.load(connections=32, requests=number)
        before = _written(relay.pid)
        relay.load(connections=32, requests=number)
        written = _written(relay.pid) - before
        out = relay.folder / "strace"
        tracer = subprocess.Popen(["strace", "-c", "-f", "-U", "calls,name", "-o", str(out), "-p", str(relay.pid)],
                                  stderr=subprocess.DEVNULL)
        time.sleep(1)
        relay.load(connections=32, requests=number)
        tracer.terminate()
        tracer.wait()
        calls = {name: int(n) for n, name in (line.split()[:2] for line in out.read_text().splitlines() if
                                              len(line.split()) == 2 and line.split()[0].isdigit())}
        total = calls.pop("total", 0) or sum(calls.values())
        syncs = calls.get("fdatasync", 0) + calls.get("fsync", 0)
        yield Row("bytes written per notification (body 1.7 KB)", f"{written / number:,.0f}")
        yield Row("syncs per notification, 32 connections", f"{syncs / number:.3f}")
        most = ", ".join(f"{name} {n / number:.2f}" for name, n in sorted(calls.items(), key=lambda c: -c[1])[:6])
        yield Row("syscalls per notification", f"{total / number:.1f}: {most}")
    if shutil.which("valgrind") is None:
        yield Row("instructions per notification", "no valgrind here")
    else:
        yield Row("instructions per notification, by callgrind", f"{(_instructions(2500) - _instructions(500)) / 2000:,.0f}")


def _written(pid: int) -> int:
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("wchar"):
            return int(line.split()[1])
    raise AssertionError("no wchar")
