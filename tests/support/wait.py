"""Waiting with a deadline: the only way a test may wait for another process."""
from __future__ import annotations

import os
import time
from typing import Callable, Optional, TypeVar

T = TypeVar("T")

# Sanitizer builds and shared machines are slow; a deadline is no measurement, it only ends a hang.
PATIENCE = float(os.environ.get("TEST_PATIENCE", "1"))


def until(look: Callable[[], Optional[T]], timeout: float, what: str, pause: float = 0.02) -> T:
    """Looks until the answer is true and returns it; fails by name when the deadline passes."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {timeout * PATIENCE:g} s in vain for {what}")
        time.sleep(pause)


def stays(look: Callable[[], bool], seconds: float, what: str, pause: float = 0.05) -> None:
    """Fails when something stops being true within the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert look(), f"no longer true: {what}"
        time.sleep(pause)
