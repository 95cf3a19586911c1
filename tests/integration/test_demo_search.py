"""What docs/drift.md says of real prices: the stretch that the demo shows is found again, and figures are measured again."""
from __future__ import annotations

import os
import subprocess
import sys

from tests.support.relay import BINARY, ROOT


def run(*arguments: str) -> str:
    """What a program of tests/demo prints."""
    return subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, env={**os.environ, "RELAY_BIN": str(BINARY)},
                          stdout=subprocess.PIPE, text=True, timeout=120, check=True).stdout


def test_the_search_still_finds_what_the_documentation_says() -> None:
    said = run("tests.demo.search", "--index", "dax", "--trained-through", "1340")
    found = said.splitlines()[-1]
    assert found.startswith("dax      1340 ") and f"\n{found}\n" in (ROOT / "docs/drift.md").read_text(), said


def test_the_figures_of_the_lessons_rule_come_out_again() -> None:
    rows = run("tests.demo.figures", "lesson").strip().splitlines()
    text = (ROOT / "docs/drift.md").read_text(encoding="utf-8")
    assert [row for row in rows if f"\n{row}\n" not in text] == [] and len(rows) == 8
