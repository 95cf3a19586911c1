"""Runs that are followed to an end that needs a second look: superseded or cancelled, and in a repository that was renamed.

What takes minutes or hours is in tests/unit/test_request_poll.c and tests/unit/test_core_find.c.
"""
from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from tests.support.github_rules import Dispatch
from tests.support.github_runs import Run
from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.wait import until


def dispatch(relay: Relay, model: str) -> str:
    """Posts a firing alert of a model; the relay_id of its request."""
    (one,) = relay.post(grafana_body(alert(model))).json()["alerts"]
    assert (one["verdict"], one["reason"]) == ("dispatch", "first")
    return str(one["relay_id"])


def run_of(standin: StandIn, relay_id: str) -> Run:
    """The stand-in's run of a request."""
    return standin.api.runs.get(str(standin.wait_run(relay_id)["id"]))


def test_a_run_whose_place_was_taken_is_told_from_one_that_somebody_cancelled(relay: Relay, standin: StandIn) -> None:
    """The regular run of the same workflow takes it, as its concurrency group is the same."""
    standin.set(queued_s=None, pending=True)
    ids = [dispatch(relay, "a")]
    standin.wait_run(ids[0])
    api = standin.api
    scheduled = api.runs.start(Dispatch("main", {"relay_id": "", "model": ""}, False, {}), api.workflow)
    scheduled.event = "schedule"
    ids.append(dispatch(relay, "b"))
    for relay_id in ids:
        until(lambda i=relay_id: (relay.request(i)["run"] or {}).get("status") == "pending", 30, "a run that waits")
    relay.kill9()
    runs = [run_of(standin, relay_id) for relay_id in ids]
    now = datetime.now(timezone.utc)  # however slow this machine was:
    scheduled.created, runs[1].created = now - timedelta(seconds=5), now - timedelta(minutes=10)
    for run in runs:
        api.runs.cancel(run)
    relay.start()
    found = [relay.wait_request(relay_id, "done") for relay_id in ids]
    assert [request["reason"] for request in found] == ["superseded", "cancelled"]
    assert [request["run"]["conclusion"] for request in found] == ["cancelled", "cancelled"]
    assert "a newer run took its place" in found[0]["detail"] and "no newer run" in found[1]["detail"]
    metrics = relay.metrics()
    for reason in ("superseded", "cancelled"):
        assert metrics.sum("drift_relay_run_conclusions_total", target="retrain", conclusion=reason) == 1
    standin.assert_clean()


def test_reads_follow_a_repository_that_was_renamed(relay: Relay, standin: StandIn) -> None:
    standin.set(queued_s=None)
    followed = dispatch(relay, "a")
    relay.wait_request(followed, "accepted", "running")
    standin.script("dispatch", "cut", start=1)
    looked_for = dispatch(relay, "b")
    relay.wait_request(looked_for, "ambiguous")
    relay.kill9()
    standin.api.reads.former, standin.api.repo = standin.api.repo, "acme/renamed"
    standin.script("run", "redirect", status=301, location="http://127.0.0.2:9/repositories/1/actions/runs/1")
    for relay_id in (followed, looked_for):
        standin.api.runs.finish(run_of(standin, relay_id), "success")
    relay.start()
    for relay_id in (followed, looked_for):
        request = relay.wait_request(relay_id, "done", "dead", "parked")
        assert (request["state"], request["reason"]) == ("done", "success"), request
        assert len(standin.api.judge.posts(relay_id)) == 1
        moved = re.findall(rf"event=moved relay_id={relay_id} to=(\S+)", relay.log_text())
        assert moved and all(url.startswith(standin.url + "/repositories/1/") for url in moved)
    assert relay.request(looked_for)["attempts"][0]["outcome"] == "ambiguous"
    standin.assert_clean()
