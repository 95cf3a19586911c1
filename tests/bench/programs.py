"""What the bench starts: the relay, what stands beside it, and the load. Servers run on the first processor, the load and
the stand-ins on the last."""
from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Optional

from tests.support.github_standin import TOKEN, StandIn
from tests.support.process import Process
from tests.support.relay import Relay
from tests.support.relay_config import SECRET, base_config, merged
from tests.support.wait import until
from tests.trust.side_by_side import KEY, free_port, webhook_binary

BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else "build/release").resolve()
PROGRAMS = BUILD / "tests" / "bench"
CORES = sorted(os.sched_getaffinity(0))
ADDRESSES = 8  # loopback addresses that the load comes from: the relay takes 64 connections of each


def on_first_core() -> None:
    """For servers, between fork and exec."""
    os.sched_setaffinity(0, {CORES[0]})


def on_last_core() -> None:
    """For the load."""
    os.sched_setaffinity(0, {CORES[-1]})


class Answers(dict):
    """What `load` prints."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return float(self["per_second"])


def load(port: int, *, want: Optional[int] = 202, **options: Any) -> Answers:
    """One run of the load generator; every answer has to be `want`."""
    argv = [str(PROGRAMS / "load"), "--port", str(port), "--addresses", str(ADDRESSES)]
    for name, value in options.items():
        argv += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=False, preexec_fn=on_last_core, timeout=300)
    said = Answers(json.loads(done.stdout))
    assert want is None or list(said["status"]) == [str(want)], f"{argv}: {said}"
    return said


class Server:
    """What the load can be pointed at."""

    port = 0
    secret: dict[str, Any] = {"secret": SECRET}
    pid = 0

    def load(self, **options: Any) -> Answers:
        """See load()."""
        return load(self.port, **{**self.secret, **options})

    def close(self) -> None:
        """It ends."""

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class Bare(Server):
    """libmicrohttpd alone."""

    def __init__(self, *options: str) -> None:
        self.child = subprocess.Popen([str(PROGRAMS / "bare"), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      preexec_fn=on_first_core)
        assert self.child.stdout is not None
        self.port, self.pid = int(self.child.stdout.readline()), self.child.pid

    def close(self) -> None:
        assert self.child.stdin is not None and self.child.stdout is not None
        self.child.stdin.close()
        self.child.wait(10)
        self.child.stdout.close()


class Webhook(Server):
    """Debian's webhook with an HMAC rule and a command that does nothing."""

    secret = {"secret": KEY, "header": "X-Signature", "body_alone": True, "path": "/hooks/retrain"}

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.port = free_port()
        rule = {"match": {"type": "payload-hmac-sha256", "secret": KEY, "parameter": {"source": "header",
                                                                                      "name": "X-Signature"}}}
        hooks = [{"id": "retrain", "execute-command": "/bin/true", "trigger-rule": rule}]
        (self.folder / "hooks.json").write_text(json.dumps(hooks))
        argv = [str(webhook_binary()), "-hooks", str(self.folder / "hooks.json"), "-ip", "127.0.0.1", "-port",
                str(self.port)]
        self.process = Process(argv, self.folder / "log", {"PATH": os.environ["PATH"]}, self.folder, on_first_core)
        until(lambda: subprocess.run(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{self.port}"], check=False,
                                     stderr=subprocess.DEVNULL).returncode == 0, 20, "webhook to listen")

    def close(self) -> None:
        self.process.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)


class BenchRelay(Server):
    """The relay with limits as shipped. Every alert begins or joins a hold of two hours, unless `changes` says otherwise."""

    def __init__(self, changes: Optional[dict[str, Any]] = None, *, github: Optional[StandIn] = None,
                 api_url: str = "", under: tuple[str, ...] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bench-"))
        self.github = github
        changes = dict(changes or {})
        config = base_config(self.folder, github.url if github else api_url or "http://127.0.0.1:9", TOKEN)
        # Two routes, since one has a budget of 100,000 at most.
        route = {**config["routes"][0], "max_keys": 1_000_000, "hold": "2h", "budget": {"max": 100_000, "per": "24h"},
                 **changes.pop("route", {})}
        config["routes"] = [{**route, "name": "even", "match": ["action=retrain", "model=~.*[02468]"]},
                            {**route, "name": "odd"}]
        config = merged(config, changes)
        self.relay = Relay(config, folder=self.folder, before_exec=on_first_core, under=under)
        self.first = 0
        self.start()

    def start(self) -> None:
        """On the store as it is."""
        self.relay.start()
        self.port = self.relay.port
        assert self.relay.process is not None
        self.pid = self.relay.process.pid

    def load(self, **options: Any) -> Answers:
        """As Server.load; notifications go on where the last load ended."""
        said = super().load(**{"first": self.first, **options})
        self.first += int(said["sent"])
        return said

    def stored(self) -> int:
        """Notifications in the file of a relay that does not run."""
        db = sqlite3.connect(self.folder / "state" / "relay.db")
        try:
            return int(db.execute("SELECT count(*) FROM notifications").fetchone()[0])
        finally:
            db.close()

    def anon_kib(self) -> int:
        """RssAnon of its process."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1])
        raise AssertionError("no RssAnon")

    def close(self) -> None:
        if self.relay.process is not None:
            self.relay.process.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)


def loop(number: int, models: int) -> float:
    """HMAC, parser and rows without HTTP: notifications a second."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        argv = [str(PROGRAMS / "intake_loop"), str(number), str(models), str(folder / "relay.db")]
        return float(subprocess.run(argv, stdout=subprocess.PIPE, check=True, preexec_fn=on_first_core).stdout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sync_times_us(times: int = 400) -> list[float]:
    """fdatasync after 4 KiB more in a file where the stores are, sorted."""
    found = []
    with tempfile.NamedTemporaryFile(prefix="bench-") as file:
        for _ in range(times):
            os.write(file.fileno(), b"x" * 4096)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            found.append((time.perf_counter() - began) * 1e6)
    return sorted(found)


def start_ms(argv: list[str], ready: Callable[[], bool]) -> float:
    """From fork until ready() is true; the program is killed then."""
    began = time.perf_counter()
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                             preexec_fn=on_first_core)
    while not ready():
        assert time.perf_counter() - began < 60
    took = (time.perf_counter() - began) * 1000
    child.kill()
    child.wait()
    return took
