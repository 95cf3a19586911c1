"""Reads Prometheus text exposition strictly enough to notice a malformed line."""
from __future__ import annotations

import re
from typing import Any

_SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (-?[0-9.eE+-]+|[+-]Inf|NaN)')
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Metrics:
    """One scrape."""

    def __init__(self, text: str) -> None:
        self.samples: list[tuple[str, dict[str, str], float]] = []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            found = _SAMPLE.fullmatch(line)
            assert found, f"no sample: {line!r}"
            name, labels, value = found.groups()
            self.samples.append((name, dict(_LABEL.findall(labels or "")), float(value)))

    def sum(self, name: str, **labels: Any) -> float:
        """Sum over all series of the name that have these labels; 0 when there is none."""
        return sum(value for n, have, value in self.samples
                   if n == name and all(have.get(k) == str(v) for k, v in labels.items()))

    def has(self, name: str) -> bool:
        """True when any series has this name."""
        return any(n == name for n, _, _ in self.samples)
