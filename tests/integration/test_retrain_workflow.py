"""retrain.yml's shell steps, run as a runner runs them, against a GitHub that lists runs and artifacts."""
from __future__ import annotations

import io
import json
import os
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest

from tests.support.model_server import train
from tests.support.relay import BINARY, ROOT
from tests.workflows.steps import Runner, read

MODEL = "kospi-prediction-model"
RELAY_ID = "01JDMA6Z8Q5X7Y9W3V2T1S0R4P"
WORKFLOW = read("retrain.yml")
_PROGRAM = """#!/bin/sh
echo "${0##*/} $*" >> "$LOG"
"""


class Forge:
    """Lists runs and artifacts, and hands an artifact out."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.artifact: Optional[bytes] = None
        self.asked: list[str] = []
        forge = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def do_GET(self) -> None:  # pylint: disable=invalid-name
                forge.asked.append(self.path)
                assert self.headers["Authorization"] == "Bearer token-of-the-run"
                body = forge.answer(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:  # pylint: disable=arguments-differ
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, path: str) -> bytes:
        """JSON, or the zip."""
        if path == "/zip":
            with zipfile.ZipFile(stream := io.BytesIO(), "w") as packed:
                packed.writestr(f"{MODEL}.json", self.artifact or b"")
            return stream.getvalue()
        if "/actions/artifacts?" in path:
            there = [{"expired": False, "archive_download_url": f"{self.url}/zip"}] if self.artifact else []
            return json.dumps({"artifacts": there}).encode()
        return json.dumps({"workflow_runs": self.runs}).encode()


@pytest.fixture(name="forge")
def _forge() -> Iterator[Forge]:
    forge = Forge()
    yield forge
    forge.server.shutdown()
    forge.server.server_close()


def runner(forge: Forge, tmp_path: Path, **inputs: str) -> Runner:
    """A checkout with the programs built, and with programs that only note that they were called."""
    workspace, programs = tmp_path / "work", tmp_path / "programs"
    (workspace / "build").mkdir(parents=True)
    (workspace / "build" / "release").symlink_to(BINARY.parent)
    programs.mkdir()
    for name in ("apt-get", "make", "docker"):
        (programs / name).write_text(_PROGRAM)
        (programs / name).chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
    environment = {**kept, "PATH": f"{programs}:/usr/bin:/bin", "LOG": str(tmp_path / "log"), "GITHUB_API_URL": forge.url,
                   "GITHUB_REPOSITORY": "Acme/kospi", "GITHUB_RUN_ID": "43042502224", "GITHUB_RUN_ATTEMPT": "1",
                   "GITHUB_ACTOR": "relay"}
    context = {"inputs": inputs, "github": {"token": "token-of-the-run"},
               "vars": {"PRICES": str(ROOT / "tests/data/eustockmarkets.csv"), "PRICES_COLUMN": "dax"}}
    return Runner(context, workspace, environment)


def test_the_relays_request_trains_and_publishes(forge: Forge, tmp_path: Path) -> None:
    run = runner(forge, tmp_path, relay_id=RELAY_ID, model=MODEL, reason="Data drift MA5")
    forge.runs = [{"id": 43042502224, "display_title": f"retrain {MODEL} [{RELAY_ID}]"},
                  {"id": 43042502111, "display_title": f"retrain {MODEL} [schedule]"}]
    assert run.text(WORKFLOW["run-name"]) == f"retrain {MODEL} [{RELAY_ID}]"
    assert [step.returncode for step in run.job(WORKFLOW, "guard")] == [0]
    assert run.value(WORKFLOW["jobs"]["train"]["if"]) == "true"
    steps = run.job(WORKFLOW, "train")
    assert [step.returncode for step in steps] == [0, 0, 0], steps[-1].stderr
    assert json.loads((run.workspace / f"{MODEL}.json").read_text())["weights"]
    assert "A new model." in run.summary and "Asked for by: Data drift MA5" in run.summary and "log-loss" in run.summary
    assert [step.returncode for step in run.job(WORKFLOW, "publish")] == [0]
    image = f"ghcr.io/acme/kospi/{MODEL}-image:run-43042502224-1"
    assert run.outputs["publish"]["image"] == image
    assert f"docker push {image}\n" in (tmp_path / "log").read_text()


def test_a_second_run_of_one_relay_id_trains_nothing(forge: Forge, tmp_path: Path) -> None:
    run = runner(forge, tmp_path, relay_id=RELAY_ID)
    forge.runs = [{"id": 43042502224, "display_title": f"retrain {MODEL} [{RELAY_ID}]"},
                  {"id": 43042502223, "display_title": f"retrain {MODEL} [{RELAY_ID}]"}]
    assert [step.returncode for step in run.job(WORKFLOW, "guard")] == [0]
    assert run.value(WORKFLOW["jobs"]["train"]["if"]) == "false"
    assert "nothing is trained again" in run.summary


def test_the_schedule_needs_no_relay_id_and_asks_for_no_runs(forge: Forge, tmp_path: Path) -> None:
    run = runner(forge, tmp_path)
    assert run.text(WORKFLOW["run-name"]) == f"retrain {MODEL} [schedule]"
    assert [step.returncode for step in run.job(WORKFLOW, "guard")] == [0]
    assert run.outputs["guard"]["proceed"] == "true" and not forge.asked


@pytest.mark.parametrize("inputs", [
    pytest.param({"model": "nikkei"}, id="a model that is not ours"),
    pytest.param({"model": "$(id)"}, id="a model that is code"),
    pytest.param({"relay_id": "a; curl evil"}, id="a relay_id that is code"),
])
def test_hostile_inputs_end_the_run(forge: Forge, tmp_path: Path, inputs: dict[str, str]) -> None:
    assert [step.returncode for step in runner(forge, tmp_path, **inputs).job(WORKFLOW, "guard")] == [1]


def test_a_model_in_place_is_compared_and_a_refused_one_fails_the_run(forge: Forge, tmp_path: Path) -> None:
    better = train(tmp_path / "better.json", "dax")
    forge.artifact = json.dumps(better).encode()
    run = runner(forge, tmp_path, reason="`id` $(id)\nsecond line")
    run.context["vars"]["PRICES"] = str(tmp_path / "nothing.csv")
    steps = run.job(WORKFLOW, "train")
    assert [step.returncode for step in steps] == [0, 0, 1]
    assert json.loads((run.workspace / f"{MODEL}.json").read_text()) == better
    assert "No new model." in run.summary and "Asked for by: `id` $(id)second line" in run.summary


def test_an_api_that_fails_ends_the_run_before_it_trains(forge: Forge, tmp_path: Path) -> None:
    run = runner(forge, tmp_path)
    run.environment["GITHUB_API_URL"] = "http://127.0.0.1:1"
    run.environment["PATH"] = f"{tmp_path / 'once'}:{run.environment['PATH']}"
    (tmp_path / "once").mkdir()
    (tmp_path / "once" / "curl").write_text('#!/bin/sh\nexec /usr/bin/curl "$@" --retry 0\n')
    (tmp_path / "once" / "curl").chmod(0o755)
    assert [step.returncode for step in run.job(WORKFLOW, "train")][1:] == [7]
