"""drift-relay as a test sees it: started with a config or an environment, asked over its sockets.

RELAY_BIN names another binary, such as a sanitizer build. A sanitizer's report in its log fails the
test that made it.
"""
from __future__ import annotations

import hashlib
import hmac
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Optional, Union

from tests.support import http
from tests.support.metrics import Metrics
from tests.support.process import Process
from tests.support.relay_config import SECRET, SIGNATURE_HEADER, TIMESTAMP_HEADER, config_text
from tests.support.wait import until

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("RELAY_BIN", ROOT / "build" / "release" / "drift-relay")).resolve()
SANITIZED = any(word in str(BINARY) for word in ("address", "thread", "undefined", "fuzz"))
_LISTENING = re.compile(r"event\"?[=:]\"?listening\b.*?listener\"?[=:]\"?(webhook|admin)\b.*?address\"?[=:]\"?"
                        r"(?:127\.0\.0\.1|\[::1?\]):(\d+)")
_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:",
            "Assertion `", "*** stack smashing", "malloc():", "free():")
START_S = 30


def sign(body: bytes, ts: Optional[Union[int, str]], secret: str = SECRET) -> str:
    """Grafana's signature: hex HMAC-SHA256 of `ts:body`, or of the body alone when ts is None."""
    text = body if ts is None else str(ts).encode() + b":" + body
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def signed_headers(body: bytes, ts: Optional[Union[int, str]] = None, secret: str = SECRET,
                   signature: Optional[str] = None) -> dict[str, str]:
    """The headers Grafana sends, signed with the present time unless told otherwise."""
    stamp = int(time.time()) if ts is None else ts
    return {"Content-Type": "application/json", "User-Agent": "Grafana",
            SIGNATURE_HEADER: sign(body, stamp, secret) if signature is None else signature,
            TIMESTAMP_HEADER: str(stamp)}


class Relay:
    """One store and the processes that serve it, one after the other."""

    def __init__(self, config: Optional[Union[dict[str, Any], str]] = None, *, env: Optional[dict[str, str]] = None,
                 folder: Optional[Path] = None, before_exec: Optional[Callable[[], None]] = None,
                 under: tuple[str, ...] = ()) -> None:
        self._own_folder = folder is None
        # A short path: a unix socket's name has 107 bytes at most.
        self.folder = folder or Path(tempfile.mkdtemp(prefix="dr-"))
        self.config, self.env, self.before_exec, self.under = config, dict(env or {}), before_exec, under
        self.config_file = self.folder / "drift-relay.conf"
        self.process: Optional[Process] = None
        self.logs: list[Path] = []
        self.port = self.admin_port = 0
        if config is not None:
            self.write_config(config)

    # --- life ---------------------------------------------------------------------------------------
    def write_config(self, config: Union[dict[str, Any], str]) -> None:
        """Replaces the config file, whole at once."""
        self.config = config
        new = self.config_file.with_suffix(".new")
        text = config if isinstance(config, str) else config_text(config)
        # The runtime of a sanitizer makes processes, reads /proc and traces.
        new.write_text(text + '\nsandbox = "off";\n' if SANITIZED and "sandbox" not in text else text)
        new.replace(self.config_file)

    def spawn(self) -> Process:
        """Starts the process without waiting for it."""
        log = self.folder / f"relay-{len(self.logs) + 1}.log"
        self.logs.append(log)
        argv = [*self.under, str(BINARY), "serve"] + (["--config", str(self.config_file)] if self.config is not None else [])
        self.process = Process(argv, log, self._environment(), self.folder, self.before_exec)
        return self.process

    def _environment(self) -> dict[str, str]:
        kept = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")
        off = {"RELAY_SANDBOX": "off"} if SANITIZED else {}
        return {**{k: os.environ[k] for k in kept if k in os.environ}, **off, **self.env}

    def start(self) -> "Relay":
        """Starts it and waits until both listeners are announced."""
        self.spawn()
        return self.wait_listening()

    def wait_listening(self) -> "Relay":
        """Waits for a spawned one."""
        assert self.process is not None

        def listening(text: str) -> bool:
            found = dict(_LISTENING.findall(text))
            if len(found) < 2:
                return False
            self.port, self.admin_port = int(found["webhook"]), int(found["admin"])
            return True

        self.process.wait_text(listening, START_S, "event=listening of webhook and admin")
        return self

    def term(self, timeout: float = 30) -> int:
        """SIGTERM and its end; the exit status."""
        assert self.process is not None
        self.process.signal(signal.SIGTERM)
        status = self.process.wait(timeout)
        self.check_log()
        return status

    def kill9(self) -> None:
        """Power loss, as far as a process can have it."""
        assert self.process is not None
        self.process.kill9()

    def restart(self) -> "Relay":
        """A clean stop and a new start on the same store."""
        assert self.term() == 0
        return self.start()

    def close(self) -> None:
        """Ends whatever runs, reads its last words (leaks are reported at the end) and removes the folder."""
        try:
            if self.process is not None and self.process.alive():
                self.process.signal(signal.SIGTERM)
                self.process.wait(30)
            self.check_log()
        finally:
            if self.process is not None:
                self.process.kill9()
            if self._own_folder:
                shutil.rmtree(self.folder, ignore_errors=True)

    def log_text(self) -> str:
        """All logs, oldest first."""
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')}" for log in self.logs if log.exists())

    def log_tail(self, lines: int = 200) -> str:
        """The end of the logs: what a failed test prints."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    def check_log(self) -> None:
        """No sanitizer report, no failed assertion."""
        text = self.log_text()
        for report in _REPORTS:
            assert report not in text, f"{report} in the log:\n{self.log_tail(400)}"

    # --- intake -------------------------------------------------------------------------------------
    def post(self, body: bytes, path: str = "/hooks/grafana", *, ts: Optional[Union[int, str]] = None,
             secret: str = SECRET, signature: Optional[str] = None, headers: Optional[dict[str, str]] = None,
             method: str = "POST", timeout: float = 30) -> http.Answer:
        """Posts a body signed anew; `headers` replaces the signed ones."""
        send = headers if headers is not None else signed_headers(body, ts, secret, signature)
        return http.once(self.port, method, path, send, body, timeout)

    def connect(self, timeout: float = 15) -> http.Connection:
        """A raw connection to the webhook listener."""
        return http.Connection(self.port, timeout)

    def raw(self, data: bytes, timeout: float = 15) -> list[http.Answer]:
        """Sends bytes as they are; every answer until the relay closes."""
        with self.connect(timeout) as connection:
            connection.send(data)
            return connection.answers()

    def raw_bytes(self, data: bytes, timeout: float = 15) -> bytes:
        """Sends bytes as they are; every byte until the relay closes."""
        with self.connect(timeout) as connection:
            connection.send(data)
            return connection.rest()

    # --- operators ----------------------------------------------------------------------------------
    def admin(self, path: str, method: str = "GET") -> http.Answer:
        """One request to the operators' listener."""
        return http.once(self.admin_port, method, path)

    def api(self, path: str) -> Any:
        """JSON of /api/v1/PATH; anything but 200 is a failure."""
        answer = self.admin("/api/v1/" + path)
        assert answer.status == 200, f"{path}: {answer.status} {answer.body!r}"
        return answer.json()

    def metrics(self) -> Metrics:
        """One scrape."""
        answer = self.admin("/metrics")
        assert answer.status == 200
        return Metrics(answer.body.decode())

    def request(self, relay_id: str) -> dict[str, Any]:
        """One request as operators see it."""
        return self.api("requests/" + relay_id)

    def wait_request(self, relay_id: str, *states: str, timeout: float = 45) -> dict[str, Any]:
        """Waits until the request is in one of the states."""
        until(lambda: self.request(relay_id)["state"] in states, timeout, f"{relay_id} in {states}")
        return self.request(relay_id)

    def rss_kib(self) -> int:
        """Resident memory of the process."""
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))  # type: ignore[union-attr]

    # --- command line -------------------------------------------------------------------------------
    def cli(self, *arguments: str, timeout: float = 30) -> "subprocess.CompletedProcess[str]":
        """Runs another subcommand."""
        return subprocess.run([str(BINARY), *arguments], env=self._environment(), cwd=self.folder, timeout=timeout,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)

    @property
    def admin_url(self) -> str:
        """For --admin."""
        return f"http://127.0.0.1:{self.admin_port}"
