"""Figures side by side: medians of five with their spread, and the table they end in."""
from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from typing import Callable, Optional

ROUNDS = 5


@dataclass
class Row:
    """One line: ratio is figure over beside; `least` and `most` are what it should keep to."""

    name: str
    figure: str
    beside: str = "–"
    ratio: Optional[float] = None
    least: Optional[float] = None
    most: Optional[float] = None
    target: str = "printed"
    met: Optional[bool] = None

    def __post_init__(self) -> None:
        if self.ratio is not None and self.least is not None:
            self.target, self.met = f"≥ {self.least:g} ×", self.ratio >= self.least
        elif self.ratio is not None and self.most is not None:
            self.target, self.met = f"≤ {self.most:g} ×", self.ratio <= self.most
        print(self.line(), file=sys.stderr, flush=True)

    def line(self) -> str:
        """In markdown."""
        ratio = "–" if self.ratio is None else f"{self.ratio:.2f} ×"
        met = {None: "", True: "yes", False: "**no**"}[self.met]
        return f"| {self.name} | {self.figure} | {self.beside} | {ratio} | {self.target} | {met} |"


HEAD = "| what | relay | beside it | ratio | target | met |\n|---|---|---|---|---|---|"


def spread(values: list[float], unit: str = "", digits: int = 0) -> str:
    """Median, and least to most."""
    return (f"{statistics.median(values):,.{digits}f}{unit} ({min(values):,.{digits}f}–{max(values):,.{digits}f})")


def in_turns(*measures: Callable[[], float], rounds: int = ROUNDS) -> list[list[float]]:
    """A, B, …, A, B, …: what each gave in each round, so that a busy minute is everyone's."""
    found: list[list[float]] = [[] for _ in measures]
    for _ in range(rounds):
        for values, measure in zip(found, measures):
            values.append(measure())
    return found


def ratio(a: list[float], b: list[float]) -> float:
    """Median of the rounds' own ratios."""
    return statistics.median(x / y for x, y in zip(a, b))
