"""The SBOM of `make sbom`:   python3 -m tests.deploy.bill

CycloneDX's own schema takes it, its hashes are those of the packages, and it names for each package the libraries that
dpkg-shlibdeps found when it was built. The schema comes from pip; where that cannot be fetched it is said so.
"""
from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "build/dist"
PLACE = ROOT / "build/linters-bill"
WANTED = "cyclonedx-python-lib[json-validation]==11.12.0"


def schema_faults(text: str) -> Iterator[str]:
    """What the published schema says."""
    if not (PLACE / "cyclonedx").exists():
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target",
                               str(PLACE), WANTED], check=False)
        if done.returncode != 0:
            print("warning: SKIPPED: CycloneDX's schema: cannot be fetched")
            return
    sys.path.insert(0, str(PLACE))
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if fault is not None:
        yield f"schema: {fault}"


def depends(deb: Path) -> set[str]:
    """The shared libraries that it depends on; libc is one for everybody."""
    said = subprocess.run(["dpkg-deb", "-f", str(deb), "Depends"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {name for name in re.findall(r"(?:^|, )([a-z0-9.+-]+)", said.strip()) if name.startswith("lib")}


def package_faults(bill: dict[str, Any]) -> Iterator[str]:
    """What the packages say."""
    by_name = {c["name"]: c for c in bill["components"]}
    below = {d["ref"]: {by_ref.split("/")[2].split("@")[0].replace("%2B", "+") for by_ref in d["dependsOn"]}
             for d in bill["dependencies"] if d["ref"] != "drift-relay"}
    debs = {p.name.split("_")[0]: p for p in DIST.glob("*.deb") if "-dbgsym_" not in p.name}
    ours = {name for name, c in by_name.items() if c["type"] == "application"}
    if ours != set(debs) or not ours:
        yield f"it names {sorted(ours)}, the packages are {sorted(debs)}"
    for name in ours & set(debs):
        said = by_name[name]
        if said["hashes"] != [{"alg": "SHA-256", "content": hashlib.sha256(debs[name].read_bytes()).hexdigest()}]:
            yield f"{name}: another hash"
        if below[said["bom-ref"]] != depends(debs[name]):
            yield f"{name}: linked with {sorted(below[said['bom-ref']])}, depends on {sorted(depends(debs[name]))}"


def main() -> int:
    """1: a fault."""
    (path,) = DIST.glob("*.cdx.json")
    text = path.read_text(encoding="utf-8")
    bill = json.loads(text)
    faults = [*schema_faults(text), *package_faults(bill)]
    print("\n".join([*faults, f"{'failed' if faults else '✓'} {path.name}: {len(bill['components'])} components, "
                              f"{bill['bomFormat']} {bill['specVersion']}"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
