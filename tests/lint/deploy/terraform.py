"""docker/terraform: variables declared, described, validated and used; files there; values that fit the other files."""
from __future__ import annotations

import re

from tests.lint.deploy.files import Files
from tests.lint.deploy.kubernetes import FOLDER as KUBERNETES

FOLDER = "docker/terraform"
_LESSON = {  # file: what its readers look for
    "monitoring.tf": ['resource "helm_release" "monitoring_stack"', '= "prometheus"', '"kube-prometheus-stack"', '"63.1.0"',
                      'name = "monitoring"'],
    "apps.tf": ['resource "kubernetes_deployment" "kospi-prediction-app"', '"kospi-prediction-app-image"', "var.ghcr_app_image",
                '"IfNotPresent"', "container_port = 7860", '"MODEL_API_URL"', "var.model_api_url",
                '"kospi-prediction-app-service"'],
    "variables.tf": ['variable "model_api_url"'],
}


def _code(text: str) -> str:
    """Without comments; strings stay."""
    return re.sub(r"(?m)(^|\s)#.*$", "", text)


def variables(files: Files) -> dict[str, str]:
    """Body of each variable by its name."""
    text = _code(files.texts[f"{FOLDER}/variables.tf"])
    return dict(re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.M | re.S))


def _values(files: Files) -> list[str]:
    path = f"{FOLDER}/prometheus-values.yml"
    values = files.yaml(path)
    spec, grafana = values["prometheus"]["prometheusSpec"], values["grafana"]
    faults = []
    for kind in ("podMonitor", "probe", "rule", "scrapeConfig", "serviceMonitor"):
        if spec.get(f"{kind}Selector") != {"matchLabels": None}:
            faults.append(f"{path}: {kind}Selector is not nil")
    if values["thanosRuler"]["thanosRulerSpec"]["ruleSelector"] != {"matchLabels": None}:
        faults.append(f"{path}: ruleSelector of thanosRuler is not nil")
    monitor = values["prometheus"]["additionalServiceMonitors"][0]
    if (monitor["name"], monitor["endpoints"]) != ("monitoring", [{"path": "/metrics", "interval": "15s"}]) \
            or monitor["selector"]["matchLabels"] != {"networking.internal.knative.dev/serviceType": "Private"}:
        faults.append(f"{path}: the model's pods are not scraped as in the lesson")
    source = files.yaml("grafana/provisioning/datasources/drift-relay.yaml")["datasources"][0]["uid"]
    if grafana["sidecar"]["datasources"]["uid"] != source:
        faults.append(f"{path}: the data source is not {source}")
    if not grafana["persistence"]["enabled"]:
        faults.append(f"{path}: edited alert rules are lost with Grafana's pod")
    version = files.yaml("docker/compose.yml")["services"]["dashboard"]["image"].split(":")[1]
    if grafana["image"]["tag"] != version:
        faults.append(f"{path}: another Grafana than in compose.yml ({version})")
    mounts = [m["mountPath"] for m in grafana["extraSecretMounts"]]
    if "$__file{%s}" % mounts[0] not in files.texts["grafana/provisioning/alerting/drift-relay.yaml"]:
        faults.append(f"{path}: the contact point reads its secret elsewhere than at {mounts[0]}")
    labels = {**{k: v for part in files.yaml("grafana/kustomization.yaml")["configMapGenerator"]
                 for k, v in part["options"]["labels"].items()}}
    for name in ("dashboards", "alerts"):
        if labels.get(grafana["sidecar"][name]["label"]) != grafana["sidecar"][name]["labelValue"]:
            faults.append(f"{path}: the sidecar for {name} looks for a label that nothing has")
    return faults


def check(files: Files) -> list[str]:
    """Faults of the module."""
    texts = {p: _code(t) for p, t in files.texts.items() if p.startswith(FOLDER + "/") and p.endswith(".tf")}
    everything = "\n".join(texts.values())
    faults, declared = [], variables(files)
    for path, text in texts.items():
        bare = re.sub(r'"(?:\\.|\$\{[^}]*\}|[^"\\])*"', '""', text)
        for opening, closing in ("{}", "()", "[]"):
            if bare.count(opening) != bare.count(closing):
                faults.append(f"{path}: {opening}{closing} do not pair")
        for name in re.findall(r'file\("\$\{path\.module\}/([^"$]+)"\)', text):
            faults += [] if files.has(name, path) else [f"{path}: reads {name}, which is nowhere"]
    used = set(re.findall(r"\bvar\.(\w+)", "\n".join(t for p, t in texts.items() if not p.endswith("variables.tf"))))
    faults += [f"{FOLDER}: var.{name} is not declared, or not used" for name in sorted(used ^ set(declared))]
    for name, body in declared.items():
        faults += [f"{FOLDER}: variable {name} has no {part}" for part in ("type", "description", "validation")
                   if not re.search(rf"^  {part}\b", body, re.M)]
        if re.search("secret|token|password", name) and "sensitive   = true" not in body:
            faults.append(f"{FOLDER}: variable {name} would be shown")
    resources = set(re.findall(r'^resource "(\w+)" "([\w-]+)"', everything, re.M))
    for kind, name in set(re.findall(r"\b((?:kubernetes|helm)_\w+)\.([\w-]+)", everything)) - resources:
        faults.append(f"{FOLDER}: {kind}.{name} is nowhere")
    for name in re.findall(r'replace\(file\("\$\{path\.module\}/\.\./kubernetes/([\w.-]+)"\), "([^"]+)"', everything):
        if name[1] not in files.texts.get(f"{KUBERNETES}/{name[0]}", ""):
            faults.append(f"{FOLDER}: {name[1]} is not in {name[0]}, so nothing is replaced")
    for name, parts in _LESSON.items():
        squeezed = re.sub(r" +", " ", texts[f"{FOLDER}/{name}"])
        faults += [f"{FOLDER}/{name}: {part} of the lesson is gone" for part in parts if part not in squeezed]
    return faults + _values(files)
