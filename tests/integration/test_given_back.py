"""What a request that never ran leaves behind: nothing, also after a restart; and bodies that ask for too much."""
from __future__ import annotations

from typing import Callable

from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.wait import stays, until


def decide(relay: Relay, *alerts: dict) -> list[tuple[str, str]]:
    answer = relay.post(grafana_body(*alerts))
    assert answer.status == 202, answer.body
    return [(a["verdict"], a["reason"]) for a in answer.json()["alerts"]]


def test_the_slot_of_a_cancelled_request_stays_free_over_a_restart(make_relay: Callable[..., Relay],
                                                                   standin: StandIn) -> None:
    relay = make_relay({"routes": {"budget": {"max": 1, "per": "24h"}}})
    relay.start()
    standin.stop()
    assert decide(relay, alert("a")) == [("dispatch", "first")]
    attempts = "drift_relay_dispatch_attempts_total"
    until(lambda: relay.metrics().sum(attempts, outcome="not_sent") >= 1, 20, "an attempt that was not sent")
    assert decide(relay, alert("b")) == [("suppressed", "budget")]
    assert decide(relay, alert("a", "resolved")) == [("resolved", "cancelled")]
    relay.restart()
    standin.start()
    assert decide(relay, alert("b", annotations={"repeat": "1"})) == [("dispatch", "first")]


def test_the_stop_file_pauses_and_its_removal_resumes(relay: Relay, standin: StandIn) -> None:
    stop = relay.folder / "state" / "stop"
    stop.touch()
    until(lambda: "event=stopped" in relay.log_text(), 10, "the stop file to be seen")
    assert decide(relay, alert("held")) == [("suppressed", "paused")]
    assert standin.runs() == []
    stop.unlink()
    until(lambda: "event=resumed" in relay.log_text(), 10, "the stop file to be gone")
    # Other bytes: the same ones in the same second would be a replay.
    assert decide(relay, alert("held", annotations={"repeat": "1"})) == [("dispatch", "first")]


def test_a_key_of_too_many_bytes_is_a_limit_and_no_fault(relay: Relay) -> None:
    assert decide(relay, alert("한" * 10_000), alert("kospi")) == [("suppressed", "limit"), ("dispatch", "first")]
    assert relay.metrics().sum("drift_relay_store_errors_total") == 0
    stays(lambda: relay.admin("/readyz").status == 200, 0.3, "ready")
