"""docs/metrics.md lists what a relay exports: no name, type or label more or less."""
from __future__ import annotations

import re
from typing import Callable

from tests.support.grafana_bodies import grafana_body
from tests.support.metrics import Metrics
from tests.support.relay import ROOT, Relay
from tests.support.wait import until

_ROW = re.compile(r"\| `(drift_relay_\w+)` \| (counter|gauge|histogram) \| (–|`\w+`(?:, `\w+`)*) \| (\S.*) \|")


def documented() -> dict[str, tuple[str, set[str]]]:
    """Type and labels of each name in the table; every row must be readable, and no name stands twice."""
    found: dict[str, tuple[str, set[str]]] = {}
    for line in (ROOT / "docs" / "metrics.md").read_text().splitlines():
        if not line.startswith("| `"):
            continue
        row = _ROW.fullmatch(line)
        assert row, f"no row: {line}"
        assert row.group(1) not in found, f"{row.group(1)} stands twice"
        found[row.group(1)] = (row.group(2), set(re.findall(r"`(\w+)`", row.group(3))))
    return found


def test_names_and_types_are_those_of_a_running_relay(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay().start()
    text = relay.admin("/metrics").body.decode()
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M))
    helps = dict(re.findall(r"^# HELP (\w+) (.+)$", text, re.M))
    assert {name: kind for name, (kind, _) in documented().items()} == types
    assert set(helps) == set(types)


def test_labels_are_those_of_its_series(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"routes": {"hold": "1s"}}).start()
    relay.post(grafana_body(), secret="wrong")
    relay.post(grafana_body(truncatedAlerts=2))
    (request,) = until(lambda: relay.api("requests")["items"], 20, "the hold to end")
    relay.wait_request(request["relay_id"], "done")
    documents, seen = documented(), set()
    for name, labels, _ in Metrics(relay.admin("/metrics").body.decode()).samples:
        family = name if name in documents else re.sub(r"_(bucket|sum|count)$", "", name)
        kind, wanted = documents[family]
        seen.add(family)
        assert set(labels) - ({"le"} if kind == "histogram" else set()) == wanted, name
    # Only these may be without series after a run from end to end, without a Grafana to ask.
    assert set(documents) - seen <= {"drift_relay_github_token_expiry_timestamp_seconds", "drift_relay_target_findings",
                                     "drift_relay_rule_threshold", "drift_relay_annotations_total",
                                     "drift_relay_config_refused_info",
                                     "drift_relay_tls_certificate_expiry_timestamp_seconds"}
