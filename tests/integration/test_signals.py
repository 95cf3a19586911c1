"""Signals and systemd: drain, stop now, reload, sd_notify."""
from __future__ import annotations

import json
import signal
import socket
import time
from typing import Any, Callable

import pytest

from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.http import request_bytes
from tests.support.relay import Relay, signed_headers
from tests.support.relay_config import hmac_source
from tests.support.wait import stays, until


def begin_and_leave(relay: Relay) -> None:
    """Most of a notification, then the end of the connection."""
    body = grafana_body()
    with relay.connect() as connection:
        connection.send(request_bytes("POST", "/hooks/grafana", signed_headers(body), body)[:-5])


def turned_away(relay: Relay) -> bool:
    """True when a new client hears that it should come again, or finds the port closed."""
    try:
        answer = relay.post(grafana_body(alert("late", labels={"action": "none"})))
        assert answer.status in (202, 503), answer
        return answer.status == 503 and int(answer.headers["retry-after"]) >= 1
    except (ConnectionRefusedError, ConnectionResetError):
        return True


def begin(relay: Relay, body: bytes) -> Any:
    """A connection on which half of a notification was sent."""
    whole = request_bytes("POST", "/hooks/grafana", signed_headers(body), body)
    connection = relay.connect(timeout=20)
    connection.send(whole[:-len(body) // 2])
    time.sleep(0.3)  # so that the relay has begun to read it; too short only makes the test weaker
    return connection, whole[-len(body) // 2:]


def test_term_delivers_the_answer_in_progress_and_refuses_new_ones(relay: Relay) -> None:
    process = relay.process
    assert process is not None
    connection, rest = begin(relay, grafana_body())
    process.signal(signal.SIGTERM)
    until(lambda: turned_away(relay), 10, "new clients to be turned away")
    assert process.alive(), "it must not end before the request in progress is answered"
    connection.send(rest)
    answer = connection.answer()
    connection.socket.close()
    assert answer is not None and answer.status in (202, 503), answer
    if answer.status == 503:
        assert int(answer.headers["retry-after"]) >= 1
    assert process.wait(20) == 0
    relay.start()
    if answer.status == 202:
        stored = relay.api("notifications/" + answer.json()["notification"])
        assert stored["alerts"] == answer.json()["alerts"]


def test_term_keeps_what_was_accepted(relay: Relay, standin: StandIn) -> None:
    said = [relay.post(grafana_body(alert(f"m{n}"))).json() for n in range(3)]
    relay.restart()
    for one in said:
        assert relay.api("notifications/" + one["notification"])["alerts"] == one["alerts"]
        relay.wait_request(one["alerts"][0]["relay_id"], "done")
    assert len(standin.runs()) == 3
    standin.assert_clean()


def test_term_records_the_post_under_way(relay: Relay, standin: StandIn) -> None:
    standin.script("dispatch", "slow_read", seconds=2)
    relay_id = relay.post(grafana_body()).json()["alerts"][0]["relay_id"]
    standin.wait_posts(1)
    assert relay.term(timeout=40) == 0
    relay.start()
    request = relay.wait_request(relay_id, "done", timeout=60)
    assert [a["outcome"] for a in request["attempts"]] == ["accepted"]
    standin.assert_clean()


def test_a_second_term_stops_now(relay: Relay) -> None:
    process = relay.process
    assert process is not None
    connection, _ = begin(relay, grafana_body())
    process.signal(signal.SIGTERM)
    until(lambda: turned_away(relay), 10, "draining")
    begun = time.monotonic()
    process.signal(signal.SIGTERM)
    process.wait(8)
    assert time.monotonic() - begun < 5
    connection.socket.close()
    relay.start()
    assert relay.post(grafana_body()).status == 202


def test_int_drains_too(relay: Relay) -> None:
    assert relay.process is not None
    relay.process.signal(signal.SIGINT)
    assert relay.process.wait(20) == 0


def reload_time(relay: Relay) -> float:
    return relay.metrics().sum("drift_relay_config_last_reload_success_timestamp_seconds")


def test_hup_takes_a_good_file(relay: Relay) -> None:
    assert relay.process is not None and isinstance(relay.config, dict)
    body = grafana_body()
    assert relay.post(body, "/hooks/second").status == 404
    second = hmac_source(relay.folder, "second", ("the second source's own secret",))
    relay.write_config({**relay.config, "sources": [*relay.config["sources"], second]})
    relay.process.signal(signal.SIGHUP)
    until(lambda: relay.post(body, "/hooks/second", secret="the second source's own secret").status == 202, 10,
          "the second source")
    assert relay.post(body, "/hooks/grafana").status == 202
    assert relay.process.alive()


def test_hup_refuses_a_bad_file_and_says_where(relay: Relay) -> None:
    assert relay.process is not None and isinstance(relay.config, dict)
    before = reload_time(relay)
    text = relay.config_file.read_text()
    relay.write_config(text.replace('cooldown = "6h"', 'cooldown = "6 hours"') + "surprise = 1;\n")
    relay.process.signal(signal.SIGHUP)
    until(lambda: "cooldown" in relay.log_text() and "surprise" in relay.log_text(), 10, "both faults in the log")
    assert f"{relay.config_file}:" in relay.log_text()
    assert reload_time(relay) == before
    until(lambda: relay.metrics().sum("drift_relay_config_last_reload_successful") == 0, 30, "the gauge to say so")
    relay.write_config(text)
    relay.process.signal(signal.SIGHUP)
    until(lambda: relay.metrics().sum("drift_relay_config_last_reload_successful") == 1, 30, "the good file's reload")
    assert relay.post(grafana_body()).status == 202
    assert relay.admin("/readyz").status == 200


def test_hup_rotates_a_secret(relay: Relay) -> None:
    assert relay.process is not None
    (relay.folder / "grafana-secret-0").write_text("a new secret, quite another\n")
    relay.process.signal(signal.SIGHUP)
    until(lambda: relay.post(grafana_body(), secret="a new secret, quite another").status == 202, 10, "the new secret")
    assert relay.post(grafana_body()).status == 401


def test_hup_with_a_secret_file_gone_keeps_the_old_config(relay: Relay) -> None:
    assert relay.process is not None
    (relay.folder / "grafana-secret-0").unlink()
    relay.process.signal(signal.SIGHUP)
    until(lambda: "grafana-secret-0" in relay.log_text(), 10, "the fault in the log")
    assert relay.post(grafana_body()).status == 202


def test_a_reload_never_answers_503(relay: Relay) -> None:
    assert relay.process is not None
    for n in range(30):
        relay.process.signal(signal.SIGHUP)
        assert relay.post(grafana_body(alert(f"m{n}"))).status == 202


def retarget(relay: Relay, name: str) -> None:
    """Names the one target anew and waits until a reload has taken it."""
    assert relay.process is not None and isinstance(relay.config, dict)
    (target,), (route,) = relay.config["targets"], relay.config["routes"]
    reloads = relay.log_text().count("event=reloaded ")
    relay.write_config({**relay.config, "targets": [{**target, "name": name}], "routes": [{**route, "target": name}]})
    relay.process.signal(signal.SIGHUP)
    until(lambda: relay.log_text().count("event=reloaded ") > reloads, 10, "the reload")


def test_a_run_whose_target_left_the_config_is_followed_again_when_it_comes_back(relay: Relay,
                                                                                  standin: StandIn) -> None:
    standin.set(in_progress_s=None)
    relay_id = relay.post(grafana_body()).json()["alerts"][0]["relay_id"]
    run_id = relay.wait_request(relay_id, "accepted")["run"]["id"]
    retarget(relay, "other")
    standin.server.control.finish({"run_id": run_id})
    # Its first poll is due after five seconds.
    stays(lambda: standin.judge()["requests"] == {"dispatch": 1}, 6, "nobody asks about the run")
    left = relay.request(relay_id)
    assert (left["state"], left["target"], left["run"]["conclusion"]) == ("accepted", "retrain", None)
    retarget(relay, "retrain")
    request = relay.wait_request(relay_id, "done", timeout=20)
    assert (request["reason"], request["run"]["id"], request["run"]["status"]) == ("success", run_id, "completed")
    assert standin.judge()["posts_total"] == 1
    standin.assert_clean()


@pytest.fixture
def notify(tmp_path_factory: Any) -> Any:
    """A socket that listens as systemd does."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind("\0drift-relay-test-" + str(time.monotonic_ns()))
    listener.settimeout(20)
    yield listener
    listener.close()


def test_tells_systemd_when_it_is_ready_reloading_and_stopping(make_relay: Callable[..., Relay], notify: Any) -> None:
    heard: list[str] = []

    def hear(word: str) -> bool:
        while not any(word in text.splitlines() for text in heard):
            heard.append(notify.recv(4096).decode())
        return True

    relay = make_relay()
    relay.env["NOTIFY_SOCKET"] = "@" + notify.getsockname()[1:].decode()
    relay.env["WATCHDOG_USEC"] = "1000000"
    relay.start()
    assert relay.process is not None
    assert hear("READY=1")
    assert relay.admin("/readyz").status == 200, "READY=1 means ready"
    assert hear("WATCHDOG=1")
    heard.clear()
    relay.process.signal(signal.SIGHUP)
    assert hear("RELOADING=1") and hear("READY=1")
    heard.clear()
    relay.process.signal(signal.SIGTERM)
    assert hear("STOPPING=1")
    assert relay.process.wait(20) == 0


def test_survives_peers_that_go_away(relay: Relay) -> None:
    for _ in range(20):
        begin_and_leave(relay)
    stays(lambda: relay.process is not None and relay.process.alive(), 0.5, "alive")
    assert relay.post(grafana_body()).status == 202
    assert json.loads(relay.admin("/api/v1/status").body)["ready"] is True


def test_peers_that_went_away_do_not_hold_up_the_drain(relay: Relay) -> None:
    for _ in range(5):
        begin_and_leave(relay)
    time.sleep(0.5)
    begun = time.monotonic()
    assert relay.term() == 0
    assert time.monotonic() - begun < 5
