"""What the packages in a folder are made of, as CycloneDX 1.6:   python3 docker/sbom.py build/dist > drift-relay.cdx.json

One component for each package of ours, with its hash; below it the Debian packages whose shared libraries its programs
are linked with, in the versions of this machine, which built them. On Debian, after `make deb`.
Format: https://cyclonedx.org/docs/1.6/json/
"""
from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any, Iterator

Component = dict[str, Any]
SOURCE = "https://github.com/drift-relay/drift-relay"


def run(*words: str) -> str:
    """What a program prints."""
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout


def fields(text: str) -> dict[str, str]:
    """Of a control file; continuation lines are left out."""
    return dict(line.split(": ", 1) for line in text.splitlines() if re.match(r"[\w-]+: ", line))


def component(kind: str, name: str, version: str, architecture: str, **more: Any) -> Component:
    """Its purl is how others name it, and how we refer to it."""
    purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}&distro=debian-12".replace("+", "%2B").replace("~", "%7E")
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl, **more}


def owner(path: Path) -> str:
    """The package that has the file, under whichever name dpkg knows it: /lib may be a link to /usr/lib."""
    names = {str(p) for p in (path, path.resolve())}
    for name in sorted(names | {n.removeprefix("/usr") for n in names} | {"/usr" + n for n in names}):
        done = subprocess.run(["dpkg-query", "-S", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise SystemExit(f"sbom: no package has {path}")


def linked(program: Path) -> Iterator[Component]:
    """The packages of the libraries that the program itself names."""
    found = {Path(path).name: Path(path) for path in re.findall(r"(/\S+) \(0x", run("ldd", str(program)))}
    for library in re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", str(program))):
        package = owner(found[library])
        said = run("dpkg-query", "-W", "-f", "${Version} ${Architecture} ${Homepage}\n", package).split("\n", 1)[0]
        version, architecture, *homepage = said.split(" ")
        site = {"externalReferences": [{"type": "website", "url": homepage[0]}]} if homepage and homepage[0] else {}
        yield component("library", package, version, architecture, **site)


def packages(folder: Path) -> Iterator[tuple[Component, list[Component]]]:
    """Ours, and what each is linked with."""
    for deb in sorted(folder.glob("*.deb")):
        control = fields(run("dpkg-deb", "-f", str(deb)))
        if control["Package"].endswith("-dbgsym"):
            continue
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        ours = component("application", control["Package"], control["Version"], control["Architecture"],
                         description=control["Description"], hashes=[{"alg": "SHA-256", "content": digest}],
                         licenses=[{"license": {"id": "Apache-2.0"}}])
        with tempfile.TemporaryDirectory() as place:
            run("dpkg-deb", "-x", str(deb), place)
            programs = [p for p in Path(place, "usr/bin").glob("*") if p.read_bytes()[:4] == b"\x7fELF"]
            libraries = {c["bom-ref"]: c for program in programs for c in linked(program)}
        yield ours, sorted(libraries.values(), key=lambda c: str(c["name"]))


def bill(folder: Path) -> Component:
    """All of it."""
    found = list(packages(folder))
    if not found:
        raise SystemExit(f"sbom: no package in {folder}: run `make deb` first")
    libraries = {c["bom-ref"]: c for _, below in found for c in below}
    (version,) = {ours["version"] for ours, _ in found}
    product = {"type": "application", "bom-ref": "drift-relay", "name": "drift-relay", "version": version,
               "licenses": [{"license": {"id": "Apache-2.0"}}], "externalReferences": [{"type": "vcs", "url": SOURCE}]}
    refs = [ours["bom-ref"] for ours, _ in found]
    # The same packages get the same number, so that a bill can be compared.
    number = uuid.uuid5(uuid.NAMESPACE_URL, SOURCE + json.dumps([ours["hashes"] for ours, _ in found]))
    return {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{number}", "version": 1, "metadata": {"component": product},
            "components": [ours for ours, _ in found] + sorted(libraries.values(), key=lambda c: str(c["name"])),
            "dependencies": [{"ref": "drift-relay", "dependsOn": refs}]
            + [{"ref": ours["bom-ref"], "dependsOn": [c["bom-ref"] for c in below]} for ours, below in found]
            + [{"ref": ref, "dependsOn": []} for ref in sorted(libraries)]}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python3 docker/sbom.py FOLDER")
    print(json.dumps(bill(Path(sys.argv[1])), indent=1))
