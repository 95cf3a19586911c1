"""Other people's checks of what deploys, which have to be fetched first:   python3 -m tests.deploy.linters

python-hcl2 parses docker/terraform, kubernetes-validate knows Kubernetes' schemas, zizmor and actionlint read the
workflows. pip and go put them under build/; what cannot be fetched is skipped, and said so. Exit 1: a check failed.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Callable, Iterator

from tests.lint.deploy import kubernetes, terraform
from tests.lint.deploy.files import ROOT, Files, Json

PLACE = ROOT / "build/linters"
WANTED = ("python-hcl2==8.1.4", "kubernetes-validate==1.37.0", "zizmor==1.32.0")
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"  # the last that Debian 12's Go builds
KUBERNETES = "1.31"
_FIELDS = {  # of kinds that Kubernetes does not ship, as their own references name them
    "InferenceService": {"spec": {"predictor"}, "spec.predictor": {"minReplicas", "maxReplicas", "containers"}},
    "ServiceMonitor": {"spec": {"selector", "endpoints", "namespaceSelector", "jobLabel"},
                       "spec.endpoints": {"port", "path", "interval"}},
    "PrometheusRule": {"spec": {"groups"}, "spec.groups": {"name", "rules", "interval"},
                       "spec.groups.rules": {"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"}},
}


def pip() -> bool:
    """The Python packages, once."""
    if not (PLACE / "bin/zizmor").exists():
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target",
                               str(PLACE), *WANTED], check=False)
        if done.returncode != 0:
            return False
    sys.path.insert(0, str(PLACE))
    return True


def go() -> bool:
    """actionlint, once."""
    if (PLACE / "bin/actionlint").exists():
        return True
    if shutil.which("go") is None:
        return False
    (PLACE / "bin").mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(PLACE / "bin"), "GOTOOLCHAIN": "local"}
    return subprocess.run(["go", "install", ACTIONLINT], env=environment, check=False).returncode == 0


def hcl(files: Files) -> Iterator[str]:
    """Faults of docker/terraform."""
    import hcl2
    for path, text in files.texts.items():
        if path.endswith(".tf"):
            try:
                parsed = hcl2.loads(text)
            except Exception as error:  # of its parser, which has many  # pylint: disable=broad-except
                yield f"{path}: {error}"
                continue
            if path.endswith("variables.tf"):
                names = {name.strip('"') for variable in parsed["variable"] for name in variable if not name.startswith("__")}
                if names != set(terraform.variables(files)):
                    yield f"{path}: python-hcl2 reads the variables {sorted(names)}"


def _unknown(kind: str, path: str, thing: Json) -> Iterator[str]:
    known = _FIELDS[kind].get(path)
    for one in thing if isinstance(thing, list) else [thing]:
        for key, value in one.items() if known is not None else ():
            if key not in known:
                yield f"{kind}: {path}.{key} is no field that we know"
            yield from _unknown(kind, f"{path}.{key}", value) if isinstance(value, (dict, list)) else ()


def schemas(files: Files) -> Iterator[str]:
    """Faults of docker/kubernetes."""
    import kubernetes_validate
    for path, thing in files.documents(kubernetes.FOLDER):
        if thing["kind"] in _FIELDS:
            yield from (f"{path}: {fault}" for fault in _unknown(thing["kind"], "spec", thing["spec"]))
            continue
        try:
            kubernetes_validate.validate(thing, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{path}: {thing['kind']}: {error}"


def program(*words: str) -> Callable[[Files], Iterator[str]]:
    """A check by a program, whose words are shown when it fails."""
    def run(_: Files) -> Iterator[str]:
        done = subprocess.run([str(PLACE / "bin" / words[0]), *words[1:]], cwd=ROOT, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, env={**os.environ, "PYTHONPATH": str(PLACE)})
        if done.returncode != 0:
            yield done.stdout
    return run


CHECKS: list[tuple[str, Callable[[], bool], Callable[[Files], Iterator[str]]]] = [
    ("python-hcl2 parses docker/terraform", pip, hcl),
    (f"Kubernetes {KUBERNETES} takes docker/kubernetes", pip, schemas),
    ("zizmor", pip, program("zizmor", "--offline", "--no-progress", ".github/workflows")),
    ("actionlint", go, program("actionlint")),
]


def main() -> int:
    """Every check; 1 when one failed."""
    status, files = 0, Files()
    for name, get, check in CHECKS:
        if not get():
            print(f"warning: SKIPPED: {name}: cannot be fetched")
            continue
        faults = list(check(files))
        print("\n".join([*faults, f"{'failed' if faults else 'passed'}: {name}"]))
        status |= 1 if faults else 0
    return status


if __name__ == "__main__":
    sys.exit(main())
