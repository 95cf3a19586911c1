"""The stretch of prices that the demo shows: found again by the search, with the scores that docs/drift.md names."""
from __future__ import annotations

import os
import subprocess
import sys

from tests.support.relay import BINARY, ROOT


def test_the_search_still_finds_what_the_documentation_says() -> None:
    said = subprocess.run([sys.executable, "-m", "tests.demo.search", "--index", "dax", "--trained-through", "1340"],
                          cwd=ROOT, env={**os.environ, "RELAY_BIN": str(BINARY)}, stdout=subprocess.PIPE, text=True,
                          timeout=120, check=True).stdout
    found = said.splitlines()[-1]
    assert found.startswith("dax      1340 ") and f"\n{found}\n" in (ROOT / "docs/drift.md").read_text(), said
