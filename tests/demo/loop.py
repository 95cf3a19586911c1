"""The loop around one model: real prices in, scores out, a retraining, and scores again.

The stretch was chosen once, by tests/demo/search.py; docs/drift.md says why. Scores are asked of drift-model and
must be those that `drift-model score` gives the same rows; none is made up.
"""
from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from tests.demo import parts, search
from tests.support.app import App
from tests.support.github_runs import Run
from tests.support.model_server import ModelServer
from tests.support.wait import until

INDEX, TRAINED, CALM, CROSSING, SETTLED = "dax", 1340, 1420, 1484, 1514  # days
WINDOW, THRESHOLD = 60, 0.8  # drift-model's and the rule's own
Scores = tuple[float, float]


class Loop:
    """The model server of one index, and the day it has got to."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "model.json"
        self.closes = search.closes_of(INDEX)
        self.train(TRAINED)
        self.day = self.loaded = TRAINED
        self.report: dict[str, Any] = {}  # of the last run
        self.server = ModelServer({INDEX: self.file}, before_exec=parts.child_of_demo)
        self.app = App(f"http://127.0.0.1:{self.server.port}/v2/models/{INDEX}/infer", parts.child_of_demo)

    @property
    def port(self) -> int:
        """Where the model server listens."""
        return self.server.port

    @property
    def metrics_url(self) -> str:
        """Its gauges."""
        return f"http://127.0.0.1:{self.port}/metrics"

    def stop(self) -> None:
        """Ends both programs."""
        try:
            self.app.close()
        finally:
            self.server.close()

    def train(self, day: int) -> dict[str, Any]:
        """drift-train on the days up to this one. The report."""
        with tempfile.TemporaryDirectory(prefix="prices-") as folder:
            return search.train(INDEX, day, Path(folder), self.file)

    def workflow(self, run: Run) -> str:
        """The job of a run: it trains the model that it was asked for, on all days there are by now. Its conclusion."""
        if run.inputs["model"] != INDEX:
            return "failure"
        self.report = self.train(self.day)
        return "success" if self.report["published"] else "failure"

    def hash(self) -> str:
        """Which model answers."""
        return next((labels["hash"] for name, labels, _ in self.server.metrics().samples
                     if name == "model_drift_reference_info"), "")

    def ask(self, through: int) -> Scores:
        """One request for each day up to this one; the scores that then stand in the metrics."""
        for day in range(self.day + 1, through + 1):
            row = search.features_of(self.closes, day)
            body = {"inputs": [{"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [list(row)]}]}
            answer = self.server.infer(json.dumps(body).encode(), INDEX)
            assert answer.status == 200, f"day {day}: {answer.status} {answer.body!r}"
        self.day = through
        right = self.scores()
        until(lambda: self.shown() == right, 30, f"scores of {right} at the model server", 0.05)
        return right

    def scores(self) -> Scores:
        """What `drift-model score` says of the window's rows."""
        reference = json.loads(self.file.read_text())["reference"]
        days = range(max(self.loaded, self.day - WINDOW) + 1, self.day + 1)
        rows = [search.features_of(self.closes, day) for day in days]
        with tempfile.TemporaryDirectory(prefix="score-") as folder:
            return search.score(reference, {self.day: rows}, Path(folder), THRESHOLD)[self.day]

    def shown(self) -> Scores:
        """What the model server's gauges say; -1 where there is none."""
        metrics = self.server.metrics()
        return tuple(metrics.sum(f"data_drift_score_{name}") if metrics.has(f"data_drift_score_{name}") else -1.0
                     for name in search.FEATURES)  # type: ignore[return-value]
