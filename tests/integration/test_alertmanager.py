"""Prometheus Alertmanager as a sender: version 4 bodies, by bearer token and by basic auth."""
from __future__ import annotations

import base64
from typing import Any, Callable

import pytest

from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, alertmanager_body, grafana_body
from tests.support.relay import Relay, signed_headers
from tests.support.relay_config import write_secret

BEARER_TOKENS = ("am-token-canary-first", "am-token-canary-second")
PASSWORD = "påss:wörd canary"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def relay(make_relay: Callable[..., Relay]) -> Relay:
    """One source of each scheme; two bearer tokens, as during a rotation."""
    made = make_relay()
    tokens = [write_secret(made.folder, f"token-{i}", t) for i, t in enumerate(BEARER_TOKENS)]
    password = write_secret(made.folder, "password", PASSWORD)
    assert isinstance(made.config, dict)
    made.write_config({**made.config, "sources": [
        {"name": "am", "format": "alertmanager", "auth": {"scheme": "bearer", "token_files": tokens}},
        {"name": "am-basic", "format": "alertmanager", "path": "/prometheus/alerts",
         "auth": {"scheme": "basic", "username": "prometheus", "password_files": [password]}}]})
    return made.start()


SENDERS = [("/hooks/am", bearer(BEARER_TOKENS[0])), ("/hooks/am", bearer(BEARER_TOKENS[1])),
           ("/prometheus/alerts", basic("prometheus", PASSWORD))]


@pytest.mark.parametrize("path, headers", SENDERS, ids=["bearer", "bearer in rotation", "basic"])
def test_an_authentic_notification_becomes_one_run(relay: Relay, standin: StandIn, path: str,
                                                   headers: dict[str, str]) -> None:
    answer = relay.post(alertmanager_body(), path, headers=headers)
    assert answer.status == 202
    (one,) = answer.json()["alerts"]
    assert (one["verdict"], one["reason"], one["key"]) == ("dispatch", "first", "kospi/kospi")
    assert relay.wait_request(one["relay_id"], "done")["reason"] == "success"
    stored = relay.api("notifications/" + answer.json()["notification"])
    assert stored["format"] == "alertmanager"
    # Alertmanager sends the same bytes again when an answer was lost: harmless, but no replay.
    again = relay.post(alertmanager_body(alert(starts=1)), path, headers=headers)
    assert again.status == 202 and again.json()["duplicate"] is False
    assert again.json()["alerts"][0]["reason"] == "not_rearmed"
    assert len(standin.runs()) == 1
    standin.assert_clean()


REFUSED = [
    ("nothing", "/hooks/am", {}, "missing"),
    ("wrong token", "/hooks/am", bearer("am-token-canary-third"), "mismatch"),
    ("a prefix of the token", "/hooks/am", bearer(BEARER_TOKENS[0][:-1]), "mismatch"),
    ("basic where bearer is wanted", "/hooks/am", basic("prometheus", PASSWORD), "malformed|missing"),
    ("empty bearer", "/hooks/am", {"Authorization": "Bearer "}, "malformed|missing"),
    ("no basic", "/prometheus/alerts", {}, "missing"),
    ("wrong password", "/prometheus/alerts", basic("prometheus", "x"), "mismatch"),
    ("wrong user", "/prometheus/alerts", basic("Prometheus", PASSWORD), "mismatch"),
    ("no base64", "/prometheus/alerts", {"Authorization": "Basic §§"}, "malformed"),
    ("no colon", "/prometheus/alerts", {"Authorization": "Basic cHJvbWV0aGV1cw=="}, "malformed"),
    ("bearer where basic is wanted", "/prometheus/alerts", bearer(BEARER_TOKENS[0]), "malformed|missing"),
]


@pytest.mark.parametrize("name, path, headers, reasons", REFUSED, ids=[r[0] for r in REFUSED])
def test_anything_else_is_a_uniform_401(relay: Relay, name: str, path: str, headers: dict[str, str],
                                        reasons: str) -> None:
    uniform = relay.post(alertmanager_body(), "/hooks/am", headers={}).body
    before = relay.metrics()
    answer = relay.post(alertmanager_body(), path, headers=headers)
    assert answer.status == 401 and answer.body == uniform
    after = relay.metrics()
    source = "am" if path == "/hooks/am" else "am-basic"
    counted = sum(m.sum("drift_relay_auth_failures_total", source=source, reason=r) * sign
                  for m, sign in ((after, 1), (before, -1)) for r in reasons.split("|"))
    assert counted == 1
    assert "canary" not in relay.log_text()


@pytest.mark.parametrize("body", [
    alertmanager_body(version="3"), alertmanager_body(version=None), grafana_body()],
    ids=["version 3", "no version", "a Grafana body"])
def test_a_body_of_another_version_is_a_400(relay: Relay, body: bytes) -> None:
    answer = relay.post(body, "/hooks/am", headers=bearer(BEARER_TOKENS[0]))
    assert answer.status == 400 and "version" in answer.detail


def test_headers_of_another_scheme_are_ignored(relay: Relay) -> None:
    body = alertmanager_body()
    both: dict[str, Any] = {**signed_headers(body, secret="nobody's"), **bearer(BEARER_TOKENS[0])}
    assert relay.post(body, "/hooks/am", headers=both).status == 202


def test_truncated_alerts_are_counted_and_warned(relay: Relay) -> None:
    answer = relay.post(alertmanager_body(truncatedAlerts=7), "/hooks/am", headers=bearer(BEARER_TOKENS[0]))
    assert answer.status == 202
    assert relay.metrics().sum("drift_relay_truncated_alerts_total", source="am") == 7
    assert any("level=warn" in line and "truncated" in line for line in relay.log_text().splitlines())
