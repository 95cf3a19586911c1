"""grafana/rules: alert rules that Grafana takes, that reach the relay, and that say where to look."""
from __future__ import annotations

import re
from typing import Any

from tests.lint import promql
from tests.lint.dashboards import UID, panels

Json = Any
RUNBOOK = "https://github.com/drift-relay/drift-relay/blob/main/docs/runbook.md"
_KEYS = {"uid", "title", "folderUID", "ruleGroup", "condition", "data", "for", "noDataState", "execErrState",
         "isPaused", "labels", "annotations", "notification_settings"}
_SECONDS = {"s": 1, "m": 60, "h": 3600}
SETTLE_S, STALE_AFTER_S = 15 * 60, 9 * 3600  # the policy's defaults


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d+)([smh])", text)
    assert match, f"{text!r} is no duration"
    return int(match.group(1)) * _SECONDS[match.group(2)]


def anchors(runbook: str) -> set[str]:
    """As GitHub makes them of the headings."""
    return {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", runbook, re.M)}


def leads_to_runbook(url: str, known: set[str]) -> bool:
    """The runbook's address, and a section that is there."""
    base, _, anchor = url.partition("#")
    return base == RUNBOOK and (anchor == "" or anchor in known)


def _data(rule: Json, provisioned: Json) -> list[str]:
    """One instant query and one threshold on it, which the UI shows as a box to type into."""
    try:
        query, threshold = rule["data"]
        model, condition = query["model"], threshold["model"]["conditions"][0]
        source = {"type": "prometheus", "uid": provisioned["datasource"]}
        wanted = [
            (query["datasourceUid"], source["uid"]), (model["datasource"], source), (model["refId"], query["refId"]),
            (model["instant"], True), (model["range"], False), (query["relativeTimeRange"]["to"], 0),
            (threshold["datasourceUid"], "__expr__"),
            (threshold["model"]["datasource"], {"type": "__expr__", "uid": "__expr__"}),
            (threshold["model"]["type"], "threshold"), (threshold["model"]["refId"], threshold["refId"]),
            (threshold["model"]["expression"], query["refId"]), (rule["condition"], threshold["refId"]),
            (len(threshold["model"]["conditions"]), 1), (condition["type"], "query"),
            (len(condition["evaluator"]["params"]), 1)]
        if condition["evaluator"]["type"] not in ("gt", "lt", "gte", "lte"):
            wanted.append((condition["evaluator"]["type"], "gt"))
        if not query["relativeTimeRange"]["from"] > 0:
            wanted.append((query["relativeTimeRange"]["from"], 600))
    except (KeyError, ValueError, IndexError, TypeError) as fault:
        return [f"data is not one instant query and one threshold: {fault!r}"]
    return [f"data has {found!r} where {right!r} belongs" for found, right in wanted if found != right]


def _retrains(rule: Json, provisioned: Json) -> list[str]:
    faults = []
    if (rule["noDataState"], rule["execErrState"]) != ("KeepLast", "KeepLast"):
        faults.append("an outage must neither start a retraining nor end an alert: KeepLast")
    expr = rule["data"][0]["model"]["expr"]
    if "model" not in rule["labels"] and not re.search(r"\bby \([^)]*\bmodel\b", expr):
        faults.append("has no label model, which is the relay's key")
    settings = rule.get("notification_settings", {})
    if set(settings) != {"receiver", "group_wait", "group_interval", "repeat_interval"}:
        return faults + ["notification_settings are not a receiver and all three times"]
    if settings["receiver"] not in provisioned["contact_points"]:
        faults.append(f"contact point {settings['receiver']} is not provisioned")
    if _seconds(rule["for"]) + _seconds(settings["group_interval"]) >= SETTLE_S:
        faults.append("for and group_interval are no shorter than settle")
    if 2 * _seconds(settings["repeat_interval"]) >= STALE_AFTER_S:
        faults.append("twice repeat_interval is no shorter than stale_after")
    return faults


def _annotations(rule: Json, boards: dict[str, Json], sections: set[str]) -> list[str]:
    notes = rule["annotations"]
    faults = [f"has no annotation {key}" for key in ("summary", "description", "seed") if not notes.get(key)]
    if notes.get("rule_uid") != rule["uid"]:
        faults.append("annotation rule_uid is another")
    if not leads_to_runbook(str(notes.get("runbook_url")), sections):
        faults.append(f"runbook_url {notes.get('runbook_url')} leads nowhere")
    if any(not isinstance(v, str) for v in notes.values()):
        faults.append("an annotation is no text")
    board = boards.get(notes.get("__dashboardUid__"))
    panel = next((p for p in panels(board) if str(p["id"]) == notes.get("__panelId__")), None) if board else None
    if panel is None:
        return faults + [f"panel {notes.get('__panelId__')} of dashboard {notes.get('__dashboardUid__')} is not there"]
    asked = {name for name, _ in promql.selectors(rule["data"][0]["model"]["expr"])}
    shown = {name for target in panel.get("targets", []) for name, _ in promql.selectors(target["expr"])}
    return faults if asked & shown else faults + [f"its panel {panel['id']} shows nothing of what it asks for"]


def check(name: str, rule: Json, context: dict[str, Any]) -> list[str]:
    """What is wrong with the rule in file `name`. context: provisioned, boards, sections, known."""
    if not isinstance(rule, dict) or _KEYS - {"notification_settings"} - set(rule) or set(rule) - _KEYS:
        return [f"{name}: keys are not those of a rule: {sorted(set(rule) ^ _KEYS)}"]
    faults = _data(rule, context["provisioned"])
    if not UID.fullmatch(rule["uid"]) or rule["uid"] + ".json" != name:
        faults.append(f"uid {rule['uid']} is none, or not the file's name")
    if rule["folderUID"] != context["provisioned"]["folder"]:
        faults.append(f"folder {rule['folderUID']} is not provisioned")
    if faults:
        return [f"{name}: {fault}" for fault in faults]
    faults += _annotations(rule, context["boards"], context["sections"])
    faults += promql.unknown(rule["data"][0]["model"]["expr"], context["known"])
    if rule["labels"].get("action") == "retrain":
        faults += _retrains(rule, context["provisioned"])
    elif "notification_settings" in rule:
        faults.append("retrains nothing, and still names a contact point: its alerts are for people")
    return [f"{name}: {fault}" for fault in faults]
