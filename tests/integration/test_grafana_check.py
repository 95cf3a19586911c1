"""`drift-relay grafana check`: a Grafana compared with the relay's config, each fault with its remedy."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from tests.integration.test_grafana_seed import rule
from tests.support.grafana_standin import TOKEN, GrafanaStandIn, deliver
from tests.support.relay import Relay
from tests.support.relay_config import TIMESTAMP_HEADER, write_secret

POINT: dict[str, Any] = {
    "uid": "relay", "name": "retrain-relay", "type": "webhook", "disableResolveMessage": False, "provenance": "file",
    "settings": {"url": "http://relay:9099/hooks/grafana", "httpMethod": "POST", "maxAlerts": "0",
                 "hmacConfig": {"secret": "[REDACTED]", "header": "X-Grafana-Alerting-Signature",
                                "timestampHeader": TIMESTAMP_HEADER}}}
TIMES = {"receiver": "retrain-relay", "group_wait": "30s", "group_interval": "1m", "repeat_interval": "4h"}


class Checking:
    """A Grafana that is as it should be, a config, seeds, and the command between them."""

    def __init__(self, relay: Relay, grafana: GrafanaStandIn) -> None:
        self.relay, self.grafana, self.seeds = relay, grafana, relay.folder / "rules"
        self.seeds.mkdir()
        self.token = write_secret(relay.folder, "grafana-token", TOKEN)
        assert isinstance(relay.config, dict)
        relay.write_config({**relay.config, "grafana": {"url": grafana.url, "token_file": self.token}})
        grafana.state.contact_points = [json.loads(json.dumps(POINT))]
        grafana.deliver = lambda *_: ""
        grafana.state.data_sources["prom-main"] = {"status": "OK", "message": "Successfully queried"}
        for uid in ("ma5", "ma20"):
            (self.seeds / f"{uid}.json").write_text(json.dumps(rule(uid, notification_settings=TIMES)))
            grafana.state.rules[uid] = rule(uid, notification_settings=dict(TIMES))

    def run(self, *more: str, status: int = 0) -> str:
        """Its lines, or JSON; it wrote nothing, tests aside."""
        done = self.relay.cli("grafana", "check", "--config", str(self.relay.config_file), *more)
        assert done.returncode == status, done.stdout + done.stderr
        assert all(a.path.endswith("/receivers/test") for a in self.grafana.writes()) and TOKEN not in done.stdout + done.stderr
        return done.stdout + done.stderr

    def found(self, *more: str, status: int = 0) -> list[str]:
        """"severity subject" of each that is not fine."""
        findings = json.loads(self.run("--json", *more, status=status))["findings"]
        return [f"{f['severity']} {f['subject']}" for f in findings if f["severity"] in ("warning", "error")]


@pytest.fixture(name="checking")
def _checking(make_relay: Callable[..., Relay]) -> Iterator[Checking]:
    with GrafanaStandIn() as grafana:
        yield Checking(make_relay(), grafana)
        grafana.assert_clean()


def test_a_grafana_as_it_should_be_has_no_fault(checking: Checking) -> None:
    said = checking.run(str(checking.seeds))
    for line in ("ok       grafana: reachable: Grafana 12.3.0 answers", "retrain-relay posts to http://relay:9099/hooks/grafana and signs",
                 "ma5 (ma5 drifts) is there: > 0.8, to route kospi; as it was seeded", "data-source: prom-main is healthy",
                 "ok       grafana: test: retrain-relay sent its test, and source grafana accepted it",
                 "0 errors, 0 warnings, 0 skipped"):
        assert line in said, said
    assert checking.found() == []


def test_edits_are_told_and_deletions_are_no_fault(checking: Checking) -> None:
    checking.grafana.edit_threshold("ma5", 0.95)
    checking.grafana.delete_rule("ma20")
    assert checking.found(str(checking.seeds)) == ["warning rule"]
    checking.grafana.state.annotations.append({"id": 9, "time": 1764115200000, "tags": ["seed-ledger", "rule:ma20"]})
    said = checking.run(str(checking.seeds))
    assert "> 0.95, to route kospi; edited since it was seeded: threshold > 0.95 instead of > 0.8" in said
    assert "ma20 was seeded at 2025-11-26T00:00:00Z and deleted since" in said
    assert checking.found(str(checking.seeds)) == []


def unsigned(c: Checking) -> None:
    """The contact point does not sign."""
    del c.grafana.state.contact_points[0]["settings"]["hmacConfig"]


def slow(c: Checking) -> None:
    """Times of a rule that the route does not wait for."""
    c.grafana.state.rules["ma5"]["notification_settings"].update(group_interval="15m", repeat_interval="12h")


def ill(c: Checking) -> None:
    """Prometheus is away."""
    c.grafana.state.data_sources["prom-main"] = {"status": "ERROR", "message": "connection refused"}


def ruleless(c: Checking) -> None:
    """Nobody seeded."""
    c.grafana.state.rules.clear()


def stranger(c: Checking) -> None:
    """The token is no longer valid."""
    c.grafana.tokens.clear()


@pytest.mark.parametrize("change,status,found", [
    (unsigned, 1, ["error contact-point"]),
    (slow, 0, ["warning settle", "warning stale_after"]),
    (ill, 1, ["error data-source"]),
    (ruleless, 0, ["warning route"]),
    (stranger, 1, ["error credential"]),
    (lambda c: c.grafana.stop(), 3, ["error reachable"]),
], ids=["unsigned", "slow", "ill", "ruleless", "stranger", "away"])
def test_each_fault_is_found(checking: Checking, change: Callable[[Checking], None], status: int,
                             found: list[str]) -> None:
    change(checking)
    assert checking.found(status=status) == found


def test_what_the_account_may_not_read_is_skipped(checking: Checking) -> None:
    checking.grafana.script("GET", "/api/v1/provisioning/contact-points", "answer", status=403)
    said = checking.run()
    assert "skipped  grafana: contact-point: cannot be read: HTTP 403" in said and "0 errors, 0 warnings, 1 skipped" in said


def test_the_test_reaches_the_relay_and_starts_nothing(checking: Checking) -> None:
    checking.relay.start()
    (point,) = checking.grafana.state.contact_points
    point["settings"]["url"] = f"http://127.0.0.1:{checking.relay.port}/hooks/grafana"
    checking.grafana.deliver = deliver
    assert "sent its test, and source grafana accepted it" in checking.run()
    (notification,) = checking.relay.api("notifications")["items"]
    assert [(a["verdict"], a["reason"]) for a in notification["alerts"]] == [("ignored", "test")]
    checking.grafana.secrets["relay"] = "whsec_of_another_relay_0123456789abcdef"
    assert "error    grafana: test: retrain-relay sent its test in vain: webhook response status 401" in checking.run(status=1)
    before = len(checking.grafana.writes())
    assert "whether retrain-relay has the secret of source grafana only its test can tell" in checking.run("--no-test")
    assert len(checking.grafana.writes()) == before


def test_a_rule_that_nothing_takes_to_the_relay_is_told(checking: Checking) -> None:
    rule_ma5 = checking.grafana.state.rules["ma5"]
    del rule_ma5["notification_settings"]
    assert checking.found() == ["warning rule"]
    assert "ma5 names no contact point, and the notification policies send it to grafana-default-email" in checking.run()
    checking.grafana.state.policies["routes"] = [{"receiver": "retrain-relay", "object_matchers": [["action", "=", "retrain"]]}]
    assert checking.found() == []
    rule_ma5["labels"]["team"] = "ml"
    condition = rule_ma5["data"][1]["model"]["conditions"][0]
    condition["unloadEvaluator"] = {"type": "lt", "params": [0.7]}
    assert "edited since it was seeded: recovery threshold, labels, notification settings" in checking.run(str(checking.seeds))


def test_another_grafana_never_gets_the_token_of_the_config(checking: Checking) -> None:
    with GrafanaStandIn() as other:
        checking.run("--url", other.url, status=1)
        assert other.asked and all("authorization" not in a.headers for a in other.asked)
    assert checking.grafana.asked == []


def test_a_config_without_a_grafana_wants_an_url(checking: Checking, tmp_path: Path) -> None:
    config = checking.relay.config
    assert isinstance(config, dict)
    checking.relay.write_config({k: v for k, v in config.items() if k != "grafana"})
    assert "--url URL is wanted" in checking.run(status=2)
    assert "posts to" in checking.run("--url", checking.grafana.url, "--token-file", checking.token)
