"""A stand-in for the model server: answers of a real KServe, recorded, and the ways in which a server fails."""
from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path
from typing import Any, Optional

ROOT = Path(__file__).resolve().parents[2]
PATH = "/v2/models/kospi-prediction-model/infer"
ANSWERS: dict[str, dict[str, Any]] = json.loads((ROOT / "tests/data/model/answers.json").read_text())["answers"]


def gauges(ma5: Optional[float] = None, ma20: Optional[float] = None, samples: int = 60,
           name: str = "kospi-prediction-model") -> str:
    """Metrics as the model server has them; no score, no verdict."""
    lines = [f'model_drift_reference_info{{model="{name}",hash="0f3a9c"}} 1']
    for feature, score in (("ma5", ma5), ("ma20", ma20)):
        labels = f'model="{name}",feature="{feature}"'
        lines += [f'model_drift_threshold{{{labels}}} 0.8',
                  f'model_drift_samples{{{labels},set="reference"}} 1001',
                  f'model_drift_samples{{{labels},set="current"}} {samples}']
        if score is not None:
            lines += [f'model_drift_score{{{labels},stattest="wasserstein"}} {score}',
                      f'model_drift_detected{{{labels}}} {int(score > 0.8)}']
    return "# TYPE model_drift_score gauge\n" + "\n".join(lines) + "\n"


class ModelStandIn:
    """One server on a free port of loopback; what it answers may be changed at any time."""

    def __init__(self) -> None:
        self.infer: tuple[int, bytes] = recorded("prediction")
        self.metrics: tuple[int, bytes] = (200, gauges(0.12, 0.3).encode())
        self.cut = False  # close without an answer
        self.held = threading.Event()  # an answer waits until this is set
        self.held.set()
        self.asked: list[dict[str, Any]] = []
        standin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """Answers what the stand-in was told to."""
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:  # pylint: disable=arguments-differ
                """Nothing: the tests look at what was asked."""

            def reply(self, answer: tuple[int, bytes], content_type: str) -> None:
                """One whole answer, when it may come."""
                standin.held.wait(60)
                if standin.cut:
                    self.close_connection = True
                    return
                self.send_response(answer[0])
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            def do_GET(self) -> None:  # pylint: disable=invalid-name
                """The metrics, and nothing else."""
                self.reply(standin.metrics if self.path == "/metrics" else (404, b""), "text/plain; version=0.0.4")

            def do_POST(self) -> None:  # pylint: disable=invalid-name
                """An inference."""
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                standin.asked.append({"path": self.path, "body": body})
                self.reply(standin.infer, "application/json")

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # whoever waited has gone
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        """What MODEL_API_URL names."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{PATH}"

    def __enter__(self) -> "ModelStandIn":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.held.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def recorded(name: str) -> tuple[int, bytes]:
    """Status and body of a recorded answer."""
    answer = ANSWERS[name]
    return answer["status"], answer["body"].encode()


def prediction(up: float, name: str = "kospi-prediction-model", version: Optional[str] = None) -> tuple[int, bytes]:
    """An answer in the recorded shape."""
    inner = json.dumps({"상승": up, "하락": 1 - up}, ensure_ascii=False)
    return 200, json.dumps({"model_name": name, "model_version": version, "id": "x", "parameters": None, "outputs": [
        {"name": "kospi-prediction-response", "shape": [1], "datatype": "BYTES", "parameters": None,
         "data": [inner]}]}, ensure_ascii=False).encode()
