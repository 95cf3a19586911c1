"""docker/compose.yml: names, ports, health and confinement agree with the images and the configs."""
from __future__ import annotations

import re

from tests.lint.deploy import images
from tests.lint.deploy.files import Files, Json

PATH = "docker/compose.yml"
MODEL_API_URL = "http://model:8080/v2/models/kospi-prediction-model/infer"
PORTS = {"app": ["80:7860"], "dashboard": ["3000:3000"]}


def _confinement(name: str, service: Json) -> list[str]:
    wanted = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    return [f"{PATH}: {name} has {key} = {service.get(key)!r}" for key, value in wanted.items() if service.get(key) != value]


def _mounts(name: str, service: Json, compose: Json, files: Files) -> list[str]:
    faults = []
    for mount in service.get("volumes", []):
        source = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", mount).split(":")[0]
        known = source in compose["volumes"] if "/" not in source else files.has(source, PATH)
        faults += [] if known else [f"{PATH}: {name} mounts {source}, which is nowhere"]
    return faults + [f"{PATH}: {name} wants the secret {s}" for s in service.get("secrets", []) if s not in compose["secrets"]]


def _order(name: str, service: Json, compose: Json) -> list[str]:
    faults = []
    for other, how in service.get("depends_on", {}).items():
        if other not in compose["services"]:
            faults.append(f"{PATH}: {name} waits for {other}, which is nowhere")
        elif how["condition"] == "service_healthy" and "test" not in compose["services"][other].get("healthcheck", {}):
            faults.append(f"{PATH}: {name} waits for the health of {other}, which has none")
    return faults


def _configs(compose: Json, files: Files) -> list[str]:
    faults = []
    for path in ("docker/relay.conf", "docker/relay-offline.conf"):
        paths = re.findall(r'"/run/secrets/(\w+)"', files.texts[path])
        missing = set(paths) - set(compose["services"]["relay"]["secrets"])
        faults += [f"{path}: the secret {name} is not mounted" for name in sorted(missing)]
    online, offline = files.texts["docker/relay.conf"], files.texts["docker/relay-offline.conf"]
    if offline.replace('  api_url = "http://127.0.0.1:8081";\n', "").split("\n", 1)[1] != online.split("\n", 1)[1]:
        faults.append("docker/relay-offline.conf: differs from relay.conf in more than api_url")
    if "8081" not in compose["services"]["github"]["command"]:
        faults.append(f"{PATH}: the stand-in listens elsewhere than where relay-offline.conf looks")
    scraped = re.sub(r"(?m)#.*$", "", files.texts["prometheus/prometheus.yml"])
    sent = {"relay_id", *re.findall(r'\{ name = "(\w+)"; value', online)}
    command = compose["services"]["github"]["command"]
    if {word for before, word in zip(command, command[1:]) if before == "--input"} != sent:
        faults.append(f"{PATH}: the stand-in's workflow takes other inputs than {sorted(sent)}")
    for target in re.findall(r"targets: \['(\w+):(\d+)'\]", scraped):
        service = compose["services"].get(target[0])
        if service is None or int(target[1]) not in images.ports(files, service["build"]["target"]):
            faults.append(f"prometheus/prometheus.yml: {':'.join(target)} is no service of {PATH}")
    return faults


def check(files: Files) -> list[str]:
    """Faults of the project."""
    compose = files.yaml(PATH)
    services = compose["services"]
    faults = [] if compose["name"] == "kospi-prediction" else [f"{PATH}: the project has another name than the lesson's"]
    for name, service in services.items():
        faults += _confinement(name, service) + _mounts(name, service, compose, files) + _order(name, service, compose)
        build = service.get("build")
        if build and build["target"] not in images.stages(files):
            faults.append(f"{PATH}: {name} builds {build['target']}, which the Dockerfile does not have")
        if not build and not re.search(r":v?\d+\.\d+\.\d+$", service["image"]) and service["image"] != "drift-relay":
            faults.append(f"{PATH}: {name} has no pinned version")
    for name, ports in PORTS.items():
        if services[name].get("ports") != ports:
            faults.append(f"{PATH}: {name} has not the port of the lesson")
    if services["app"]["environment"]["MODEL_API_URL"] != MODEL_API_URL:
        faults.append(f"{PATH}: app asks another model")
    used = {s for service in services.values() for s in service.get("secrets", [])}
    made = set(re.findall(r"^make_file (\w+)", files.texts["docker/secrets.sh"], re.M))
    if not used == set(compose["secrets"]) == made:
        faults.append(f"{PATH}: secrets used {sorted(used)}, named {sorted(compose['secrets'])}, made {sorted(made)}")
    return faults + _configs(compose, files)
