"""docker/compose.yml as containers, through the loop:   python3 -m tests.deploy.containers

Builds the images from a Debian of debootstrap, since no registry may be reachable, and starts app, train, model, relay,
the stand-in for GitHub and Debian's Prometheus as compose.yml says: its mounts, secrets, commands, confinement, health
and order. Grafana's part is played by a signed notification. Where containers cannot run the last line says so.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, Optional

import yaml

from tests.support.wait import until

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker/compose.yml"
STORE = ROOT / "build/containers"
BASE = "localhost/debian:bookworm-slim"
PROMETHEUS = f"""FROM {BASE}
RUN apt-get update && apt-get install -y --no-install-recommends prometheus && mkdir /prometheus && chown 65534 /prometheus
USER 65534
ENTRYPOINT ["prometheus"]
"""
LIMIT_MB = 45  # over the base
NETWORK, SUBNET = "kospi-prediction-test", "10.89.143"
ULIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"]  # what a root without CAP_SYS_RESOURCE may set
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SERVICES = ("train", "model", "app", "relay", "github", "prometheus")


class Skipped(Exception):
    """Containers cannot run here, and why."""


def run(*words: str, check: bool = True, stdin: Optional[str] = None, timeout: int = 600) -> str:
    """Its output."""
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, input=stdin,
                          timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


class Podman:
    """podman with a store of its own, and with a runtime and a storage driver that work here."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            raise Skipped("this needs root")
        if shutil.which("podman") is None:
            raise Skipped("there is no podman")
        said = subprocess.run(["sh", "tests/deploy/debian.sh"], cwd=ROOT, capture_output=True, text=True, check=False)
        if said.returncode != 0:
            raise Skipped(f"no Debian to build from: {said.stdout.strip()}")
        self.words: list[str] = []
        why = "there is no runtime"
        for driver in ("overlay", "vfs"):
            for runtime in ("crun", "runc"):
                if shutil.which(runtime) is None:
                    continue
                self.words = ["podman", "--root", str(STORE / driver), "--runroot", str(STORE / f"{driver}-run"),
                              "--storage-driver", driver, "--runtime", runtime, "--cgroup-manager", "cgroupfs"]
                why = self.try_out()
                if not why:
                    return
        raise Skipped(why)

    def try_out(self) -> str:
        """Why a first container does not run; empty when it does."""
        try:
            if subprocess.run([*self.words, "image", "exists", BASE], capture_output=True, check=False).returncode != 0:
                self("import", str(ROOT / "build/debian.tar"), BASE)
            self("run", "--rm", *ULIMITS, BASE, "true")
        except AssertionError as error:
            return str(error).strip().splitlines()[-1]
        return ""

    def __call__(self, *words: str, **options: Any) -> str:
        return run(*self.words, *words, **options).strip()


class Project:
    """compose.yml with its profile offline, in a network with fixed addresses."""

    def __init__(self, podman: Podman, folder: Path) -> None:
        self.podman, self.folder = podman, folder
        self.compose = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
        self.services = {name: self.compose["services"][name] for name in SERVICES}
        self.addresses = {name: f"{SUBNET}.{10 + number}" for number, name in enumerate(SERVICES)}
        self.addresses["dashboard"] = f"{SUBNET}.99"
        self.variables = dict(line.split("=", 1) for line in (ROOT / "docker/offline.env").read_text().splitlines()
                              if not line.startswith("#"))

    def text(self, value: str) -> str:
        """${NAME:-default} replaced."""
        return re.sub(r"\$\{(\w+):-(.*?)\}", lambda m: self.variables.get(m.group(1), m.group(2)), str(value))

    def build(self) -> dict[str, float]:
        """Every image; MB of ours over the base."""
        options = ["--network", "host", "--format", "docker", *ULIMITS]
        for name, service in self.services.items():
            if "build" in service:
                self.podman("build", *options, "--build-arg", f"BASE={BASE}", "--target", service["build"]["target"],
                            "-t", f"localhost/{service['image']}", "-f", "docker/Dockerfile", ".", timeout=1200)
        (self.folder / "Containerfile").write_text(PROMETHEUS)
        self.podman("build", *options, "-t", "localhost/prometheus", "-f", str(self.folder / "Containerfile"),
                    str(self.folder))
        base = self.image(BASE)["Size"]
        return {name: (self.image(self.image_of(name))["Size"] - base) / 1e6 for name in ("relay", "model", "app", "train")}

    def image(self, name: str) -> Any:
        """podman inspect."""
        return json.loads(self.podman("image", "inspect", name))[0]

    def image_of(self, name: str) -> str:
        """Debian's Prometheus stands for the official image."""
        return "localhost/prometheus" if name == "prometheus" else f"localhost/{self.services[name]['image']}"

    def secrets(self) -> None:
        """As docker/secrets.sh makes them."""
        copy = self.folder / "docker"
        copy.mkdir()
        shutil.copy(ROOT / "docker/secrets.sh", copy)
        run(str(copy / "secrets.sh"))

    def start(self, name: str) -> None:
        """One container, after those that it waits for."""
        service = self.services[name]
        words = ["run", "-d", "--name", name, *ULIMITS]
        words += ["--read-only"] if service["read_only"] else []
        words += [word for cap in service["cap_drop"] for word in ("--cap-drop", cap)]
        words += [word for option in service["security_opt"] for word in ("--security-opt", option.split(":")[0])]
        words += [word for mount in service["tmpfs"] for word in ("--tmpfs", mount)]
        words += [word for key, value in service.get("environment", {}).items() for word in ("-e", f"{key}={value}")]
        for mount in map(self.text, service.get("volumes", [])):
            source, _, rest = mount.partition(":")
            words += ["-v", f"{(COMPOSE.parent / source).resolve() if '/' in source else source}:{rest}"]
        for secret in service.get("secrets", []):
            words += ["-v", f"{self.folder}/docker/secrets/{secret}:/run/secrets/{secret}:ro"]
        if service.get("network_mode", "").startswith("service:"):
            words += ["--network", f"container:{service['network_mode'][8:]}"]
        else:
            words += ["--network", NETWORK, "--ip", self.addresses[name]]
            words += [word for other, ip in self.addresses.items() for word in ("--add-host", f"{other}:{ip}")]
        if "test" in service.get("healthcheck", {}) and name != "prometheus":
            words += ["--health-cmd", json.dumps(service["healthcheck"]["test"][1:]), "--health-interval", "disable"]
        self.podman(*words, self.image_of(name), *map(self.text, service.get("command", [])))
        if service.get("restart") == "no":
            assert self.podman("wait", name, timeout=60) == "0", self.podman("logs", name)

    def healthy(self, name: str) -> bool:
        """Its own health check, run now."""
        words = [*self.podman.words, "healthcheck", "run", name]
        return subprocess.run(words, capture_output=True, timeout=60, check=False).returncode == 0

    def wait_for(self, name: str) -> None:
        """Healthy, as depends_on asks."""
        try:
            until(lambda: self.healthy(name), 60, f"health of {name}", 0.2)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.podman('logs', name)}") from error

    def remove(self) -> None:
        """Everything but the images."""
        for name in reversed(SERVICES):
            self.podman("rm", "-f", "-t", "5", name, check=False)
        self.podman("volume", "rm", "-f", *self.compose["volumes"], check=False)
        self.podman("network", "rm", "-f", NETWORK, check=False)

    def get(self, name: str, port: int, path: str) -> str:
        """From outside of the containers; empty when that fails."""
        try:
            with _NO_PROXY.open(f"http://{self.addresses[name]}:{port}{path}", timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            return ""


def step(text: str) -> None:
    """One line for each thing shown."""
    print(f"✓ {text}", flush=True)


def start_in_order(project: Project) -> None:
    """As depends_on says; the order is a fault when a service comes before one that it waits for."""
    started: set[str] = set()
    for name in SERVICES:
        for other, how in project.services[name].get("depends_on", {}).items():
            assert other in started, f"{name} waits for {other}"
            if how["condition"] == "service_healthy":
                project.wait_for(other)
        project.start(name)
        started.add(name)
    for name in ("model", "app", "relay"):
        project.wait_for(name)
    step("train wrote the model; model, app, relay, stand-in and Prometheus run, and are healthy by their own word")


def confined(project: Project) -> None:
    """What podman says that they may do."""
    for name in ("app", "model", "relay", "github"):
        seen = json.loads(project.podman("inspect", name))[0]
        user, host = seen["Config"]["User"], seen["HostConfig"]
        assert user.split(":")[0] not in ("", "0") and host["ReadonlyRootfs"] and seen["EffectiveCaps"] in (None, []), name
        step(f"{name}: user {user}, read-only {host['ReadonlyRootfs']}, capabilities {seen['EffectiveCaps'] or 'none'}")


def through_the_loop(project: Project) -> None:
    """Page, model, scores in Prometheus, an alert, a run, a new model."""
    for close in range(40):
        page = project.get("app", 7860, f"/?close={3000 + 40 * close}")
        assert "kospi-prediction-model" in page, project.podman("logs", "app")
    step("app asked the model 40 times")

    def score() -> Optional[str]:
        said = project.get("prometheus", 9090, "/api/v1/query?query=data_drift_score_ma5")
        found = json.loads(said)["data"]["result"] if said else []
        return found[0]["value"][1] if found else None

    value = until(score, 90, "the drift score in Prometheus", 0.5)
    step(f"Prometheus has data_drift_score_ma5 = {value}")
    sent = project.podman("exec", "relay", "drift-relay", "send", "--url", "http://127.0.0.1:9099/hooks/grafana",
                          "--secret-file", "/run/secrets/webhook", "--label", "action=retrain", "--label",
                          "model=kospi-prediction-model")
    relay_id = json.JSONDecoder().raw_decode(sent[sent.index("{"):])[0]["alerts"][0]["relay_id"]

    def shown() -> str:
        return project.podman("exec", "relay", "drift-relay", "show", relay_id)

    until(lambda: re.search("success|dead", shown()), 90, f"the run of {relay_id}", 0.5)
    assert "success" in shown(), shown()
    step(f"a signed notification became the run of {relay_id}, which ended in success")
    loads = loaded(project)
    project.podman("rm", "train")
    project.variables["PRICES_COLUMN"] = "dax"
    project.podman("run", "--rm", *ULIMITS, "--network", "none", "-v", "models:/var/lib/drift-model", "-v",
                   f"{ROOT}/tests/data/eustockmarkets.csv:/prices.csv:ro", project.image_of("train"), "--prices",
                   "/prices.csv", "--column", "dax", "--output", "/var/lib/drift-model/kospi-prediction-model.json")
    until(lambda: loaded(project) > loads, 60, "the new model", 0.5)
    step("train wrote another model, which the running server took up")


def loaded(project: Project) -> float:
    """Models put in place so far."""
    text = project.get("model", 8080, "/metrics")
    return sum(float(v) for v in re.findall(r'^model_loads_total\{[^}]*result="loaded"[^}]*\} (\S+)', text, re.M))


def drains(project: Project) -> None:
    """SIGTERM, and how each ended."""
    for name in ("app", "model", "relay"):
        began = time.monotonic()
        project.podman("stop", "-t", "30", name)
        code = json.loads(project.podman("inspect", name))[0]["State"]["ExitCode"]
        assert code == 0, f"{name} ended with {code}: {project.podman('logs', name)}"
        step(f"{name} ended by SIGTERM in {time.monotonic() - began:.1f} s, exit status 0")


STEPS: tuple[Callable[[Project], None], ...] = (start_in_order, confined, through_the_loop, drains)


def main() -> int:
    """All steps."""
    try:
        podman = Podman()
    except Skipped as why:
        print(f"warning: SKIPPED: docker/compose.yml as containers: {why}")
        return 0
    with tempfile.TemporaryDirectory(prefix="dr-compose-") as name:
        os.chmod(name, 0o755)
        project = Project(podman, Path(name))
        project.remove()
        try:
            sizes = project.build()
            assert max(sizes.values()) <= LIMIT_MB, sizes
            step("images over the base: " + ", ".join(f"{name} {mb:.1f} MB" for name, mb in sizes.items()))
            project.secrets()
            podman("network", "create", "--subnet", f"{SUBNET}.0/24", NETWORK)
            for one in STEPS:
                one(project)
        except AssertionError as error:
            print(f"✗ {error}")
            return 1
        finally:
            project.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
