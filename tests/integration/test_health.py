"""What health checks of containers ask: the programs themselves, since their images have no shell to ask with."""
from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest

from tests.support.app import APP, App
from tests.support.model_server import MODEL, ModelServer, train
from tests.support.relay import BINARY
from tests.support.wait import until


def exit_code(*words: str) -> int:
    return subprocess.run(words, capture_output=True, timeout=60, check=False).returncode


def test_the_model_server_is_well_once_it_has_its_model(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    with contextlib.closing(ModelServer({"kospi": file})) as server:
        asked = (str(MODEL), "health", "--listen", f"0.0.0.0:{server.port}")
        assert exit_code(*asked) == 1
        train(file)
        until(lambda: exit_code(*asked) == 0, 30, "health of a server with its model")
    assert exit_code(*asked) == 1


def test_the_page_is_well_whatever_the_model_does() -> None:
    with App("http://127.0.0.1:1/v2/models/kospi/infer") as app:
        assert exit_code(str(APP), "--health", "--listen", f"127.0.0.1:{app.port}") == 0
        port = app.port
    assert exit_code(str(APP), "--health", "--listen", f"127.0.0.1:{port}") == 1


@pytest.mark.parametrize("words", [
    pytest.param([str(MODEL), "health", "--listen", "here"], id="no address"),
    pytest.param([str(MODEL), "health", "--model", "a=b"], id="an option of serve"),
    pytest.param([str(MODEL), "health", "8080"], id="an argument"),
    pytest.param([str(MODEL), "health", "--listen"], id="no value"),
    pytest.param([str(APP), "--health", "--listen", "here"], id="no address of the page"),
    pytest.param([str(BINARY), "health", "--nope"], id="the relay's, with an unknown option"),
])
def test_a_wrong_command_line_is_no_sick_server(words: list[str]) -> None:
    assert exit_code(*words) == 2
