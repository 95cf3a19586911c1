"""Looks for the stretch of real prices that the demo shows, and prints what it found, scores as they are.

    python3 -m tests.demo.search [--index NAME] [--trained-through DAY] [--window ROWS] [--threshold X]

Without options: every index, every twentieth training end. For each, the real drift-train learns from the days up to
it, and the real drift-model scores the window that a server would hold after each later day: the last ROWS of those
days, once there are 30. A training end fits when CALM_DAYS scored days without drift follow, then STORM_DAYS in a row
above the threshold, and drift-train's gate lets pass the old model and the one of the first such day. Chosen is the
crossing that most fitting ends of one index agree on, within AGREE_DAYS, so that it does not hang on a lucky one; of
those ends the one with the highest storm.
"""
from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from tests.support.relay import BINARY, ROOT

PRICES = ROOT / "tests" / "data" / "eustockmarkets.csv"
TRAIN, MODEL = BINARY.parent / "drift-train", BINARY.parent / "drift-model"
INDICES = ("dax", "smi", "cac", "ftse")
FEATURES = ("ma5", "ma20")
MIN_SAMPLES = 30  # of drift-model
FIRST_END, LAST_END, STEP = 1020, 1740, 20  # 1001 reference rows need 1020 days
AHEAD = 300  # days looked at after a training
CALM_DAYS, STORM_DAYS, AGREE_DAYS = 60, 10, 5


@dataclass
class Scores:
    """What a server that loaded the model of day `end` would say after each later day."""

    end: int
    by_day: dict[int, tuple[float, float]]  # ma5, ma20

    def of(self, days: list[int]) -> list[float]:
        """The higher of both features' scores."""
        return [max(self.by_day[day]) for day in days]


@dataclass
class Candidate:
    """One training end and what followed."""

    index: str
    end: int
    crossing: int  # the first day above the threshold
    calm: list[int]  # the scored days before it
    storm: list[int]  # the days in a row above it
    scores: Scores
    threshold: float
    after: Optional[Scores] = None  # of the model trained at the crossing

    def long_enough(self) -> bool:
        """Whether it is worth looking at what a new model would say."""
        return len(self.calm) >= CALM_DAYS and len(self.storm) >= STORM_DAYS

    def fits(self) -> bool:
        """Whether the demo could show it."""
        return self.long_enough() and self.after is not None

    def agrees(self, other: "Candidate") -> bool:
        """Whether both see the same storm."""
        return self.index == other.index and abs(self.crossing - other.crossing) <= AGREE_DAYS

    def settled(self) -> str:
        """What the new model's scores say on the days after."""
        if not self.long_enough():
            return "-"
        if self.after is None:
            return "refused by the gate"
        days = sorted(self.after.by_day)
        quiet = [day for day in days if max(self.after.by_day[day]) <= self.threshold]
        if not quiet:
            return "never"
        again = next((day for day in days if day > quiet[0] and day not in quiet), None)
        return (f"{max(self.after.by_day[quiet[0]]):.3f} on day {quiet[0]}, " +
                ("to the end of the data" if again is None else f"until day {again}"))

    def row(self) -> str:
        """One line of the table."""
        calm, storm = self.scores.of(self.calm), self.scores.of(self.storm)
        middle, high = (f"{statistics.median(calm):.3f}", f"{max(calm):.3f}") if calm else ("-", "-")
        return (f"{self.index:5} {self.end:7} {len(calm):9} {middle:>7} {high:>8} {self.crossing:8} {len(storm):11} "
                f"{max(storm):8.3f}  {self.settled()}")


HEADER = "index trained calm days  median  highest  crosses stormy days  highest  new model: first score without drift"


def closes_of(index: str) -> list[float]:
    """The closes of all days; day 1 is the first."""
    lines = PRICES.read_text().splitlines()
    place = lines[0].split(",").index(index)
    return [float(line.split(",")[place]) for line in lines[1:]]


def features_of(closes: list[float], day: int) -> tuple[float, float]:
    """close/MA5 - 1 and close/MA20 - 1 of a day."""
    close = closes[day - 1]
    return tuple(close / (sum(closes[day - n:day]) / n) - 1 for n in (5, 20))  # type: ignore[return-value]


def train(index: str, end: int, folder: Path, model: Path) -> dict[str, Any]:
    """drift-train on the days up to `end`; its report, which says whether the model was published."""
    prices = folder / "prices.csv"
    prices.write_text("\n".join(PRICES.read_text().splitlines()[:end + 1]) + "\n")
    said = subprocess.run([str(TRAIN), "--prices", str(prices), "--column", index, "--json", "--output", str(model)],
                          stdout=subprocess.PIPE, check=False)
    report: dict[str, Any] = json.loads(said.stdout)
    return report


def table(columns: dict[str, list[float]]) -> str:
    """A CSV of columns of unequal length."""
    longest = max(map(len, columns.values()))
    cells = [[repr(value) for value in values] + [""] * (longest - len(values)) for values in columns.values()]
    return "\n".join([",".join(columns), *map(",".join, zip(*cells))]) + "\n"


def score(reference: dict[str, list[float]], rows: dict[int, list[tuple[float, float]]], folder: Path,
          threshold: float) -> dict[int, tuple[float, float]]:
    """drift-model's scores of each day's window, all in one run: a column for each feature and day."""
    old, new = folder / "reference.csv", folder / "current.csv"
    old.write_text(table({f"{name}@{day}": reference[name] for day in rows for name in FEATURES}))
    new.write_text(table({f"{name}@{day}": [row[i] for row in window]
                          for day, window in rows.items() for i, name in enumerate(FEATURES)}))
    said = subprocess.run([str(MODEL), "score", str(old), str(new), "--stattest", "wasserstein", "--threshold",
                           str(threshold), "--json"], stdout=subprocess.PIPE, check=True)
    columns = json.loads(said.stdout)["columns"]
    return {day: tuple(columns[f"{name}@{day}"]["score"] for name in FEATURES) for day in rows}


def follow(index: str, end: int, ahead: int, window: int, threshold: float) -> Optional[Scores]:
    """The scores after each of the days that follow a training; None when it was refused."""
    closes = closes_of(index)
    with tempfile.TemporaryDirectory(prefix="search-") as name:
        folder = Path(name)
        model = folder / "model.json"
        if not train(index, end, folder, model)["published"]:
            return None
        reference = json.loads(model.read_text())["reference"]
        last = features_of(closes, end)
        assert all(abs(reference[name][-1] - last[i]) < 1e-12 for i, name in enumerate(FEATURES)), "other features"
        days = range(end + MIN_SAMPLES, min(end + ahead, len(closes)) + 1)
        rows = {day: [features_of(closes, d) for d in range(max(end + 1, day - window + 1), day + 1)] for day in days}
        return Scores(end, score(reference, rows, folder, threshold)) if rows else Scores(end, {})


def look(index: str, end: int, window: int, threshold: float) -> Optional[Candidate]:
    """The first crossing after a training; None when there is none, or no model."""
    scores = follow(index, end, AHEAD, window, threshold)
    if scores is None:
        return None
    days = sorted(scores.by_day)
    above = [max(scores.by_day[day]) > threshold for day in days]
    if True not in above:
        return None
    first = above.index(True)
    length = (above[first:] + [False]).index(False)
    calm, storm = days[:first], days[first:first + length]
    found = Candidate(index, end, days[first], calm, storm, scores, threshold)
    if found.long_enough():
        found.after = follow(index, found.crossing, AHEAD, window, threshold)
    return found


def main() -> int:
    """Prints every training end at which the scores cross, then the choice."""
    options = argparse.ArgumentParser(description="The stretch of prices that the demo shows.")
    options.add_argument("--index", choices=INDICES)
    options.add_argument("--trained-through", type=int)
    options.add_argument("--window", type=int, default=60)
    options.add_argument("--threshold", type=float, default=0.8)
    asked = options.parse_args()
    ends = [asked.trained_through] if asked.trained_through else range(FIRST_END, LAST_END + 1, STEP)
    print(f"window of {asked.window} rows, threshold {asked.threshold:g}, {CALM_DAYS} calm and {STORM_DAYS} stormy "
          f"days wanted\n{HEADER}")
    fitting, looked = [], 0
    for index in [asked.index] if asked.index else INDICES:
        for end in ends:
            looked += 1
            found = look(index, end, asked.window, asked.threshold)
            if found is not None:
                print(found.row() + ("  *" if found.fits() else ""), flush=True)
            if found is not None and found.fits():
                fitting.append(found)
    print(f"{looked} training ends looked at, {len(fitting)} fit (*)")
    if not fitting:
        return 1
    chosen = max(fitting, key=lambda found: (sum(map(found.agrees, fitting)), max(found.scores.of(found.storm))))
    print(f"chosen, as {sum(map(chosen.agrees, fitting))} ends of {chosen.index} agree on that storm:\n{HEADER}\n"
          f"{chosen.row()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
