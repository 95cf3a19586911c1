"""The alert rules in grafana/rules, when they fire: which of them start a run, under which key, with which inputs."""
from __future__ import annotations

import json
from typing import Any, Callable

from tests.support.grafana_bodies import alert, fingerprint, grafana_body
from tests.support.relay import ROOT, Relay

SEEDS = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "grafana" / "rules").glob("*.json"))]
# What Grafana adds from the series that a rule asks for.
SERIES = {"drift-score": {"model": "kosdaq", "feature": "volume"}, "drift-fleet": {"model": "kosdaq", "feature": "ma5"},
          "drift-unknown": {"model": "kosdaq"},
          "drift-relay-health": {"problem": "DriftRelayDown", "severity": "critical"}}


def fired(rule: dict[str, Any]) -> dict[str, Any]:
    """The rule's alert as the webhook has it: its labels over the series', no __x__ annotations."""
    labels = {"alertname": rule["title"], "grafana_folder": "Model drift", **SERIES.get(rule["uid"], {}),
              **rule["labels"]}
    notes = {key: text for key, text in rule["annotations"].items() if not key.startswith("__")}
    # alert() has labels of its own, which not every rule has.
    return {**alert(annotations=notes, generatorURL=""), "labels": labels, "fingerprint": fingerprint(labels)}


def test_rules_for_drift_start_a_run_of_their_model_and_the_others_none(make_relay: Callable[..., Relay]) -> None:
    inputs = [{"name": "model", "value": "{label:model}", "pattern": "[a-z0-9-]{1,64}"},
              {"name": "rule", "value": "{rule_uid}"}]
    relay = make_relay({"routes": {"inputs": inputs}})
    found = {}
    for seed in SEEDS:
        body = relay.folder / f"{seed['uid']}.json"
        body.write_bytes(grafana_body(fired(seed)))
        asked = relay.cli("explain", "--json", "--empty", "--config", str(relay.config_file), str(body))
        assert asked.returncode == 0, asked
        (one,) = json.loads(asked.stdout)["alerts"]
        found[seed["uid"]] = (f"{one['verdict']}/{one['reason']}", one["key"], one["inputs"])
    kospi, kosdaq = "kospi-prediction-model", "kosdaq"
    assert found == {
        "drift-ma5": ("dispatch/first", f"kospi/{kospi}", {"model": kospi, "rule": "drift-ma5"}),
        "drift-ma20": ("dispatch/first", f"kospi/{kospi}", {"model": kospi, "rule": "drift-ma20"}),
        "drift-score": ("dispatch/first", f"kospi/{kosdaq}", {"model": kosdaq, "rule": "drift-score"}),
        "drift-fleet": ("dispatch/first", f"kospi/{kosdaq}", {"model": kosdaq, "rule": "drift-fleet"}),
        "drift-unknown": ("ignored/no_route", None, None),
        "drift-relay-health": ("ignored/no_route", None, None),
    }


def test_rules_of_one_model_that_fire_together_start_one_run(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay().start()
    body = grafana_body(*(fired(seed) for seed in SEEDS if seed["uid"] in ("drift-ma5", "drift-ma20")))
    decided = relay.post(body, "/hooks/grafana?dry=1").json()["alerts"]
    assert sorted(a["reason"] for a in decided) == ["first", "joined"]
