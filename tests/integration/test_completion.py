"""bash completion: what the programs' own help says, and what a running relay knows."""
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.relay import BINARY, ROOT

_ASK = """. config/completion/drift-relay
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_drift "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words: str, path: Path = BINARY.parent) -> list[str]:
    environment = {**os.environ, "PATH": f"{path}:/usr/bin:/bin"}
    said = subprocess.run(["bash", "-c", _ASK, "bash", *words], cwd=ROOT, env=environment, capture_output=True, text=True,
                          timeout=60, check=True)
    assert said.stderr == ""
    return said.stdout.split()


@pytest.mark.parametrize(("words", "expected"), [
    pytest.param(["drift-relay", "exp"], ["explain", "export"], id="a command"),
    pytest.param(["drift-relay", "send", "--s"], ["--secret-file", "--starts-at"], id="an option of a command"),
    pytest.param(["drift-relay", "grafana", "s"], ["seed"], id="the second word of grafana"),
    pytest.param(["drift-relay", "serve", "--config", "dri"], [], id="a file is left to readline"),
    pytest.param(["drift-model", "s"], ["serve", "score"], id="a command of the model server"),
    pytest.param(["drift-model", "serve", "--m"], ["--min-samples", "--model"], id="its options"),
    pytest.param(["drift-train", "--o"], ["--output"], id="options of a program without commands"),
    pytest.param(["drift-app", "--l"], ["--listen"], id="the page's options"),
])
def test_words_come_from_the_programs_help(words: list[str], expected: list[str]) -> None:
    assert complete(*words) == expected


@pytest.mark.parametrize(("words", "asked", "expected"), [
    pytest.param(["rearm", "kospi/"], "keys", ["kospi/one", "kospi/two"], id="keys"),
    pytest.param(["pause", "k"], "pausable", ["kospi/one", "kospi/two", "kospi"], id="routes"),
    pytest.param(["pause", "target", ":", "re"], "pausable", ["retrain"], id="targets, whose colon splits the word"),
    pytest.param(["show", "01J"], "ids", ["01JA", "01JB"], id="requests and notifications"),
    pytest.param(["cancel", "01JB"], "open", ["01JB"], id="one request"),
    pytest.param(["requests", "--route", "kospi"], "routes", ["kospi/one", "kospi/two", "kospi"], id="a filter"),
    pytest.param(["show", "--admin", "/run/x", "01JB"], "--admin /run/x -- ids", ["01JB"], id="of the relay that is named"),
])
def test_names_and_ids_come_from_the_relay(tmp_path: Path, words: list[str], asked: str, expected: list[str]) -> None:
    program = tmp_path / "drift-relay"
    program.write_text(f"""#!/bin/sh
case "$*" in
"complete {asked if ' ' in asked else '-- ' + asked}") printf '%s\\n' kospi/one kospi/two kospi target:retrain 01JA 01JB ;;
*) exit 2 ;;
esac
""")
    program.chmod(0o755)
    assert complete("drift-relay", *words, path=tmp_path) == expected
