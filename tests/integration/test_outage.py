"""GitHub is down, hung or confused: intake goes on, nothing is lost, nothing is sent twice blindly."""
from __future__ import annotations

import time
from itertools import count
from typing import Any, Callable

import pytest

from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.wait import stays, until

# "parked" at once, or "ambiguous" while its run is looked for.
UNKNOWN = ("parked", "ambiguous")
# The run's id is known.
KNOWN = ("accepted", "running", "done")


def dispatch(relay: Relay, model: str) -> str:
    """Posts a firing alert of a model; the relay_id of its request."""
    answer = relay.post(grafana_body(alert(model)))
    assert answer.status == 202, answer.body
    (one,) = answer.json()["alerts"]
    assert (one["verdict"], one["reason"]) == ("dispatch", "first")
    return one["relay_id"]


def test_down_means_not_sent_and_dispatched_when_it_returns(relay: Relay, standin: StandIn) -> None:
    standin.stop()
    ids = [dispatch(relay, f"m{n}") for n in range(3)]
    until(lambda: relay.metrics().sum("drift_relay_dispatch_attempts_total", outcome="not_sent") >= 1, 20, "an attempt")
    for relay_id in ids:
        assert relay.request(relay_id)["state"] in ("queued", "sending")
    assert relay.admin("/readyz").status == 200, "GitHub being down does not make the relay unready"
    standin.start()
    for relay_id in ids:
        request = relay.wait_request(relay_id, "done", timeout=90)
        assert request["reason"] == "success"
        assert [a["outcome"] for a in request["attempts"]][-1] == "accepted"
    assert len(standin.runs()) == 3
    standin.assert_clean()


def test_down_over_a_restart_loses_nothing(relay: Relay, standin: StandIn) -> None:
    standin.stop()
    relay_id = dispatch(relay, "kospi")
    relay.restart()
    standin.start()
    assert relay.wait_request(relay_id, "done", timeout=90)["reason"] == "success"
    assert [r["relay_id"] for r in standin.runs()] == [relay_id]
    standin.assert_clean()


UNKNOWN_OUTCOMES: list[tuple[str, dict[str, Any]]] = [
    ("run started, then 502", {"do": "answer", "status": 502, "start": True}),
    ("502 and no run", {"do": "answer", "status": 502}),
    ("run started, then cut", {"do": "cut", "start": True}),
    ("cut, nothing started", {"do": "cut"}),
    ("reset", {"do": "reset", "start": True}),
    ("answer cut in its body", {"do": "cut_body"}),
    ("no HTTP", {"do": "garbage", "start": True}),
    ("200 with another body", {"do": "answer", "status": 200, "body": {"ok": True}, "start": True}),
    ("200 with a negative id", {"do": "answer", "status": 200, "start": True, "body": {
        "workflow_run_id": -1, "run_url": "http://x/repos/acme/kospi/actions/runs/1", "html_url": "http://x/"}}),
    ("10 MB", {"do": "big", "start": True}),
    ("a status nobody knows", {"do": "answer", "status": 299, "body": {}}),
]


@pytest.mark.parametrize("name, script", UNKNOWN_OUTCOMES, ids=[u[0] for u in UNKNOWN_OUTCOMES])
def test_an_unknown_outcome_is_never_sent_again_blindly(relay: Relay, standin: StandIn, name: str,
                                                        script: dict[str, Any]) -> None:
    standin.script("dispatch", **script)
    relay_id = dispatch(relay, "kospi")
    request = relay.wait_request(relay_id, *UNKNOWN)
    assert [a["outcome"] for a in request["attempts"]] == ["ambiguous"]
    other = dispatch(relay, "other")
    assert relay.wait_request(other, *KNOWN)["run"]["id"] > 2**32
    relay.restart()
    stays(lambda: len(standin.api.judge.posts(relay_id)) == 1, 2, "one POST")
    standin.assert_clean()


def test_hung_is_unknown_after_its_time_and_intake_goes_on(relay: Relay, standin: StandIn) -> None:
    standin.script("dispatch", "hang", start=True)
    relay_id = dispatch(relay, "kospi")
    standin.wait_posts(1)
    slowest = 0.0
    for n in range(50):
        before = time.monotonic()
        assert relay.post(grafana_body(alert(f"meanwhile-{n}"))).status == 202
        slowest = max(slowest, time.monotonic() - before)
    assert slowest < 5, f"an answer took {slowest:.1f} s while GitHub hung"
    request = relay.wait_request(relay_id, *UNKNOWN, timeout=60)
    assert [a["outcome"] for a in request["attempts"]] == ["ambiguous"]
    assert len(standin.api.judge.posts(relay_id)) == 1
    standin.assert_clean()


def test_a_slow_answer_is_still_an_answer(relay: Relay, standin: StandIn) -> None:
    standin.script("dispatch", "slow_read", seconds=2)
    standin.script("dispatch", "trickle", seconds=0.002)
    for model in ("a", "b"):
        relay_id = dispatch(relay, model)
        assert relay.wait_request(relay_id, *KNOWN)["run"]["id"] > 2**32
    standin.assert_clean()


@pytest.mark.parametrize("script", [{"do": "rate_primary", "seconds": 2}, {"do": "rate_secondary", "seconds": 2},
                                    {"do": "rate_secondary", "seconds": 2, "status": 429}],
                         ids=["primary 403", "secondary 403", "secondary 429"])
def test_a_rate_limit_is_waited_for(relay: Relay, standin: StandIn, script: dict[str, Any]) -> None:
    standin.script("dispatch", **script)
    relay_id = dispatch(relay, "kospi")
    request = relay.wait_request(relay_id, "done", timeout=90)
    assert [a["outcome"] for a in request["attempts"]] == ["limited", "accepted"]
    first, second = standin.api.judge.posts(relay_id)
    assert second.at - first.at >= 2
    standin.assert_clean()


def test_a_redirect_on_the_same_host_is_followed_by_a_new_post(relay: Relay, standin: StandIn) -> None:
    standin.script("dispatch", "redirect")
    request = relay.wait_request(dispatch(relay, "kospi"), "done")
    assert [a["outcome"] for a in request["attempts"]] == ["redirected", "accepted"]
    warned, told = [line for line in relay.log_text().splitlines() if "event=posted" in line]
    assert "level=warn" in warned and "update the config" in warned and "level=info" in told
    standin.assert_clean()


def test_a_redirect_elsewhere_gets_no_token(relay: Relay, standin: StandIn) -> None:
    with StandIn() as elsewhere:
        there = elsewhere.url + "/repos/acme/kospi/actions/workflows/retrain.yml/dispatches"
        standin.script("dispatch", "redirect", location=there)
        request = relay.wait_request(dispatch(relay, "kospi"), "dead")
        assert [a["outcome"] for a in request["attempts"]] == ["refused"]
        assert elsewhere.judge()["requests"] == {}


def test_a_bad_token_blocks_the_credential_not_the_request(relay: Relay, standin: StandIn) -> None:
    standin.set(tokens=["rotated"])
    relay_id = dispatch(relay, "kospi")
    until(lambda: relay.request(relay_id)["attempts"], 20, "an attempt")
    request = relay.request(relay_id)
    assert request["state"] == "queued" and request["attempts"][0]["outcome"] == "credential"
    stays(lambda: len(standin.api.judge.posts()) <= 2, 3, "no hammering with a bad token")
    assert TOKEN not in relay.log_text()


def test_the_stop_file_stops_posts_and_its_removal_lets_them_go(make_relay: Callable[..., Relay],
                                                                standin: StandIn) -> None:
    relay = make_relay({"routes": {"budget": {"max": 1000, "per": "24h"}}}).start()
    numbers = count()

    def decision() -> tuple[str, str]:
        one = relay.post(grafana_body(alert(f"m{next(numbers)}"))).json()["alerts"][0]
        return one["verdict"], one["reason"]

    stop = relay.folder / "state" / "stop"
    stop.touch()
    until(lambda: decision() == ("suppressed", "paused"), 10, "the stop file to be seen")
    posts = standin.judge()["posts_total"]
    stays(lambda: standin.judge()["posts_total"] == posts, 2, "no POST while the stop file is there")
    stop.unlink()
    until(lambda: decision() == ("dispatch", "first"), 10, "its removal to be seen")
    standin.wait_posts(posts + 1)
    standin.assert_clean()
