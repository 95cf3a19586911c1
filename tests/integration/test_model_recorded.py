"""What a real KServe 0.14 answered, put to drift-model serve line by line."""
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import urlsplit

import pytest

from tests.support import http
from tests.support.model_server import NAME, ModelServer, train

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "oip_golden.jsonl"
# Our answer where it is another one on purpose: status, beginning of the body, why.
DEVIATIONS = {
    "oip-003": (503, '{"ready":false}', "ready means that every model is: a pod without its model gets no traffic"),
    "oip-024": (400, '{"error":', "an output that there is not is refused, and not left out"),
    "oip-045": (200, '{"model_name":', "any datatype is read: the lesson's client says \"integer\""),
    "oip-049": (200, '{"model_name":', "the first element is the close, whatever the shape says of the others"),
    "oip-076": (422, '{"detail":', "NaN is no JSON, and no close"),
    "oip-077": (422, '{"detail":', "a key that is there twice can be read in two ways"),
    "oip-079": (404, '{"detail":', "nobody loads a model over HTTP: its file does"),
    "oip-080": (404, '{"detail":', "nobody loads a model over HTTP"),
    "oip-081": (404, '{"detail":', "nobody unloads a model over HTTP"),
    "oip-085": (200, '{"predictions":', "v1 is answered; the lesson's model could not read it"),
    "oip-088": (200, "# HELP ", "text format 0.0.4 for all: every scraper takes it"),
}
# Models whose code is not ours; and an answer without a body, which another test reads.
NOT_COMPARED = {
    "oip-063": "a HEAD",
    "oip-051": "echoes its input",
    "oip-073": "raises what it is told to", "oip-074": "raises what it is told to", "oip-075": "raises what it is told to",
}
LINES = [line for line in map(json.loads, GOLDEN.read_text(encoding="utf-8").splitlines()[1:])
         if line["id"] not in NOT_COMPARED]


@pytest.fixture(scope="module", name="server")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    folder = tmp_path_factory.mktemp("models")
    train(folder / "model.json")
    server = ModelServer({NAME: folder / "model.json", "cold": folder / "missing.json"})
    yield server
    server.close()


def put(server: ModelServer, request: dict[str, Any]) -> http.Answer:
    body = request.get("body") or ""
    if "body_gen" in request:
        gen = request["body_gen"]
        body = gen["prefix"] + gen["repeat"] * gen["count"] + gen["suffix"]
    # Both were the lesson's model, or one that honours `outputs` as ours does.
    path = request["path"].replace("/kospi-np/", f"/{NAME}/").replace("/echo/", f"/{NAME}/")
    return server.ask(request["method"], path, request["headers"], body.encode())


def without(answer: Any, ignored: list[str]) -> Any:
    for path in ignored:
        if path == "outputs[0].shape":
            del answer["outputs"][0]["shape"]
        elif path == "outputs[0].data[0]":
            del answer["outputs"][0]["data"][0]
        else:
            del answer[path]
    return answer


def kinds(value: Any) -> Any:
    return {key: type(item) for key, item in value.items()}


def check_body(got: http.Answer, line: dict[str, Any]) -> None:
    if "families" in line["response"]:
        types = re.findall(r"^# TYPE (.*)", got.body.decode(), re.M)
        # Not those of Python's runtime, nor when a series was made.
        assert {family for family in line["response"]["families"]
                if family.startswith(("request_", "process_")) and "_created" not in family} <= set(types)
        return
    if not line["response"]["body"]:
        assert got.body == b""
        return
    have, want = got.json(), json.loads(line["response"]["body"])
    rule = "keys" if line["must"] == "incidental" else line["match"]["rule"]
    if rule == "top_key":
        assert have.keys() == want.keys()
    elif rule == "keys":
        assert kinds(have) == kinds(want)
    else:
        ignored = line["match"].get("ignore", [])
        assert without(have, ignored) == without(want, ignored)


def check(got: http.Answer, line: dict[str, Any]) -> None:
    want = line["response"]
    assert got.status == want["status"], got.body
    for header in ("content-type", "allow"):
        assert got.headers.get(header) == want["headers"].get(header)
    if "location" in want["headers"]:
        assert got.headers["location"] == urlsplit(want["headers"]["location"]).path
    check_body(got, line)


@pytest.mark.parametrize("line", LINES, ids=[line["id"] for line in LINES])
def test_a_recorded_request_is_answered_alike(server: ModelServer, line: dict[str, Any]) -> None:
    got = put(server, line["request"])
    if line["id"] not in DEVIATIONS:
        check(got, line)
        return
    status, begin, _ = DEVIATIONS[line["id"]]
    assert got.status == status and got.body.decode().startswith(begin), got.body
    with pytest.raises(AssertionError):
        check(got, line)


def test_every_deviation_is_from_a_recorded_request() -> None:
    assert DEVIATIONS.keys() <= {line["id"] for line in LINES}
