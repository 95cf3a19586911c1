"""The status page over HTTP: what needs attention is on it, and it is no place to change anything."""
from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Callable

from tests.support import http
from tests.support.app import Text
from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.relay_config import write_secret
from tests.support.wait import until


TOKEN = "admin_canary_5e1f9d7c3b2a"


def words(relay: Relay, path: str = "/") -> str:
    """What it says."""
    answer = relay.admin(path)
    assert answer.status == 200, answer
    return Text(answer.body.decode()).text


def says(relay: Relay, text: str) -> None:
    """Waits until it says so."""
    until(lambda: text in words(relay), 30, f"the page to say: {text}")


def change(relay: Relay, path: str, body: dict[str, str]) -> int:
    """As an operator with the token."""
    return http.once(relay.admin_port, "POST", "/api/v1/" + path, {"Authorization": f"Bearer {TOKEN}"},
                     json.dumps(body).encode()).status


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_whatever_keeps_runs_from_starting_is_said_until_it_is_over(make_relay: Callable[..., Relay],
                                                                    standin: StandIn) -> None:
    relay = make_relay()
    token = write_secret(relay.folder, "grafana-token", "glsa_" + "x" * 40)
    assert isinstance(relay.config, dict)
    relay.write_config({**relay.config, "check_online": True,
                        "admin": {**relay.config["admin"],
                                  "token_file": write_secret(relay.folder, "admin-token", TOKEN)},
                        "targets": [{**relay.config["targets"][0], "workflow": "missing.yml"}],
                        "grafana": {"url": f"http://127.0.0.1:{closed_port()}", "token_file": token}})
    relay.start()
    says(relay, "Grafana cannot be asked since")
    says(relay, "Target retrain (error):")
    standin.script("dispatch", "answer", status=401, body={"message": "Bad credentials"})
    relay.post(grafana_body())
    says(relay, "GitHub is not asked with")
    assert "Bad credentials" in words(relay)
    stop = Path(relay.config["stop_file"])
    stop.touch()
    says(relay, "The stop file exists")
    stop.unlink()
    until(lambda: "The stop file exists" not in words(relay), 30, "the stop file to be gone")
    assert change(relay, "routes/kospi/pause", {"for": "2h", "reason": "<moving>"}) == 200
    says(relay, "The route kospi is paused since")
    assert re.search(r"\(in 1 h 59 min\) by token \(<moving>\): no run is started there", words(relay)), words(relay)
    assert change(relay, "routes/kospi/resume", {"reason": "moved"}) == 200
    until(lambda: "is paused" not in words(relay), 30, "the pause to be over")
    assert re.search(r"Operators’ changes resume kospi by token \(moved\) .*pause kospi by token \(<moving>\)", words(relay))


def test_it_only_shows(relay: Relay) -> None:
    answer = relay.admin("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "<form" not in answer.body.decode() and " style=" not in answer.body.decode()
    assert relay.admin("/page.css").headers["content-type"] == "text/css; charset=utf-8"
    assert relay.admin("/page.js").headers["content-type"] == "text/javascript; charset=utf-8"
    for path in ("/", "/page.css", "/page.js"):
        assert relay.admin(path, "POST").status == 405


def test_a_state_and_a_page_that_are_none_show_what_there_is(relay: Relay) -> None:
    relay.post(grafana_body(alert("kospi")))
    assert "/keys/kospi/kospi" not in relay.admin("/?state=held").body.decode()
    for path in ("/?state=nonsense", "/?cursor=%22%3E%3Cb%3E", "/?state=&cursor=9%20x", "/?cursor=0", "/?x=y"):
        assert "/keys/kospi/kospi" in relay.admin(path).body.decode() and "1 key fires" in words(relay, path), path
