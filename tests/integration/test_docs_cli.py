"""docs/cli.md is true: the commands of its transcripts print what stands there; and what the terminal and the shell get."""
from __future__ import annotations

import json
import os
import pty
import re
import select
import sqlite3
import struct
import subprocess
import termios
import threading
import time
from fcntl import ioctl
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Callable, Optional

import pytest

from tests.integration.test_commands import fresh
from tests.integration.test_docs_webhook import fits
from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import BINARY, ROOT, Relay
from tests.support.relay_config import SECRET
from tests.support.wait import until

DOCUMENT = ROOT / "docs" / "cli.md"
COMPLETION = ROOT / "config" / "completion" / "drift-relay"


def transcripts() -> list[tuple[str, str]]:
    """Each command of the console blocks with what it prints."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, printed = part.partition("\n")
            found.append((command, printed))
    return found


@pytest.fixture
def environment(make_relay: Callable[..., Relay], standin: StandIn) -> Relay:
    """A relay without a config file: the commands find it by the same environment."""
    relay = make_relay(env_only=True)
    relay.env = {"REPO_OWNER": "acme", "REPO_NAME": "kospi", "WORKFLOW_FILENAME": "retrain.yml", "GITHUB_ACCESS_TOKEN": TOKEN,
                 "WEBHOOK_SECRET": SECRET, "GITHUB_API_URL": standin.url, "RELAY_LISTEN": "127.0.0.1:0", "LC_ALL": "C.UTF-8",
                 "RELAY_ADMIN_LISTEN": "127.0.0.1:0", "RELAY_STATE_DIR": str(relay.folder)}
    return relay.start()


def shell_environment(relay: Relay) -> dict[str, str]:
    return {**relay.env, "PATH": f"{BINARY.parent}:/usr/bin:/bin", "HOME": str(relay.folder)}


def test_the_transcripts_print_what_they_show(environment: Relay, standin: StandIn) -> None:
    relay = environment
    request = relay.post(fresh()).json()["alerts"][0]["relay_id"]
    relay.wait_request(request, "done")
    standin.set(in_progress_s=3600)
    env = {**shell_environment(relay), "REQUEST": request}
    shown = transcripts()
    assert len(shown) >= 17, "commands got lost"
    for command, wanted in shown:
        if "$AGAIN" in command:
            env["AGAIN"] = relay.api("requests?limit=1")["items"][0]["relay_id"]
            relay.wait_request(env["AGAIN"], "running")
        done = subprocess.run(["sh", "-c", command], env=env, cwd=relay.folder, capture_output=True, text=True, encoding="utf-8",
                              timeout=60, check=False)
        assert fits(wanted, done.stdout + done.stderr), f"$ {command}\nshows\n{wanted}\nbut printed\n{done.stdout}{done.stderr}"
        assert done.returncode == (1 if "the relay answered" in wanted else 0), command
    copied = relay.cli("export", "--db", str(relay.folder / "before-upgrade.db"))
    assert f'"request":"{request}"' in copied.stdout.replace(" ", ""), copied.stderr


def in_terminal(relay: Relay, columns: int, *arguments: str, stop: Optional[Callable[[str], bool]] = None, **env: str) -> str:
    """What a command writes to a terminal of so many columns; with `stop`, it is ended once that holds."""
    control, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen([str(BINARY), *arguments], env={**shell_environment(relay), "TERM": "xterm", **env}, cwd=relay.folder,
                               stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal)
    os.close(terminal)
    text, until_then = b"", time.monotonic() + 30
    while time.monotonic() < until_then:
        if select.select([control], [], [], 0.2)[0]:
            try:
                text += os.read(control, 65536)
            except OSError:
                break
        if stop is not None and stop(text.decode(errors="replace")):
            process.terminate()
            stop = None
    process.kill()
    process.wait(10)
    os.close(control)
    return text.decode().replace("\r\n", "\n")


def test_tables_fit_the_terminal_and_colour_is_for_it_alone(environment: Relay) -> None:
    relay = environment
    model = "a-model-whose-name-is-longer-than-any-terminal-should-have-to-show-but-some-are-" * 2
    relay.wait_request(relay.post(fresh(model=model)).json()["alerts"][0]["relay_id"], "done")
    for columns in (60, 80, 132):
        shown = in_terminal(relay, columns, "requests", NO_COLOR="1")
        assert "\033" not in shown and "…" in shown
        assert all(len(line) <= columns for line in shown.splitlines()) or columns < 80, shown
    assert "\033[32mdone\033[0m" in in_terminal(relay, 300, "requests")
    assert "\033" not in in_terminal(relay, 300, "requests", TERM="dumb")
    piped = relay.cli("requests")
    assert "\033" not in piped.stdout and model in piped.stdout
    # A key's times are relay time, said in wall time at each answer: the clocks may be read a millisecond apart.
    printed = relay.cli("keys", "--json").stdout
    answered = json.dumps({"items": relay.api("keys")["items"], "more": False}, indent=2, ensure_ascii=False) + "\n"
    assert re.sub(r"[\d:.]+Z", "Z", printed) == re.sub(r"[\d:.]+Z", "Z", answered)


def test_status_watches_over_a_restart(environment: Relay) -> None:
    relay = environment
    restarted: list[int] = []

    def enough(text: str) -> bool:
        if not restarted and "0 keys" in text:
            restarted.append(1)
            relay.restart()
            relay.post(fresh())
        return "1 keys" in text

    shown = in_terminal(relay, 100, "status", "--watch", stop=enough)
    assert "\033[H\033[J" in shown and "1 keys" in shown


def complete(relay: Relay, *words: str) -> list[str]:
    """What bash would offer for the last of the words."""
    script = (f'source {COMPLETION}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))\n'
              '_drift drift-relay "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"\n'
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", "drift-relay", *words], env=shell_environment(relay), cwd=relay.folder,
                          capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_names_and_ids(environment: Relay) -> None:
    relay = environment
    answer = relay.post(fresh()).json()
    request = answer["alerts"][0]["relay_id"]
    relay.wait_request(request, "done")
    assert complete(relay, "re") == ["requests", "redeliver", "rearm", "resume"]
    assert complete(relay, "requests", "--st") == ["--state"]
    assert complete(relay, "requests", "--route", "") == ["grafana"]
    assert complete(relay, "show", "01") == [request, answer["notification"]]
    assert complete(relay, "redeliver", request[:20]) == [request] and complete(relay, "cancel", "") == []
    assert complete(relay, "rearm", "graf") == ["grafana/kospi"]
    assert complete(relay, "pause", "") == ["grafana", "target:retrain"]
    assert complete(relay, "pause", "target", ":", "re") == ["retrain"]
    assert complete(relay, "resume", "") == []
    assert relay.cli("pause", "target:retrain").returncode == 0
    assert complete(relay, "resume", "") == ["target:retrain"]
    assert relay.term() == 0
    assert complete(relay, "show", "") == [] and "status" in complete(relay, "")


def test_a_restored_backup_holds_what_was_acknowledged(environment: Relay, tmp_path: Path) -> None:
    relay = environment
    kept = [relay.post(fresh(model=f"m{n}")).json()["notification"] for n in range(5)]
    assert relay.cli("pause", "grafana", "--reason", "a backup").returncode == 0
    done = relay.cli("backup", str(tmp_path / "copy.db"))
    assert (done.returncode, done.stderr) == (0, "")
    late = relay.post(fresh(model="late")).json()["notification"]
    assert relay.term() == 0
    (tmp_path / "copy.db").replace(relay.folder / "relay.db")
    (relay.folder / "relay.db-wal").unlink(missing_ok=True)
    relay.start()
    assert [n["notification"] for n in relay.api("notifications")["items"]] == kept[::-1]
    assert relay.admin(f"/api/v1/notifications/{late}").status == 404
    assert relay.api("status")["paused"][0]["why"] == "a backup"
    until(lambda: relay.api("status")["ready"], 30, "it is ready")


@pytest.mark.parametrize("status, code", [(200, 0), (503, 1), (500, 1)])
def test_health_is_1_when_the_relay_is_not_ready(environment: Relay, status: int, code: int) -> None:
    class NotReady(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # pylint: disable=invalid-name
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:  # pylint: disable=arguments-differ
            pass

    with HTTPServer(("127.0.0.1", 0), NotReady) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        done = environment.cli("health", "--admin", f"http://127.0.0.1:{server.server_port}")
        thread.join(30)
    assert (done.returncode, done.stdout) == (code, "ready\n" if code == 0 else "not ready\n")


def test_a_token_lets_the_command_line_change_things_over_tcp(make_relay: Callable[..., Relay], tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("admin_canary_0f1e2d3c4b5a\n")
    token.chmod(0o600)
    relay = make_relay({"admin": {"token_file": str(token)}}).start()
    refused = relay.cli("pause", "kospi", "--admin", relay.admin_url)
    assert refused.returncode == 1 and "--token-file FILE" in refused.stderr
    assert relay.cli("pause", "kospi", "--admin", relay.admin_url, "--token-file", str(token)).returncode == 0
    assert relay.api("changes")["items"][0]["who"] == "token"
    token.chmod(0o644)
    assert "--token-file: " in relay.cli("pause", "kospi", "--admin", relay.admin_url, "--token-file", str(token)).stderr


def test_a_backup_under_load_holds_a_beginning_of_what_was_acknowledged(environment: Relay) -> None:
    """All that was answered before it was asked for, and nothing without what came before it."""
    relay = environment
    acknowledged: list[str] = []
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            body = grafana_body(alert(labels={"model": "m"}, annotations={"n": str(len(acknowledged)), "text": "x" * 20000}))
            acknowledged.append(relay.post(body).json()["notification"])

    sender = threading.Thread(target=send)
    sender.start()
    try:
        until(lambda: len(acknowledged) >= 100, 60, "some history")
        before = list(acknowledged)
        done = relay.cli("backup", "--json")
    finally:
        stop.set()
        sender.join(60)
    state = json.loads(done.stdout)
    assert state["state"] == "done" and state["left"] == 0 and state["pages"] > 3 * 64, "it took several slices"
    with sqlite3.connect(state["path"]) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        kept = [row[0] for row in copy.execute("SELECT id FROM notifications ORDER BY seq")]
    assert len(before) <= len(kept) and kept == acknowledged[:len(kept)]
