"""Where a request ends: one that leaves doubt is refused, and what follows it is not read as a request."""
from __future__ import annotations

import json
import re
from itertools import count
from pathlib import Path
from typing import Callable

import pytest

from tests.support import http
from tests.support.bad_input_cases import signed
from tests.support.framing_cases import FRAMINGS, Framing
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import SANITIZED, Relay, signed_headers

MIB = 1 << 20
_NUMBER = count()


def _taken(relay: Relay) -> float:
    metrics = relay.metrics()
    return sum(metrics.sum("drift_relay_notifications_total", result=r) for r in ("accepted", "duplicate"))


def _wrong_with(relay: Relay, case: Framing) -> str:
    model = f"second-{next(_NUMBER)}"
    before = _taken(relay)
    first = case.bytes() * (20 if case.name == "twenty at once" else 1)
    said = relay.raw_bytes(first + signed(grafana_body(alert(model))), 20)
    statuses = tuple(int(s) for s in re.findall(rb"HTTP/1\.1 (\d{3}) ", said))
    if case.library and len(set(statuses)) == 1:
        statuses = statuses[:1]
    if statuses != case.statuses:
        return f"answered {statuses}, not {case.statuses}"
    if _taken(relay) - before != statuses.count(202):
        return "more or fewer were taken than were answered 202"
    acted = model in json.dumps(relay.api("keys?limit=200"))
    wanted = len(case.statuses) > 1 and case.statuses[-1] == 202
    return "" if acted == wanted else f"the second was {'' if acted else 'not '}acted on"


def test_every_framing_is_one_request_or_refused(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"limits": {"header_time": "2s", "body_time": "2s"}}).start()
    wrong = {case.name: _wrong_with(relay, case) for case in FRAMINGS}
    assert {name: fault for name, fault in wrong.items() if fault} == {}
    assert len(wrong) == len(FRAMINGS), "a name stands twice"


def test_nobody_is_told_to_continue_whose_credential_is_wrong(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay().start()
    body = grafana_body()
    headers = {**signed_headers(body, signature="0"), "Expect": "100-continue"}
    head = http.request_bytes("POST", "/hooks/grafana", headers, body)[:-len(body)]
    assert [a.status for a in relay.raw(head)] == [401]


def _pour(relay: Relay, head: bytes, piece: bytes, limit: int) -> int:
    """Bytes that the relay's side took before it closed."""
    sent = 0
    with relay.connect(30) as connection:
        connection.send(head)
        while sent < limit and connection.send(piece):
            sent += len(piece)
    return sent


GIBIBYTES = [("in chunks", "Transfer-Encoding: chunked", b"10000\r\n" + b"x" * 65536 + b"\r\n", 24 * MIB),
             ("in many tiny chunks", "Transfer-Encoding: chunked", b"1\r\nx\r\n" * 20000, 64 * MIB),
             ("as a length", f"Content-Length: {1 << 30}", b"x" * 65536, 16 * MIB)]


@pytest.mark.parametrize("words, framing, piece, most", GIBIBYTES, ids=[g[0] for g in GIBIBYTES])
def test_a_body_of_a_gibibyte_is_cut_short_and_not_kept(make_relay: Callable[..., Relay], words: str, framing: str,
                                                        piece: bytes, most: int) -> None:
    relay = make_relay().start()
    relay.post(grafana_body())
    before = relay.rss_kib()
    headers = "".join(f"{k}: {v}\r\n" for k, v in signed_headers(b"x").items())
    head = f"POST /hooks/grafana HTTP/1.1\r\nHost: x\r\n{headers}{framing}\r\n\r\n".encode()
    for _ in range(3):
        sent = _pour(relay, head, piece, 1 << 30)
        assert sent < most, f"{words}: {sent} bytes were taken"
    status = Path(f"/proc/{relay.process.pid}/status").read_text()  # type: ignore[union-attr]
    peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1])  # type: ignore[index]
    assert SANITIZED or peak - before < 6 * 1024, f"{words}: grew by {peak - before} KiB"
    assert relay.post(grafana_body(alert("after"))).status == 202


def test_a_length_that_no_body_fills_ends_in_time(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"limits": {"header_time": "1m", "body_time": "500ms"}}).start()
    body = grafana_body()
    lied = signed(body, Content_Length=str(len(body) + 1))
    assert relay.raw_bytes(lied, 10) == b""
    assert relay.api("notifications")["items"] == []
