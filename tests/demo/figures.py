"""The figures of docs/drift.md about features, tests, windows and thresholds, from real prices.

    python3 -m tests.demo.figures [lesson|features|windows|tests]

Every number is a share of windows of four indices, each scored by the real drift-model: a window is what a server
holds whose model learnt up to a day and was asked on each of the days after it.
"""
from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.demo.search import FEATURES, INDICES, MODEL, closes_of, table

ENDS = range(1020, 1741, 20)  # days up to which was learnt: 1001 reference rows before, 120 days after
LESSON_ROWS = 23  # what 60 calendar days leave of the averages
LIMIT = 0.8


def row_of(closes: list[float], day: int, kind: str) -> list[float]:
    """ma5 and ma20 of a day."""
    averages = [sum(closes[day - n:day]) / n for n in (5, 20)]
    return averages if kind == "levels" else [closes[day - 1] / average - 1 for average in averages]


def scores(kind: str, reference: int, window: int, stattest: str) -> list[float]:
    """The score of every window, index by index, both features of one window side by side."""
    old, new = {}, {}
    for index in INDICES:
        closes = closes_of(index)
        rows = [row_of(closes, day, kind) for day in range(20, len(closes) + 1)]  # rows[0] is of day 20
        for end in ENDS:
            at = end - 19
            for i, name in enumerate(FEATURES):
                column = f"{index}-{end:04}-{i}-{name}"
                old[column] = [row[i] for row in rows[at - reference:at]]
                new[column] = [row[i] for row in rows[at:at + window]]
    with tempfile.TemporaryDirectory(prefix="figures-") as name:
        files = Path(name, "old.csv"), Path(name, "new.csv")
        for file, columns in zip(files, (old, new)):
            file.write_text(table(columns))
        said = subprocess.run([str(MODEL), "score", *map(str, files), "--stattest", stattest, "--json"],
                              stdout=subprocess.PIPE, check=True)
    found = json.loads(said.stdout)["columns"]
    return [found[column]["score"] for column in old]


def either(found: list[float]) -> list[float]:
    """The higher of both features' scores, window by window."""
    return [max(pair) for pair in zip(found[::2], found[1::2])]


def share(found: list[bool]) -> str:
    """In percent."""
    return f"{100 * sum(found) / len(found):.0f} %"


def lesson() -> None:
    """A p-value's large values are the calm ones."""
    print("| days asked | p > 0.8 | p ≤ 0.05 | middle distance where p > 0.8 | where not |\n|---|---|---|---|---|")
    for window in (1, 2, 5, 20):
        values = scores("levels", LESSON_ROWS, window, "ks")
        distances = scores("levels", LESSON_ROWS, window, "wasserstein")
        calm = [d for p, d in zip(values, distances) if p > LIMIT]
        rest = [d for p, d in zip(values, distances) if p <= LIMIT]
        print(f"| {window} | {share([p > LIMIT for p in values])} | {share([p <= 0.05 for p in values])} | "
              f"{f'{statistics.median(calm):.2f}' if calm else '-'} | {statistics.median(rest):.2f} |")
    for reference in (1000, 1001):
        print(f"{INDICES[0]}, days {ENDS[0] + 1} to {ENDS[0] + 20}, ma5, test chosen by itself: "
              f"{scores('levels', reference, 20, 'auto')[0]:.3g} with {reference} reference rows")


def features() -> None:
    """Levels leave their past, ratios come back."""
    print("| window | " + " | ".join(f"{kind}, {index}" for kind in ("levels", "relative") for index in INDICES) +
          " |\n|" + 9 * "---|")
    for window in (20, 40, 60, 120):
        cells = []
        for kind in ("levels", "relative"):
            found = either(scores(kind, 1001, window, "wasserstein"))
            size = len(ENDS)
            cells += [share([s > LIMIT for s in found[i * size:(i + 1) * size]]) for i in range(len(INDICES))]
        print(f"| {window} | " + " | ".join(cells) + " |")


def windows() -> None:
    """What a threshold lets pass."""
    print("| window | middle score | one in ten above | one in twenty above | > 0.5 | > 0.8 | > 1 |\n|" + 7 * "---|")
    for window in (20, 40, 60, 120):
        found = sorted(either(scores("relative", 1001, window, "wasserstein")))
        high = [found[int(len(found) * part)] for part in (0.5, 0.9, 0.95)]
        print(f"| {window} | " + " | ".join(f"{s:.2f}" for s in high) + " | " +
              " | ".join(share([s > limit for s in found]) for limit in (0.5, LIMIT, 1)) + " |")


def tests() -> None:
    """The same windows, each test by its own default threshold."""
    print("| test | drift when | 20 | 60 | 120 |\n|---|---|---|---|---|")
    for name, words in (("ks", "p ≤ 0.05"), ("wasserstein", "≥ 0.1"), ("wasserstein", "> 0.8"),
                        ("jensenshannon", "≥ 0.1"), ("psi", "≥ 0.1"), ("hellinger", "≥ 0.1")):
        sign, limit = words.split()[-2:]
        cells = []
        for window in (20, 60, 120):
            found = scores("relative", 1001, window, name)
            drifts = {"≤": [s <= float(limit) for s in found], "≥": [s >= float(limit) for s in found],
                      ">": [s > float(limit) for s in found]}[sign]
            cells.append(share([a or b for a, b in zip(drifts[::2], drifts[1::2])]))
        print(f"| `{name}` | {words} | " + " | ".join(cells) + " |")


def main() -> int:
    """The table that is asked for, or all."""
    for part in (lesson, features, windows, tests):
        if len(sys.argv) == 1 or part.__name__ in sys.argv[1:]:
            part()
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
