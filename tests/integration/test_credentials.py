"""Who the relay is to GitHub: a token from a file, or a GitHub App."""
from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.support.github_app import App, new_key
from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.relay_config import write_secret
from tests.support.wait import until

NAME = "app:12345/678@"


@pytest.fixture(scope="module", name="key")
def _key(tmp_path_factory: pytest.TempPathFactory) -> str:
    return new_key(tmp_path_factory.mktemp("app"))


@pytest.fixture(name="app")
def _app(standin: StandIn, key: str) -> App:
    """The stand-in knows an App, and no other token."""
    standin.api.app = App(key)
    standin.set(tokens=[])
    return standin.api.app


def of_app(key: str, **more: Any) -> dict[str, Any]:
    """The target with the App instead of its token file."""
    return {"targets": {"token_file": None, "app": {"id": 12345, "installation": 678, "key_file": key, **more}}}


def dispatch(relay: Relay, model: str) -> str:
    """Posts a firing alert of a model; the relay_id of its request."""
    answer = relay.post(grafana_body(alert(model)))
    assert answer.status == 202, answer.body
    (one,) = answer.json()["alerts"]
    return str(one["relay_id"])


def outcomes(request: dict[str, Any]) -> list[str]:
    """Of its attempts."""
    return [a["outcome"] for a in request["attempts"]]


def test_an_app_starts_and_follows_runs_with_one_narrow_token(make_relay: Callable[..., Relay], standin: StandIn,
                                                               app: App, key: str) -> None:
    relay = make_relay(of_app(key)).start()
    for model in ("a", "b", "c"):
        request = relay.wait_request(dispatch(relay, model), "done")
        assert request["reason"] == "success" and outcomes(request) == ["accepted"]
    (grant,) = app.grants
    assert grant.repositories == ("kospi",) and grant.permissions == {"actions": "write"}
    assert len(grant.token) >= 600
    (jwt,) = app.jwts
    claims = json.loads(base64.urlsafe_b64decode(jwt.split(".")[1] + "=="))
    assert 50 < time.time() - claims["iat"] < 120 and claims["exp"] - claims["iat"] == 600
    expiry = relay.metrics().sum("drift_relay_github_token_expiry_timestamp_seconds", credential=NAME + standin.url)
    assert abs(expiry - grant.until) < 2
    standin.assert_clean()


def test_exchanges_that_wait_share_one_token(make_relay: Callable[..., Relay], standin: StandIn, app: App,
                                             key: str) -> None:
    standin.set(in_progress_s=600)
    relay = make_relay(of_app(key)).start()
    ids = [dispatch(relay, f"m{n}") for n in range(3)]
    for relay_id in ids:
        relay.wait_request(relay_id, "running")
    app.revoke()
    app.grants.clear()
    relay.restart()
    until(lambda: len(app.grants) == 1 and standin.judge()["requests"]["run"] > 6, 60, "polls with another token")
    assert standin.judge()["requests"]["token"] == 2
    standin.assert_clean()


def test_a_clock_that_is_an_hour_off_is_corrected_once(make_relay: Callable[..., Relay], standin: StandIn, app: App,
                                                       key: str) -> None:
    standin.set(clock_off_s=3600)
    relay = make_relay(of_app(key)).start()
    assert outcomes(relay.wait_request(dispatch(relay, "a"), "done")) == ["accepted"]
    assert len(app.jwts) == 2 and len(app.grants) == 1
    assert "event=clock_differs" in relay.log_text()
    assert "event=no_token" not in relay.log_text()
    standin.assert_clean()


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("another App's key", {"id": "99"}, "Integration not found"),
    ("another installation", {"installation": "1"}, "no such installation of this App"),
    ("suspended", {"suspended": True}, "is the installation suspended?"),
    ("too few permissions", {"permissions": {"metadata": "read"}}, "needs Actions: write"),
    ("another repository", {"repositories": ("other",)}, "needs Actions: write and this repository"),
]


@pytest.mark.parametrize("name, change, words", REFUSED, ids=[r[0] for r in REFUSED])
def test_a_refused_token_blocks_the_credential_and_says_why(make_relay: Callable[..., Relay], standin: StandIn,
                                                            app: App, key: str, name: str, change: dict[str, Any],
                                                            words: str) -> None:
    for field, value in change.items():
        setattr(app, field, value)
    relay = make_relay(of_app(key)).start()
    relay_id = dispatch(relay, "a")
    until(lambda: relay.request(relay_id)["attempts"], 20, "an attempt")
    request = relay.request(relay_id)
    assert request["state"] == "queued" and outcomes(request) == ["credential"], name
    assert words in relay.log_text() and "App 12345, installation 678, token for acme/kospi" in relay.log_text()
    assert standin.api.judge.posts() == []
    standin.assert_clean()


def test_a_key_that_is_not_the_apps_is_a_credential_refused(make_relay: Callable[..., Relay], standin: StandIn,
                                                            app: App, tmp_path: Path) -> None:
    relay = make_relay(of_app(new_key(tmp_path))).start()
    relay_id = dispatch(relay, "a")
    until(lambda: relay.request(relay_id)["attempts"], 20, "an attempt")
    assert outcomes(relay.request(relay_id)) == ["credential"] and len(app.jwts) == 1
    assert "is the key one of this App?" in relay.log_text()
    standin.assert_clean()


NOT_SENT: list[tuple[str, dict[str, Any]]] = [
    ("cut", {"do": "cut"}),
    ("reset", {"do": "reset"}),
    ("server error", {"do": "answer", "status": 502}),
    ("half a token", {"do": "cut_body"}),
    ("no token in it", {"do": "answer", "status": 201, "body": {"token": ""}}),
    ("a redirect", {"do": "redirect"}),
]


@pytest.mark.parametrize("name, script", NOT_SENT, ids=[n[0] for n in NOT_SENT])
def test_an_exchange_for_a_token_that_fails_means_not_sent(make_relay: Callable[..., Relay], standin: StandIn,
                                                           app: App, key: str, name: str,
                                                           script: dict[str, Any]) -> None:
    standin.script("token", **script)
    relay = make_relay(of_app(key)).start()
    request = relay.wait_request(dispatch(relay, "a"), "done", timeout=60)
    assert outcomes(request) == ["not_sent", "accepted"], name
    assert len(standin.api.judge.posts()) == 1 and len(app.grants) >= 1
    standin.assert_clean()


def test_a_limit_on_the_exchange_for_a_token_is_waited_for(make_relay: Callable[..., Relay], standin: StandIn,
                                                           app: App, key: str) -> None:
    standin.script("token", "rate_secondary", seconds=2)
    relay = make_relay(of_app(key)).start()
    request = relay.wait_request(dispatch(relay, "a"), "done", timeout=60)
    assert outcomes(request) == ["limited", "accepted"] and len(app.grants) == 1
    standin.assert_clean()


def test_a_token_that_is_revoked_is_asked_for_anew(make_relay: Callable[..., Relay], standin: StandIn, app: App,
                                                   key: str) -> None:
    relay = make_relay(of_app(key)).start()
    relay.wait_request(dispatch(relay, "a"), "done")
    time.sleep(11)  # a token of the last seconds would be kept
    app.revoke()
    relay_id = dispatch(relay, "b")
    until(lambda: outcomes(relay.request(relay_id)) == ["credential"], 20, "a 401")
    relay.write_config(relay.config or "")  # a reload ends the block of a refusal
    request = relay.wait_request(relay_id, "done", timeout=30)
    assert outcomes(request) == ["credential", "accepted"] and len(app.grants) == 2
    standin.assert_clean()


def test_a_token_too_new_to_be_known_is_kept(make_relay: Callable[..., Relay], standin: StandIn, app: App,
                                             key: str) -> None:
    app.unknown_for_s = 2
    relay = make_relay(of_app(key)).start()
    relay_id = dispatch(relay, "a")
    until(lambda: outcomes(relay.request(relay_id)) == ["credential"], 20, "a 401")
    relay.write_config(relay.config or "")  # rather than waiting for a minute
    request = relay.wait_request(relay_id, "done", timeout=30)
    assert outcomes(request) == ["credential", "accepted"] and len(app.grants) == 1
    standin.assert_clean()


def test_a_token_in_a_file_is_read_anew_and_a_new_one_ends_the_block(relay: Relay, standin: StandIn) -> None:
    standin.set(tokens=["github_pat_next"])
    relay_id = dispatch(relay, "a")
    until(lambda: outcomes(relay.request(relay_id)) == ["credential"], 20, "a 401")
    write_secret(relay.folder, "github-token", "github_pat_next")
    request = relay.wait_request(relay_id, "done", timeout=30)
    assert outcomes(request) == ["credential", "accepted"]
    standin.assert_clean()


def test_limits_stay_with_their_token(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    relay = make_relay().start()
    standin.script("dispatch", "rate_secondary", seconds=300)
    limited = dispatch(relay, "a")
    until(lambda: outcomes(relay.request(limited)) == ["limited"], 20, "the limit")
    standin.set(tokens=[TOKEN, "github_pat_other"])
    config = relay.config
    assert isinstance(config, dict)
    config["targets"][0]["token_file"] = write_secret(relay.folder, "other-token", "github_pat_other")
    relay.write_config(config)
    assert outcomes(relay.wait_request(dispatch(relay, "b"), "done", timeout=30)) == ["accepted"]
    standin.assert_clean()


def test_check_names_what_is_wrong_with_a_key(make_relay: Callable[..., Relay], standin: StandIn, key: str,
                                              tmp_path: Path) -> None:
    open_key = tmp_path / "open.pem"
    open_key.write_bytes(Path(key).read_bytes())
    open_key.chmod(0o644)
    relay = make_relay(of_app(str(open_key)))
    checked = relay.cli("check", "--config", str(relay.config_file))
    assert checked.returncode == 1 and "app.key_file" in checked.stderr and "chmod o-r" in checked.stderr
    relay.write_config(json.loads(json.dumps({**relay.config, "targets": [  # type: ignore[dict-item]
        {**relay.config["targets"][0], "app": {"id": 1, "installation": 2, "key_file": key}}]})))  # type: ignore
    assert relay.cli("check", "--config", str(relay.config_file)).returncode == 0
    assert standin.judge()["requests"] == {}, "check asks nobody"
