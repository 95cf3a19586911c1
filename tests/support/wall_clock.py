"""A wall clock that a test can step, for one process: preload/wall_clock.c, built when needed."""
from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.relay import ROOT, SANITIZED


class WallClock:
    """Environment for a process, and the step it sees."""

    def __init__(self, folder: Path) -> None:
        self.offset_file = folder / "wall-clock-offset"
        self.step(0)
        library = folder / "wall_clock.so"
        source = ROOT / "tests" / "support" / "preload" / "wall_clock.c"
        subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-O1", "-o", str(library), str(source), "-ldl"],
                       check=True)
        self.env = {"LD_PRELOAD": str(library), "WALL_CLOCK_OFFSET_FILE": str(self.offset_file)}
        if SANITIZED:
            self.env["ASAN_OPTIONS"] = "verify_asan_link_order=0"

    def step(self, seconds: int) -> None:
        """Sets how far the process's wall clock is from the real one."""
        new = self.offset_file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self.offset_file)
