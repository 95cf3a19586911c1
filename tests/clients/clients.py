"""The real clients of the inference protocol against drift-model serve, unchanged:   python3 -m tests.clients.clients

kserve's InferenceRESTClient and tritonclient's, over JSON and binary tensors, say what they were answered; the numbers
are held against the model file. Where they are not installed, pip gets them under build/ (half a gigabyte); where that
fails nothing is tested, and the last line says so. RELAY_BIN names the build, as for the integration tests.
"""
from __future__ import annotations

import asyncio
import importlib
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator

from tests.support.model_server import NAME, ModelServer, features, probability, train

PLACE = Path("build/clients")
WANTED = ("kserve==0.14.0", "tritonclient[http]==2.73.0")
INPUT, OUTPUT = "today_close", "kospi-prediction-response"
CLOSES = (2480.5, 5000.0, 1.0)

Check = "tuple[str, Any, Any]"  # what was asked, the answer, the answer wanted


def get_clients() -> bool:
    sys.path.insert(0, str(PLACE))
    try:
        import kserve  # noqa: F401
        import tritonclient.http  # noqa: F401
    except ImportError:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(PLACE)]
        done = subprocess.run([*pip, *WANTED], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            print(done.stdout, end="")
            return False
        importlib.invalidate_caches()  # the folder was not there when it was looked into
    return True


def rises(texts: Any) -> list[float]:
    """The chances of a rise in the elements of an output, texts or bytes."""
    return [json.loads(text)["상승"] for text in texts]


class About:
    """Equal to a list of numbers that are close to these."""

    def __init__(self, *wanted: float) -> None:
        self.wanted = wanted

    def __eq__(self, other: Any) -> bool:
        return len(other) == len(self.wanted) and all(
            math.isclose(a, b, rel_tol=1e-12) for a, b in zip(other, self.wanted))

    def __repr__(self) -> str:
        return f"about {list(self.wanted)}"


async def ask_kserve(url: str, wanted: list[float]) -> "list[Check]":
    import numpy
    from httpx import HTTPStatusError
    from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
    from kserve.protocol.infer_type import RequestedOutput

    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=1))
    old = InferenceRESTClient(RESTConfig(protocol="v1", retries=1))

    async def infer(closes: Any, binary_in: bool, binary_out: bool) -> list[float]:
        column = numpy.array(closes, dtype=numpy.float64).reshape(-1, 1)
        tensor = InferInput(INPUT, list(column.shape), "FP64")
        tensor.set_data_from_numpy(column, binary_data=binary_in)
        outputs = [RequestedOutput(OUTPUT, parameters={"binary_data": binary_out})]
        answer = await client.infer(url, InferRequest(NAME, [tensor], request_outputs=outputs), model_name=NAME)
        return rises(answer.outputs[0].as_numpy().tolist())

    async def refused(name: str, data: Any) -> int:
        try:
            await client.infer(url, data, model_name=name)
        except HTTPStatusError as error:
            return error.response.status_code
        return 200

    question = InferRequest(NAME, [InferInput(INPUT, [1], "FP64", data=[CLOSES[0]])], request_id="7")
    answer = await client.infer(url, question, model_name=NAME)
    predictions = (await old.infer(url, {"instances": [[CLOSES[0]]]}, model_name=NAME))["predictions"]
    checks = [
        ("live", await client.is_server_live(url), True),
        ("ready", await client.is_server_ready(url), True),
        ("model ready", await client.is_model_ready(url, NAME), True),
        ("infer, the answer's id and model", [answer.id, answer.model_name], ["7", NAME]),
        ("infer, JSON", rises(answer.outputs[0].data), About(wanted[0])),
        ("infer, a batch in JSON", await infer(CLOSES, False, False), About(*wanted)),
        ("infer, binary", await infer(CLOSES[:1], True, True), About(wanted[0])),
        ("infer, a binary batch", await infer(CLOSES, True, True), About(*wanted)),
        ("infer, binary in and JSON out", await infer(CLOSES, True, False), About(*wanted)),
        ("predict, v1", [row["상승"] for row in predictions], About(wanted[0])),
        ("infer, unknown model", await refused("nope", question), 404),
        ("infer, no inputs", await refused(NAME, {"inputs": []}), 500),
        ("infer, no body", await refused(NAME, {}), 422),
    ]
    await client.close()
    await old.close()
    return checks


def ask_triton(url: str, wanted: list[float]) -> "Iterator[Check]":
    import numpy
    from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
    from tritonclient.utils import InferenceServerException

    client = InferenceServerClient(url.removeprefix("http://"))

    def infer(closes: Any, binary_in: bool, outputs: Any, name: str = NAME) -> list[float]:
        column = numpy.array(closes, dtype=numpy.float64).reshape(-1, 1)
        tensor = InferInput(INPUT, list(column.shape), "FP64")
        tensor.set_data_from_numpy(column, binary_data=binary_in)
        return rises(client.infer(name, [tensor], outputs=outputs).as_numpy(OUTPUT).tolist())

    def refused(**more: Any) -> str:
        try:
            return str(infer(CLOSES, True, None, **more))
        except InferenceServerException as error:
            return f"{error.status()} {error.message()}"

    def output(binary: bool) -> Any:
        return [InferRequestedOutput(OUTPUT, binary_data=binary)]

    metadata = client.get_model_metadata(NAME)
    yield "live", client.is_server_live(), True
    yield "ready", client.is_server_ready(), True
    yield "model ready", client.is_model_ready(NAME), True
    yield "model ready, unknown model", client.is_model_ready("nope"), False
    yield "server metadata", client.get_server_metadata()["extensions"], ["binary_tensor_data"]
    yield "model metadata, name", metadata["name"], NAME
    yield "infer, JSON", infer(CLOSES[:1], False, output(False)), About(wanted[0])
    yield "infer, a batch in JSON", infer(CLOSES, False, output(False)), About(*wanted)
    yield "infer, binary", infer(CLOSES[:1], True, output(True)), About(wanted[0])
    yield "infer, a binary batch, output not named", infer(CLOSES, True, None), About(*wanted)
    yield "infer, JSON in and binary out", infer(CLOSES, False, output(True)), About(*wanted)
    yield "infer, unknown model", refused(name="nope"), "404 Model with name nope does not exist."
    client.close()


def main() -> int:
    if not get_clients():
        print("warning: SKIPPED: pip cannot get kserve and tritonclient; the model server was asked by neither")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.json"
        model = train(file)
        wanted = [probability(model, features(model, close)) for close in CLOSES]
        server = ModelServer({NAME: file})
        try:
            url = f"http://127.0.0.1:{server.port}"
            answers = {"kserve": asyncio.run(ask_kserve(url, wanted)), "tritonclient": list(ask_triton(url, wanted))}
        finally:
            server.close()
    wrong = 0
    for client, checks in answers.items():
        for name, answer, right in checks:
            same = right == answer
            wrong += not same
            print(f"{client}: {name}: {answer}" + ("" if same else f"   WRONG: not {right}"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
