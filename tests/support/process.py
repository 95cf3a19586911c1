"""A child process whose stderr is kept in a file and can be waited on, and which never outlives its test."""
from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Callable, Optional

from tests.support.wait import until


class Process:
    """One run of a program."""

    def __init__(self, argv: list[str], log: Path, env: dict[str, str], cwd: Optional[Path] = None,
                 before_exec: Optional[Callable[[], None]] = None) -> None:
        self.argv, self.log = argv, log
        with open(log, "wb") as stderr:
            self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, env=env,
                                          cwd=cwd, preexec_fn=before_exec)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.child.pid

    def text(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(errors="replace")

    def alive(self) -> bool:
        """True while it runs."""
        return self.child.poll() is None

    def wait_text(self, look: Callable[[str], object], timeout: float, what: str) -> None:
        """Waits until its output is as `look` wants it; at once an error when it ends before."""
        def there() -> bool:
            if look(self.text()):
                return True
            assert self.alive() or look(self.text()), \
                f"ended with {self.child.returncode} before {what}:\n{self.text()}"
            return False
        until(there, timeout, what)

    def signal(self, number: int) -> None:
        """Sends a signal to this process only."""
        if self.alive():
            os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stops it, every thread: when this returns nothing of it runs any more."""
        self.signal(signal.SIGSTOP)

        def stands() -> bool:
            states = [stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{self.pid}/task").glob("*/stat")]
            return set(states) == {"T"}
        until(stands, 30, f"{self.argv[0]} ({self.pid}) to stand")

    def wait(self, timeout: float = 30) -> int:
        """Waits for its end; its exit status (negative: the signal)."""
        until(lambda: not self.alive(), timeout, f"the end of {self.argv[0]} ({self.pid})")
        assert self.child.returncode is not None
        return self.child.returncode

    def kill9(self) -> None:
        """Ends it at once and collects it."""
        self.signal(signal.SIGKILL)
        self.child.wait()
