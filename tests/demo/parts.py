"""What the demo starts besides our own programs: Prometheus and Alertmanager; and the relay's config."""
from __future__ import annotations

import ctypes
import os
import signal
import socket
from pathlib import Path
from typing import Any

from tests.support import http
from tests.support.process import Process
from tests.support.relay import ROOT
from tests.support.relay_config import base_config, hmac_source, write_secret

PROGRAMS = ROOT / "build" / "programs" / "bin"
EXAMPLES = ROOT / "prometheus"
BEARER = "demo-alertmanager-token-7c1d0f"
_PR_SET_PDEATHSIG = 1


def child_of_demo() -> None:
    """In a new child: Ctrl-C reaches only the demo, and the child ends with it even if it is killed."""
    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    """One that was free a moment ago, for programs that cannot tell which port they took."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def relay_config(folder: Path, api_url: str, token: str, secret: str) -> dict[str, Any]:
    """Two sources, two routes, one target; written out as libconfig by the relay's harness."""
    inputs = [{"name": "model", "value": "{label:model}", "pattern": "[a-z0-9-]{1,64}"}]
    route = {"match": ["action=retrain"], "key": ["model"], "cooldown": "6h", "target": "retrain", "inputs": inputs}
    bearer = write_secret(folder, "alertmanager-token", BEARER)
    return {
        **base_config(folder, api_url, token),
        "sources": [hmac_source(folder, secrets=(secret,)),
                    {"name": "alertmanager", "format": "alertmanager",
                     "auth": {"scheme": "bearer", "token_files": [bearer]}}],
        "routes": [{"name": "grafana", "source": "grafana", **route},
                   {"name": "prometheus", "source": "alertmanager", **route}],
    }


def example(name: str, *changes: tuple[str, str]) -> str:
    """One of the files in prometheus/ with some of its lines changed; each must be there."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"prometheus/{name} has no {old!r} any more"
        text = text.replace(old, new)
    return text


class Program:
    """Prometheus or Alertmanager with a config of its own in a folder of its own."""

    def __init__(self, name: str, folder: Path, config: str, *options: str) -> None:
        self.name, self.folder, self.port = name, folder / name, 0
        self._options = options
        self.folder.mkdir()
        (self.folder / f"{name}.yml").write_text(config, encoding="utf-8")
        self.process: Process = self._start(1)

    def _start(self, number: int) -> Process:
        self.port = free_port()
        argv = [str(PROGRAMS / self.name), f"--config.file={self.folder / self.name}.yml",
                f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn", *self._options]
        env = {k: os.environ[k] for k in ("PATH", "HOME", "TMPDIR") if k in os.environ}
        return Process(argv, self.folder / f"{number}.log", env, self.folder, child_of_demo)

    def ready(self) -> bool:
        """Its own word for it. Starts it anew when somebody else took its port."""
        if not self.process.alive():
            taken = "address already in use" in self.process.text()
            assert taken and self.process.log.name == "1.log", f"{self.name} ended:\n{self.process.text()}"
            self.process = self._start(2)
        try:
            return http.once(self.port, "GET", "/-/ready", timeout=5).status == 200
        except (OSError, AssertionError):
            return False

    @property
    def url(self) -> str:
        """Its pages."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that does not help."""
        self.process.signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except AssertionError:
            self.process.kill9()


def alertmanager(folder: Path, relay_port: int) -> Program:
    """prometheus/alertmanager.yml with the demo's address and token, and seconds for minutes."""
    config = example("alertmanager.yml", ("127.0.0.1:9099", f"127.0.0.1:{relay_port}"),
                     ("/etc/drift-relay/alertmanager-token", str(folder / "alertmanager-token")),
                     ("group_wait: 30s", "group_wait: 1s"), ("group_interval: 5m", "group_interval: 1s"))
    return Program("alertmanager", folder, config, f"--storage.path={folder}/alertmanager/data",
                   "--cluster.listen-address=")


def prometheus(folder: Path, model_port: int, relay_admin_port: int, alertmanager_port: int) -> Program:
    """prometheus/prometheus.yml and its rules, with the demo's addresses and seconds for minutes."""
    config = example("prometheus.yml", ("15s", "1s"), ("model:8080", f"127.0.0.1:{model_port}"),
                     ("relay:9098", f"127.0.0.1:{relay_admin_port}"), ("- drift", "- ../drift"),
                     ("- fleet-", f"- {EXAMPLES}/fleet-"), ("- relay-", f"- {EXAMPLES}/relay-"),
                     ("[alertmanagers.yml]", "[../alertmanagers.yml]"))
    (folder / "drift-rules.yml").write_text(example("drift-rules.yml", ("for: 5m", "for: 1s")), encoding="utf-8")
    (folder / "alertmanagers.yml").write_text(f"- targets: ['127.0.0.1:{alertmanager_port}']\n", encoding="utf-8")
    return Program("prometheus", folder, config, f"--storage.tsdb.path={folder}/prometheus/data")
