"""grafana/provisioning: files that do not stop Grafana, do not lock what is the operators', and hold no secret."""
from __future__ import annotations

import re
from typing import Any

Json = Any
_FOLDERS = {"datasources": {"apiVersion", "datasources"}, "dashboards": {"apiVersion", "providers"},
            "alerting": {"apiVersion", "contactPoints"}}
VARIABLES = {"PROMETHEUS_URL", "RELAY_WEBHOOK_URL"}
_SIGNING = {"secret": "$__file{/run/secrets/webhook}", "header": "X-Grafana-Alerting-Signature",
            "timestampHeader": "X-Grafana-Alerting-Signature-Timestamp"}


def summary(files: dict[str, Json]) -> dict[str, Any]:
    """What rules and dashboards refer to."""
    return {
        "datasource": files["datasources/drift-relay.yaml"]["datasources"][0]["uid"],
        "folder": files["dashboards/drift-relay.yaml"]["providers"][0]["folderUid"],
        "contact_points": [c["name"] for c in files["alerting/drift-relay.yaml"]["contactPoints"]],
    }


def _contact_point(point: Json) -> list[str]:
    faults = []
    # Other letters arrive escaped in the field `receiver`.
    if not re.fullmatch(r"[A-Za-z0-9_-]+", point["name"]):
        faults.append(f"contact point {point['name']} needs escapes")
    for receiver in point["receivers"]:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", str(receiver.get("uid"))):
            faults.append(f"uid {receiver.get('uid')} stops Grafana")
        settings = receiver["settings"]
        if receiver["type"] != "webhook" or receiver["disableResolveMessage"] is not False:
            faults.append("is no webhook that tells of resolves too")
        if (settings["httpMethod"], settings["maxAlerts"], settings["url"]) != ("POST", "0", "${RELAY_WEBHOOK_URL}"):
            faults.append("does not POST all alerts to the relay")
        if settings["hmacConfig"] != _SIGNING:
            faults.append("does not sign body and time with the secret's file")
    return faults


def check(files: dict[str, Json], texts: dict[str, str]) -> list[str]:
    """files: parsed, by their path below grafana/provisioning; texts: as they are."""
    faults = []
    for path, content in files.items():
        folder, _, name = path.partition("/")
        if not re.fullmatch(r"[-._a-zA-Z0-9]+\.yaml", name):
            faults.append(f"{path}: is no key of a ConfigMap")
        if set(content) != _FOLDERS.get(folder):
            faults.append(f"{path}: has the keys {sorted(content)}")
        code = re.sub(r"#.*", "", texts[path])
        used = set(re.findall(r"\$\{?(\w+)\}?", code)) - {"__file"}
        faults += [f"{path}: nobody sets {name}" for name in sorted(used - VARIABLES)]
    if faults:
        return faults
    for source in files["datasources/drift-relay.yaml"]["datasources"]:
        if source.get("isDefault"):
            faults.append("datasources: two default ones would stop Grafana")
        if source["type"] != "prometheus" or source["url"] != "${PROMETHEUS_URL}" or not source.get("uid"):
            faults.append("datasources: no Prometheus with a uid")
    for provider in files["dashboards/drift-relay.yaml"]["providers"]:
        structure = provider["options"].get("foldersFromFilesStructure")
        if provider["type"] != "file" or not provider.get("folderUid") or structure:
            faults.append("dashboards: the folder has no fixed uid")
    for point in files["alerting/drift-relay.yaml"]["contactPoints"]:
        faults += [f"alerting: {fault}" for fault in _contact_point(point)]
    return faults
