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


@pytest.mark.parametrize(("words", "expected"), [
    pytest.param(["drift-relay", "rearm", "kospi/"], ["kospi/kosdaq", "kospi/kospi"], id="keys"),
    pytest.param(["drift-relay", "pause", "k"], ["kospi"], id="routes"),
    pytest.param(["drift-relay", "pause", "target", ":", "re"], ["retrain"], id="targets, whose colon splits the word"),
    pytest.param(["drift-relay", "show", "01J"], ["01JA", "01JB"], id="requests"),
    pytest.param(["drift-relay", "cancel", "01JB"], ["01JB"], id="one request"),
])
def test_names_and_ids_come_from_what_the_relay_lists(tmp_path: Path, words: list[str], expected: list[str]) -> None:
    program = tmp_path / "drift-relay"
    program.write_text("""#!/bin/sh
case "$*" in
'keys --json') echo '{"items":[{"key":"kospi/kospi","route":"kospi"},{"key":"kospi/kosdaq","route":"kospi"}],"next":null}' ;;
'requests --json') echo '{"items":[{"relay_id": "01JA","target":"retrain"},{"relay_id":"01JB","target":"retrain"}]}' ;;
*) exit 2 ;;
esac
""")
    program.chmod(0o755)
    assert complete(*words, path=tmp_path) == expected
