"""Checks what deploys, without a network:   python3 -m tests.lint.deploy [--faults]

With --faults the checks themselves: each change below makes a fault, which must be found.
"""
from __future__ import annotations

import sys

from tests.lint.deploy import compose, images, kubernetes, terraform, workflows
from tests.lint.deploy.files import Files

_K8S, _TF, _CI = "docker/kubernetes", "docker/terraform", ".github/workflows"
FAULTS = [  # file, what is changed, into what, words of the fault
    (images.PATH, "USER 10001:10001\n", "", "relay runs as root"),
    (images.PATH, 'CMD ["drift-app", "--health"]', "CMD drift-app --health", "its own program for its health"),
    (images.PATH, "FROM ${BASE} AS build", "FROM golang:1 AS build", "does not come from Debian"),
    (images.PATH, "EXPOSE 8080", "EXPOSE 8081", "port 8080 is not EXPOSEd"),
    (compose.PATH, "http://model:8080/v2", "http://model:8080/v1", "app asks another model"),
    (compose.PATH, "target: app }", "target: page }", "which the Dockerfile does not have"),
    (compose.PATH, "read_only: true", "read_only: false", "read_only = False"),
    (compose.PATH, "relay_state:/var", "relay_stat:/var", "mounts relay_stat"),
    (compose.PATH, "grafana/grafana:12.3.0", "grafana/grafana:latest", "has no pinned version"),
    (compose.PATH, "secrets: [webhook, github]", "secrets: [webhook]", "the secret github is not mounted"),
    (compose.PATH, "healthcheck: { test: [CMD, drift-model, health], interval: 10s, timeout: 6s, start_period: 60s }\n    ", "",
     "waits for the health of model"),
    (compose.PATH, "--input, reason", "--input, why", "takes other inputs"),
    ("prometheus/prometheus.yml", "['model:8080']", "['model:8000']", "is no service of"),
    ("docker/relay-offline.conf", '"action=retrain"', '"action=train"', "differs from relay.conf"),
    (f"{_K8S}/relay.yaml", "targetPort: webhook", "targetPort: web", "names the port web"),
    (f"{_K8S}/relay.yaml", "port: admin }\n            periodSeconds: 2\n", "port: adm }\n            periodSeconds: 2\n",
     "asks port adm"),
    (f"{_K8S}/relay.yaml", "selector: { app.kubernetes.io/name: drift-relay }", "selector: { app.kubernetes.io/name: relay }",
     "selects no pod"),
    (f"{_K8S}/relay.yaml", "replicas: 1", "replicas: 2", "for one process"),
    (f"{_K8S}/relay.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "is not restricted"),
    (f"{_K8S}/relay.yaml", "name: tmp, mountPath", "name: temp, mountPath", "mounts temp"),
    (f"{_K8S}/relay-monitor.yaml", "port: admin", "port: metrics", "finds no port of a Service"),
    (f"{_K8S}/prometheus-rules.yaml", "> 0.8", "> 0.9", "is not what prometheus-rules.sh makes"),
    (f"{_K8S}/model.yaml", "runAsUser: 10002", "runAsUser: 10001", "another user than its image"),
    (f"{_K8S}/app.yaml", "predictor.kospi-prediction.svc", "predictor.kospi.svc", "the app asks another model"),
    (f"{_K8S}/kustomization.yaml", "  - app.yaml\n", "", "is not listed"),
    ("grafana/kustomization.yaml", "dashboards/retraining.json", "dashboards/other.json", "is left out, or not there"),
    (f"{_TF}/apps.tf", "var.ghcr_app_image", "var.app_image", "var.app_image is not declared"),
    (f"{_TF}/variables.tf", "  sensitive   = true\n", "", "would be shown"),
    (f"{_TF}/variables.tf", "validation {", "check {", "has no validation"),
    (f"{_TF}/relay.tf", "kubernetes/relay.conf", "kubernetes/relais.conf", "which is nowhere"),
    (f"{_TF}/relay.tf", "kubernetes_secret.relay,", "kubernetes_secret.relais,", "kubernetes_secret.relais is nowhere"),
    (f"{_TF}/relay.tf", "ghcr.io/acme/drift-relay-image", "ghcr.io/acme/relay-image", "nothing is replaced"),
    (f"{_TF}/monitoring.tf", '"63.1.0"', '"63.1.1"', "of the lesson is gone"),
    (f"{_TF}/monitoring.tf", 'name = "monitoring"\n  }\n}', 'name = "monitoring"\n  }\n', "do not pair"),
    (f"{_TF}/prometheus-values.yml", "uid: prom-main", "uid: prometheus", "the data source is not prom-main"),
    (f"{_TF}/prometheus-values.yml", "matchLabels: null", "matchLabels: {}", "is not nil"),
    (f"{_CI}/retrain.yml", "@11bd71901bbe5b1630ceea73d27597364c9af683", "@v4", "is not pinned"),
    (f"{_CI}/retrain.yml", "persist-credentials: false", "persist-credentials: true", "leaves its token"),
    (f"{_CI}/retrain.yml", '--build-arg "SERVER=$server"', '--build-arg "SERVER=${{ inputs.model }}"', "code from outside"),
    (f"{_CI}/retrain.yml", "      reason:\n", "      why:\n", "other inputs"),
    (f"{_CI}/deploy-kospi-prediction.yml", "TF_VAR_repository:", "TF_VAR_repo:", "TF_VAR_repo is no variable"),
    (f"{_CI}/deploy-kospi-prediction.yml", "app=kospi-prediction-app", "page=kospi-prediction-app", "page is no target"),
]


def check(files: Files) -> list[str]:
    """All faults."""
    return [fault for part in (images, compose, kubernetes, terraform, workflows) for fault in part.check(files)]


def main() -> int:
    files = Files()
    faults = check(files)
    if "--faults" in sys.argv[1:]:
        changes = [(words, check(files.changed(path, old, new))) for path, old, new, words in FAULTS]
        faults = [f"not found: {words} (but {found})" for words, found in changes if not any(words in f for f in found)]
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


sys.exit(main())
