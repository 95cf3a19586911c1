"""Holds and deferrals by the real clock: what time alone starts, and what a resolve or a crash makes of it."""
from __future__ import annotations

import time
from typing import Any, Callable

from tests.integration.test_main_path import decided
from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.wait import stays, until

KEY = "keys/kospi%2Fkospi"
Maker = Callable[..., Relay]


def policy(**values: Any) -> dict[str, Any]:
    return {"routes": {**values}}


def key(relay: Relay) -> dict[str, Any]:
    found = relay.api(KEY)
    assert isinstance(found, dict)
    return found


def outcomes(relay: Relay) -> list[str]:
    """What timers made of the key's holds and deferrals, newest first."""
    return [f"{o['verdict']}/{o['reason']}" for o in key(relay)["outcomes"]]


def wait_outcome(relay: Relay, wanted: str, timeout: float = 20) -> dict[str, Any]:
    def newest() -> Any:
        found = key(relay)["outcomes"]
        return found[0] if found and f"{found[0]['verdict']}/{found[0]['reason']}" == wanted else None
    return until(newest, timeout, f"the outcome {wanted}")


def test_a_hold_ends_in_one_run_made_by_a_timer(make_relay: Maker, standin: StandIn) -> None:
    relay = make_relay(policy(hold="2s")).start()
    first = relay.post(grafana_body(alert(starts=time.time() - 5)))
    assert decided(first) == ["held/hold"]
    assert first.json()["alerts"][0]["until"] is not None and "relay_id" not in first.json()["alerts"][0]
    repeat = alert(starts=time.time() - 5, annotations={"summary": "a repeat"})
    assert decided(relay.post(grafana_body(repeat))) == ["suppressed/duplicate"]
    other = alert(starts=time.time(), labels={"feature": "ma20"})
    assert decided(relay.post(grafana_body(other))) == ["held/joined"]
    assert key(relay)["state"] == "held" and key(relay)["until"] is not None
    assert standin.runs() == []

    made = wait_outcome(relay, "dispatch/first")
    request = relay.wait_request(made["relay_id"], "done")
    assert (request["cause"], request["reason"]) == ("timer", "success")
    assert len(standin.runs()) == 1 and standin.runs()[0]["inputs"]["relay_id"] == made["relay_id"]
    timers = relay.metrics().sum("drift_relay_timer_outcomes_total", route="kospi", verdict="dispatch",
                                 reason="first")
    assert timers == 1


def test_a_resolve_in_time_cancels_the_hold(make_relay: Maker, standin: StandIn) -> None:
    relay = make_relay(policy(hold="2s")).start()
    began = time.time() - 5
    assert decided(relay.post(grafana_body(alert(starts=began)))) == ["held/hold"]
    assert decided(relay.post(grafana_body(alert(status="resolved", starts=began)))) == ["resolved/cancelled"]
    stays(lambda: standin.runs() == [], 3, "no run")
    assert relay.api("requests")["items"] == [] and relay.api("keys")["items"] == []


def test_a_hold_outlives_a_kill_and_waits_once_more_after_the_start(make_relay: Maker, standin: StandIn) -> None:
    relay = make_relay(policy(hold="1s")).start()
    began = time.time() - 5
    assert decided(relay.post(grafana_body(alert(starts=began)))) == ["held/hold"]
    relay.kill9()
    time.sleep(3)  # the hold falls due meanwhile
    relay.start()
    assert key(relay)["state"] == "held", "what fell due while it was down waits as long as it was down"
    assert decided(relay.post(grafana_body(alert(status="resolved", starts=began)))) == ["resolved/cancelled"]
    stays(lambda: standin.runs() == [], 4, "no run: the resolve came in time")

    assert decided(relay.post(grafana_body(alert(starts=time.time())))) == ["held/hold"]
    relay.kill9()
    time.sleep(2)
    relay.start()
    relay.wait_request(wait_outcome(relay, "dispatch/first")["relay_id"], "done")
    assert len(standin.runs()) == 1


def test_what_is_deferred_is_decided_when_the_block_ends(make_relay: Maker, standin: StandIn) -> None:
    relay = make_relay(policy(when_blocked="defer", cooldown="9s", rearm="cooldown")).start()
    first = relay.post(grafana_body(alert(labels={"feature": "ma5"})))
    assert decided(first) == ["dispatch/first"]
    relay.wait_request(first.json()["alerts"][0]["relay_id"], "done")
    assert decided(relay.post(grafana_body(alert(labels={"feature": "ma20"})))) == ["deferred/cooldown"]
    assert key(relay)["state"] == "deferred"
    relay.wait_request(wait_outcome(relay, "dispatch/first")["relay_id"], "done")
    assert len(standin.runs()) == 2


def test_the_stop_file_defers_and_its_end_starts(make_relay: Maker, standin: StandIn) -> None:
    relay = make_relay(policy(when_blocked="defer")).start()
    assert isinstance(relay.config, dict)
    stop = relay.folder / "state" / "stop"
    stop.touch()
    until(lambda: "event=stopped" in relay.log_text(), 10, "the stop file to be seen")
    assert decided(relay.post(grafana_body())) == ["deferred/paused"]
    stays(lambda: standin.runs() == [], 1, "no run under the stop file")
    stop.unlink()
    relay.wait_request(wait_outcome(relay, "dispatch/first")["relay_id"], "done")
    assert len(standin.runs()) == 1
