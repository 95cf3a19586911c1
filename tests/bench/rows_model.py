"""The model server: predictions beside a server that only echoes, scrapes beside their windows."""
from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator

from tests.bench.programs import BUILD, PROGRAMS, Bare, load, on_first_core
from tests.bench.table import Row, in_turns, ratio, spread
from tests.support import model_server
from tests.support.model_server import NAME, ModelServer, train

OPTIONS: dict[str, Any] = {"connections": 32, "seconds": 2, "want": 200, "path": f"/v2/models/{NAME}/infer"}


def _server(model: Path, program: Path, *options: str) -> ModelServer:
    """A server of either program."""
    model_server.MODEL = program
    return ModelServer({NAME: model}, *options, before_exec=on_first_core)


def _question(folder: Path, rows: int) -> Path:
    path = folder / f"question-{rows}"
    tensor = {"name": "today_close", "shape": [rows], "datatype": "FP64", "data": [2480.5 + i for i in range(rows)]}
    path.write_text(json.dumps({"inputs": [tensor]}))
    return path


def infer() -> Iterator[Row]:
    """Predictions a second, with drift and without."""
    with tempfile.TemporaryDirectory() as name, Bare("--echo") as echo:
        folder = Path(name)
        train(folder / "model.json")
        on = _server(folder / "model.json", BUILD / "drift-model")
        off = _server(folder / "model.json", PROGRAMS / "drift_off")
        try:
            for rows in (1, 16):
                body = _question(folder, rows)
                with_drift, without, echoed = in_turns(lambda: load(on.port, body=body, **OPTIONS).rate,
                                                       lambda: load(off.port, body=body, **OPTIONS).rate,
                                                       lambda: load(echo.port, body=body, **OPTIONS).rate)
                yield Row(f"infer/s, batch {rows}", spread(with_drift), f"JSON echo on bare libmicrohttpd: {spread(echoed)}",
                          ratio(with_drift, echoed), 0.5)
                yield Row(f"infer/s, batch {rows}", spread(with_drift), f"drift off: {spread(without)}",
                          ratio(with_drift, without), 0.95)
        finally:
            on.close()
            off.close()


def windows() -> Iterator[Row]:
    """What a prediction costs its window, beside sorting the window anew."""
    said = subprocess.run([str(PROGRAMS / "bench_drift")], stdout=subprocess.PIPE, text=True, check=True).stdout
    for rows, batch, kept, anew, score in (line.split() for line in said.splitlines()[1:]):
        yield Row(f"a prediction in a window of {int(rows):,}, batches of {batch}", f"{float(kept):.2f} µs",
                  f"sorted anew: {float(anew):.2f} µs", float(kept) / float(anew))
        if batch == "1":
            yield Row(f"a score of a window of {int(rows):,}, two features", f"{float(score):.0f} µs")


def scrape() -> Iterator[Row]:
    """One scrape at a time, after the window is full."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(folder / "model.json")
        servers = {}
        try:
            for window in ("1000", "10000"):  # the widest there is
                servers[window] = _server(folder / "model.json", BUILD / "drift-model", "--window", window)
                load(servers[window].port, body=_question(folder, 500), **{**OPTIONS, "requests": 2 * int(window) // 500 + 1,
                                                                           "seconds": 60})
            time.sleep(2)
            found = in_turns(*[lambda s=s: load(s.port, path="/metrics", get=True, want=200, seconds=2)["p50_us"]
                               for s in servers.values()])
            for window, values in zip(servers, found):
                yield Row(f"scrape with a window of {int(window):,}: p50", spread(values, " µs"), "of 1,000",
                          ratio(values, found[0]), most=1.2)
        finally:
            for server in servers.values():
                server.close()
