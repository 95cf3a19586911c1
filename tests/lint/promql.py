"""PromQL in dashboards, rules and recording rules: which metrics it asks for, and whether Prometheus takes it."""
from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Iterable

ROOT = Path(__file__).resolve().parents[2]
PROMTOOL = ROOT / "build" / "programs" / "bin" / "promtool"

PROMETHEUS_METRICS = {"up": {"job"}, "ALERTS": {"alertname", "alertstate", "severity"}}
# Grafana's own and the dashboards', as they may stand when a panel is looked at.
_VARIABLES = {"__range": "1h", "__rate_interval": "15m", "__interval": "15m", "model": "kosdaq", "feature": "ma5",
              "route": ".*", "target": ".*"}
_SCRAPE_LABELS = {"job", "instance"}
_WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool"}


def relay_metrics(table: str) -> dict[str, set[str]]:
    """Names and labels in docs/metrics.md; a histogram by its three series."""
    found: dict[str, set[str]] = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]+) \|", table, re.M):
        own = set(re.findall(r"`(\w+)`", labels))
        if kind == "histogram":
            found.update({f"{name}_bucket": own | {"le"}, f"{name}_sum": own, f"{name}_count": own})
        else:
            found[name] = own
    return found


def model_metrics(*guides: str) -> dict[str, set[str]]:
    """What the model server exports, by the tables of its guides: `a`, `b` | label, label | meaning."""
    found: dict[str, set[str]] = {}
    row = re.compile(r"^\| (`(?:model|data)_[^|:]+`) \| ([^|]+) \| ([^|]+) \|", re.M)
    for names, labels, meaning in row.findall("\n".join(guides)):
        own = set(re.findall(r"\w+", labels))
        for name in re.findall(r"`(\w+)`", names):
            if "histogram" in meaning:
                found.update({f"{name}_bucket": own, f"{name}_sum": own - {"le"}, f"{name}_count": own - {"le"}})
            else:
                found[name] = own
    return found


def recorded_metrics(rules: dict[str, object]) -> dict[str, set[str]]:
    """Names of recording rules, with the labels of their outermost `by`."""
    found = {}
    for group in rules["groups"]:  # type: ignore[attr-defined]
        for rule in group["rules"]:
            by = re.search(r"by \(([\w, ]+)\)", rule["expr"])
            found[rule["record"]] = set(re.split(r", *", by.group(1))) if by else set()
    return found


def selectors(expr: str) -> list[tuple[str, set[str]]]:
    """Each metric an expression asks for, with the labels it is selected by."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expr)
    text = re.sub(r"\[[^\]]*\]", "", text)
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", text)
    found = []
    text = re.sub(r"(?<![\w:])\d[\w.]*", " ", text)
    for match in re.finditer(r"(?<![\w:$])([A-Za-z_:][\w:]*)\s*(\{[^}]*\}|\()?", text):
        name, what = match.group(1), match.group(2) or ""
        if what != "(" and name not in _WORDS:
            found.append((name, set(re.findall(r"(\w+)\s*(?:=|!)", what))))
    return found


def unknown(expr: str, known: dict[str, set[str]]) -> list[str]:
    """What is wrong with the names in an expression."""
    faults = [] if selectors(expr) else ["asks for no metric"]
    for name, labels in selectors(expr):
        if name not in known:
            faults.append(f"no metric {name}")
        elif extra := labels - known[name] - _SCRAPE_LABELS:
            faults.append(f"{name} has no label {', '.join(sorted(extra))}")
    return faults


def interpolated(expr: str, **variables: str) -> str:
    """With Grafana's variables filled in."""
    values = {**_VARIABLES, **variables}
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values.get(match.group(1), match.group(0)), expr)


def unparsable(exprs: Iterable[tuple[str, str]]) -> list[str]:
    """What promtool says about those (place, expression) that do not parse."""
    pairs = list(exprs)
    rules = [{"record": f"x{i}", "expr": interpolated(expr)} for i, (_, expr) in enumerate(pairs)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.json"
        file.write_text(json.dumps({"groups": [{"name": "x", "rules": rules}]}), encoding="utf-8")
        said = subprocess.run([PROMTOOL, "check", "rules", file], capture_output=True, text=True, check=False)
    if said.returncode == 0:
        return []
    wrong = re.findall(r'"x(\d+)"[^\n]*?: (could not parse[^\n]*)', said.stderr)
    return [f"{pairs[int(i)][0]}: {words}" for i, words in wrong] or [f"promtool: {said.stderr.strip()}"]
