"""docker/Dockerfile: what the other files may rely on, and what every image of ours has."""
from __future__ import annotations

import re

from tests.lint.deploy.files import Files

PATH = "docker/Dockerfile"
OURS = ("relay", "model", "app", "train")


def stages(files: Files) -> dict[str, str]:
    """Text of each stage by its name."""
    parts = re.split(r"^FROM \S+ AS (\w+)\n", files.texts[PATH], flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def ports(files: Files, stage: str) -> list[int]:
    """EXPOSEd ones."""
    return [int(p) for line in re.findall(r"^EXPOSE (.*)", stages(files)[stage], re.M) for p in line.split()]


def user(files: Files, stage: str) -> int:
    """Its number; 0 without one."""
    found = re.search(r"^USER (\d+):\d+$", stages(files)[stage], re.M)
    return int(found.group(1)) if found else 0


def check(files: Files) -> list[str]:
    """Faults of the Dockerfile."""
    faults = []
    for name in OURS:
        text = stages(files).get(name, "")
        if user(files, name) == 0:
            faults.append(f"{PATH}: {name} runs as root")
        for label in ("title", "description"):
            if f"org.opencontainers.image.{label}=" not in text:
                faults.append(f"{PATH}: {name} has no label {label}")
        if name != "train" and not re.search(r'^HEALTHCHECK .* CMD \["drift-', text, re.M):
            faults.append(f"{PATH}: {name} does not ask its own program for its health")
        if not re.search(r'^ENTRYPOINT \["drift-', text, re.M):
            faults.append(f"{PATH}: {name} does not start its program without a shell")
    for image in re.findall(r"^FROM (\S+)", files.texts[PATH], re.M):
        if image not in ("${BASE}", "runtime"):
            faults.append(f"{PATH}: {image} does not come from Debian")
    if re.search(r"curl|wget|ADD http|x86_64|amd64", files.texts[PATH].replace("libcurl", "")):
        faults.append(f"{PATH}: fetches something beside Debian's packages, or for one architecture")
    return faults
