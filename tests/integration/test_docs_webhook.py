"""docs/webhook.md is true: its commands run as they stand there, and print what stands there."""
from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest

from tests.support.github_standin import StandIn
from tests.support.relay import BINARY, ROOT, Relay
from tests.support.relay_config import write_secret

DOCUMENT = ROOT / "docs" / "webhook.md"
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
MARK = "=== end of block"


@dataclass
class Block:
    """A fenced block of the document."""

    kind: str
    text: str
    line: int


def blocks() -> list[Block]:
    text = DOCUMENT.read_text(encoding="utf-8")
    return [Block(m.group(1), m.group(2), text.count("\n", 0, m.start()) + 1) for m in _FENCE.finditer(text)]


def walk() -> list[tuple[Block, str]]:
    """Each sh block with what the text block right after it says it prints."""
    found, pairs = blocks(), []
    for at, block in enumerate(found):
        if block.kind == "sh":
            after = found[at + 1]
            assert after.kind == "text", f"line {after.line}: after commands comes what they print"
            pairs.append((block, after.text))
    return pairs


def fits(shown: str, printed: str) -> bool:
    """`…` stands for anything within a line; empty lines do not count."""
    wanted, found = ("\n".join(line for line in text.splitlines() if line) for text in (shown, printed))
    return re.fullmatch(".*".join(map(re.escape, wanted.split("…"))), found) is not None


@pytest.mark.parametrize("shown, printed, right", [
    ("a…c", "abc", True), ("a…c", "ac", True), ("a…c", "a\nc", False), ("a", "ab", False), ("a.c", "abc", False),
    ("a\nb", "a\n\nb\n", True), ("a", "a\nb", False)])
def test_what_is_shown_is_compared_in_full(shown: str, printed: str, right: bool) -> None:
    assert fits(shown, printed) is right


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_walk_prints_what_it_shows(relay: Relay, standin: StandIn, shell: str) -> None:
    pairs = walk()
    assert len(pairs) >= 9, "commands got lost"
    script = "set -eu\n" + "".join(f"{block.text}printf '\\n%s\\n' '{MARK}'\n" for block, _ in pairs)
    env = {"PATH": f"{BINARY.parent}:/usr/bin:/bin", "RELAY": f"http://127.0.0.1:{relay.port}",
           "ADMIN": relay.admin_url, "SECRET_FILE": str(relay.folder / "grafana-secret-0")}
    done = subprocess.run([shell, "-c", script], env=env, cwd=relay.folder, capture_output=True, text=True,
                          encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0 and done.stderr == "", (done.stderr, done.stdout)
    printed = done.stdout.split(MARK + "\n")
    assert len(printed) == len(pairs) + 1
    for (block, shown), real in zip(pairs, printed):
        assert fits(shown, real), f"line {block.line} of {DOCUMENT.name} shows\n{shown}\nbut it printed\n{real}"
    assert len(standin.runs()) == 1
    failures = relay.metrics()
    for reason in ("mismatch", "stale", "missing"):
        assert failures.sum("drift_relay_auth_failures_total", reason=reason) == 1, reason
    standin.assert_clean()


def test_openssl_signs_as_the_command_line_does(relay: Relay) -> None:
    """The document offers `drift-relay sign` in place of openssl."""
    definitions = next(b.text for b, _ in walk() if "sign()" in b.text)
    script = f"MODEL=m\n{definitions}\nprintf '%s\\n' \"$dir\"; sign 1700000000 \"$dir/firing.json\""
    secret = str(relay.folder / "grafana-secret-0")
    done = subprocess.run(["sh", "-c", script], env={"PATH": "/usr/bin:/bin", "SECRET_FILE": secret},
                          capture_output=True, text=True, timeout=30, check=True)
    *_, folder, mac = done.stdout.split()
    try:
        said = relay.cli("sign", "--secret-file", secret, "--timestamp", "1700000000", f"{folder}/firing.json")
    finally:
        shutil.rmtree(folder)
    assert said.stdout.splitlines() == [f"X-Grafana-Alerting-Signature: {mac}",
                                        "X-Grafana-Alerting-Signature-Timestamp: 1700000000"]


def test_the_config_it_shows_is_right(make_relay: Callable[..., Relay], tmp_path: Path) -> None:
    (config,) = [b.text for b in blocks() if b.kind == "libconfig"]
    for path, name in (("/run/secrets/webhook", "webhook"), ("/run/secrets/github", "github")):
        assert path in config
        config = config.replace(path, write_secret(tmp_path, name, "github_pat_or_whsec_0123456789abcdef"))
    relay = make_relay(text=config)
    done = relay.cli("check", "--config", str(relay.config_file))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
