""".github/workflows: pinned, least rights, no code from outside in scripts, and names that fit the other files."""
from __future__ import annotations

import re

from tests.lint.deploy import images, terraform
from tests.lint.deploy.files import Files, Json

FOLDER = ".github/workflows"


def _job(where: str, workflow: Json, job: Json) -> list[str]:
    faults = []
    if "permissions" not in job and workflow.get("permissions") != {"contents": "read"}:
        faults.append(f"{where}: has no permissions of its own")
    if "uses" not in job and "timeout-minutes" not in job:
        faults.append(f"{where}: may run for hours")
    for step in job.get("steps", []):
        action = step.get("uses", "")
        if action and not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action):
            faults.append(f"{where}: {action} is not pinned to a commit")
        if "actions/checkout" in action and step.get("with", {}).get("persist-credentials") is not False:
            faults.append(f"{where}: leaves its token in the checkout")
        if "${{" in step.get("run", ""):
            faults.append(f"{where}: an expression in a script is code from outside")
    return faults


def _retrain(files: Files) -> list[str]:
    path = f"{FOLDER}/retrain.yml"
    workflow = files.yaml(path)
    on = workflow[True]
    faults = []
    if on["schedule"] != [{"cron": "5 15 * * *"}]:
        faults.append(f"{path}: another time than the lesson's")
    if set(on["workflow_dispatch"]["inputs"]) != {"relay_id", "model", "reason"}:
        faults.append(f"{path}: other inputs than relay_id, model and reason")
    if "[${{ inputs.relay_id" not in workflow["run-name"]:
        faults.append(f"{path}: the relay would not find its run")
    sent = re.findall(r'\{ name = "(\w+)"; value', files.texts["docker/relay.conf"])
    if set(sent) - set(on["workflow_dispatch"]["inputs"]):
        faults.append(f"{path}: does not take what docker/relay.conf sends: {sent}")
    passed = set(workflow["jobs"]["deploy"]["secrets"])
    wanted = set(files.yaml(f"{FOLDER}/deploy-kospi-prediction.yml")[True]["workflow_call"]["secrets"])
    return faults + ([] if passed == wanted else [f"{path}: passes other secrets than the deployment takes"])


def _deploy(files: Files) -> list[str]:
    path = f"{FOLDER}/deploy-kospi-prediction.yml"
    text, declared = files.texts[path], terraform.variables(files)
    given = set(re.findall(r"TF_VAR_(\w+)", text))
    faults = [f"{path}: TF_VAR_{name} is no variable of docker/terraform" for name in sorted(given - set(declared))]
    faults += [f"{path}: nobody gives {name}" for name, body in declared.items() if "default" not in body and name not in given]
    for line in ("TF_VAR_namespace: ${{ env.NAMESPACE }}", "TF_VAR_model_api_url: ${{ vars.MODEL_API_URL }}",
                 "runs-on: self-hosted"):
        faults += [] if line in text else [f"{path}: {line} of the lesson is gone"]
    targets = re.findall(r"\b(\w+)=[\w-]+", re.findall(r"for part in (.*); do", text)[0])
    return faults + [f"{path}: {name} is no target of the Dockerfile" for name in targets if name not in images.stages(files)]


def check(files: Files) -> list[str]:
    """Faults of the workflows."""
    faults = []
    for path in (p for p in files.texts if p.startswith(FOLDER + "/")):
        workflow = files.yaml(path)
        if "permissions" not in workflow or "concurrency" not in workflow:
            faults.append(f"{path}: has no permissions or no concurrency")
        for name, job in workflow["jobs"].items():
            faults += _job(f"{path}: {name}", workflow, job)
    return faults + _retrain(files) + _deploy(files)
