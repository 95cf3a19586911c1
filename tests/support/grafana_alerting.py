"""The part of Grafana's alerting that a relay meets, behind the stand-in's API: rules are evaluated, people edit and
delete them over the endpoints that the UI uses, and contact points are notified.

As recorded of Grafana 12.3 (tests/data/grafana): an edited or deleted rule that fires sends a resolve with
grafana_state_reason and no values, then fires anew if it still holds; a data source that is away changes nothing
under KeepLast; whatever could not be delivered comes again after group_interval; the log of what was sent is kept
over a clean stop and lost when Grafana is killed, so that a firing alert is sent again with its old startsAt.
Seconds are shorter than in production, nothing else is.
"""
from __future__ import annotations

import copy
import re
import threading
import time
from datetime import datetime, timezone
from typing import Any, Callable, Optional

from tests.support.grafana_bodies import alert, grafana_body
from tests.support.grafana_standin import Asked, GrafanaStandIn, Refusal

TICK_S, GROUP_INTERVAL_S = 0.1, 0.5
RULER = "/api/ruler/grafana/api/v1/rules"
_NAMES = {"title": "title", "condition": "condition", "data": "data", "uid": "uid", "noDataState": "no_data_state",
          "execErrState": "exec_err_state", "isPaused": "is_paused", "notification_settings": "notification_settings"}
_IDENTITY = ("data", "condition", "labels", "for", "title", "folderUID", "ruleGroup", "isPaused")  # an edit resets


class Instance:
    """The state of one rule's only series."""

    def __init__(self) -> None:
        self.pending_since: Optional[float] = None
        self.firing_since: Optional[float] = None
        self.value = 0.0
        self.told: Optional[float] = None  # firing_since that was delivered
        self.to_resolve: Optional[dict[str, Any]] = None  # an alert whose end is not delivered
        self.flushed = self.evaluated = 0.0
        self.health = "ok"


class AlertingStandIn(GrafanaStandIn):
    """A Grafana that evaluates. `read` is its data source: the value of an expression, or an OSError."""

    def __init__(self, read: Callable[[str], Optional[float]]) -> None:
        super().__init__()
        self.read = read
        self.instances: dict[str, Instance] = {}
        self._over = threading.Event()
        self._evaluator: Optional[threading.Thread] = None

    # --- life ---------------------------------------------------------------------------------------
    def start(self) -> "AlertingStandIn":
        super().start()
        self._over.clear()
        self._evaluator = threading.Thread(target=self._run, daemon=True)
        self._evaluator.start()
        return self

    def stop(self) -> None:
        """A clean one: what was sent is remembered."""
        self._over.set()
        if self._evaluator is not None:
            self._evaluator.join(30)
            self._evaluator = None
        super().stop()

    def kill(self) -> None:
        """What was sent since the log was last written to the database is forgotten."""
        self.stop()
        for instance in self.instances.values():
            instance.told, instance.to_resolve = None, None

    def _run(self) -> None:
        while not self._over.wait(TICK_S):
            with self.lock:
                rules = copy.deepcopy(list(self.state.rules.values()))
                for uid in set(self.instances) - {r["uid"] for r in rules}:
                    if self.instances[uid].to_resolve is None:
                        del self.instances[uid]
            for rule in rules:
                self._evaluate(rule)
            for uid in list(self.instances):
                self._flush(uid)

    # --- evaluation -----------------------------------------------------------------------------------
    def _evaluate(self, rule: dict[str, Any]) -> None:
        now = time.time()
        try:
            value = self.read(rule["data"][0]["model"]["expr"])
        except OSError:
            value = None
        with self.lock:
            if self.state.rules.get(rule["uid"]) != rule or rule["isPaused"]:
                return  # saved meanwhile: evaluated as it is now, next time
            instance = self.instances.setdefault(rule["uid"], Instance())
            if instance.to_resolve is not None:
                return  # a group is looked at more often than its rules are evaluated
            instance.evaluated, instance.health = now, "ok" if value is not None else "error"
            if value is None:
                return  # KeepLast
            instance.value = value
            if value <= self.threshold(rule["uid"]):
                instance.pending_since = None
                if instance.firing_since is not None:
                    self._end(instance, rule, {}, {"A": value, "C": 0})
                return
            instance.pending_since = instance.pending_since or now
            seconds = float(re.sub("s$", "", rule["for"]))
            if instance.firing_since is None and now - instance.pending_since >= seconds:
                instance.firing_since = now

    def _end(self, instance: Instance, rule: dict[str, Any], annotations: dict[str, str], values: Any) -> None:
        begun = instance.firing_since
        if begun is not None and instance.told is not None:
            instance.to_resolve = self._alert(rule, "resolved", begun, annotations, values)
        instance.firing_since = instance.pending_since = None

    @staticmethod
    def _alert(rule: dict[str, Any], status: str, begun: float, annotations: dict[str, str], values: Any) -> dict[str, Any]:
        labels = {"alertname": rule["title"], "grafana_folder": "Model drift", **rule["labels"]}
        shown = {k: v for k, v in rule["annotations"].items() if not k.startswith("__")}
        made = alert(status=status, starts=begun, values=values, annotations={**shown, **annotations},
                     generatorURL=f"http://grafana/alerting/grafana/{rule['uid']}/view?orgId=1",
                     dashboardURL=f"http://grafana/d/model-drift?to={time.time() * 1000:.0f}")  # no two sends are equal
        made["labels"] = labels
        return {**made, "receiver": rule["notification_settings"]["receiver"]}

    # --- notifying --------------------------------------------------------------------------------------
    def _flush(self, uid: str) -> None:
        now = time.time()
        with self.lock:
            instance, rule = self.instances[uid], self.state.rules.get(uid)
            if now - instance.flushed < GROUP_INTERVAL_S:
                return
            firing = None
            if rule is not None and instance.firing_since is not None and instance.told != instance.firing_since:
                firing = self._alert(rule, "firing", instance.firing_since, {}, {"A": instance.value, "C": 1})
            alerts = [copy.deepcopy(a) for a in (instance.to_resolve, firing) if a is not None]
            begun = instance.firing_since
        if not alerts:
            return
        receiver = [a.pop("receiver") for a in alerts][0]
        (point,) = [c for c in self.state.contact_points if c["name"] == receiver]
        error = self.notify(point, grafana_body(*alerts, receiver=receiver))
        with self.lock:
            instance.flushed = now
            if error:
                return
            if instance.to_resolve is not None:
                instance.to_resolve = instance.told = None
            if firing is not None:
                instance.told = begun

    # --- what the UI asks -----------------------------------------------------------------------------------
    def answer(self, asked: Asked) -> tuple[int, Any]:
        path = asked.path.partition("?")[0]
        if path.startswith(RULER) and asked.role in ("Editor", "Admin"):
            folder, _, group = path[len(RULER) + 1:].partition("/")
            if asked.method == "GET":
                return 202, self._group(folder, group)
            if asked.method == "POST":
                return self._save(folder, asked.body)
        if path == "/api/prometheus/grafana/api/v1/rules":
            return 200, {"status": "success", "data": {"groups": [{"rules": [
                {"uid": uid, "name": self.state.rules[uid]["title"], "health": i.health,
                 "state": "inactive" if i.firing_since is None else "firing",
                 "lastEvaluation": datetime.fromtimestamp(i.evaluated, timezone.utc).isoformat()}
                for uid, i in self.instances.items() if uid in self.state.rules]}]}}
        if path == "/api/search":
            return 200, [{"uid": uid, "type": "dash-db"} for uid in self.state.dashboards]
        return super().answer(asked)

    def _group(self, folder: str, group: str) -> dict[str, Any]:
        rules = [r for r in self.state.rules.values() if r["folderUID"] == folder and r["ruleGroup"] == group]
        if not rules:
            raise Refusal(404, "rule group not found")
        return {"name": group, "interval": "1m", "rules": [
            {"grafana_alert": {theirs: copy.deepcopy(r[ours]) for ours, theirs in _NAMES.items() if ours in r},
             "for": r["for"], "labels": dict(r["labels"]), "annotations": dict(r["annotations"])} for r in rules]}

    def _save(self, folder: str, body: dict[str, Any]) -> tuple[int, Any]:
        """POST of a group replaces it: rules that it lacks are deleted."""
        kept = set()
        for saved in body["rules"]:
            uid = saved["grafana_alert"]["uid"]
            rule, kept = self.state.rules[uid], kept | {uid}
            before = copy.deepcopy(rule)
            rule.update({ours: saved["grafana_alert"][theirs] for ours, theirs in _NAMES.items()
                         if theirs in saved["grafana_alert"]})
            rule.update({k: saved[k] for k in ("for", "labels", "annotations")})
            if any(before.get(k) != rule.get(k) for k in _IDENTITY):
                self._reset(before, "Paused" if rule["isPaused"] else "Updated")
        for uid, rule in list(self.state.rules.items()):
            if rule["folderUID"] == folder and rule["ruleGroup"] == body["name"] and uid not in kept:
                self._reset(self.state.rules.pop(uid), "RuleDeleted")
        return 202, {"message": "rule group updated successfully"}

    def _reset(self, rule: dict[str, Any], reason: str) -> None:
        if rule["uid"] in self.instances:
            self._end(self.instances[rule["uid"]], rule, {"grafana_state_reason": reason}, None)
