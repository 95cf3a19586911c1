"""drift-model serve as a test sees it, and the models it serves."""
from __future__ import annotations

import json
import math
import re
import shutil
import signal
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Callable, Optional

from tests.support import http
from tests.support.metrics import Metrics
from tests.support.process import Process
from tests.support.relay import BINARY, ROOT, START_S
from tests.support.wait import until

MODEL = BINARY.with_name("drift-model")
TRAIN = BINARY.with_name("drift-train")
NAME = "kospi-prediction-model"
_LISTENING = re.compile(r"event=listening listener=model address=127\.0\.0\.1:(\d+)")
_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:",
            "Assertion `", "*** stack smashing")


def train(output: Path, column: str = "ftse") -> dict[str, Any]:
    """A model of real prices in the file; what is in it."""
    prices = ROOT / "tests" / "data" / "eustockmarkets.csv"
    subprocess.run([str(TRAIN), "--prices", str(prices), "--column", column, "--output", str(output)], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)
    return json.loads(output.read_text())


def features(model: dict[str, Any], close: float) -> tuple[float, float]:
    """The row that the close makes: relative to the averages of 5 and 20 days."""
    closes = model["closes"] + [close]
    return close / (sum(closes[-5:]) / 5) - 1, close / (sum(closes) / 20) - 1


def probability(model: dict[str, Any], row: tuple[float, float]) -> float:
    """What the model says of a row."""
    weights = model["weights"]
    return 1 / (1 + math.exp(-(model["bias"] + weights["ma5"] * row[0] + weights["ma20"] * row[1])))


def question(data: Any, shape: Optional[list[int]] = None, **more: Any) -> bytes:
    """The body of a request with one FP64 input, as the lesson's client makes it."""
    tensor = {"name": "today_close", "shape": shape or [len(data)], "datatype": "FP64", "data": data}
    return json.dumps({"inputs": [tensor], **more}).encode()


def chances(answer: http.Answer) -> list[float]:
    """Of a rise, one for each row of a JSON answer."""
    assert answer.status == 200, answer.body
    output = answer.json()["outputs"][0]
    assert output["datatype"] == "BYTES" and output["shape"] == [len(output["data"])]
    rows = [json.loads(text) for text in output["data"]]
    assert all(list(row) == ["상승", "하락"] and row["상승"] + row["하락"] == 1 for row in rows)
    return [row["상승"] for row in rows]


def split_texts(tensor: bytes) -> list[bytes]:
    """The elements of a binary BYTES tensor."""
    found = []
    while tensor:
        size, = struct.unpack_from("<I", tensor)
        found.append(tensor[4:4 + size])
        assert len(found[-1]) == size
        tensor = tensor[4 + size:]
    return found


class ModelServer:
    """One run of the server, on a free port."""

    def __init__(self, models: dict[str, Path], *options: str,
                 before_exec: Optional[Callable[[], None]] = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dm-"))
        self.argv = [str(MODEL), "serve", "--listen", "127.0.0.1:0", *options]
        for name, path in models.items():
            self.argv += ["--model", f"{name}={path}"]
        self.port, self.before_exec = 0, before_exec
        self.process = self.start()

    def start(self) -> Process:
        """Starts it and waits until it serves."""
        process = Process(self.argv, self.folder / "server.log", {"PATH": "/usr/bin:/bin"}, self.folder,
                          self.before_exec)

        def listening(text: str) -> bool:
            found = _LISTENING.search(text)
            self.port = int(found.group(1)) if found else 0
            return found is not None and "event=ready" in text

        process.wait_text(listening, START_S, "event=listening and event=ready")
        self.process = process
        return process

    def ask(self, method: str, path: str, headers: http.Headers = (), body: bytes = b"") -> http.Answer:
        """One request on a connection of its own."""
        return http.once(self.port, method, path, headers, body)

    def infer(self, body: bytes, name: str = NAME) -> http.Answer:
        """An inference in JSON."""
        return self.ask("POST", f"/v2/models/{name}/infer", {"Content-Type": "application/json"}, body)

    def metrics(self) -> Metrics:
        """One scrape."""
        answer = self.ask("GET", "/metrics")
        assert answer.status == 200
        return Metrics(answer.body.decode())

    def replace(self, path: Path, new: bytes) -> None:
        """Renames new content into place and asks for it at once; waits until it was looked at."""
        before = self.metrics().sum("model_loads_total")
        beside = path.with_suffix(".new")
        beside.write_bytes(new)
        beside.replace(path)
        self.process.signal(signal.SIGHUP)
        until(lambda: self.metrics().sum("model_loads_total") > before, 30, "the new file")

    def term(self) -> int:
        """SIGTERM and its end; the exit status."""
        self.process.signal(signal.SIGTERM)
        status = self.process.wait(30)
        text = self.process.text()
        assert [report for report in _REPORTS if report in text] == [], text
        return status

    def close(self) -> None:
        """Ends it, however the test went."""
        try:
            if self.process.alive():
                assert self.term() == 0
        finally:
            self.process.kill9()
            shutil.rmtree(self.folder, ignore_errors=True)
