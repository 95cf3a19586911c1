"""docker/kubernetes: labels, selectors, ports, images and security agree between the objects, and with the images."""
from __future__ import annotations

import functools
import re
import subprocess
from typing import Iterator

from tests.lint.deploy import images
from tests.lint.deploy.files import ROOT, Files, Json

FOLDER = "docker/kubernetes"
MODEL_API_URL = ("http://kospi-prediction-model-predictor.kospi-prediction.svc.cluster.local"
                 "/v2/models/kospi-prediction-model/infer")
_STAGES = {"drift-relay": "relay", "kserve-container": "model", "kospi-prediction-app-image": "app", "drift-relay-seed": "relay"}
_RULES = FOLDER + "/prometheus-rules.yaml"


def pods(objects: list[tuple[str, Json]]) -> Iterator[tuple[str, Json, Json]]:
    """path, labels and spec of every pod that is made."""
    for path, thing in objects:
        if thing["kind"] in ("Deployment", "StatefulSet", "Job"):
            template = thing["spec"]["template"]
            yield path, template["metadata"]["labels"], template["spec"]
        elif thing["kind"] == "InferenceService":
            yield path, thing["metadata"]["labels"], thing["spec"]["predictor"]


def _container(path: str, spec: Json, container: Json, files: Files) -> list[str]:
    name = container["name"]
    where = f"{path}: {name}"
    both = {**spec.get("securityContext", {}), **container["securityContext"]}
    restricted = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                  "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}
    faults = [f"{where}: {key} is not restricted" for key, value in restricted.items() if both.get(key) != value]
    stage = _STAGES.get(name)
    if stage is None:
        return faults + [f"{where}: is built by no stage of the Dockerfile"]
    ports = {p.get("name", p["containerPort"]): p["containerPort"] for p in container.get("ports", [])}
    strange = set(ports.values()) - set(images.ports(files, stage))
    faults += [f"{where}: port {port} is not EXPOSEd" for port in sorted(strange)]
    if both.get("runAsUser", images.user(files, stage)) != images.user(files, stage):
        faults.append(f"{where}: runs as another user than its image")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        port = container.get(probe, {}).get("httpGet", {}).get("port")
        if port is not None and port not in ports and port not in ports.values():
            faults.append(f"{where}: {probe} asks port {port}, which is not there")
    volumes = {v["name"] for v in spec.get("volumes", [])}
    for mount in container.get("volumeMounts", []):
        if mount["name"] not in volumes | {"state"}:
            faults.append(f"{where}: mounts {mount['name']}, which is nowhere")
    if "resources" not in container:
        faults.append(f"{where}: has no resources")
    return faults


def _selects(objects: list[tuple[str, Json]]) -> list[str]:
    """Whatever selects pods or services finds one, in its namespace, and its ports are there."""
    faults = []
    found = list(pods(objects))
    for path, thing in objects:
        kind, spec = thing["kind"], thing.get("spec", {})
        selector = {"Service": spec.get("selector"), "ServiceMonitor": None}.get(
            kind, (spec.get("podSelector") or spec.get("selector") or {}).get("matchLabels"))
        if kind == "ServiceMonitor":
            services = [s for _, s in objects if s["kind"] == "Service"
                        and spec["selector"]["matchLabels"].items() <= s["metadata"]["labels"].items()]
            names = {p["name"] for s in services for p in s["spec"]["ports"]}
            if not all(endpoint["port"] in names for endpoint in spec["endpoints"]):
                faults.append(f"{path}: {kind} finds no port of a Service")
        elif selector and kind != "PrometheusRule":
            matching = [s for _, labels, s in found if selector.items() <= labels.items()]
            if not matching:
                faults.append(f"{path}: {kind} {thing['metadata']['name']} selects no pod")
            names = {p.get("name") for s in matching for c in s["containers"] for p in c.get("ports", [])}
            wanted = [p["targetPort"] for p in spec.get("ports", [])] if kind == "Service" else []
            for rule in spec.get("ingress", []) if kind == "NetworkPolicy" else []:
                wanted += [p["port"] for p in rule["ports"]]
            faults += [f"{path}: {kind} names the port {port}, which no container has" for port in wanted if port not in names]
    return faults


@functools.lru_cache(maxsize=None)
def _made() -> str:
    return subprocess.run(["sh", str(ROOT / FOLDER / "prometheus-rules.sh")], capture_output=True, text=True, check=True).stdout


def _generated(files: Files) -> list[str]:
    if _made() != files.texts[_RULES]:
        return [f"{_RULES}: is not what prometheus-rules.sh makes of prometheus/"]
    sources = [files.yaml(f"prometheus/{name}.yml")["groups"] for name in ("fleet-drift-rules", "drift-rules", "relay-rules")]
    same = files.yaml(_RULES)["spec"]["groups"] == [group for groups in sources for group in groups]
    return [] if same else [f"{_RULES}: reads otherwise than prometheus/"]


def _kustomization(objects: list[tuple[str, Json]], files: Files) -> list[str]:
    path = f"{FOLDER}/kustomization.yaml"
    kustomization = files.yaml(path)
    listed = {f"{FOLDER}/{name}" for name in kustomization["resources"] if not name.startswith("..")}
    faults = [f"{path}: {name} is not listed, or not there" for name in sorted(listed ^ {p for p, _ in objects})]
    used = {c["image"] for _, _, spec in pods(objects) for c in spec["containers"]}
    named = {image["name"] for image in kustomization["images"]}
    faults += [f"{path}: image {image} is not used, or not named" for image in sorted(used ^ named)]
    grafana = files.yaml("grafana/kustomization.yaml")
    embedded = {f"grafana/{name}" for part in grafana["configMapGenerator"] for name in part["files"]}
    ours = {p for p in files.texts if re.match(r"grafana/(dashboards|provisioning/alerting)/", p)}
    return faults + [f"grafana/kustomization.yaml: {name} is left out, or not there" for name in sorted(embedded ^ ours)]


def check(files: Files) -> list[str]:
    """Faults of the manifests."""
    objects = list(files.documents(FOLDER))
    faults = []
    for path, _, spec in pods(objects):
        for container in spec["containers"]:
            faults += _container(path, spec, container, files)
            for variable in container.get("env", []):
                if variable["name"] == "MODEL_API_URL" and variable["value"] != MODEL_API_URL:
                    faults.append(f"{path}: the app asks another model")
    relay = next(thing for _, thing in objects if thing["kind"] == "StatefulSet")
    if relay["spec"]["replicas"] != 1:
        faults.append(f"{FOLDER}: the relay's store is for one process")
    ours, theirs = files.texts[f"{FOLDER}/relay.conf"].splitlines()[2:], files.texts["docker/relay.conf"].splitlines()[2:]
    if ours != theirs:
        faults.append(f"{FOLDER}/relay.conf: differs from docker/relay.conf")
    return faults + _selects(objects) + _generated(files) + _kustomization(objects, files)
