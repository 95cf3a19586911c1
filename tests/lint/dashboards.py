"""grafana/dashboards: what a classic dashboard needs to load from a file and to be understood."""
from __future__ import annotations

import itertools
import re
from typing import Any, Iterator

from tests.lint import promql

Json = Any
UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
TAG_QUERY = {"type": "tags", "tags": ["retraining"], "matchAny": False, "limit": 100}
_PANELS = {"timeseries", "stat", "bargauge", "barchart", "table", "state-timeline"}
_UNITS = {"none", "short", "s", "percentunit", "reqps", "dateTimeFromNow"}
_BUILT_IN = re.compile(r"__(rate_interval|interval|range)")


def panels(board: Json) -> Iterator[Json]:
    """All panels, those of collapsed rows too."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def queries(board: Json) -> Iterator[tuple[str, str]]:
    """(place, expression) of all targets, and of the variables that ask for labels of a metric."""
    for panel in panels(board):
        for target in panel.get("targets", []):
            yield f"{board['uid']}: panel {panel['id']} {target['refId']}", target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            yield f"{board['uid']}: variable {variable['name']}", asked.group(1) if asked else ""


def _head(board: Json, name: str) -> list[str]:
    faults = []
    wanted = {"id": None, "uid": name.removesuffix(".json"), "schemaVersion": 42, "timezone": "browser",
              "editable": True, "graphTooltip": 1}
    for key, value in wanted.items():
        if key not in board or board[key] != value:
            faults.append(f"{key} is {board.get(key)!r}, not {value!r}")
    if not UID.fullmatch(str(board.get("uid"))):
        faults.append("uid is no uid")
    for key in ("title", "description", "time", "refresh"):
        if not board.get(key):
            faults.append(f"no {key}")
    if "drift-relay" not in board.get("tags", []):
        faults.append("the tag drift-relay, by which the dashboards link each other, is missing")
    return faults


def _annotations(board: Json) -> list[str]:
    faults = []
    entries = board["annotations"]["list"]
    if not any(e.get("builtIn") == 1 and e["type"] == "dashboard" for e in entries):
        faults.append("the built-in annotations are missing")
    if not any(e.get("target") == TAG_QUERY and e["enable"] for e in entries):
        faults.append("the annotations of retraining are missing")
    if any(e["datasource"] != {"type": "grafana", "uid": "-- Grafana --"} for e in entries):
        faults.append("an annotation asks another data source than Grafana itself")
    return faults


def _variables(board: Json) -> list[str]:
    faults = []
    variables = board["templating"]["list"]
    names = [v["name"] for v in variables]
    first = {"type": "datasource", "query": "prometheus", "name": "datasource"}
    if not variables or any(variables[0][key] != value for key, value in first.items()):
        faults.append("the first variable is not the data source")
    for v in variables[1:]:
        if v["type"] != "query" or v["datasource"] != DATASOURCE or v["definition"] != v["query"]["query"]:
            faults.append(f"variable {v['name']} is no query of the data source variable")
    faults += [f"variable {v['name']} has no {key}" for v in variables for key in ("label", "description")
               if not v.get(key)]
    exprs = " ".join(expr for _, expr in queries(board)) + " ".join(p["title"] for p in panels(board))
    used = {n for n in re.findall(r"\$\{?(\w+)", exprs) if not _BUILT_IN.fullmatch(n)} | {"datasource"}
    return faults + [f"variable {n} is not there or not used" for n in sorted(used ^ set(names))]


def _panel(panel: Json) -> list[str]:
    faults = []
    if panel["type"] not in _PANELS:
        faults.append(f"is of type {panel['type']}")
    faults += [f"has no {key}" for key in ("title", "description") if not panel.get(key)]
    unit = panel["fieldConfig"]["defaults"].get("unit")
    if unit not in _UNITS:
        faults.append(f"has the unit {unit!r}")
    if panel.get("datasource") != DATASOURCE or any(t.get("datasource") != DATASOURCE for t in panel["targets"]):
        faults.append("names a data source other than ${datasource}")
    refs = [t["refId"] for t in panel["targets"]]
    if not refs or len(set(refs)) != len(refs) or any(not re.fullmatch("[A-Z]", r) for r in refs):
        faults.append(f"has the refs {refs}")
    for t in panel["targets"]:
        if t["instant"] is t["range"]:
            faults.append(f"{t['refId']} is neither instant nor range")
        if t["format"] == "time_series" and not t.get("legendFormat"):
            faults.append(f"{t['refId']} has no legend")
        if re.search(r"\b(rate|increase)\([^[]*\[(?!\$__|\d+h\])", t["expr"]):
            faults.append(f"{t['refId']} counts in a fixed short range")
    known = {f"Value #{r}" for r in refs} | set(refs)
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["id"] == "byFrameRefID" and override["matcher"]["options"] not in known:
            faults.append(f"overrides {override['matcher']['options']}, which is no ref")
    return faults


def _overlaps(board: Json) -> list[str]:
    faults, taken = [], {}
    for panel in board["panels"]:
        pos = panel["gridPos"]
        if pos["x"] < 0 or pos["x"] + pos["w"] > 24 or pos["w"] < 1 or pos["h"] < 1:
            faults.append(f"panel {panel['id']} leaves the grid")
        columns, rows = range(pos["x"], pos["x"] + pos["w"]), range(pos["y"], pos["y"] + pos["h"])
        for cell in itertools.product(columns, rows):
            if cell in taken:
                faults.append(f"panel {panel['id']} lies on panel {taken[cell]}")
                break
            taken[cell] = panel["id"]
    return faults


def check(name: str, board: Json, known: dict[str, set[str]]) -> list[str]:
    """What is wrong with the dashboard in file `name`; what promtool says is asked once for all of them."""
    faults = _head(board, name) + _annotations(board) + _variables(board) + _overlaps(board)
    ids = [p["id"] for p in panels(board)]
    if len(set(ids)) != len(ids) or any(not isinstance(i, int) or i < 1 for i in ids):
        faults.append(f"panel ids {sorted(ids)}")
    for panel in panels(board):
        if panel["type"] != "row":
            faults += [f"panel {panel['id']} {fault}" for fault in _panel(panel)]
    faults = [f"{name}: {fault}" for fault in faults]
    for place, expr in queries(board):
        faults += [f"{place}: {fault}" for fault in promql.unknown(expr, known)]
    return faults
