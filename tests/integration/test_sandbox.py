"""The sandbox: what it refuses, what goes on inside, and which layers are in force. Where the kernel lacks a layer
the tests say so and ask for the rest. Every other integration test runs inside the default sandbox."""
from __future__ import annotations

import ctypes
import platform
import shutil
from typing import Callable

import pytest

from tests.support.grafana_bodies import grafana_body
from tests.support.relay import SANITIZED, Relay
from tests.support.relay_config import write_secret
from tests.support.wait import until

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer's runtime does what the sandbox refuses")
_CREATE_RULESET, _VERSION = 444, 1


def _landlock() -> int:
    """Its ABI version, 0 without it; the number of the call is the same on every architecture."""
    return max(0, ctypes.CDLL(None).syscall(_CREATE_RULESET, None, 0, _VERSION))


def test_what_is_refused_and_what_is_not(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"sandbox": "require" if _landlock() else "best-effort"})
    run = relay.cli("sandbox-selftest", "--config", str(relay.config_file))
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    tried = {line[9:].split(":")[0]: line[:9].strip() for line in lines}
    skipped = {what for what, word in tried.items() if word == "skipped"}
    print(run.stdout, f"Landlock {_landlock()} on Linux {platform.release()}")
    assert len(tried) == 19
    assert not skipped if _landlock() >= 4 else skipped >= {"connect to port 1", "listen on port 2"}
    assert tried["run /bin/true"] == tried["make a process"] == tried["be traced"] == "ok"
    assert not (relay.folder / "state" / "relay.db").exists()


def test_the_layers_are_said_and_exported(make_relay: Callable[..., Relay]) -> None:
    for mode, files, network, syscalls in (("require" if _landlock() else "best-effort", _landlock() > 0,
                                            _landlock() >= 4, True),
                                           ("best-effort", _landlock() > 0, False, True),
                                           ("off", False, False, False)):
        relay = make_relay({"sandbox": mode}).start()
        metrics = relay.metrics()
        for layer, there in (("files", files), ("network", network), ("syscalls", syscalls)):
            assert metrics.sum("drift_relay_sandbox", layer=layer) == there, (mode, layer)
            assert f" {layer}={str(there).lower()}" in relay.log_text()
        status = open(f"/proc/{relay.process.pid}/status").read()  # type: ignore[union-attr]
        assert f"Seccomp:\t{2 if syscalls else 0}\n" in status
        assert f"NoNewPrivs:\t{int(syscalls)}\n" in status


def test_replaced_files_and_a_reload_go_on_inside(make_relay: Callable[..., Relay]) -> None:
    """A run from end to end, a secret that rotates, a new token file beside the old; a folder outside is refused."""
    relay = make_relay({"sandbox": "require" if _landlock() else "best-effort"}).start()
    (first,) = relay.post(grafana_body()).json()["alerts"]
    relay.wait_request(first["relay_id"], "done")
    new = relay.folder / "grafana-secret-0.new"
    shutil.copy(write_secret(relay.folder, "rotated", "a-rotated-secret-of-the-contact-point"), new)
    new.chmod(0o600)
    new.replace(relay.folder / "grafana-secret-0")
    until(lambda: relay.post(grafana_body(), secret="a-rotated-secret-of-the-contact-point").status == 202, 30,
          "the rotated secret")
    if not _landlock():
        return
    assert isinstance(relay.config, dict)
    relay.config["targets"][0]["token_file"] = "/usr/share/doc/token"
    relay.write_config(relay.config)
    until(lambda: "event=reload_failed" in relay.log_text() or "event=outside_sandbox" in relay.log_text(), 30,
          "the reload")
    assert relay.post(grafana_body(), secret="a-rotated-secret-of-the-contact-point").status == 202
