"""Whether the dashboards show something: each of their queries, asked of the demo's Prometheus.

Some need what a demo of half a minute has not, or not always; each of these says why it may find nothing. That they
find something when there is something to find is tests/lint/promdata.py's.
"""
from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from tests.lint import dashboards, promql

NO_GRAFANA = "no Grafana is here whose rules the relay could read"
FLEET = "the new model's counters have not grown since Prometheus first saw them"
MAY_BE_EMPTY = {
    "drift-relay: panel 1 A": "nothing is wrong",
    "drift-relay: panel 5 A": "no route holds or defers, so that no timer decides",
    "drift-relay: panel 13 A": "the stand-in's token never expires",
    "drift-relay: panel 16 B": "no sender leaves alerts out",
    "model-drift: panel 1 B": NO_GRAFANA,
    "model-drift: panel 2 B": NO_GRAFANA,
    "model-drift: panel 3 B": NO_GRAFANA,
    "model-drift: panel 8 A": FLEET,
    "model-drift: panel 8 B": NO_GRAFANA,
    "model-drift: panel 9 A": FLEET,
    "retraining: panel 2 A": "no request is open any more",
    "retraining: panel 7 A": "it looks at whole minutes",
    "retraining: panel 9 A": "no budget is spent",
}


def queries() -> list[tuple[str, str]]:
    """(place, expression) of all dashboards."""
    files = sorted((promql.ROOT / "grafana" / "dashboards").glob("*.json"))
    return [q for p in files for q in dashboards.queries(json.loads(p.read_text(encoding="utf-8")))]


def series(url: str, expr: str) -> list[Any]:
    """What Prometheus answers."""
    with urlopen(f"{url}/api/v1/query?query={quote(expr, safe='')}", timeout=30) as answer:  # loopback
        found: list[Any] = json.loads(answer.read())["data"]["result"]
    return found


def empty(url: str, **variables: str) -> list[str]:
    """Places whose queries find nothing; a word more where nobody says why."""
    asked = queries()
    assert set(MAY_BE_EMPTY) <= {place for place, _ in asked}, "a reason for a query that is not there"
    return [place if place in MAY_BE_EMPTY else f"{place} unexplained: {expr}" for place, expr in asked
            if not series(url, promql.interpolated(expr, **variables))]
