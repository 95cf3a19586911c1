"""Everything a stranger can send, over a raw socket: status, body and metric of each, and memory stays flat."""
from __future__ import annotations

import json
import time
from typing import Any, Callable, Iterator

import pytest

from tests.support.bad_input_cases import ACCEPTED, CASES, GOOD, LENGTH, PATH, Case, padded, signed, with_headers
from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.http import Answer, request_bytes
from tests.support.relay import SANITIZED, Relay, sign, signed_headers
from tests.support.relay_config import SIGNATURE_HEADER, TIMESTAMP_HEADER, base_config
from tests.support.wait import until
from tests.support.wall_clock import WallClock

@pytest.fixture(scope="module")
def shared() -> Iterator[Relay]:
    """One relay for the whole table: a bad request must not harm the next."""
    with StandIn() as github:
        relay = Relay()
        try:
            relay.write_config(base_config(relay.folder, github.url, TOKEN))
            yield relay.start()
        finally:
            print(relay.log_tail())
            relay.close()


def rejected(relay: Relay) -> float:
    return relay.metrics().sum("drift_relay_notifications_total", result="rejected")


def auth_failures(relay: Relay, reasons: str) -> float:
    metrics = relay.metrics()
    return sum(metrics.sum("drift_relay_auth_failures_total", source="grafana", reason=r) for r in reasons.split("|"))


def only_answer(relay: Relay, data: bytes) -> Answer:
    """Exactly one answer, then the end of the connection."""
    answers = relay.raw(data)
    assert len(answers) == 1, answers
    return answers[0]


def assert_problem(case: Case, answer: Answer) -> None:
    """RFC 9457, with the status in it too."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == case.status and problem["type"] == "about:blank" and problem["title"]
    assert case.words.lower() in problem.get("detail", "").lower(), problem
    if case.status == 400:
        assert problem["detail"], "a 400 says why"


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_refuses(shared: Relay, case: Case) -> None:
    before, failures = rejected(shared), auth_failures(shared, case.auth)
    alerts = len(shared.api("notifications")["items"])
    if not case.ours:
        # libmicrohttpd's own refusals; it repeats the header of some, so only its first line is looked at.
        said = shared.raw_bytes(case.make())
        assert said.startswith(b"HTTP/1.1 %d " % case.status), said[:200]
        assert len(shared.api("notifications")["items"]) == alerts and shared.admin("/healthz").status == 200
        return
    answer = only_answer(shared, case.make())
    assert answer.status == case.status, answer
    assert_problem(case, answer)
    assert rejected(shared) - before == 1
    for name, value in case.headers.items():
        assert answer.headers.get(name) == value
    if case.auth:
        assert answer.headers["www-authenticate"]
        assert auth_failures(shared, case.auth) - failures == 1
    assert len(shared.api("notifications")["items"]) == alerts
    assert shared.process is not None and shared.process.alive()


@pytest.mark.parametrize("case", ACCEPTED, ids=[c.name for c in ACCEPTED])
def test_accepts(shared: Relay, case: Case) -> None:
    accepted = shared.metrics().sum("drift_relay_notifications_total", result="accepted")
    duplicates = shared.metrics().sum("drift_relay_notifications_total", result="duplicate")
    answer = only_answer(shared, case.make())
    assert answer.status == case.status, answer
    now_accepted = shared.metrics().sum("drift_relay_notifications_total", result="accepted")
    now_duplicates = shared.metrics().sum("drift_relay_notifications_total", result="duplicate")
    assert now_accepted + now_duplicates == accepted + duplicates + 1


def test_every_401_has_the_same_body(shared: Relay) -> None:
    bodies = {only_answer(shared, c.make()).body for c in CASES if c.status == 401}
    assert len(bodies) == 1


def test_an_unsigned_large_body_is_refused_before_it_is_read(shared: Relay) -> None:
    head = request_bytes("POST", PATH, {"Content-Length": str(900_000)})
    answer = only_answer(shared, head)
    assert answer.status == 401


def test_bare_line_feeds_are_one_request_never_two(shared: Relay) -> None:
    before = rejected(shared) + shared.metrics().sum("drift_relay_notifications_total", result="accepted")
    smuggled = request_bytes("POST", PATH, signed_headers(b"{}"), b"{}")
    headers = {**signed_headers(smuggled), "Content-Length": str(len(smuggled)), "Connection": "close"}
    head = f"POST {PATH} HTTP/1.1\nHost: x\n" + "".join(f"{k}: {v}\n" for k, v in headers.items()) + "\n"
    answers = shared.raw(head.encode() + smuggled)
    assert [a.status for a in answers] == [400]
    assert rejected(shared) + shared.metrics().sum("drift_relay_notifications_total", result="accepted") == before + 1


def test_what_follows_a_refused_framing_is_never_read_as_a_request(shared: Relay) -> None:
    second = signed(grafana_body(alert("smuggled")))
    framings = (with_headers(("Content-Length ", LENGTH)),
                with_headers(("Content-Length", "0"), ("Content-Length", LENGTH)),
                with_headers(("Content-Length", "5"), ("Transfer-Encoding", "chunked"), body=b"0\r\n\r\n"))
    for make in framings:
        answers = shared.raw(make().replace(b"Connection: close\r\n", b"") + second)
        assert [a.status for a in answers] == [400], answers
    assert "smuggled" not in json.dumps(shared.api("keys"))


def test_a_replay_is_a_duplicate_also_after_a_restart_and_a_step_of_the_clock(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay()
    clock = WallClock(relay.folder)
    relay.env = clock.env
    relay.start()
    headers = signed_headers(GOOD)
    first = relay.post(GOOD, headers=headers)
    assert first.status == 202
    expected = {**first.json(), "duplicate": True}
    for step in ("at once", "after a restart", "after kill -9"):
        assert relay.post(GOOD, headers=headers).json() == expected, step
        if step == "at once":
            relay.restart()
        else:
            relay.kill9()
            relay.start()
    clock.step(-200)
    assert relay.post(GOOD, headers=headers).json() == expected
    clock.step(+3600)
    assert relay.post(GOOD, headers=headers).status == 401
    # An hour later the MAC may be forgotten; the clock then steps back into the window: still no second life.
    late = relay.post(GOOD, ts=int(time.time()) + 3600)
    assert late.status == 202 and late.json()["duplicate"] is False
    clock.step(0)
    again = relay.post(GOOD, headers=headers)
    assert again.status == 401 or again.json() == expected


@pytest.fixture
def hasty(make_relay: Callable[..., Relay]) -> Relay:
    """A relay with short deadlines."""
    return make_relay({"limits": {"header_time": "1s", "body_time": "2s"}}).start()


def trickle(relay: Relay, start: bytes, drop: bytes) -> tuple[float, bytes]:
    """Sends `start`, then a byte now and then; how long the relay bore it and what it said."""
    begun = time.monotonic()
    with relay.connect(timeout=30) as connection:
        connection.send(start)
        connection.socket.settimeout(0.2)
        said = b""
        while time.monotonic() - begun < 25:
            if not connection.send(drop):
                break
            try:
                more = connection.socket.recv(4096)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not more:
                break
            said += more
        return time.monotonic() - begun, said


def test_a_slow_header_is_cut(hasty: Relay) -> None:
    took, said = trickle(hasty, f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode(), b"y")
    assert 0.8 <= took < 10 and not said.startswith(b"HTTP/1.1 2")
    assert hasty.post(grafana_body()).status == 202


def test_a_slow_body_is_cut(hasty: Relay) -> None:
    body = padded(5000)
    whole = signed(body)
    took, said = trickle(hasty, whole[:-len(body)], b"{")
    assert 1.5 <= took < 15 and not said.startswith(b"HTTP/1.1 2")
    assert hasty.api("notifications")["items"] == []
    assert hasty.post(grafana_body()).status == 202


def test_silence_is_cut(hasty: Relay) -> None:
    with hasty.connect(timeout=15) as connection:
        assert connection.answer() is None


def test_a_flood_of_connections_leaves_health_and_ends(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"limits": {"per_address": 8, "connections": 64}}).start()
    idle = [relay.connect() for _ in range(40)]
    try:
        assert relay.admin("/healthz").status == 200
    finally:
        for connection in idle:
            connection.socket.close()

    def served() -> bool:
        try:
            return relay.post(grafana_body(), timeout=2).status == 202
        except (ConnectionError, TimeoutError):
            return False
    until(served, 20, "service after the flood")


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's quarantine grows by design")
def test_memory_stays_flat(shared: Relay) -> None:
    def round_() -> None:
        for case in CASES:
            shared.raw_bytes(case.make())

    for _ in range(3):
        round_()
    before = shared.rss_kib()
    for _ in range(10):
        round_()
    grown = shared.rss_kib() - before
    assert grown < 8 * 1024, f"grew by {grown} KiB over {10 * len(CASES)} bad requests"


def test_a_body_signed_alone_where_the_source_wants_a_time_says_how_to_set_it(shared: Relay) -> None:
    headers = {SIGNATURE_HEADER: sign(GOOD, None)}
    answer: Any = shared.post(GOOD, headers=headers)
    assert answer.status == 401
    assert TIMESTAMP_HEADER in shared.log_text()
