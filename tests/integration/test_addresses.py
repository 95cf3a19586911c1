"""Who may send, by address: a source's list, and proxies whose X-Forwarded-For is believed."""
from __future__ import annotations

import itertools
import re
from typing import Any, Callable, Optional

import pytest

from tests.support import http
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay, signed_headers
from tests.support.relay_config import hmac_source
from tests.support.wait import until

_NUMBER = itertools.count()


def post(relay: Relay, own: str, forwarded: tuple[str, ...] = (), host: str = "127.0.0.1", path: str = "/hooks/grafana",
         secret: Optional[str] = None) -> http.Answer:
    """A notification of its own, sent from an address, with lines of X-Forwarded-For."""
    body = grafana_body(alert(f"m{next(_NUMBER)}"))
    headers = list((signed_headers(body) if secret is None else signed_headers(body, secret=secret)).items())
    headers += [("X-Forwarded-For", line) for line in forwarded]
    with http.Connection(relay.port, 15, host, own) as connection:
        connection.send(http.request_bytes("POST", path, headers, body))
        answer = connection.answer()
    assert answer is not None
    return answer


def test_an_address_that_is_not_listed_is_refused_as_a_wrong_secret_is(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"sources": {"allow": ["127.0.0.2", "10.0.0.0/8"]}}).start()
    assert post(relay, "127.0.0.2").status == 202
    strange, wrong = post(relay, "127.0.0.3"), post(relay, "127.0.0.2", secret="wrong")
    assert (strange.status, strange.body) == (wrong.status, wrong.body) == (401, strange.body)
    for answer in (strange, wrong):
        answer.headers.pop("date", None)
        answer.headers.pop("connection", None)  # a body that was not read cannot be followed by a request
    assert strange.headers == wrong.headers
    metrics = relay.metrics()
    assert metrics.sum("drift_relay_auth_failures_total", source="grafana", reason="address") == 1
    assert metrics.sum("drift_relay_auth_failures_total") == 2
    assert metrics.sum("drift_relay_notifications_total", source="grafana", result="rejected") == 2
    (line,) = re.findall(r".*event=unauthorized.*reason=address.*", relay.log_text())
    assert "peer=127.0.0.3" in line and "client=127.0.0.3" in line and "no such address" in line


def test_the_body_of_a_stranger_is_not_waited_for(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"sources": {"allow": ["127.0.0.2"]}}).start()
    body = grafana_body()
    head = http.request_bytes("POST", "/hooks/grafana", signed_headers(body), body)[:-len(body)]
    with http.Connection(relay.port, 5, own="127.0.0.3") as connection:
        connection.send(head)
        answer = connection.answer()
        assert answer is not None and answer.status == 401
        assert connection.rest() == b""
    with http.Connection(relay.port, 15, own="127.0.0.2") as connection:
        connection.send(head)
        with pytest.raises(TimeoutError):
            connection.timeout = 0.5
            connection.answer()
        connection.timeout = 15
        connection.send(body)
        answer = connection.answer()
        assert answer is not None and answer.status == 202


@pytest.mark.parametrize("host, allowed, other, stranger", [
    ("::", "127.0.0.0/30", ("127.0.0.1", "127.0.0.2"), ("::1", "::1")),
    ("::", "::1", ("::1", "::1"), ("127.0.0.1", "127.0.0.1")),
    ("::", "::ffff:127.0.0.0/126", ("127.0.0.1", "127.0.0.2"), ("127.0.0.1", "127.0.0.4")),
    ("127.0.0.1", "::ffff:127.0.0.2", ("127.0.0.1", "127.0.0.2"), ("127.0.0.1", "127.0.0.3"))])
def test_an_ipv4_sender_is_the_same_on_an_ipv6_listener(make_relay: Callable[..., Relay], host: str, allowed: str,
                                                         other: tuple[str, str], stranger: tuple[str, str]) -> None:
    relay = make_relay({"listen": {"address": host}, "sources": {"allow": [allowed]}}).start()
    assert post(relay, other[1], host=other[0]).status == 202
    assert post(relay, stranger[1], host=stranger[0]).status == 401


PROXIES = {"listen": {"trusted_proxies": ["127.0.0.8", "192.0.2.128/25"]},
           "sources": {"allow": ["198.51.100.0/24", "127.0.0.9"]}}


def test_the_client_behind_trusted_proxies_is_judged(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay(PROXIES).start()
    for words, own, lines, status in (
            ("listed, through the proxy", "127.0.0.8", ["198.51.100.7"], 202),
            ("a stranger through the proxy", "127.0.0.8", ["203.0.113.7"], 401),
            ("a stranger who says he is listed", "127.0.0.8", ["198.51.100.7, 203.0.113.7"], 401),
            ("on a line of its own", "127.0.0.8", ["198.51.100.7", "203.0.113.7"], 401),
            ("through two proxies", "127.0.0.8", ["198.51.100.7, 192.0.2.200"], 202),
            ("through one that is not trusted", "127.0.0.8", ["198.51.100.7, 192.0.2.20"], 401),
            ("garbage to the left is the client's own", "127.0.0.8", ["<?>, 198.51.100.7"], 202),
            ("garbage by the proxy", "127.0.0.8", ["198.51.100.7, unknown"], 401),
            ("an empty header by the proxy", "127.0.0.8", [""], 401),
            ("more lines than are looked at", "127.0.0.8", ["198.51.100.7"] + ["192.0.2.200"] * 15 + ["203.0.113.7"], 401),
            ("no header: the proxy speaks for itself", "127.0.0.8", [], 401),
            ("a listed sender that is no proxy", "127.0.0.9", ["203.0.113.7"], 202),
            ("a stranger with the header", "127.0.0.7", ["198.51.100.7"], 401),
            ("with garbage", "127.0.0.7", ["unknown"], 401)):
        assert post(relay, own, tuple(lines)).status == status, words
    log = relay.log_text()
    assert re.search(r"event=unauthorized.*reason=address.*peer=127.0.0.8 client=203.0.113.7", log)
    assert re.search(r"event=unauthorized.*reason=address.*peer=127.0.0.8 client=unknown.*no list of addresses", log)


def test_without_a_list_nobody_is_refused_for_a_header(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"listen": {"trusted_proxies": ["127.0.0.8"]}}).start()
    for lines in (("unknown",), ("",), ("203.0.113.7",), ()):
        assert post(relay, "127.0.0.8", lines).status == 202


def test_each_source_has_its_own_list_and_a_reload_changes_it(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay()
    config: dict[str, Any] = dict(relay.config)  # type: ignore[arg-type]
    config["sources"] = [{**hmac_source(relay.folder, "a"), "allow": ["127.0.0.2"]}, hmac_source(relay.folder, "b")]
    relay.write_config(config)
    relay.start()
    assert [post(relay, "127.0.0.3", path=f"/hooks/{name}").status for name in "ab"] == [401, 202]
    config["sources"][0]["allow"] = ["127.0.0.3"]
    config["listen"] = {**config["listen"], "trusted_proxies": ["127.0.0.4"]}
    relay.write_config(config)
    until(lambda: post(relay, "127.0.0.3", path="/hooks/a").status == 202, 15, "the new list to be in force")
    assert post(relay, "127.0.0.4", ("127.0.0.3",), path="/hooks/a").status == 202
    assert "needs_restart" not in relay.log_text()
