"""Everything a stranger can send, over a raw socket: status, body and metric of each, and memory stays flat."""
from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Iterator, Optional

import pytest

from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.http import Answer, chunked, request_bytes
from tests.support.relay import SANITIZED, Relay, sign, signed_headers
from tests.support.relay_config import SIGNATURE_HEADER, TIMESTAMP_HEADER, base_config
from tests.support.wait import until
from tests.support.wall_clock import WallClock

PATH = "/hooks/grafana"
MIB = 1024 * 1024
GOOD = grafana_body(alert("bad-input"))


@dataclass
class Case:
    """One request: how its bytes are made, and what must come of it."""

    name: str
    make: Callable[[], bytes]
    status: Optional[int]              # None: cut without an answer
    words: str = ""                    # in the problem's detail
    auth: str = ""                     # reason of auth_failures_total, when it is one
    counted: bool = True               # notifications_total{result="rejected"} grows by one
    ours: bool = True                  # problem+json (what the library refuses has a body of its own)
    headers: dict[str, str] = field(default_factory=dict)  # that the answer must have


def signed(body: bytes, path: str = PATH, method: str = "POST", drop: str = "", **change: str) -> bytes:
    """A signed request; `change` replaces a header (underscores for dashes), `drop` leaves one out."""
    headers = {k: v for k, v in signed_headers(body).items() if k != drop}
    headers.update({k.replace("_", "-"): v for k, v in change.items()})
    return request_bytes(method, path, headers, body)


def sig(make: Callable[[str], str]) -> Callable[[], bytes]:
    """A request whose signature was changed."""
    def build() -> bytes:
        headers = signed_headers(GOOD)
        headers[SIGNATURE_HEADER] = make(headers[SIGNATURE_HEADER])
        return request_bytes("POST", PATH, headers, GOOD)
    return build


def stamped(ts: Callable[[], str]) -> Callable[[], bytes]:
    """A request signed for another time."""
    return lambda: request_bytes("POST", PATH, signed_headers(GOOD, ts()), GOOD)


def text(body: bytes) -> Callable[[], bytes]:
    """A correctly signed request with any body."""
    return lambda: signed(body)


def with_headers(*pairs: tuple[str, str], body: bytes = GOOD) -> Callable[[], bytes]:
    """A signed request with these headers in place of Content-Length."""
    return lambda: request_bytes("POST", PATH, [*signed_headers(GOOD).items(), *pairs], body, length=False)


def altered(old: bytes, new: bytes) -> bytes:
    """The good body with one place changed."""
    assert GOOD.count(old) >= 1
    return GOOD.replace(old, new, 1)


def nested(levels: int) -> bytes:
    """A body with an unknown key nested so deep, counted from the outermost object."""
    return GOOD[:-1] + b',"x":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


def many_alerts(n: int) -> bytes:
    return grafana_body(*[alert("m", labels={"n": str(i)}, annotations={"a": "b"}, generatorURL="") for i in range(n)])


def padded(size: int) -> bytes:
    return GOOD[:-1] + b',"pad":"' + b"x" * (size - len(GOOD) - 9) + b'"}'


def now(offset: int) -> Callable[[], str]:
    return lambda: str(int(time.time()) + offset)


LENGTH = str(len(GOOD))
UNSIGNED = request_bytes("POST", PATH, {"Content-Type": "application/json"}, GOOD)

CASES = [
    # --- who sends it
    Case("no signature", lambda: signed(GOOD, drop=SIGNATURE_HEADER), 401, auth="missing"),
    Case("no headers of ours", lambda: UNSIGNED, 401, auth="missing"),
    Case("short signature", sig(lambda s: s[:-1]), 401, auth="malformed"),
    Case("long signature", sig(lambda s: s + "0"), 401, auth="malformed"),
    Case("empty signature", sig(lambda s: ""), 401, auth="malformed|missing"),
    Case("signature no hex", sig(lambda s: "g" * 64), 401, auth="malformed"),
    Case("signature with prefix", sig(lambda s: "sha256=" + s), 401, auth="malformed"),
    Case("wrong signature", sig(lambda s: ("1" if s[0] == "0" else "0") + s[1:]), 401, auth="mismatch"),
    Case("missing timestamp", lambda: signed(GOOD, drop=TIMESTAMP_HEADER), 401, auth="missing"),
    Case("timestamp no number", stamped(lambda: "today"), 401, auth="malformed"),
    Case("timestamp with sign", stamped(lambda: "+" + now(0)()), 401, auth="malformed"),
    Case("timestamp past 2^64", stamped(lambda: "18446744073709551616"), 401, auth="malformed"),
    Case("stale timestamp", stamped(now(-301 - 5)), 401, auth="stale"),
    Case("future timestamp", stamped(now(300 + 60)), 401, auth="stale"),
    Case("another's body", lambda: request_bytes("POST", PATH, signed_headers(b"{}"), GOOD), 401, auth="mismatch"),
    # --- what is in it
    Case("empty body", text(b""), 400),
    Case("truncated JSON", text(GOOD[:-2]), 400),
    Case("trailing bytes", text(GOOD + b" x"), 400),
    Case("two documents", text(GOOD + GOOD), 400),
    Case("not JSON", text(b"alert=1"), 400),
    Case("a list", text(b"[" + GOOD + b"]"), 400),
    Case("a bare string", text(b'"x"'), 400),
    Case("duplicate keys", text(altered(b'"status"', b'"status":"resolved","status"')), 400, "duplicate"),
    Case("duplicate keys inside", text(altered(b'"action"', b'"action":"x","action"')), 400, "duplicate"),
    Case("depth 17", text(nested(17)), 400, "dee"),
    Case("depth 10000", text(nested(10_000)), 400),
    Case("NaN", text(altered(b"0.93", b"NaN")), 400),
    Case("Infinity", text(altered(b"0.93", b"Infinity")), 400),
    Case("1e400", text(altered(b"0.93", b"1e400")), 400),
    Case("an integer past 2^63", text(altered(b'"orgId":1', b'"orgId":9223372036854775808')), 400),
    Case("invalid UTF-8", text(altered(b"bad-input", b"bad\xffinput")), 400),
    Case("overlong UTF-8", text(altered(b"bad-input", b"bad\xc0\xafinput")), 400),
    Case("lone surrogate", text(altered(b"bad-input", b"bad\\ud800input")), 400),
    Case("NUL byte", text(altered(b"bad-input", b"bad\x00input")), 400),
    Case("escaped NUL", text(altered(b"bad-input", b"bad\\u0000input")), 400),
    Case("byte order mark", text(b"\xef\xbb\xbf" + GOOD), 400),
    Case("alerts missing", text(grafana_body().replace(b'"alerts"', b'"alertz"')), 400, "alerts"),
    Case("alerts an object", text(b'{"alerts":{}}'), 400, "alerts"),
    Case("an alert null", text(b'{"alerts":[null]}'), 400, "alerts[0]"),
    Case("label a number", text(grafana_body(alert(labels={"n": 1}))), 400, "labels"),
    Case("status unknown", text(grafana_body(alert(status="pending"))), 400, "status"),
    Case("fingerprint missing", text(grafana_body(alert(fingerprint=None))), 400, "fingerprint"),
    Case("startsAt no time", text(grafana_body(alert(startsAt="yesterday"))), 400, "startsAt"),
    Case("65 labels", text(grafana_body(alert(labels={f"l{i}": "v" for i in range(61)}))), 400, "label"),
    Case("1001 alerts", text(many_alerts(1001)), 400, "1000"),
    # --- how large it is
    Case("1 MiB + 1 by Content-Length", lambda: signed(padded(MIB + 1)), 413),
    Case("1 MiB + 1 by chunks", lambda: request_bytes(
        "POST", PATH, {**signed_headers(padded(MIB + 1)), "Transfer-Encoding": "chunked"},
        chunked(padded(MIB + 1), 65536)), 413),
    Case("2^64 by Content-Length", with_headers(("Content-Length", "18446744073709551616")), 413, counted=False, ours=False),
    Case("10000 headers", lambda: request_bytes("POST", PATH, [(f"X-{i}", "y") for i in range(10_000)], GOOD), 431,
         counted=False, ours=False),
    Case("a header of 100 kB", with_headers(("X-Long", "y" * 100_000), ("Content-Length", LENGTH)), 431, counted=False,
         ours=False),
    # --- how it is framed
    Case("no length", lambda: request_bytes("POST", PATH, signed_headers(b""), b"", length=False), 411),
    Case("two Content-Length", with_headers(("Content-Length", LENGTH), ("Content-Length", LENGTH)), 400),
    Case("two different Content-Length", with_headers(("Content-Length", LENGTH), ("Content-Length", "0")), 400),
    Case("Content-Length and Transfer-Encoding", with_headers(
        ("Content-Length", LENGTH), ("Transfer-Encoding", "chunked"), body=chunked(GOOD)), 400),
    Case("Transfer-Encoding gzip", with_headers(("Transfer-Encoding", "gzip"), ("Content-Length", LENGTH)), 400),
    Case("Transfer-Encoding gzip, chunked", with_headers(("Transfer-Encoding", "gzip, chunked"), body=chunked(GOOD)), 400),
    Case("space before the colon", with_headers(("Content-Length ", LENGTH)), 400),
    Case("space inside a name", with_headers(("X Y", "1"), ("Content-Length", LENGTH)), 400),
    # --- where it goes
    Case("GET", lambda: request_bytes("GET", PATH), 405, headers={"allow": "POST, PUT"}),
    Case("DELETE", lambda: signed(GOOD, method="DELETE"), 405, headers={"allow": "POST, PUT"}),
    Case("unknown path", lambda: signed(GOOD, "/hooks/other"), 404, counted=False),
    Case("a path below", lambda: signed(GOOD, PATH + "/x"), 404, counted=False),
    Case("NUL in the path", lambda: signed(GOOD, PATH + "%00x"), 400, counted=False),
    Case("the admin's pages", lambda: request_bytes("GET", "/metrics"), 404, counted=False),
]

ACCEPTED = [
    Case("upper-case hex", sig(str.upper), 202),
    Case("values null", text(grafana_body(alert("n", values=None))), 202),
    Case("a value null", text(grafana_body(alert("n", values={"A": None, "C": 1}))), 202),
    Case("unknown keys", text(grafana_body(alert("n", enrichments=[{"a": 1}]), appVersion="12.4.0", x={"y": [1]})), 202),
    Case("the shape of 12.4", text(grafana_body(alert("n", ruleUID="drift-ma5"), appVersion="12.4.3")), 202),
    Case("depth 16", text(nested(16)), 202),
    Case("1000 alerts", text(many_alerts(1000)), 202),
    Case("64 labels", text(grafana_body(alert("n", labels={f"l{i}": "v" for i in range(60)}))), 202),
    Case("no alerts", text(grafana_body().replace(b'"alerts":[', b'"alerts":[],"x":[')), 202),
    Case("1 MiB", lambda: signed(padded(MIB)), 202),
    Case("chunks", lambda: request_bytes("POST", PATH, {**signed_headers(GOOD), "Transfer-Encoding": "chunked"},
                                         chunked(GOOD, 7)), 202),
    Case("PUT", lambda: signed(GOOD, method="PUT"), 202),
    Case("4 minutes old", stamped(now(-240)), 202),
    Case("4 minutes ahead", stamped(now(240)), 202),
    Case("Korean and an emoji", text(grafana_body(alert("kospi-kr", labels={"담당": "김철수", "e": "🚀"}))), 202),
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Relay]:
    """One relay for the whole table: a bad request must not harm the next."""
    with StandIn() as github:
        relay = Relay()
        relay.write_config(base_config(relay.folder, github.url, TOKEN))
        relay.start()
        try:
            yield relay
            relay.check_log()
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
    if case.status == 400 and case.counted:
        assert problem["detail"], "a 400 says why"


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_refuses(shared: Relay, case: Case) -> None:
    before, failures, alerts = rejected(shared), auth_failures(shared, case.auth), len(shared.api("notifications")["items"])
    answer = only_answer(shared, case.make())
    assert answer.status == case.status, answer
    if case.ours:
        assert_problem(case, answer)
    for name, value in case.headers.items():
        assert answer.headers.get(name) == value
    if case.counted:
        assert rejected(shared) - before == 1
    if case.auth:
        assert answer.headers["www-authenticate"] if "www-authenticate" in answer.headers else True
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
    for first in (with_headers(("Content-Length ", LENGTH))(), with_headers(("Content-Length", "0"), ("Content-Length", LENGTH))(),
                  with_headers(("Content-Length", "5"), ("Transfer-Encoding", "chunked"), body=b"0\r\n\r\n")()):
        answers = shared.raw(first.replace(b"Connection: close\r\n", b"") + second)
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


def test_connections_beyond_the_limit_of_an_address_are_not_served_and_health_is(make_relay: Callable[..., Relay]) -> None:
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
    quick = [c for c in CASES if c.name != "10000 headers"]

    def round_() -> None:
        for case in quick:
            shared.raw(case.make())

    for _ in range(3):
        round_()
    before = shared.rss_kib()
    for _ in range(10):
        round_()
    grown = shared.rss_kib() - before
    assert grown < 8 * 1024, f"grew by {grown} KiB over {10 * len(quick)} bad requests"


def test_a_body_signed_alone_where_the_source_wants_a_time_says_how_to_set_it(shared: Relay) -> None:
    headers = {SIGNATURE_HEADER: sign(GOOD, None)}
    answer: Any = shared.post(GOOD, headers=headers)
    assert answer.status == 401
    assert TIMESTAMP_HEADER in shared.log_text()
