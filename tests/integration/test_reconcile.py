"""A POST whose answer names no run: its run is found in the list, and nothing is POSTed again meanwhile.

What takes the whole grace is in tests/unit/test_core_find.c, where hours cost nothing.
"""
from __future__ import annotations

from typing import Any, Callable

import pytest

from tests.support.github_rules import Dispatch
from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.wait import stays, until

LOOKED_FOR = ("ambiguous", "accepted_no_id")


def dispatch(relay: Relay, model: str = "kospi") -> str:
    """Posts a firing alert of a model; the relay_id of its request."""
    (one,) = relay.post(grafana_body(alert(model))).json()["alerts"]
    assert (one["verdict"], one["reason"]) == ("dispatch", "first")
    return str(one["relay_id"])


def assert_found(relay: Relay, standin: StandIn, relay_id: str, timeout: float = 45) -> dict[str, Any]:
    """The request ends with its own run's conclusion, after one POST."""
    request = relay.wait_request(relay_id, "done", "dead", "parked", timeout=timeout)
    assert (request["state"], request["reason"]) == ("done", "success"), request
    runs = standin.runs(relay_id)
    assert request["run"]["id"] == min(r["id"] for r in runs)
    assert request["run"]["url"] == runs[0]["html_url"]
    assert len(standin.api.judge.posts(relay_id)) == 1
    standin.assert_clean()
    return request


def test_a_run_that_started_behind_an_unknown_answer_is_found(relay: Relay, standin: StandIn) -> None:
    scripts: list[dict[str, Any]] = [
        {"do": "answer", "status": 502, "start": 1}, {"do": "cut", "start": 1},
        {"do": "cut_body"}, {"do": "answer", "status": 200, "body": {"ok": True}, "start": 1}]
    ids = []
    for n, script in enumerate(scripts):
        standin.script("dispatch", **script)
        ids.append(dispatch(relay, f"m{n}"))
        assert relay.wait_request(ids[-1], *LOOKED_FOR)["run"] is None
    for relay_id in ids:
        request = assert_found(relay, standin, relay_id)
        assert [a["outcome"] for a in request["attempts"]] == ["ambiguous"]


def test_what_started_nothing_stays_open_and_is_not_sent_again(relay: Relay, standin: StandIn) -> None:
    standin.script("dispatch", "cut")
    relay_id = dispatch(relay)
    until(lambda: relay.request(relay_id)["detail"] == "looking for its run: not listed yet", 20, "a list without it")
    assert relay.request(relay_id)["state"] == "ambiguous"
    (again,) = relay.post(grafana_body(alert("kospi", annotations={"again": "yes"}))).json()["alerts"]
    assert again["reason"] == "duplicate" and again["relay_id"] == relay_id
    (resolve,) = relay.post(grafana_body(alert("kospi", status="resolved"))).json()["alerts"]
    assert (resolve["verdict"], resolve["reason"]) == ("resolved", "quiet"), "nothing is given back"
    assert relay.request(relay_id)["state"] == "ambiguous"
    stays(lambda: len(standin.api.judge.posts()) == 1, 2, "one POST")
    standin.assert_clean()


def test_a_run_accepted_without_an_id_is_found(relay: Relay, standin: StandIn) -> None:
    standin.set(details_given=False)
    relay_id = dispatch(relay)
    assert relay.wait_request(relay_id, *LOOKED_FOR)["state"] == "accepted_no_id"
    request = assert_found(relay, standin, relay_id)
    assert [a["outcome"] for a in request["attempts"]] == ["accepted_no_id"]


def test_a_run_that_is_listed_late_is_found(relay: Relay, standin: StandIn) -> None:
    standin.set(list_lag_s=8)
    standin.script("dispatch", "answer", status=502, start=1)
    relay_id = dispatch(relay)
    assert_found(relay, standin, relay_id)
    assert standin.judge()["requests"]["list"] >= 2


def test_of_two_runs_the_oldest_is_adopted_and_the_other_told(relay: Relay, standin: StandIn) -> None:
    standin.script("dispatch", "cut", start=2)
    relay_id = dispatch(relay)
    request = assert_found(relay, standin, relay_id)
    first, second = sorted(r["id"] for r in standin.runs(relay_id))
    assert request["run"]["id"] == first and str(second) in request["detail"]
    assert relay.metrics().sum("drift_relay_duplicate_runs_total", target="retrain") == 1
    assert standin.judge()["runs"][relay_id] == [first, second]


def test_a_run_that_is_listed_twice_is_one(relay: Relay, standin: StandIn) -> None:
    standin.set(listed_twice=True)
    standin.script("dispatch", "cut", start=1)
    assert assert_found(relay, standin, dispatch(relay))["detail"] is None
    assert relay.metrics().sum("drift_relay_duplicate_runs_total") == 0


@pytest.mark.parametrize("when", ["before the answer", "while it is looked for"])
def test_a_kill_loses_no_run(relay: Relay, standin: StandIn, when: str) -> None:
    if when == "before the answer":
        standin.script("dispatch", "hang", start=1)
    else:
        standin.script("dispatch", "cut", start=1)
        standin.set(list_lag_s=6)
    relay_id = dispatch(relay)
    standin.wait_run(relay_id)
    if when == "while it is looked for":
        until(lambda: relay.request(relay_id)["state"] == "ambiguous", 10, "ambiguous")
    relay.kill9()
    relay.start()
    assert relay.request(relay_id)["state"] == "ambiguous"
    assert_found(relay, standin, relay_id)


@pytest.mark.parametrize("off_s", [-600, 600])
def test_githubs_clock_may_be_another(relay: Relay, standin: StandIn, off_s: float) -> None:
    standin.set(clock_off_s=off_s)
    standin.script("dispatch", "cut", start=1)
    assert_found(relay, standin, dispatch(relay))


def test_lists_that_fail_are_asked_again(relay: Relay, standin: StandIn) -> None:
    standin.script("dispatch", "cut", start=1)
    standin.script("list", "answer", status=404, body={"message": "Not Found"})
    standin.script("list", "rate_secondary", seconds=1)
    relay_id = dispatch(relay)
    until(lambda: "Not Found" in (relay.request(relay_id)["detail"] or ""), 20, "the words of the failure")
    assert relay.request(relay_id)["state"] == "ambiguous"
    assert_found(relay, standin, relay_id, timeout=60)


def test_its_run_is_found_among_many_that_look_alike(relay: Relay, standin: StandIn) -> None:
    def start(relay_id: str, model: str) -> None:
        api = standin.api
        api.runs.start(Dispatch("main", {"relay_id": relay_id, "model": model}, False, {}), api.workflow)

    start("01ARZ3NDEKTSV4RRFFQ69G5FAV", "older")
    standin.script("dispatch", "cut", start=1)
    relay_id = dispatch(relay)
    run = standin.wait_run(relay_id)
    for n in range(120):
        start(f"{relay_id[:-1]}!", f"{n} {relay_id}")
    request = assert_found(relay, standin, relay_id)
    assert request["run"]["id"] == run["id"]
    assert standin.judge()["requests"]["list"] == 3


def test_without_correlation_nothing_is_looked_for(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    relay = make_relay({"targets": {"correlation": "none"}}).start()
    standin.script("dispatch", "cut", start=1)
    request = relay.wait_request(dispatch(relay), "parked")
    assert request["reason"] == "may_have_run"
    stays(lambda: standin.judge()["requests"] == {"dispatch": 1}, 7, "one POST and no list")
