"""Something happens at the n-th call of some functions of a process: preload/nth_call.c, built when needed."""
from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import Union

from tests.support.relay import ROOT, SANITIZED

KILL = "kill"


class NthCall:
    """Environment for one process after the other; `count` is of the last."""

    def __init__(self, folder: Path, calls: str, does: Union[int, str], state: Path) -> None:
        self.file, self.calls, self.does, self.state = folder / "nth-count", calls, does, state
        self.library = folder / "nth_call.so"
        source = ROOT / "tests/support/preload/nth_call.c"
        subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-O1", "-fno-builtin", "-o", str(self.library), str(source),
                        "-ldl"], check=True)

    def env(self, at: int, times: int = 1) -> dict[str, str]:
        """The at-th call fails, and those after it; 0: they are only counted."""
        self.file.write_bytes(bytes(8))
        return {"LD_PRELOAD": str(self.library), "NTH_COUNT": str(self.file), "NTH_CALLS": self.calls,
                "NTH_DOES": str(self.does), "NTH_AT": str(at), "NTH_TIMES": str(times), "NTH_FOLDER": str(self.state),
                **({"ASAN_OPTIONS": "verify_asan_link_order=0"} if SANITIZED else {})}

    @property
    def count(self) -> int:
        """Calls so far."""
        return int(struct.unpack("<q", self.file.read_bytes())[0])
