"""Grafana's and Alertmanager's webhook bodies: recorded ones from tests/data/grafana, and built ones."""
from __future__ import annotations

import base64
import hashlib
import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Optional

from tests.support.relay import ROOT, sign

DATA = ROOT / "tests" / "data" / "grafana"
NEVER = "0001-01-01T00:00:00Z"
RECEIVER = "retrain-relay"


@dataclass(frozen=True)
class Recording:
    """One request of a real Grafana, and the decisions it should get."""

    name: str
    story: str
    step: int
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    secret: str
    timestamp_header: str
    signature_header: str
    expected: dict[str, Any]

    @staticmethod
    def load(name: str) -> "Recording":
        """By file name without .http.json, e.g. 01-firing-first."""
        data = json.loads((DATA / f"{name}.http.json").read_text())
        body = base64.b64decode(data["body_base64"])
        assert hashlib.sha256(body).hexdigest() == data["body_sha256"], name
        return Recording(name, data["story"], data["step"], data["path"], tuple(map(tuple, data["headers"])), body,
                         data["secret"], data["timestamp_header"], data["signature_header"], data["expected"])

    def signed(self, ts: Optional[int] = None) -> dict[str, str]:
        """Its headers with a signature of the present time; connection headers left to the client."""
        drop = {"host", "content-length", "connection", "accept-encoding", self.signature_header.lower(),
                self.timestamp_header.lower()}
        headers = {n: v for n, v in self.headers if n.lower() not in drop}
        stamp = (int(time.time()) if ts is None else ts) if self.timestamp_header else None
        headers[self.signature_header] = sign(self.body, stamp, self.secret)
        if stamp is not None:
            headers[self.timestamp_header] = str(stamp)
        return headers

    def decisions(self) -> list[tuple[str, str]]:
        """(fingerprint, verdict/reason) in the body's order."""
        return [(a["fingerprint"], a["decision"]) for a in self.expected["alerts"]]


def recordings() -> list[Recording]:
    """All of them, in the order of their numbers."""
    return [Recording.load(p.name[:-len(".http.json")]) for p in sorted(DATA.glob("*.http.json"))]


def stories() -> dict[str, list[Recording]]:
    """Recordings by story, each in the order of its steps."""
    found: dict[str, list[Recording]] = {}
    for recording in recordings():
        found.setdefault(recording.story, []).append(recording)
    return {name: sorted(steps, key=lambda r: r.step) for name, steps in found.items()}


def fingerprint(labels: dict[str, str]) -> str:
    """16 hex digits that follow from the labels alone, as Grafana's and Alertmanager's do."""
    text = "".join(f"{k}\xff{v}\xff" for k, v in sorted(labels.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def rfc3339(unix: float) -> str:
    """UTC with whole seconds."""
    return datetime.fromtimestamp(unix, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def alert(model: str = "kospi", status: str = "firing", *, starts: Optional[float] = None,
          ends: Optional[float] = None, labels: Optional[dict[str, Any]] = None,
          annotations: Optional[dict[str, str]] = None, **more: Any) -> dict[str, Any]:
    """One element of `alerts`; `more` replaces or adds fields (a value of None stays null)."""
    names = {"action": "retrain", "alertname": "Data drift", "grafana_folder": "ML alerts", "model": model,
             **(labels or {})}
    begun = time.time() - 60 if starts is None else starts
    over = NEVER if status == "firing" else rfc3339(time.time() if ends is None else ends)
    made = {"status": status, "labels": names, "annotations": annotations or {"summary": "drift at 0.93"},
            "startsAt": rfc3339(begun), "endsAt": over,
            "generatorURL": "http://grafana:3000/alerting/grafana/drift-ma5/view?orgId=1",
            "fingerprint": fingerprint({k: str(v) for k, v in names.items()}), "silenceURL": "", "dashboardURL": "",
            "panelURL": "", "values": {"A": 0.93, "C": 1}, "valueString": "", "orgId": 1}
    return {**made, **more}


def notification(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A Grafana body around these alerts (one firing alert when none is given)."""
    inside = list(alerts) or [alert()]
    firing = any(a["status"] == "firing" for a in inside)
    made = {"receiver": RECEIVER, "status": "firing" if firing else "resolved", "alerts": inside,
            "groupLabels": {"alertname": "Data drift"}, "commonLabels": {}, "commonAnnotations": {},
            "externalURL": "http://grafana:3000/", "version": "1", "groupKey": '{}:{alertname="Data drift"}',
            "truncatedAlerts": 0, "orgId": 1, "title": "[FIRING]", "state": "alerting" if firing else "ok",
            "message": ""}
    return {**made, **more}


def encode(body: dict[str, Any]) -> bytes:
    """As Go's encoder writes it: compact, with <, > and & escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()


def grafana_body(*alerts: dict[str, Any], **more: Any) -> bytes:
    """notification() as bytes."""
    return encode(notification(*alerts, **more))


def alertmanager_body(*alerts: dict[str, Any], **more: Any) -> bytes:
    """Alertmanager's webhook body, version 4."""
    inside = []
    for made in list(alerts) or [alert()]:
        inside.append({k: made[k] for k in ("status", "labels", "annotations", "startsAt", "endsAt", "generatorURL",
                                            "fingerprint")})
    firing = any(a["status"] == "firing" for a in inside)
    body = {"receiver": RECEIVER, "status": "firing" if firing else "resolved", "alerts": inside,
            "groupLabels": {"alertname": "Data drift"}, "commonLabels": {}, "commonAnnotations": {},
            "externalURL": "http://alertmanager:9093", "version": "4", "groupKey": '{}:{alertname="Data drift"}',
            "truncatedAlerts": 0}
    return encode({**body, **more})
