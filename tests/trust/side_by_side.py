"""The same five attacks on drift-relay and on two programs that people use in its place: Debian's `webhook` (runs a
command for a signed body) and `prometheus-alertmanager` (takes alerts, posts them on). Prints one markdown table.

    python3 -m tests.trust.side_by_side          about 2 minutes; the packages are unpacked in build/peers

Each program runs as Debian ships it, with the least config that does the job; what exactly is asked is in ATTACKS.
"""
from __future__ import annotations

import hashlib
import hmac
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Optional

from tests.support import http
from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body, rfc3339
from tests.support.process import Process
from tests.support.relay import ROOT, Relay, signed_headers
from tests.support.relay_config import base_config, merged
from tests.support.wait import until

EVENTS = 60
KEY = "a-secret-of-32-bytes-or-a-bit-more"
LARGE = 100_000_000
SLOW_S = 20

ATTACKS = {
    "kill": f"kill -9 after {EVENTS} events were answered 2xx by 8 senders, then a start: of those events, how many had "
            "their effect (a command run, a notification delivered, a workflow started) without being sent again",
    "slow": f"300 connections that send a header byte a second: still open after {SLOW_S} s",
    "body": f"a body of {LARGE // 10**6} MB without a signature: answer, and how much memory grew",
    "unsigned": "a small body without a signature: answer, and whether it had its effect",
    "trickle": f"one body a byte a second: still open after {SLOW_S} s",
}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def rss_kib(pid: int, peak: bool = False) -> int:
    """Resident memory, now or at most."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)" if peak else r"VmRSS:\s+(\d+)", text)
    assert found
    return int(found.group(1))


class Peer:
    """What an attack needs of a program: an address, a body, its effects, a start and an end."""

    name = ""
    path = ""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: Optional[Process] = None
        self.starts = 0

    def argv(self) -> list[str]:
        """Its command line."""
        raise NotImplementedError

    def body(self, event: str) -> bytes:
        """One event."""
        raise NotImplementedError

    def headers(self, body: bytes) -> dict[str, str]:
        """What a good sender adds."""
        raise NotImplementedError

    def effects(self) -> set[str]:
        """The events that had theirs."""
        raise NotImplementedError

    def settle_s(self) -> float:
        """How long effects may take after the start."""
        return 30

    def start(self) -> None:
        """Until it takes connections."""
        self.starts += 1
        self.process = Process(self.argv(), self.folder / f"log-{self.starts}", {"PATH": os.environ["PATH"]}, self.folder)
        until(self._answers, 30, f"{self.name} to listen")

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self) -> None:
        """Its end, and that of what it started."""
        if self.process is not None:
            self.process.kill9()

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self.process is not None
        return self.process.pid

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        """One request; its status."""
        return http.once(self.port, "POST", self.path, headers, body, 20).status


class Webhook(Peer):
    """adnanh/webhook with an HMAC rule; its command takes 0.2 s and writes the event's name."""

    name, path = "webhook", "/hooks/retrain"

    def __init__(self, folder: Path, binary: Path) -> None:
        super().__init__(folder)
        self.binary = binary
        script = folder / "run.sh"
        script.write_text(f"#!/bin/sh\nsleep 0.2\necho \"$1\" >> {folder}/done\n")
        script.chmod(0o755)
        (folder / "hooks.json").write_text(json.dumps([{
            "id": "retrain", "execute-command": str(script),
            "pass-arguments-to-command": [{"source": "payload", "name": "event"}],
            "trigger-rule-mismatch-http-response-code": 401,
            "trigger-rule": {"match": {"type": "payload-hmac-sha256", "secret": KEY,
                                       "parameter": {"source": "header", "name": "X-Signature"}}}}]))

    def argv(self) -> list[str]:
        return [str(self.binary), "-hooks", str(self.folder / "hooks.json"), "-ip", "127.0.0.1", "-port", str(self.port)]

    def body(self, event: str) -> bytes:
        return json.dumps({"event": event}).encode()

    def headers(self, body: bytes) -> dict[str, str]:
        mac = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Signature": mac}

    def effects(self) -> set[str]:
        done = self.folder / "done"
        return set(done.read_text().split()) if done.exists() else set()


class Alertmanager(Peer):
    """prometheus-alertmanager, grouping by event, that posts to a receiver of ours. It knows no signatures."""

    name, path = "prometheus-alertmanager", "/api/v2/alerts"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        seen: set[str] = set()
        self.seen = seen

        class Receiver(BaseHTTPRequestHandler):
            """Notes the events of each notification."""

            def do_POST(self) -> None:  # noqa: N802 # pylint: disable=invalid-name
                """The webhook receiver."""
                for one in json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"]:
                    seen.add(one["labels"]["event"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # pylint: disable=redefined-builtin
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        (folder / "am.yml").write_text(
            "route: {receiver: out, group_by: [event], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}\n"
            f"receivers: [{{name: out, webhook_configs: [{{url: 'http://127.0.0.1:{self.server.server_port}/'}}]}}]\n")

    def argv(self) -> list[str]:
        return [str(ROOT / "build" / "programs" / "bin" / "alertmanager"), f"--config.file={self.folder}/am.yml",
                f"--storage.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.port}",
                "--cluster.listen-address="]

    def body(self, event: str) -> bytes:
        return json.dumps([{"labels": {"alertname": "drift", "event": event}, "startsAt": rfc3339(time.time())}]).encode()

    def headers(self, body: bytes) -> dict[str, str]:
        return {"Content-Type": "application/json"}

    def effects(self) -> set[str]:
        return set(self.seen)

    def stop(self) -> None:
        super().stop()
        self.server.shutdown()


class DriftRelay(Peer):
    """The relay, with GitHub's stand-in; each event is a key of its own."""

    name, path = "drift-relay", "/hooks/grafana"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.github = StandIn().start()
        self.github.set(queued_s=0, in_progress_s=0)
        route = {"budget": {"max": 10000, "per": "24h"},
                 "inputs": [{"name": "model", "value": "{label:model}", "pattern": "[a-z0-9-]{1,64}"}]}
        config = merged(base_config(folder, self.github.url, TOKEN), {"listen": {"port": self.port}, "routes": route})
        self.relay = Relay(config, folder=folder)

    def start(self) -> None:
        self.relay.start()
        self.process = self.relay.process

    def body(self, event: str) -> bytes:
        return grafana_body(alert(event))

    def headers(self, body: bytes) -> dict[str, str]:
        return signed_headers(body)

    def effects(self) -> set[str]:
        return {run["inputs"]["model"] for post in self.github.judge()["posts"].values() for run in post}

    def settle_s(self) -> float:
        return 60 + 2 * EVENTS  # GitHub is asked once a second

    def stop(self) -> None:
        super().stop()
        self.github.stop()


def kill(peer: Peer) -> str:
    """Events answered, killed, started again."""
    answered: list[str] = []
    lock, enough = threading.Lock(), threading.Event()

    def send(sender: int) -> None:
        for n in range(10000):
            event = f"e{sender}-{n}"
            body = peer.body(event)
            try:
                status = peer.post(body, peer.headers(body))
            except (OSError, AssertionError):
                return
            with lock:
                if 200 <= status < 300 and not enough.is_set():
                    answered.append(event)
                if len(answered) >= EVENTS:
                    enough.set()
            if enough.is_set():
                return

    senders = [threading.Thread(target=send, args=(i,)) for i in range(8)]
    for sender in senders:
        sender.start()
    enough.wait(60)
    assert peer.process is not None
    peer.process.kill9()
    for sender in senders:
        sender.join()
    peer.start()
    wanted, deadline = set(answered), time.monotonic() + peer.settle_s()
    while time.monotonic() < deadline and not wanted <= peer.effects():
        time.sleep(0.5)
    return f"{len(wanted & peer.effects())} of {len(wanted)}"


def _still_open(connections: list[socket.socket], drop: bytes, seconds: float) -> int:
    end = time.monotonic() + seconds
    left = list(connections)
    while time.monotonic() < end:
        for connection in list(left):
            try:
                connection.send(drop)
                connection.setblocking(False)
                if connection.recv(4096) == b"":
                    left.remove(connection)
            except BlockingIOError:
                pass
            except OSError:
                left.remove(connection)
        time.sleep(1)
    for connection in connections:
        connection.close()
    return len(left)


def slow(peer: Peer) -> str:
    """Slow headers."""
    made = []
    for _ in range(300):
        connection = socket.create_connection(("127.0.0.1", peer.port), 5)
        connection.send(f"POST {peer.path} HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode())
        made.append(connection)
    return f"{_still_open(made, b'y', SLOW_S)} of 300"


def trickle(peer: Peer) -> str:
    """A slow body."""
    body = peer.body("slow")
    send = {**peer.headers(body), "Content-Length": "100000"}
    connection = socket.create_connection(("127.0.0.1", peer.port), 5)
    connection.send(http.request_bytes("POST", peer.path, send))
    return "open" if _still_open([connection], b"{", SLOW_S) else "closed"


def large(peer: Peer) -> str:
    """100 MB from nobody."""
    before = rss_kib(peer.pid)
    connection = socket.create_connection(("127.0.0.1", peer.port), 30)
    head = (f"POST {peer.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {LARGE}\r\n\r\n").encode()
    said = b""
    try:
        connection.sendall(head + b'{"event":"')
        for _ in range(LARGE // 1_000_000):
            connection.sendall(b"x" * 1_000_000)
        connection.sendall(b"x" * 1_000_000)
    except OSError:
        pass
    try:
        said = connection.recv(4096)
    except OSError:
        pass
    connection.close()
    status = said.split(b" ")[1].decode() if said.startswith(b"HTTP/") else "cut"
    return f"{status}, +{max(0, rss_kib(peer.pid, True) - before) // 1024} MiB"


def unsigned(peer: Peer) -> str:
    """A small one from nobody."""
    status = peer.post(peer.body("forged"), {"Content-Type": "application/json"})
    time.sleep(3)
    return f"{status}, {'had its effect' if 'forged' in peer.effects() else 'no effect'}"


def webhook_binary() -> Path:
    """Debian's package, unpacked."""
    folder = ROOT / "build" / "peers"
    binary = folder / "usr" / "bin" / "webhook"
    if not binary.exists():
        with tempfile.TemporaryDirectory() as download:
            os.chmod(download, 0o777)  # apt downloads as another user
            subprocess.run(["apt-get", "download", "-qq", "webhook"], cwd=download, check=True, timeout=120)
            (package,) = Path(download).glob("*.deb")
            subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
    return binary


def main() -> int:
    """Each attack on each program, fresh."""
    makers: list[Callable[[Path], Peer]] = [DriftRelay, lambda folder: Webhook(folder, webhook_binary()), Alertmanager]
    attacks: dict[str, Callable[[Peer], str]] = {"kill": kill, "slow": slow, "trickle": trickle, "body": large,
                                                 "unsigned": unsigned}
    found: dict[str, dict[str, str]] = {key: {} for key in attacks}
    names = []
    for make in makers:
        for key, attack in attacks.items():
            folder = Path(tempfile.mkdtemp(prefix="peer-"))
            peer = make(folder)
            try:
                peer.start()
                found[key][peer.name] = attack(peer)
            finally:
                peer.stop()
                shutil.rmtree(folder, ignore_errors=True)
            print(f"{peer.name}: {key}: {found[key][peer.name]}", file=sys.stderr, flush=True)
        names.append(peer.name)
    print("| what was done | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for key in attacks:
        print(f"| {ATTACKS[key]} | " + " | ".join(found[key][name] for name in names) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
