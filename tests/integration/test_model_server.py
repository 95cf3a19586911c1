"""drift-model serve: answers, batches, new models under load, bad files, the end."""
from __future__ import annotations

import json
import re
import signal
import struct
import subprocess
import threading
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest

from tests.support import http
from tests.support.model_server import (MODEL, NAME, ModelServer, chances, features, probability, question, split_texts,
                                        train)
from tests.support.relay import ROOT
from tests.support.wait import until

JSON = {"Content-Type": "application/json"}
BINARY = {"Content-Type": "application/octet-stream"}


class Models:
    """Two models in files, and their content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ftse, self.smi = train(folder / "ftse.json"), train(folder / "smi.json", "smi")
        self.bytes = {name: (folder / f"{name}.json").read_bytes() for name in ("ftse", "smi")}

    def copy(self, name: str, of: str) -> Path:
        """A file that a test may change."""
        path = self.folder / name
        path.write_bytes(self.bytes[of])
        return path


@pytest.fixture(scope="module", name="models")
def make_models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module", name="shared")
def serve_shared(models: Models) -> Iterator[ModelServer]:
    server = ModelServer({NAME: models.folder / "ftse.json"})
    yield server
    server.close()


# --- answers ---------------------------------------------------------------------------------------
def test_a_close_is_answered_as_the_lessons_client_reads_it(shared: ModelServer, models: Models) -> None:
    got = shared.infer(question([5800.5], id="요청-1"))
    p = probability(models.ftse, features(models.ftse, 5800.5))
    assert chances(got) == [pytest.approx(p, rel=1e-12)]
    answer = got.json()
    assert answer["id"] == "요청-1" and answer["model_name"] == NAME
    assert answer["outputs"][0]["name"] == "kospi-prediction-response"
    assert answer["outputs"][0]["data"][0].startswith('{"\\uc0c1\\uc2b9\": 0.')


def test_a_request_without_id_gets_a_new_one_each_time(shared: ModelServer) -> None:
    ids = {shared.infer(question([5800])).json()["id"] for _ in range(5)}
    assert len(ids) == 5
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", i) for i in ids)


def test_a_batch_says_what_its_rows_say_alone(shared: ModelServer, models: Models) -> None:
    closes = [5000.0, 5800.5, 7000.0]
    alone = [chances(shared.infer(question([close])))[0] for close in closes]
    rows = [features(models.ftse, close) for close in closes]
    assert chances(shared.infer(question([[close] for close in closes], [3, 1]))) == alone
    assert chances(shared.infer(question([list(row) for row in rows], [3, 2]))) == pytest.approx(alone, rel=1e-12)
    columns = [{"name": name, "shape": [3], "datatype": "FP64", "data": [row[i] for row in rows]}
               for i, name in enumerate(("ma5", "ma20"))]
    assert chances(shared.infer(json.dumps({"inputs": columns}).encode())) == pytest.approx(alone, rel=1e-12)
    v1 = shared.ask("POST", f"/v1/models/{NAME}:predict", JSON, json.dumps({"instances": closes}).encode())
    assert [row["상승"] for row in v1.json()["predictions"]] == alone


def test_tensors_are_binary_both_ways(shared: ModelServer) -> None:
    closes = [5000.0, 5800.5]
    head = json.dumps({"id": "b", "parameters": {"binary_data_output": True}, "inputs": [
        {"name": "close", "shape": [2, 1], "datatype": "FP64", "parameters": {"binary_data_size": 16}}]}).encode()
    headers = {**BINARY, "Inference-Header-Content-Length": str(len(head))}
    got = shared.ask("POST", f"/v2/models/{NAME}/infer", headers, head + struct.pack("<2d", *closes))
    assert got.status == 200, got.body
    size = int(got.headers["inference-header-content-length"])
    answer, tensor = json.loads(got.body[:size]), got.body[size:]
    output, = answer["outputs"]
    assert list(answer) == ["id", "model_name", "model_version", "outputs"] and answer["id"] == "b"
    assert output["parameters"] == {"binary_data_size": len(tensor)} and "data" not in output
    rows = [json.loads(text)["상승"] for text in split_texts(tensor)]
    assert rows == chances(shared.infer(question([[close] for close in closes], [2, 1])))


@pytest.mark.parametrize("status, headers, body", [
    (400, JSON, question([[5000.0]] * 10001, [10001, 1])),
    (400, JSON, question([-1.0])),
    (400, {**BINARY, "Inference-Header-Content-Length": "9"}, b"{}"),
    (500, {**BINARY, "Inference-Header-Content-Length": "x"}, b"{}"),
    (400, JSON, b'{"inputs":' + b"[" * 100 + b"]" * 100 + b"}"),
    (422, JSON, b'{"inputs":[{}]}'),
    (413, JSON, b" " * (2 << 20) + b"{}"),
])
def test_what_cannot_be_answered_is_refused(shared: ModelServer, status: int, headers: dict[str, str],
                                            body: bytes) -> None:
    assert shared.ask("POST", f"/v2/models/{NAME}/infer", headers, body).status == status
    assert shared.infer(question([5800])).status == 200


def test_a_head_is_answered_like_a_get_without_its_body(shared: ModelServer) -> None:
    with http.Connection(shared.port) as connection:
        connection.send(http.request_bytes("HEAD", "/v2/health/live"))
        head, _, body = connection.rest().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and body == b""


def test_nothing_is_explained(shared: ModelServer) -> None:
    for method, name, status in (("POST", NAME, 501), ("POST", "nope", 404), ("GET", NAME, 405)):
        got = shared.ask(method, f"/v1/models/{name}:explain", JSON, b'{"instances":[[5800]]}')
        assert got.status == status and got.json().keys() == ({"error"} if method == "POST" else {"detail"})
    assert shared.metrics().sum("request_explain_seconds_count", model_name=NAME) == 1


@pytest.mark.parametrize("path, status, location", [
    (f"/v2/models/{NAME}/", 307, f"/v2/models/{NAME}"),
    ("/v2/models//", 307, "/v2/models"),
    (f"/v1/models/{NAME}:predict/", 307, f"/v1/models/{NAME}:predict"),
    ("/v2/models/%EC%83%81/", 404, None),
    ("/v2/models/a%0d%0aX:%20y/", 400, None),
    ("//v2/models/", 404, None),
    ("//", 404, None),
    ("/v3/", 404, None),
    (f"/v2/models/{NAME}/?model_version=1", 404, None),
    ("/v2/models/" + 300 * "a" + "/", 404, None),
])
def test_a_slash_too_many_is_redirected_where_a_page_is(shared: ModelServer, path: str, status: int,
                                                        location: Optional[str]) -> None:
    got = shared.ask("GET", path)
    assert (got.status, got.headers.get("location")) == (status, location)


# --- metrics -----------------------------------------------------------------------------------------
def test_scores_appear_with_the_thirtieth_prediction(models: Models) -> None:
    server = ModelServer({NAME: models.folder / "ftse.json"}, "--window", "all")
    try:
        assert chances(server.infer(question([[5800 + i] for i in range(29)], [29, 1])))
        until(lambda: server.metrics().sum("model_drift_samples", set="current", feature="ma5") == 29, 30, "29 rows")
        assert not server.metrics().has("data_drift_score_ma5")
        server.infer(question([5800]))
        until(lambda: server.metrics().has("data_drift_score_ma20"), 30, "a score")
        metrics = server.metrics()
        assert metrics.sum("data_drift_score_ma5") == metrics.sum("model_drift_score", model=NAME, feature="ma5") > 0
        assert metrics.sum("model_predictions_total", model=NAME) == 30
    finally:
        server.close()


def test_requests_are_counted_and_timed_as_kserve_does(models: Models) -> None:
    server = ModelServer({NAME: models.folder / "ftse.json"})
    try:
        for body in (question([5800]), question([]), b"{}"):
            server.infer(body)
        server.infer(question([5800]), "nope")
        metrics = server.metrics()
        for code, model in ((200, NAME), (500, NAME), (422, NAME), (404, "")):
            assert metrics.sum("model_requests_total", model=model, code=code) == 1
        counts = {phase: metrics.sum(f"request_{phase}_seconds_count", model_name=NAME)
                  for phase in ("preprocess", "predict", "postprocess")}
        assert counts == {"preprocess": 2, "predict": 2, "postprocess": 1}
        assert metrics.sum("process_resident_memory_bytes") > 1 << 20 and metrics.sum("process_open_fds") > 3
        assert metrics.sum("drift_model_build_info") == 1
    finally:
        server.close()


def test_every_family_is_in_the_documents(shared: ModelServer) -> None:
    text = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("model.md", "drift.md"))
    families = re.findall(r"^# TYPE (\S+)", shared.ask("GET", "/metrics").body.decode(), re.M)
    assert [family for family in families if f"`{family}`" not in text] == []


# --- new models --------------------------------------------------------------------------------------
class Asker(threading.Thread):
    """Asks for a close and a batch in turn, on one connection while it holds; keeps every answer."""

    def __init__(self, server: ModelServer) -> None:
        super().__init__()
        self.server, self.stopping = server, threading.Event()
        self.seen: set[tuple[float, ...]] = set()
        self.errors: list[str] = []

    def run(self) -> None:
        body = question([[5800.0]] * 20, [20, 1])
        path = f"/v2/models/{NAME}/infer"
        try:
            with http.Connection(self.server.port, 60) as connection:
                while not self.stopping.is_set():
                    connection.send(http.request_bytes("POST", path, JSON, body, close=False))
                    answer = connection.answer()
                    assert answer is not None
                    self.seen.add(tuple(sorted(set(chances(answer)))))
        except (AssertionError, OSError) as error:
            self.errors.append(repr(error))


def test_no_request_fails_while_models_are_exchanged(models: Models) -> None:
    path = models.copy("live.json", "ftse")
    server = ModelServer({NAME: path})
    askers = [Asker(server) for _ in range(3)]
    try:
        for asker in askers:
            asker.start()
        for i in range(6):
            server.replace(path, models.bytes["smi" if i % 2 == 0 else "ftse"])
        server.replace(path, b"no model")
        for asker in askers:
            asker.stopping.set()
            asker.join(60)
        assert [asker.errors for asker in askers] == [[], [], []]
        both = {(chance(model),) for model in (models.ftse, models.smi)}
        # An answer never mixes two models: each batch has one value.
        seen = {tuple(round(p, 9) for p in row) for asker in askers for row in asker.seen}
        assert seen == {tuple(round(p, 9) for p in row) for row in both}
        metrics = server.metrics()
        assert metrics.sum("model_loads_total", result="loaded") == 7
        assert metrics.sum("model_loads_total", result="failed") >= 1
    finally:
        for asker in askers:
            asker.stopping.set()
        server.close()


def chance(model: dict[str, Any]) -> float:
    return probability(model, features(model, 5800.0))


def test_a_changed_file_is_noticed_and_empties_the_window(models: Models) -> None:
    path = models.copy("changed.json", "ftse")
    server = ModelServer({NAME: path})
    try:
        assert chances(server.infer(question([5800.0]))) == [pytest.approx(chance(models.ftse), rel=1e-12)]
        current = {"set": "current", "feature": "ma5"}
        until(lambda: server.metrics().sum("model_drift_samples", **current) == 1, 30, "a row in the window")
        beside = path.with_suffix(".new")
        beside.write_bytes(models.bytes["smi"])
        beside.replace(path)
        until(lambda: server.metrics().sum("model_loads_total", result="loaded") == 2, 30, "the new model")
        assert chances(server.infer(question([5800.0]))) == [pytest.approx(chance(models.smi), rel=1e-12)]
        until(lambda: server.metrics().sum("model_drift_samples", **current) == 1, 30, "one row again")
    finally:
        server.close()


@pytest.mark.parametrize("bad", [b"", b"{}", b"half", b"edited"])
def test_a_bad_file_keeps_the_old_model(models: Models, bad: bytes) -> None:
    path = models.copy(f"bad-{bad.decode()}.json", "ftse")
    whole = models.bytes["smi"]
    content = {b"half": whole[:len(whole) // 2], b"edited": whole.replace(b'"bias":', b'"bias":1')}.get(bad, bad)
    server = ModelServer({NAME: path})
    try:
        server.replace(path, content)
        assert "event=load_failed" in server.process.text() and "the old model stays" in server.process.text()
        assert chances(server.infer(question([5800.0]))) == [pytest.approx(chance(models.ftse), rel=1e-12)]
        assert server.ask("GET", "/v2/health/ready").status == 200
    finally:
        server.close()


def test_a_reload_of_the_same_model_keeps_the_window(models: Models) -> None:
    path = models.copy("same.json", "ftse")
    server = ModelServer({NAME: path, "other": models.copy("other.json", "ftse")})
    try:
        server.infer(question([5800.0]))
        server.replace(models.folder / "other.json", models.bytes["smi"])
        until(lambda: server.metrics().sum("model_drift_samples", set="current", feature="ma5", model=NAME) == 1, 30,
              "the row")
        assert server.metrics().sum("model_loads_total", model=NAME) == 1
    finally:
        server.close()


def test_several_models_answer_and_one_may_come_later(models: Models) -> None:
    late = models.folder / "late.json"
    late.unlink(missing_ok=True)
    server = ModelServer({NAME: late, "smi": models.folder / "smi.json"}, "--min-samples", "1")
    try:
        assert server.ask("GET", "/v2/health/ready").status == 503
        assert server.ask("GET", "/v2/models").json() == {"models": [NAME, "smi"]}
        assert server.infer(question([5800.0])).status == 503
        got = server.infer(question([5800.0]), "smi")
        assert chances(got) == [pytest.approx(chance(models.smi), rel=1e-12)]
        assert got.json()["outputs"][0]["name"] == "smi-response"
        until(lambda: server.metrics().has("model_drift_score"), 30, "a score of the second model")
        assert not server.metrics().has("data_drift_score_ma5"), "those are of the first"
        models.copy("late.json", "ftse")
        until(lambda: server.ask("GET", "/v2/health/ready").status == 200, 30, "the late model")
        assert chances(server.infer(question([5800.0]))) == [pytest.approx(chance(models.ftse), rel=1e-12)]
        until(lambda: server.metrics().has("data_drift_score_ma5"), 30, "a score of the first model")
    finally:
        server.close()


# --- life --------------------------------------------------------------------------------------------
def test_the_window_outlives_a_restart(models: Models, tmp_path: Path) -> None:
    server = ModelServer({NAME: models.folder / "ftse.json"}, "--state", str(tmp_path / "state"))
    try:
        server.infer(question([[5800 + i] for i in range(40)], [40, 1]))
        assert server.term() == 0
        server.start()
        until(lambda: server.metrics().has("data_drift_score_ma5"), 30, "the score of before")
        assert server.metrics().sum("model_drift_samples", set="current", feature="ma5") == 40
    finally:
        server.close()


def test_sigterm_answers_what_is_inside_and_takes_no_more(models: Models) -> None:
    server = ModelServer({NAME: models.folder / "ftse.json"})
    try:
        with http.Connection(server.port, 60) as connection:
            body = question([5800.0])
            headers = {**JSON, "Content-Length": str(len(body)), "Expect": "100-continue"}
            connection.send(http.request_bytes("POST", f"/v2/models/{NAME}/infer", headers, close=False))
            assert connection.socket.recv(4096).startswith(b"HTTP/1.1 100 "), "the request has begun"
            server.process.signal(signal.SIGTERM)
            server.process.wait_text(lambda text: "event=draining in_flight=1" in text, 30, "event=draining")
            until(lambda: server.infer(body).status == 503, 30, "a refusal")
            connection.send(body)
            answer = connection.answer()
        assert answer is not None and answer.status == 200 and answer.headers["connection"] == "close"
        assert server.process.wait(30) == 0
    finally:
        server.close()


# --- command line ------------------------------------------------------------------------------------
def serve(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(MODEL), "serve", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, check=False)


def test_help_names_every_option() -> None:
    done = serve("--help")
    assert done.returncode == 0 and done.stderr == ""
    for option in ("--model", "--listen", "--window", "--min-samples", "--state"):
        assert done.stdout.count(option) >= 2


@pytest.mark.parametrize("arguments, words", [
    ([], "--model NAME=FILE is needed"),
    (["--model", "x"], "--model wants NAME=FILE, not x"),
    (["--model", "a=b", "--listen", "somewhere"], "--listen: "),
    (["--model", "a=b", "--window", "soon"], "--window: "),
    (["--model", "a=b", "--min-samples", "0"], "--min-samples: "),
    (["--model", "a=b", "--port", "1"], "unknown option: --port"),
    (["--model", "a=b", "c"], "no such argument: c"),
    (["--model"], "a value is missing after --model"),
])
def test_a_wrong_command_line_is_named(arguments: list[str], words: str) -> None:
    done = serve(*arguments)
    assert done.returncode == 2 and words in done.stderr and "usage: " in done.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--model", "a/b=c"], "a model's name is"),
    (["--model", "=c"], "a model's name is"),
    (["--model", "a=b", "--model", "a=c"], "two models are called a"),
])
def test_models_that_cannot_be_served_end_the_start(arguments: list[str], words: str) -> None:
    done = serve("--listen", "127.0.0.1:0", *arguments)
    assert done.returncode == 1 and words in done.stderr


def test_a_port_that_is_taken_ends_the_start(shared: ModelServer, models: Models) -> None:
    done = serve("--listen", f"127.0.0.1:{shared.port}", "--model", f"a={models.folder / 'ftse.json'}")
    assert done.returncode == 1 and "event=start_failed" in done.stderr
