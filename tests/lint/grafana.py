"""Everything in grafana/, and the runbook that it and prometheus/ lead to:   python3 -m tests.lint.grafana [--faults]

--faults tries the checks themselves: each of some faults, one at a time, must be found.
"""
from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any, Callable

import yaml

from tests.lint import alert_rules, dashboards, promdata, promql, provisioning

ROOT = promql.ROOT
CONFIG_MAP_BYTES = 1 << 20


def load(folder: str, suffix: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Parsed files and their texts, by path below the folder."""
    texts = {str(p.relative_to(ROOT / folder)): p.read_text(encoding="utf-8")
             for p in sorted((ROOT / folder).rglob("*")) if p.is_file()}
    assert texts and all(name.endswith(suffix) for name in texts), f"{folder}: {sorted(texts)}"
    parse = yaml.safe_load if suffix == ".yaml" else json.loads
    return {name: parse(text) for name, text in texts.items()}, texts


class House:
    """All files at once, as the checks want them."""

    def __init__(self) -> None:
        self.boards, self.board_texts = load("grafana/dashboards", ".json")
        self.rules, _ = load("grafana/rules", ".json")
        self.files, self.file_texts = load("grafana/provisioning", ".yaml")
        self.prometheus = [yaml.safe_load(Path(p).read_text(encoding="utf-8"))
                           for p in sorted((ROOT / "prometheus").glob("*-rules.yml"))]
        self.runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
        self.metrics = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
        self.guides = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("drift.md", "model.md")]

    def alerts(self) -> list[Any]:
        """Prometheus's alerting rules."""
        return [r for f in self.prometheus for g in f["groups"] for r in g["rules"] if "alert" in r]

    def recording(self) -> Any:
        """Prometheus's recording rules, in a file's form."""
        groups = [g for f in self.prometheus for g in f["groups"] if any("record" in r for r in g["rules"])]
        return {"groups": groups}


def runbook_faults(house: House) -> list[str]:
    """One section for each alert, and no other."""
    sections = alert_rules.anchors(house.runbook)
    names = [r["alert"] for r in house.alerts()]
    faults = [f"{r['alert']}: runbook_url leads elsewhere" for r in house.alerts()
              if r["annotations"].get("runbook_url") != f"{alert_rules.RUNBOOK}#{r['alert'].lower()}"]
    faults += [f"{r['alert']}: no {key}" for r in house.alerts() for key in ("summary", "description")
               if not r["annotations"].get(key)]
    return faults + [f"docs/runbook.md: {name}: no alert, or no section"
                     for name in sorted({n.lower() for n in names} ^ (sections - {"runbook"}))]


def metrics_of(house: House) -> dict[str, set[str]]:
    """All that can be asked for, with its labels."""
    return {**promql.relay_metrics(house.metrics), **promql.model_metrics(*house.guides),
            **promql.PROMETHEUS_METRICS, **promql.recorded_metrics(house.recording())}


def faults_of(house: House) -> list[str]:
    """All but what promtool has to say."""
    known = metrics_of(house)
    faults = provisioning.check(house.files, house.file_texts)
    if faults:
        return faults
    for name, board in house.boards.items():
        faults += dashboards.check(name, board, known)
    if len({b["title"] for b in house.boards.values()}) != len(house.boards):
        faults.append("two dashboards of one title")
    if sum(len(t.encode()) for t in house.board_texts.values()) >= CONFIG_MAP_BYTES:
        faults.append("the dashboards do not fit into one ConfigMap")
    context = {"provisioned": provisioning.summary(house.files), "known": known,
               "boards": {b.get("uid"): b for b in house.boards.values()},
               "sections": alert_rules.anchors(house.runbook)}
    for name, rule in house.rules.items():
        faults += alert_rules.check(name, rule, context)
    for alert in house.alerts():
        faults += [f"{alert['alert']}: {fault}" for fault in promql.unknown(alert["expr"], known)]
    return faults + runbook_faults(house)


def expressions(house: House) -> list[tuple[str, str]]:
    """All PromQL that Grafana would send."""
    found = [q for board in house.boards.values() for q in dashboards.queries(board)]
    return found + [(name, rule["data"][0]["model"]["expr"]) for name, rule in house.rules.items()]


def promtool_faults(house: House) -> list[str]:
    """Queries that Prometheus refuses, or that find nothing in series of all metrics."""
    return promql.unparsable(expressions(house)) or promdata.empty(expressions(house), metrics_of(house))


def main() -> int:
    """Prints what is wrong."""
    if sys.argv[1:] == ["--faults"]:
        from tests.lint.grafana_faults import FAULTS  # only then

        return try_faults(FAULTS)
    house = House()
    faults = faults_of(house) or promtool_faults(house)
    for fault in faults:
        print(fault)
    print(f"{len(house.boards)} dashboards, {len(house.rules)} rules, {len(expressions(house))} queries, "
          f"{len(house.alerts())} alerts in the runbook")
    return 1 if faults else 0


def try_faults(table: list[tuple[str, Callable[[House], Any], str]]) -> int:
    """Makes each fault in a copy, and looks for the words that should be said of it."""
    house, missed = House(), 0
    for name, make, words in table:
        spoilt = copy.deepcopy(house)
        make(spoilt)
        said = faults_of(spoilt) or promtool_faults(spoilt)
        if not any(words in fault for fault in said):
            print(f"not found: {name}; said: {said[:3]}")
            missed += 1
    print(f"{len(table)} faults tried")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
