"""No secret is in anything that a run leaves behind, its errors included."""
from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from tests.integration.test_grafana_seed import rule
from tests.support.canary import Canaries
from tests.support.github_app import App, new_key
from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.grafana_standin import TOKEN as GRAFANA_TOKEN
from tests.support.grafana_standin import GrafanaStandIn
from tests.support.memory import dumped, may_trace
from tests.support.relay import SANITIZED, Relay, signed_headers
from tests.support.relay_config import SECRET, base_config, write_secret
from tests.support.wait import until

BEARER = "bearer_canary_8f1d0a7be2c44cb1"
PASSWORD = "password_canary_61e0c5d3aa904e52"
ENV_TOKEN = "ghp_canaryofenvironment0123456789ABCDEF"
ENV_SECRET = "whsec_environment_canary_c0ffee5eed"
NOBODY = 65534
SPACED = "github_pat_spaced_canary_4b1e7a90 with more behind it"


def everything(relay: Relay) -> dict[str, bytes]:
    """What the operators' listener says, page by page."""
    answers = {path: relay.admin(path).body for path in
               ("/", "/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/keys?limit=200",
                "/api/v1/requests?limit=200", "/api/v1/notifications?limit=200", "/api/v1/nothing")}
    for kind, name in (("requests", "relay_id"), ("notifications", "notification"), ("keys", "key")):
        for item in json.loads(answers[f"/api/v1/{kind}?limit=200"])["items"]:
            path = f"/api/v1/{kind}/{item[name].replace('/', '%2F') if kind == 'keys' else item[name]}"
            answers[path] = relay.admin(path).body
    return answers


class Run:
    """One relay, its canaries, and what was found so far."""

    def __init__(self, relay: Relay, standin: StandIn) -> None:
        self.relay, self.standin = relay, standin
        self.grafana = GrafanaStandIn()
        self.canaries, self.faults, self.secret_files = Canaries(), [], set()  # type: ignore[var-annotated]
        self.look_at: dict[str, bytes] = {}

    def secret(self, name: str, text: str) -> str:
        """A secret file of this run."""
        self.canaries.add(name, text)
        path = write_secret(self.relay.folder, name, text)
        self.secret_files.add(path)
        return path

    def dispatch(self, path: str, model: str, **more: Any) -> str:
        """An alert of a model; what became of it."""
        answer = self.relay.post(grafana_body(alert(model)), path, **more)
        self.look_at[f"answer of {path} for {model}"] = answer.body
        return str(answer.json()["alerts"][0].get("relay_id")) if answer.status == 202 else ""

    def cli(self, *arguments: str) -> str:
        """Runs a command and keeps what it prints."""
        done = self.relay.cli(*arguments)
        self.look_at["drift-relay " + " ".join(arguments)] = (done.stdout + done.stderr).encode()
        return done.stdout

    def granted(self) -> None:
        """What GitHub gave to the App, and what the App signed."""
        if self.standin.api.app is not None:
            for grant in self.standin.api.app.grants:
                self.canaries.add("an installation's token", grant.token)
            for jwt in self.standin.api.app.jwts:
                self.canaries.add("a JWT", jwt.partition(".")[2])
                self.canaries.add("the signature of a JWT", jwt.rpartition(".")[2])

    def core(self, but: str = "$none") -> None:
        """What a core would hold now, if one could be written. Only GnuTLS knows the App's key outside of its file.
        An instrumented process has terabytes of shadow memory."""
        assert self.relay.process is not None
        self.granted()
        if SANITIZED or not may_trace():
            return
        size = 0
        for place, data in dumped(self.relay.process.pid):
            size += len(data)
            found = [] if re.match(but, place) else self.canaries.found_in(f"memory, {place}", data)
            self.faults += [fault for fault in found if not re.search("line [0-9]+ of .*app-key.pem", fault)]
        assert size > 1 << 20, "its memory was read"

    def judge(self) -> None:
        """Everything there is."""
        relay = self.relay
        assert relay.process is not None
        self.look_at.update(everything(relay))
        for name in ("cmdline", "environ", "maps", "status", "comm"):
            self.look_at[name] = Path(f"/proc/{relay.process.pid}/{name}").read_bytes()
        if relay.env:
            assert self.canaries.found_in("environ", self.look_at.pop("environ")), "it was told there"
        limits = Path(f"/proc/{relay.process.pid}/limits").read_text()
        assert re.search(r"^Max core file size\s+0\s+0\s", limits, re.M), "no core file may be written"
        relay.process.signal(signal.SIGABRT)
        assert relay.process.wait() == -signal.SIGABRT
        names = [p.name for p in relay.folder.rglob("*")]
        assert not [n for n in names if n.startswith("core")], names
        self.granted()
        for place, data in self.look_at.items():
            self.faults += self.canaries.found_in(place, data)
        self.faults += self.canaries.found_below(relay.folder, self.secret_files)
        assert self.faults == []


@pytest.mark.parametrize("as_what", [bytes, base64.b64encode, base64.urlsafe_b64encode,
                                     lambda b: base64.b64encode(b"x" + b), lambda b: base64.b64encode(b"xy" + b + b"z"),
                                     lambda b: b.hex().encode(), lambda b: b.hex().upper().encode(),
                                     lambda b: b[:30], lambda b: b[-30:]])
def test_the_search_finds_what_is_there(as_what: Callable[[bytes], bytes], tmp_path: Path) -> None:
    canaries = Canaries()
    canaries.add("token", TOKEN)
    assert canaries.found_in("text", b"before " + as_what(TOKEN.encode()) + b" after")
    assert not canaries.found_in("text", b"before and after")
    canaries.add_key(new_key(tmp_path))
    (tmp_path / "log").write_text("detail=" + Path(tmp_path / "app-key.pem").read_text().splitlines()[3])
    assert canaries.found_below(tmp_path, {str(tmp_path / "app-key.pem")})


@pytest.fixture(name="run", params=["logfmt", "json"])
def _run(request: Any, make_relay: Callable[..., Relay], standin: StandIn) -> Iterator[Run]:
    """A relay with every kind of secret: three sources, a target with a token and one with an App, a Grafana."""
    relay = make_relay()
    run = Run(relay, standin)
    run.grafana.start()
    key = new_key(relay.folder)
    run.canaries.add_key(key)
    run.secret_files.add(key)
    standin.api.app = App(key)
    config = base_config(relay.folder, standin.url, TOKEN)
    config["log"] = {"level": "debug", "format": request.param}
    for name, text in (("grafana-secret-0", SECRET), ("github-token", TOKEN)):
        run.secret(name, text)
    config["sources"] += [
        {"name": "bearer", "format": "grafana",
         "auth": {"scheme": "bearer", "token_files": [run.secret("bearer", BEARER)]}},
        {"name": "basic", "format": "grafana",
         "auth": {"scheme": "basic", "username": "am", "password_files": [run.secret("password", PASSWORD)]}}]
    app = {**config["targets"][0], "name": "app", "app": {"id": 12345, "installation": 678, "key_file": key}}
    del app["token_file"]
    config["targets"].append(app)
    config["routes"] = [
        {**config["routes"][0], "name": "by-app", "match": ["action=retrain", "model=~app.*"], "target": "app",
         "budget": {"max": 100, "per": "24h"}},
        {**config["routes"][0], "name": "by-token", "budget": {"max": 100, "per": "24h"}}]
    config["grafana"] = {"url": run.grafana.url, "token_file": run.secret("grafana-token", GRAFANA_TOKEN)}
    for path, status in (("/api/v1/provisioning", 401), ("/api/annotations", 400)):
        run.grafana.script("GET", path, "answer", status=status, message=f"Bearer {GRAFANA_TOKEN} is none")
    relay.write_config(config)
    relay.start()
    yield run
    run.grafana.stop()


def settle(run: Run, relay_id: str) -> None:
    """Until it has an outcome."""
    until(lambda: run.relay.request(relay_id)["attempts"], 30, f"an attempt of {relay_id}")


def test_a_full_run_leaves_no_secret_behind(run: Run) -> None:
    relay, standin = run.relay, run.standin
    hmac, basic = "/hooks/grafana", "Basic " + base64.b64encode(f"am:{PASSWORD}".encode()).decode()
    run.canaries.add("basic credentials", basic[6:])
    for model in ("a", "app-a"):
        relay.wait_request(run.dispatch(hmac, model), "done")
    for event in ("grafana_away", "refused"):
        until(lambda: re.search(rf"event\W+{event}\b.*Bearer \*\*\*", relay.log_text()), 30, f"Grafana's words of {event}")
    run.dispatch("/hooks/bearer", "b", headers={"Authorization": f"Bearer {BEARER}"})
    run.dispatch("/hooks/basic", "c", headers={"Authorization": basic})
    # Secrets in the wrong place, or almost right.
    for path, headers in ((hmac, {"Authorization": f"Bearer {SECRET}"}), (hmac, {"Authorization": f"Bearer {BEARER}"}),
                          ("/hooks/bearer", {"Authorization": f"bearer  {BEARER}"}),
                          ("/hooks/bearer", {"Authorization": BEARER}),
                          ("/hooks/basic", {"Authorization": basic + "="}),
                          ("/hooks/basic", {"Authorization": f"Basic {PASSWORD}"}),
                          (f"/hooks/{BEARER}", {}), (f"{hmac}?token={TOKEN}", {}),
                          (hmac, signed_headers(b"{}", signature=SECRET))):
        run.look_at[f"refusal {path[:12]} {len(run.look_at)}"] = relay.post(b"{}", path, headers=headers).body
    relay.post(grafana_body(alert("x")), secret="wrong")
    relay.raw(f"GET /{SECRET} HTTP/1.1\r\nHost: x\r\nAuthorization: {BEARER}\r\n\r\n".encode())
    refusals(run, hmac)
    reloads(run)
    run.core()  # before the tools, which post a secret's file as if it were a body
    tools(run)
    run.judge()


def refusals(run: Run, hmac: str) -> None:
    """What GitHub answers when it does not start a run."""
    relay, standin = run.relay, run.standin
    echo = {"message": f"Bad credentials: {TOKEN}", "errors": [{"message": f"Authorization: Bearer {TOKEN}"}],
            "documentation_url": TOKEN}
    for n, script in enumerate(({"do": "answer", "status": 422, "body": echo}, {"do": "cut"}, {"do": "garbage"},
                                {"do": "answer", "status": 502, "body": f"<pre>Authorization: Bearer {TOKEN}</pre>"},
                                {"do": "answer", "status": 307, "body": echo, "headers": {
                                    "Location": f"http://x.example/{TOKEN}"}},
                                {"do": "answer", "status": 401, "body": echo})):
        standin.script("dispatch", **script)
        settle(run, run.dispatch(hmac, f"refused-{n}"))
    relay.write_config(relay.config or "")  # a reload ends the block
    for n, status in enumerate((422, 502)):
        standin.script("dispatch", "answer", status=status, body={"message": "{token} may not"})
        settle(run, run.dispatch(hmac, f"app-refused-{n}"))
    relay.restart()  # with no token yet
    for n, status in enumerate((502, 401)):
        standin.script("token", "answer", status=status, body={"message": "A JWT {token}, expected another"})
        settle(run, run.dispatch(hmac, f"app-no-token-{n}"))
    assert relay.log_text().count("expected another") > 1


def tools(run: Run) -> None:
    """Every command that reads a config or a secret, right and wrong."""
    relay, folder = run.relay, run.relay.folder
    body = folder / "body.json"
    body.write_bytes(grafana_body(alert("d")))
    secret = str(folder / "grafana-secret-0")
    url = f"http://127.0.0.1:{relay.port}/hooks/"
    run.cli("check", "--config", str(relay.config_file))
    run.cli("sign", "--secret-file", secret, str(body))
    run.cli("send", "--url", url + "grafana", "--secret-file", secret, str(body))
    run.cli("send", "--url", url + "bearer", "--bearer-file", str(folder / "bearer"), str(body))
    run.cli("send", "--url", url + "nothing", "--bearer-file", str(folder / "bearer"), str(body))
    run.cli("send", "--url", "http://127.0.0.1:1/", "--secret-file", secret, str(body))
    run.cli("sign", "--secret-file", str(body), secret)
    run.cli("check", "--config", secret)
    run.cli("explain", "--admin", relay.admin_url, secret)
    run.cli("explain", "--admin", relay.admin_url, str(body))
    (folder / "log.jsonl").write_text(run.cli("export", "--admin", relay.admin_url))
    run.cli("simulate", str(folder / "log.jsonl"), "--config", str(relay.config_file))
    run.cli("simulate", secret, "--config", str(relay.config_file))
    (folder / "rules").mkdir()
    (folder / "rules" / "ma5.json").write_text(json.dumps(rule("ma5")))
    token = str(folder / "grafana-token")
    for n, path in enumerate((None, "/api/v1/provisioning", "/api/folders", "/api/annotations")):
        if path is not None:
            run.grafana.script("POST", path, "answer", status=400 + n, message=f"{GRAFANA_TOKEN} may not")
        run.cli("grafana", "seed", "--url", run.grafana.url, "--token-file", token, str(folder / "rules"))
    run.cli("grafana", "seed", "--url", run.grafana.url, "--token-file", str(body), str(folder / "rules"))
    run.cli("grafana", "seed", "--url", run.grafana.url, "--token-file", token, token)
    run.cli("grafana", "seed", "--url", run.grafana.url, "--user", "a", "--password-file", token, str(folder / "rules"))
    run.cli("grafana", "check", "--config", str(relay.config_file), str(folder / "rules"))
    run.cli("status", "--admin", relay.admin_url, "--json")
    run.cli("health", "--admin", relay.admin_url)


def reloads(run: Run) -> None:
    """Files that are none: read by check, and by a running relay."""
    relay, config = run.relay, run.relay.config
    assert isinstance(config, dict) and relay.process is not None
    key = Path(config["targets"][1]["app"]["key_file"])
    spaced = run.secret("spaced", SPACED)
    wrong_keys = {"cut": key.read_text()[:900], "token": TOKEN, "other": key.read_text().replace("RSA PRIVATE", "EC PRIVATE")}
    bad = [run.secret(name, text) for name, text in wrong_keys.items()]
    changes: list[dict[str, Any]] = [{"token_file": spaced}, {"token_file": str(key)}]
    changes += [{"token_file": None, "app": {"id": 1, "installation": 2, "key_file": path}} for path in bad]
    for n, change in enumerate(changes):
        relay.write_config({**config, "targets": [{**config["targets"][0], **change}, config["targets"][1]]})
        run.cli("check", "--config", str(relay.config_file))
        relay.process.signal(signal.SIGHUP)
        until(lambda: relay.log_text().count("reload_failed") > n, 20, "a refused reload")
    relay.write_config(f'secret = "x";\n@include "{key}"\n')
    run.cli("check", "--config", str(relay.config_file))
    relay.write_config(config)


def test_an_environment_with_secrets_leaves_none_behind(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    standin.set(tokens=[ENV_TOKEN])
    relay = make_relay(env_only=True, env={
        "REPO_OWNER": "acme", "REPO_NAME": "kospi", "WORKFLOW_FILENAME": "retrain.yml", "GITHUB_API_URL": standin.url,
        "GITHUB_ACCESS_TOKEN": ENV_TOKEN, "WEBHOOK_SECRET": ENV_SECRET, "RELAY_LISTEN": "127.0.0.1:0",
        "RELAY_ADMIN_LISTEN": "127.0.0.1:0"})
    relay.env["RELAY_STATE_DIR"] = str(relay.folder)
    run = Run(relay.start(), standin)
    run.canaries.add("GITHUB_ACCESS_TOKEN", ENV_TOKEN)
    run.canaries.add("WEBHOOK_SECRET", ENV_SECRET)
    relay.wait_request(run.dispatch("/hooks/grafana", "a", secret=ENV_SECRET), "done")
    standin.set(tokens=[])
    settle(run, run.dispatch("/hooks/grafana", "b", secret=ENV_SECRET))
    run.cli("check")
    relay.env["GITHUB_ACCESS_TOKEN"] = f"{ENV_TOKEN} {ENV_TOKEN}"
    assert "holds a blank" in relay.cli("check").stderr
    run.cli("check")
    run.core(but=r"\[stack\]")  # the environment itself, which only root can read: nothing else
    run.judge()


def test_the_search_finds_what_a_process_holds() -> None:
    if not may_trace():
        pytest.skip("reading a process's memory needs CAP_SYS_PTRACE")
    held = subprocess.Popen([sys.executable, "-c", "import sys; held = sys.stdin.readline().split(); print(flush=True);"
                             "sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert held.stdin and held.stdout
    held.stdin.write("a " + BEARER + "\n")
    held.stdin.flush()
    held.stdout.readline()
    canaries = Canaries()
    canaries.add("token", BEARER)
    try:
        assert [place for place, data in dumped(held.pid) if canaries.found_in(place, data)]
    finally:
        held.communicate()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_its_own_user_reads_neither_its_memory_nor_its_environment(make_relay: Callable[..., Relay]) -> None:
    def another_user() -> None:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)

    relay = make_relay(before_exec=another_user)
    for path in (relay.folder, *relay.folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    relay.start()
    assert relay.process is not None
    assert f"Uid:\t{NOBODY}\t" in Path(f"/proc/{relay.process.pid}/status").read_text()
    for name in ("environ", "mem", "maps", "auxv"):
        done = subprocess.run(["cat", f"/proc/{relay.process.pid}/{name}"], preexec_fn=another_user,
                              capture_output=True, text=True, check=False)
        assert done.returncode != 0 and "Permission denied" in done.stderr, name
    own = subprocess.run(["cat", "/proc/self/environ"], preexec_fn=another_user, capture_output=True, check=False)
    assert own.returncode == 0
