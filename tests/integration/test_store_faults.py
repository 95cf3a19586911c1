"""The store is in use, full, read-only or damaged: refused with 503, never dropped, and back when it can."""
from __future__ import annotations

import resource
import signal
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.wait import until


def test_a_second_relay_on_the_same_store_refuses_to_start(relay: Relay, make_relay: Callable[..., Relay]) -> None:
    second = make_relay({"store": {"path": str(relay.folder / "state" / "relay.db")}})
    process = second.spawn()
    assert process.wait(20) == 1
    assert "relay.db" in process.text() and "event=listening" not in process.text()
    assert relay.post(grafana_body()).status == 202


def test_a_damaged_store_is_refused_and_left_alone(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay()
    path = relay.folder / "state" / "relay.db"
    path.write_bytes(b"this is no database, but somebody's file" * 100)
    before = path.read_bytes()
    assert relay.spawn().wait(20) == 1
    assert path.read_bytes() == before and "relay.db" in relay.log_text()


def test_a_store_of_a_newer_version_is_refused(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay().start()
    assert relay.term() == 0
    path = relay.folder / "state" / "relay.db"
    with sqlite3.connect(path) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.execute(f"PRAGMA user_version = {version + 1}")
    db.close()
    assert version >= 1
    assert relay.spawn().wait(20) == 1
    assert "version" in relay.log_text()


def fill(relay: Relay, limit: int) -> tuple[list[dict[str, Any]], Any]:
    """Posts until the store refuses; what was acknowledged and the refusal."""
    stored = []
    for n in range(limit):
        body = grafana_body(alert(f"m{n}", annotations={"pad": "x" * 60_000}))
        answer = relay.post(body)
        if answer.status != 202:
            return stored, answer
        stored.append(answer.json())
    raise AssertionError(f"{limit} notifications fitted in: the store is not full")


def assert_refused_then_recovers(relay: Relay, free: Callable[[], None]) -> None:
    """503 with Retry-After while full; everything acknowledged is there; 202 again once there is room."""
    stored, refusal = fill(relay, 500)
    assert refusal.status == 503 and int(refusal.headers["retry-after"]) >= 1
    assert refusal.headers["content-type"] == "application/problem+json"
    assert relay.metrics().sum("drift_relay_store_errors_total") >= 1
    assert relay.metrics().sum("drift_relay_notifications_total", result="unavailable") >= 1
    assert relay.process is not None and relay.process.alive()
    free()
    until(lambda: relay.post(grafana_body(alert("after"))).status == 202, 30, "service after there is room")
    for one in stored:
        assert relay.api("notifications/" + one["notification"])["alerts"] == one["alerts"]
    relay.restart()
    for one in stored:
        assert relay.api("notifications/" + one["notification"])["alerts"] == one["alerts"]
    assert relay.term() == 0
    with sqlite3.connect(relay.folder / "state" / "relay.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 16 MiB with a ballast file of 8 MiB on it: more than the journal (some 4 MiB), which has
    to fit into the store before it can go on. A test asks for this before make_relay, so that the relay is
    gone when it is unmounted."""
    place = Path(tempfile.mkdtemp(prefix="dr-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "drift-relay-test", str(place)],
                             capture_output=True, check=False)
    try:
        if mounted.returncode != 0:
            pytest.skip("cannot mount a tmpfs here: the test with RLIMIT_FSIZE covers the same answers")
        (place / "ballast").write_bytes(b"\0" * 8 * 1024 * 1024)
        yield place
    finally:
        # Lazy: whatever may still hold a file in it, the mount does not stay behind.
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


def test_a_full_disk_is_a_503_until_there_is_room(small_disk: Path, make_relay: Callable[..., Relay]) -> None:
    relay = make_relay()
    state = relay.folder / "state"
    state.rmdir()
    state.symlink_to(small_disk)
    assert isinstance(relay.config, dict)
    relay.write_config({**relay.config, "store": {"path": str(small_disk / "relay.db")},
                        "stop_file": str(small_disk / "stop")})
    relay.start()
    assert_refused_then_recovers(relay, lambda: (small_disk / "ballast").unlink())
    relay.close()


def limit_files() -> None:
    """In the child before exec: no file may grow past 2 MiB; the signal of it is ignored."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 1024 * 1024, resource.RLIM_INFINITY))


def test_a_file_that_may_not_grow_is_a_503_until_it_may(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay(before_exec=limit_files).start()
    assert relay.process is not None
    pid = relay.process.pid

    def free() -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        relay.before_exec = None

    assert_refused_then_recovers(relay, free)


def test_dispatch_state_survives_a_store_that_failed_meanwhile(make_relay: Callable[..., Relay],
                                                               standin: StandIn) -> None:
    """The forge's answer arrives while nothing can be written: it is kept and recorded later."""
    relay = make_relay(before_exec=limit_files).start()
    assert relay.process is not None
    standin.script("dispatch", "slow_read", seconds=3)
    relay_id = relay.post(grafana_body(alert("first"))).json()["alerts"][0]["relay_id"]
    standin.wait_posts(1)
    fill(relay, 500)
    standin.wait_run(relay_id)
    resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    request = relay.wait_request(relay_id, "done", "parked", timeout=90)
    assert request["state"] == "done", request
    assert len(standin.api.judge.posts(relay_id)) == 1
    standin.assert_clean()


def test_a_missing_folder_is_refused_at_start(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"store": {"path": "/nonexistent/drift-relay/relay.db"}})
    assert relay.spawn().wait(20) == 1
    assert "/nonexistent/drift-relay" in relay.log_text() and "event=listening" not in relay.log_text()
