"""Whether each query returns data: against series of every metric there is, in a Prometheus of promtool's.

A query may parse and still be empty for ever, because labels do not meet in a join, or a matcher names a word that
nobody says. So the series have the labels that the documents give them, and the words that the programs use.
"""
from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Iterable

from tests.lint import promql

HOURS = 8
_STEP = "5m"
_STEPS = HOURS * 12
# What each label says; by metric where it matters.
WORDS = {
    "model": ["kospi-prediction-model", "kosdaq"], "feature": ["ma5", "ma20"], "stattest": ["wasserstein"],
    "set": ["reference", "current"], "hash": ["00c0ffee"], "bin": ["0", "1", "2"], "reference": ["00c0ffee"],
    "le": ["0.0", "1.0", "+Inf"],
    "job": ["drift-relay", "model_metrics"], "route": ["kospi"], "target": ["retrain"], "source": ["grafana"],
    "credential": ["/run/secrets/github"], "version": ["0.1.0"],
    "rule": ["drift-ma5", "drift-ma20", "drift-score", "drift-fleet"],
    "alertname": ["DriftRelayDown"], "alertstate": ["firing"], "severity": ["critical"],
    "verdict": ["dispatch", "suppressed"], "reason": ["first", "budget"], "result": ["accepted"], "code": ["200", "400"],
    "outcome": ["accepted", "up"], "conclusion": ["success", "failure"], "state": ["queued", "dead"],
}
REASONS = {"drift_relay_auth_failures_total": ["mismatch"], "drift_relay_requests_ended_total": ["refused"],
           "model_rows_rejected_total": ["not_finite"]}


def series(known: dict[str, set[str]]) -> list[dict[str, str]]:
    """Series of all metrics, in the form of promtool's tests."""
    found = []
    for name, labels in known.items():
        if ":" in name:
            continue  # recorded from the others
        said = {**WORDS, "instance": ["a:1"], "reason": REASONS.get(name, WORDS["reason"])}
        scraped = labels if name in ("up", "ALERTS") else labels | {"instance"}
        words = [[f'{label}="{word}"' for word in said.get(label, ["x"])] for label in sorted(scraped)]
        # Each series counts at its own pace, the buckets of a histogram one above the other.
        for i, chosen in enumerate(itertools.product(*words), start=1):
            counts = name.endswith(("_total", "_bucket", "_count", "_sum"))
            values = f"0+{i * 10}x{_STEPS}" if counts and "reference" not in name else f"1x{_STEPS}"
            found.append({"series": f"{name}{{{', '.join(chosen)}}}", "values": values})
    return found


def empty(queries: Iterable[tuple[str, str]], known: dict[str, set[str]]) -> list[str]:
    """Those (place, expression) that find nothing in the series."""
    pairs = list(queries)
    tests = []
    for i, (_, expr) in enumerate(pairs):
        tests.append({"expr": f"count({promql.interpolated(expr)}) > bool 0 or vector({i + 2})",
                      "eval_time": f"{HOURS}h", "exp_samples": [{"labels": "{}", "value": 1}]})
    whole = {"rule_files": [str(promql.ROOT / "prometheus" / "fleet-drift-rules.yml")], "evaluation_interval": _STEP,
             "tests": [{"interval": _STEP, "input_series": series(known), "promql_expr_test": tests}]}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tests.json"
        file.write_text(json.dumps(whole), encoding="utf-8")
        said = subprocess.run([promql.PROMTOOL, "test", "rules", file], capture_output=True, text=True, check=False)
    if said.returncode == 0:
        return []
    text = said.stdout + said.stderr
    missed = [f"{place}: returns nothing: {expr}" for i, (place, expr) in enumerate(pairs)
              if f"or vector({i + 2})" in text]
    return missed or [f"promtool: {text}"]
