"""Faults that tests/lint/grafana.py must find: a name, how to make it, words that must be said of it."""
from __future__ import annotations

from typing import Any, Callable

from tests.lint.alert_rules import RUNBOOK

Make = Callable[[Any], Any]


def board(change: Callable[[Any], Any], uid: str = "model-drift") -> Make:
    """In a dashboard."""
    return lambda house: change(house.boards[f"{uid}.json"])


def panel(number: int, change: Callable[[Any], Any]) -> Make:
    """In a panel of the first dashboard."""
    return board(lambda b: change(next(p for p in b["panels"] if p["id"] == number)))


def query(expr: str) -> Make:
    """Panel 4, which no rule leads to, asks this."""
    return panel(4, lambda p: p["targets"][0].update(expr=expr))


def target(**values: Any) -> Make:
    """In the first target of panel 1."""
    return panel(1, lambda p: p["targets"][0].update(values))


def rule(change: Callable[[Any], Any], uid: str = "drift-ma5") -> Make:
    """In an alert rule."""
    return lambda house: change(house.rules[f"{uid}.json"])


def note(**values: str) -> Make:
    """In a rule's annotations."""
    return rule(lambda r: r["annotations"].update(values))


def provisioned(file: str, change: Callable[[Any], Any]) -> Make:
    """In a provisioning file."""
    return lambda house: change(house.files[f"{file}/drift-relay.yaml"])


def point(**values: Any) -> Make:
    """In the contact point."""
    return provisioned("alerting", lambda f: f["contactPoints"][0].update(values))


def receiver(**values: Any) -> Make:
    """In the contact point's webhook."""
    return provisioned("alerting", lambda f: f["contactPoints"][0]["receivers"][0].update(values))


def settings(**values: Any) -> Make:
    """In the webhook's settings."""
    return provisioned("alerting", lambda f: f["contactPoints"][0]["receivers"][0]["settings"].update(values))


def text(file: str, more: str) -> Make:
    """At the end of a provisioning file's text."""
    return lambda house: house.file_texts.update({f"{file}/drift-relay.yaml": more})


FAULTS: list[tuple[str, Make, str]] = [
    ("a dashboard of an instance", board(lambda b: b.update(id=7)), "id is 7"),
    ("another uid than the file's name", board(lambda b: b.update(uid="drift")), "uid is 'drift'"),
    ("an older schema", board(lambda b: b.update(schemaVersion=39)), "schemaVersion is 39"),
    ("no title", board(lambda b: b.update(title="")), "no title"),
    ("no link tag", board(lambda b: b.update(tags=[])), "tag drift-relay"),
    ("no built-in annotations", board(lambda b: b["annotations"]["list"].pop(0)), "built-in"),
    ("no annotations of retraining", board(lambda b: b["annotations"]["list"].pop(1)), "annotations of retraining"),
    ("no data source variable", board(lambda b: b["templating"]["list"].pop(0)), "first variable"),
    ("a variable nobody uses", board(lambda b: b["templating"]["list"][1].update(name="m")), "variable m is"),
    ("a variable of no metric", board(lambda b: b["templating"]["list"][1].update(
        definition="label_values(nothing, model)",
        query={"query": "label_values(nothing, model)"})), "no metric nothing"),
    ("a panel id twice", panel(2, lambda p: p.update(id=1)), "panel ids"),
    ("a panel over another", panel(2, lambda p: p["gridPos"].update(x=0)), "lies on panel"),
    ("a panel that leaves the grid", panel(2, lambda p: p["gridPos"].update(x=20)), "leaves the grid"),
    ("a panel without description", panel(1, lambda p: p.update(description="")), "no description"),
    ("a panel without unit", panel(1, lambda p: p["fieldConfig"]["defaults"].pop("unit")), "has the unit None"),
    ("a plugin", panel(1, lambda p: p.update(type="x-clock-panel")), "x-clock-panel"),
    ("a fixed data source", panel(1, lambda p: p.update(datasource={"type": "prometheus", "uid": "x"})),
     "data source other"),
    ("a ref twice", target(refId="B"), "has the refs"),
    ("a target without legend", target(legendFormat=""), "no legend"),
    ("instant and range", target(instant=True), "neither instant nor range"),
    ("a fixed short range", target(expr="rate(model_predictions_total[1m])"), "fixed short range"),
    ("an override of no ref", panel(1, lambda p: p["fieldConfig"]["overrides"][0]["matcher"].update(options="Z")),
     "overrides Z"),
    ("a metric that nobody exports", target(expr="data_drift_score_ma50"), "no metric data_drift_score_ma50"),
    ("a recording rule that is none", target(expr="model_feature:psi:increase7h"), "no metric model_feature:psi"),
    ("a label that the metric has not", target(expr='model_drift_score{source="x"}'), "no label source"),
    ("a query that does not parse", target(expr="sum(data_drift_score_ma5"), "could not parse"),
    ("a type that Prometheus refuses", target(expr="rate(data_drift_score_ma5)"), "could not parse"),
    ("a word that nobody says", query('model_drift_score{model="$model", stattest="wassersteen"}'), "returns nothing"),
    ("a join over labels that one side lacks", query(
        "model_drift_score / on (model, stattest, hash) model_drift_reference_info"), "returns nothing"),
    ("a join that is many to many", query("model_drift_score / on (model) model_drift_threshold"), "returns nothing"),
    ("a relay's metric gone", lambda h: setattr(h, "metrics", h.metrics.replace("`drift_relay_run_active`", "`x`")),
     "no metric drift_relay_run_active"),
    ("a model's metric gone", lambda h: setattr(
        h, "guides", [g.replace("`model_drift_samples`", "`x`") for g in h.guides]), "no metric model_drift_samples"),
    ("two dashboards of one title", board(lambda b: b.update(title="Relay")), "one title"),
    ("a rule with an id", rule(lambda r: r.update(id=3)), "keys are not"),
    ("a rule without group", rule(lambda r: r.pop("ruleGroup")), "keys are not"),
    ("a file of another uid", rule(lambda r: r.update(uid="x")), "uid x"),
    ("another folder", rule(lambda r: r.update(folderUID="x")), "folder x"),
    ("a range query", rule(lambda r: r["data"][0]["model"].update(instant=False)), "data has False"),
    ("another data source", rule(lambda r: r["data"][0].update(datasourceUid="x")), "data has 'x'"),
    ("a condition that is no ref", rule(lambda r: r.update(condition="B")), "data has 'B'"),
    ("two conditions", rule(lambda r: r["data"][1]["model"]["conditions"].append({})), "data has 2"),
    ("no threshold", rule(lambda r: r["data"].pop()), "one instant query"),
    ("a threshold of another query", rule(lambda r: r["data"][1]["model"].update(expression="B")), "data has 'B'"),
    ("no data that retrains", rule(lambda r: r.update(noDataState="Alerting")), "KeepLast"),
    ("an error that ends an alert", rule(lambda r: r.update(execErrState="OK")), "KeepLast"),
    ("no model", rule(lambda r: r["labels"].pop("model")), "no label model"),
    ("no group_wait", rule(lambda r: r["notification_settings"].pop("group_wait")), "all three times"),
    ("no such contact point", rule(lambda r: r["notification_settings"].update(receiver="x")), "contact point x"),
    ("slower than settle", rule(lambda r: r.update({"for": "15m"})), "settle"),
    ("rarer than stale_after", rule(lambda r: r["notification_settings"].update(repeat_interval="5h")),
     "stale_after"),
    ("drift unknown that retrains", rule(lambda r: r["labels"].update(action="retrain"), "drift-unknown"), "KeepLast"),
    ("health sent to the relay", rule(lambda r: r.update(notification_settings={}), "drift-relay-health"),
     "for people"),
    ("no summary", note(summary=""), "no annotation summary"),
    ("another rule's uid", note(rule_uid="drift-ma20"), "rule_uid"),
    ("a section that is not there", note(runbook_url=f"{RUNBOOK}#x"), "leads nowhere"),
    ("a runbook elsewhere", note(runbook_url="https://example.com/#modeldrift"), "leads nowhere"),
    ("a panel that is not there", note(__panelId__="99"), "panel 99"),
    ("a panel of something else", note(__panelId__="10"), "shows nothing of what it asks for"),
    ("a rule of no metric", rule(lambda r: r["data"][0]["model"].update(expr="vector(1)")), "asks for no metric"),
    ("a locked policy tree", provisioned("alerting", lambda f: f.update(policies=[])), "has the keys"),
    ("locked rules", provisioned("alerting", lambda f: f.update(groups=[])), "has the keys"),
    ("no timestamp", settings(hmacConfig={"secret": "$__file{/run/secrets/webhook}"}), "body and time"),
    ("a secret in the file", settings(hmacConfig={"secret": "whsec_1"}), "body and time"),
    ("a shortened notification", settings(maxAlerts="10"), "all alerts"),
    ("a name that needs escapes", point(name="drift.relay"), "escapes"),
    ("a uid that stops Grafana", receiver(uid="a.b"), "stops Grafana"),
    ("no resolves", receiver(disableResolveMessage=True), "resolves"),
    ("a variable that nobody sets", text("datasources", "url: ${PROMETHEUS}"), "nobody sets PROMETHEUS"),
    ("a second default", provisioned("datasources", lambda f: f["datasources"][0].update(isDefault=True)), "default"),
    ("a folder of chance", provisioned("dashboards", lambda f: f["providers"][0].update(folderUid="")), "no fixed uid"),
    ("an alert without section", lambda h: setattr(h, "runbook", h.runbook.replace("## DriftRelayDown", "## Down")),
     "driftrelaydown"),
    ("a section without alert", lambda h: setattr(h, "runbook", h.runbook + "## Old\n"), "docs/runbook.md: old"),
    ("an alert that leads elsewhere", lambda h: h.alerts()[0]["annotations"].update(runbook_url="x"),
     "leads elsewhere"),
    ("an alert of no metric", lambda h: h.alerts()[0].update(expr="drift_relay_nothing > 0"),
     "no metric drift_relay_nothing"),
]
