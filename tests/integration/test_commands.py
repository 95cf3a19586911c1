"""What operators may change, and from where: the socket, the command line, and nobody over TCP."""
from __future__ import annotations

import json
import os
import subprocess
from typing import Any, Callable

import pytest

from tests.integration.test_main_path import decided
from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.wait import stays

CURL = ["curl", "-s", "-o", "-", "-w", "\n%{http_code}", "-X", "POST", "--max-time", "20"]
nobody = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


def over_socket(relay: Relay, path: str) -> tuple[int, Any]:
    done = subprocess.run([*CURL, "--unix-socket", str(relay.folder / "admin.sock"), f"http://localhost{path}"],
                          stdout=subprocess.PIPE, text=True, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def cli(relay: Relay, *arguments: str) -> tuple[int, str]:
    done = relay.cli(*arguments, "--admin", str(relay.folder / "admin.sock"))
    return done.returncode, done.stdout + done.stderr


def fresh(**labels: str) -> bytes:
    """A firing alert whose bytes were not sent before."""
    fresh.n = getattr(fresh, "n", 0) + 1  # type: ignore[attr-defined]
    return grafana_body(alert(labels=labels, annotations={"n": str(fresh.n)}))  # type: ignore[attr-defined]


def test_a_pause_from_the_command_line_blocks_until_it_is_resumed(relay: Relay, standin: StandIn) -> None:
    assert cli(relay, "pause", "kospi") == (0, "kospi: paused\n")
    assert decided(relay.post(fresh())) == ["suppressed/paused"]
    relay.restart()
    assert decided(relay.post(fresh())) == ["suppressed/paused"]
    assert cli(relay, "resume", "kospi") == (0, "kospi: resumed\n")
    assert relay.api("status")["paused"] == []
    assert cli(relay, "pause", "target:retrain") == (0, "target:retrain: paused\n")
    assert decided(relay.post(fresh())) == ["suppressed/paused"]
    paused = relay.api("status")["paused"]
    assert [(p["scope"], p["name"], p["until"]) for p in paused] == [("target", "retrain", None)]
    assert "  paused: target retrain since 20" in cli(relay, "status")[1]
    assert cli(relay, "resume", "target:retrain")[0] == 0
    stays(lambda: standin.runs() == [], 1, "no run so far")
    assert decided(relay.post(fresh())) == ["dispatch/first"]
    code, said = cli(relay, "pause", "nowhere")
    assert code == 1 and "404: no such route" in said


def test_redeliver_and_rearm(relay: Relay, standin: StandIn) -> None:
    first = relay.post(fresh()).json()["alerts"][0]["relay_id"]
    relay.wait_request(first, "done")
    code, said = cli(relay, "redeliver", first, "--json")
    again = json.loads(said)
    assert code == 0 and again["replaces"] == first and again["relay_id"] != first
    assert relay.wait_request(again["relay_id"], "done")["cause"] == "redeliver"
    assert len(standin.runs()) == 2
    assert decided(relay.post(fresh(feature="ma20"))) == ["suppressed/not_rearmed"]
    assert cli(relay, "rearm", "kospi/kospi") == (0, "kospi/kospi: armed\n")
    assert decided(relay.post(fresh(feature="ma20"))) == ["dispatch/first"]
    relay.wait_request(relay.api("requests")["items"][0]["relay_id"], "done")
    assert len(standin.runs()) == 3
    code, said = cli(relay, "cancel", first)
    assert code == 1 and "409: it has ended" in said
    code, said = cli(relay, "redeliver", "01KAV9FWXRSXC0DW5Y8QKYP866")
    assert code == 1 and "404: no such request" in said


def test_tcp_only_shows(relay: Relay) -> None:
    for path in ("/api/v1/routes/kospi/pause", "/api/v1/keys/kospi%2Fkospi/rearm"):
        answer = relay.admin(path, method="POST")
        assert answer.status == 403 and "admin.socket" in answer.json()["detail"]
    assert relay.admin("/api/v1/routes/kospi", method="POST").status == 405
    assert decided(relay.post(fresh())) == ["dispatch/first"]


@nobody
def test_another_user_may_look_but_not_change(relay: Relay) -> None:
    socket = relay.folder / "admin.sock"
    relay.folder.chmod(0o755)
    socket.chmod(0o666)
    command = [*CURL, "--unix-socket", str(socket), "http://localhost/api/v1/routes/kospi/pause"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, user=65534, group=65534)
    assert done.stdout.endswith("\n403")
    assert decided(relay.post(fresh())) == ["dispatch/first"]


@pytest.mark.parametrize("path, status", [
    ("/api/v1/routes/kospi/pause", 200), ("/api/v1/routes//pause", 405), ("/api/v1/routes/kospi/stop", 405),
    ("/api/v1/keys/kospi%2Fnothing/rearm", 404), ("/api/v1/requests/x/cancel", 404), ("/pause", 405)])
def test_paths(relay: Relay, path: str, status: int) -> None:
    assert over_socket(relay, path)[0] == status


def test_each_change_is_logged_with_who(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay().start()
    over_socket(relay, "/api/v1/routes/kospi/pause")
    assert f"event=command path=routes/kospi/pause who=\"uid {os.geteuid()}\"" in relay.log_text()
