"""The table of test_bad_input: each request a stranger may send, as bytes, and what must come of it."""
from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable, Optional

from tests.support.grafana_bodies import alert, grafana_body
from tests.support.http import chunked, request_bytes
from tests.support.relay import signed_headers
from tests.support.relay_config import SIGNATURE_HEADER, TIMESTAMP_HEADER

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
    ours: bool = True                  # problem+json, counted; what the HTTP library refuses by itself is neither
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


VALUE = b'"A":0.93'


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
    Case("NaN", text(altered(VALUE, b'"A":NaN')), 400),
    Case("Infinity", text(altered(VALUE, b'"A":Infinity')), 400),
    Case("1e400", text(altered(VALUE, b'"A":1e400')), 400),
    Case("invalid UTF-8", text(altered(b"bad-input", b"bad\xffinput")), 400),
    Case("overlong UTF-8", text(altered(b"bad-input", b"bad\xc0\xafinput")), 400),
    Case("lone surrogate", text(altered(b"bad-input", b"bad\\ud800input")), 400),
    Case("NUL byte", text(altered(b"bad-input", b"bad\x00input")), 400),
    Case("escaped NUL", text(altered(b"bad-input", b"bad\\u0000input")), 400),
    Case("byte order mark", text(b"\xef\xbb\xbf" + GOOD), 400),
    Case("alerts missing", text(grafana_body().replace(b'"alerts"', b'"alertz"')), 400, "alerts"),
    Case("no alerts", text(grafana_body().replace(b'"alerts":[', b'"alerts":[],"x":[')), 400, "alerts"),
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
    Case("2^64 by Content-Length", with_headers(("Content-Length", "18446744073709551616")), 413, ours=False),
    Case("10000 headers", lambda: request_bytes("POST", PATH, [(f"X-{i}", "y") for i in range(10_000)], GOOD), 431,
         ours=False),
    Case("a header of 100 kB", with_headers(("X-Long", "y" * 100_000), ("Content-Length", LENGTH)), 431,
         ours=False),
    # --- how it is framed
    Case("no length", lambda: request_bytes("POST", PATH, signed_headers(b""), b"", length=False), 411),
    Case("two Content-Length", with_headers(("Content-Length", LENGTH), ("Content-Length", LENGTH)), 400),
    Case("two different Content-Length", with_headers(("Content-Length", LENGTH), ("Content-Length", "0")), 400),
    Case("Content-Length and Transfer-Encoding", with_headers(
        ("Content-Length", LENGTH), ("Transfer-Encoding", "chunked"), body=chunked(GOOD)), 400),
    Case("Transfer-Encoding gzip", with_headers(("Transfer-Encoding", "gzip"), ("Content-Length", LENGTH)), 400),
    Case("Transfer-Encoding gzip, chunked", with_headers(
        ("Transfer-Encoding", "gzip, chunked"), body=chunked(GOOD)), 400),
    Case("space before the colon", with_headers(("Content-Length ", LENGTH)), 400),
    Case("space inside a name", with_headers(("X Y", "1"), ("Content-Length", LENGTH)), 400),
    # --- where it goes
    Case("GET", lambda: request_bytes("GET", PATH), 405, headers={"allow": "POST, PUT"}),
    Case("DELETE", lambda: signed(GOOD, method="DELETE"), 405, headers={"allow": "POST, PUT"}),
    Case("unknown path", lambda: signed(GOOD, "/hooks/other"), 404),
    Case("a path below", lambda: signed(GOOD, PATH + "/x"), 404),
    Case("NUL in the path", lambda: signed(GOOD, PATH + "%00x"), 400),
    Case("the admin's pages", lambda: request_bytes("GET", "/metrics"), 404),
]

ACCEPTED = [
    Case("upper-case hex", sig(str.upper), 202),
    Case("values null", text(grafana_body(alert("n", values=None))), 202),
    Case("a value null", text(grafana_body(alert("n", values={"A": None, "C": 1}))), 202),
    Case("unknown keys", text(grafana_body(alert("n", enrichments=[{"a": 1}]), x={"y": [1]})), 202),
    Case("an integer past 2^63", text(altered(b'"orgId":1', b'"orgId":9223372036854775808')), 202),
    Case("the shape of 12.4", text(grafana_body(alert("n", ruleUID="drift-ma5"), appVersion="12.4.3")), 202),
    Case("depth 16", text(nested(16)), 202),
    Case("1000 alerts", text(many_alerts(1000)), 202),
    Case("64 labels", text(grafana_body(alert("n", labels={f"l{i}": "v" for i in range(60)}))), 202),
    Case("1 MiB", lambda: signed(padded(MIB)), 202),
    Case("chunks", lambda: request_bytes("POST", PATH, {**signed_headers(GOOD), "Transfer-Encoding": "chunked"},
                                         chunked(GOOD, 7)), 202),
    Case("PUT", lambda: signed(GOOD, method="PUT"), 202),
    Case("4 minutes old", stamped(now(-240)), 202),
    Case("4 minutes ahead", stamped(now(240)), 202),
    Case("Korean and an emoji", text(grafana_body(alert("kospi-kr", labels={"담당": "김철수", "e": "🚀"}))), 202),
]
