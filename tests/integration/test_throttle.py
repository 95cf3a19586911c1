"""Whoever fails to authenticate too often is told 429, before the body is read; who is right is never told it."""
from __future__ import annotations

import re
import time
from typing import Any, Callable

import pytest

from tests.integration.test_addresses import post
from tests.support import http
from tests.support.grafana_bodies import grafana_body
from tests.support.relay import Relay, signed_headers
from tests.support.relay_config import hmac_source
from tests.support.wait import until

# Loopback addresses are not counted, so the senders stand behind a proxy.
PROXY = "127.0.0.8"
GUESSER, NEIGHBOUR, GOOD = ("203.0.113.7",), ("203.0.113.8",), ("198.51.100.7",)


@pytest.fixture(name="strict")
def _strict(make_relay: Callable[..., Relay]) -> Callable[..., Relay]:
    def make(failures: int, **more: Any) -> Relay:
        limits = {"failures": failures, "per_address": 0}
        return make_relay({"listen": {"trusted_proxies": [PROXY]}, "limits": limits, **more}).start()

    return make


def _fail(relay: Relay, who: tuple[str, ...], times: int) -> list[int]:
    return [post(relay, PROXY, who, secret="wrong").status for _ in range(times)]


def test_more_failures_than_allowed_are_turned_away(strict: Callable[..., Relay]) -> None:
    relay = strict(3)
    assert _fail(relay, GUESSER, 5) == [401, 401, 401, 429, 429]
    answer = post(relay, PROXY, GUESSER)
    assert answer.status == 429, "a guess that is right is no way around it"
    assert answer.headers["content-type"] == "application/problem+json"
    assert 1 <= int(answer.headers["retry-after"]) <= 20
    assert _fail(relay, NEIGHBOUR, 1) == [401]
    assert post(relay, PROXY, GOOD).status == 202
    metrics = relay.metrics()
    assert metrics.sum("drift_relay_throttled_total", source="grafana") == 3
    assert metrics.sum("drift_relay_auth_failures_total", reason="mismatch") == 4
    assert metrics.sum("drift_relay_notifications_total", result="rejected") == 7
    line = re.search(r"event=throttled.*", relay.log_text())
    assert line and "source=grafana" in line[0] and "client=203.0.113.7" in line[0] and "limits.failures" in line[0]


@pytest.mark.parametrize("words, headers", [
    ("missing", {}), ("malformed", {"X-Grafana-Alerting-Signature": "x"}),
    ("stale", signed_headers(b"{}", ts=1000000000))])
def test_every_kind_of_failure_counts(strict: Callable[..., Relay], words: str, headers: dict[str, str]) -> None:
    relay = strict(2)
    with_proxy = {**headers, "X-Forwarded-For": GUESSER[0]}
    statuses = []
    for _ in range(3):
        with http.Connection(relay.port, 15, own=PROXY) as connection:
            connection.send(http.request_bytes("POST", "/hooks/grafana", with_proxy, b"{}"))
            answer = connection.answer()
            statuses.append(answer.status if answer else 0)
    assert statuses == [401, 401, 429], words


def test_the_body_of_one_who_is_turned_away_is_not_waited_for(strict: Callable[..., Relay]) -> None:
    relay = strict(1)
    assert _fail(relay, GUESSER, 1) == [401]
    body = grafana_body()
    head = http.request_bytes("POST", "/hooks/grafana", {**signed_headers(body), "X-Forwarded-For": GUESSER[0]}, body)
    with http.Connection(relay.port, 5, own=PROXY) as connection:
        connection.send(head[:-len(body)])
        answer = connection.answer()
    assert answer is not None and answer.status == 429


def test_it_passes_with_time(strict: Callable[..., Relay]) -> None:
    relay = strict(30)
    assert _fail(relay, GUESSER, 31)[-2:] == [401, 429]
    answer = post(relay, PROXY, GUESSER)
    assert answer.status == 429 and int(answer.headers["retry-after"]) <= 2
    time.sleep(int(answer.headers["retry-after"]))
    assert post(relay, PROXY, GUESSER).status == 202


def test_a_sender_that_was_right_once_is_not_turned_away(strict: Callable[..., Relay]) -> None:
    relay = strict(2)
    assert post(relay, PROXY, GOOD).status == 202
    assert _fail(relay, GOOD, 6) == [401] * 6
    assert post(relay, PROXY, GOOD).status == 202


def test_a_repeat_of_what_was_seen_is_no_proof(strict: Callable[..., Relay]) -> None:
    relay = strict(2)
    body = grafana_body()
    seen = signed_headers(body)
    for who, duplicate in ((GOOD, False), (GUESSER, True)):
        with http.Connection(relay.port, 15, own=PROXY) as connection:
            connection.send(http.request_bytes("POST", "/hooks/grafana", {**seen, "X-Forwarded-For": who[0]}, body))
            answer = connection.answer()
        assert answer is not None and answer.json()["duplicate"] is duplicate
    assert _fail(relay, GUESSER, 3) == [401, 401, 429]


def test_a_burst_of_a_good_sender_is_taken_whole(strict: Callable[..., Relay]) -> None:
    relay = strict(1)
    assert [post(relay, PROXY, GOOD).status for _ in range(100)] == [202] * 100
    assert relay.metrics().sum("drift_relay_throttled_total") == 0


def test_neither_loopback_nor_refused_addresses_nor_an_unknown_client_count(strict: Callable[..., Relay]) -> None:
    relay = strict(1, sources={"allow": ["127.0.0.0/8", GUESSER[0]]})
    config: dict[str, Any] = dict(relay.config)  # type: ignore[arg-type]
    config["sources"] = [*config["sources"], hmac_source(relay.folder, "open")]
    relay.write_config(config)
    relay.restart()
    assert [post(relay, "127.0.0.3", secret="wrong").status for _ in range(4)] == [401] * 4
    assert [post(relay, PROXY, GOOD).status for _ in range(4)] == [401] * 4
    assert [post(relay, PROXY, ("unknown",)).status for _ in range(4)] == [401] * 4
    assert post(relay, PROXY, GOOD, path="/hooks/open").status == 202
    assert _fail(relay, GUESSER, 2) == [401, 429]


def test_a_reload_changes_the_limit_at_once(strict: Callable[..., Relay]) -> None:
    relay = strict(1)
    assert _fail(relay, GUESSER, 2) == [401, 429]
    config: dict[str, Any] = dict(relay.config)  # type: ignore[arg-type]
    config["limits"] = {**config["limits"], "failures": 0}
    relay.write_config(config)
    until(lambda: _fail(relay, GUESSER, 1) == [401], 15, "no limit to be in force")
    assert _fail(relay, GUESSER, 4) == [401] * 4
    assert "needs_restart" not in relay.log_text()
