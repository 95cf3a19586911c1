"""What the README and the guides name is there: files, functions, links."""
from __future__ import annotations

import re
import subprocess

import pytest

from tests.support.relay import ROOT

DOCUMENTS = ["README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]
_FOLDERS = ("relay", "tests", "docs", "config", "prometheus", "grafana", "docker", "model", r"\.github")


def sources() -> str:
    """All code of the product."""
    return "\n".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "relay").rglob("*.[ch]")))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = [t.partition("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in t]
    assert [t for t in targets if t and not ((ROOT / document).parent / t).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_files_and_functions_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    code = sources()
    names = {p.name for p in (ROOT / "relay").rglob("*.[ch]")}
    missing = []
    for word in re.findall(r"`([^`\n]+)`", text):
        if re.fullmatch(r"[a-z_0-9]+\(\)", word):
            missing += [] if re.search(rf"\b{word[:-2]}\(", code) else [word]
        elif re.fullmatch(rf"({'|'.join(_FOLDERS)})/[\w./-]*", word) and not re.search(r"/secrets(/|$)", word):  # made, not kept
            missing += [] if (ROOT / word).exists() else [word]
        elif re.fullmatch(r"[a-z_]+\.[ch]", word):
            missing += [] if word in names else [word]
        elif re.fullmatch(r"struct [a-z_]+", word):
            missing += [] if re.search(rf"\b{word} {{", code) else [word]
    assert missing == []


def test_make_has_the_targets_that_the_readme_names() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    known = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = set(re.findall(r"\bmake ([a-z-]+)", text))
    assert {"demo", "test"} <= wanted
    assert [t for t in sorted(wanted) if not re.search(rf"^make {t}\b", known, re.M)] == []
