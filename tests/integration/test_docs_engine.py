"""The pictures and tables of docs/engine.md are what the core does today."""
from __future__ import annotations

import re

from tests.stories.draw import DOCUMENT, PICTURES, fill
from tests.support.relay import BINARY

PROGRAM = str(BINARY.parent / "tests" / "stories" / "story")


def test_the_timelines_are_drawn_anew_alike() -> None:
    text, pictures = fill(PROGRAM, DOCUMENT.read_text())
    assert text == DOCUMENT.read_text(), "make pictures"
    assert set(pictures) == {p.name for p in PICTURES.glob("timeline-*.svg")}
    for name, svg in pictures.items():
        assert svg == (PICTURES / name).read_text(), f"{name}: make pictures"


def test_every_timed_policy_has_a_picture() -> None:
    text = DOCUMENT.read_text()
    for policy in ("hold", "extend_hold", "hold_max", "min_alerts", "cooldown", "rearm", "settle", "rearm_after",
                   "when_blocked", "expires", "retry_after", "stale_after", "budget"):
        assert re.search(rf"\b{policy}\b", text), policy
