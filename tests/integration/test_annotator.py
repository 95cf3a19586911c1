"""What Grafana is told of each retraining, and what the relay exports of its rules."""
from __future__ import annotations

import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from tests.integration.test_grafana_seed import rule
from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.grafana_standin import TOKEN, GrafanaStandIn
from tests.support.relay import Relay
from tests.support.relay_config import write_secret
from tests.support.wait import until
from tests.support.wall_clock import WallClock

THRESHOLD = "drift_relay_rule_threshold"


@pytest.fixture(name="grafana")
def _grafana() -> Iterator[GrafanaStandIn]:
    with GrafanaStandIn() as grafana:
        yield grafana
        grafana.assert_clean()


@pytest.fixture(name="make")
def _make(make_relay: Callable[..., Relay], grafana: GrafanaStandIn) -> Callable[..., Relay]:
    """A relay that is not started, with this Grafana in its config."""
    def make(*changes: Any, **more: Any) -> Relay:
        relay = make_relay(*changes, **more)
        assert isinstance(relay.config, dict)
        token = write_secret(relay.folder, "grafana-token", TOKEN)
        relay.write_config({**relay.config, "grafana": {"url": grafana.url + "/", "token_file": token}})
        return relay
    return make


def start_run(relay: Relay, model: str = "kospi") -> str:
    """An alert that starts a run; its relay_id."""
    (decision,) = relay.post(grafana_body(alert(model))).json()["alerts"]
    return str(decision["relay_id"])


def note_of(grafana: GrafanaStandIn, relay_id: str) -> dict[str, Any]:
    """The one annotation of a request; {} while there is none."""
    notes = grafana.notes(f"relay_id:{relay_id}")
    assert len(notes) <= 1, notes
    return notes[0] if notes else {}


def wait_end(grafana: GrafanaStandIn, relay_id: str) -> dict[str, Any]:
    """Its annotation, once it has an end."""
    return until(lambda: (lambda n: n if n and "conclusion:running" not in n["tags"] else None)(
        note_of(grafana, relay_id)), 60, f"the end of {relay_id} in Grafana")


def exported(relay: Relay) -> dict[tuple[str, str], float]:
    """Thresholds by rule and model."""
    return {(labels["rule"], labels["model"]): value for name, labels, value in relay.metrics().samples
            if name == THRESHOLD}


def test_a_retraining_is_a_region_that_is_written_once_over_restarts(
        make: Callable[[], Relay], standin: StandIn, grafana: GrafanaStandIn) -> None:
    standin.set(in_progress_s=None)
    relay = make().start()
    begun = time.time() * 1000
    relay_id, deleted = start_run(relay), start_run(relay, "other")
    note = until(lambda: note_of(grafana, relay_id), 30, "an annotation")
    until(lambda: note_of(grafana, deleted), 30, "another annotation")
    assert "conclusion:running" in note["tags"] and note["timeEnd"] == note["time"]
    assert begun - 2000 <= note["time"] <= time.time() * 1000
    relay.kill9()
    asked = len(grafana.asked)
    relay.start()
    until(lambda: any(deleted in a.path and a.judged for a in grafana.asked[asked:]), 30, "a look for what was written before")
    with grafana.lock:  # people may delete them
        grafana.state.annotations = [a for a in grafana.state.annotations if f"relay_id:{deleted}" not in a["tags"]]
    for run in standin.runs():
        standin.server.control.finish({"run_id": run["id"], "conclusion": "failure"})
    note = wait_end(grafana, relay_id)
    assert set(note["tags"]) == {"retraining", f"relay_id:{relay_id}", "route:kospi", "target:retrain",
                                 "conclusion:failure"}
    assert note["time"] < note["timeEnd"] <= time.time() * 1000
    request = relay.request(relay_id)
    ended = datetime.fromisoformat(request["ended_at"].replace("Z", "+00:00"))
    assert note["timeEnd"] == round(ended.timestamp() * 1000)
    for words in ("Retraining kospi/kospi: failure", f'<a href="{request["run"]["url"]}"', "Started by an alert",
                  request["notification"]):
        assert words in note["text"], note["text"]
    until(lambda: len([a for a in grafana.writes() if a.method == "PATCH"]) == 2, 60, "the other end being written")
    assert relay.metrics().sum("drift_relay_annotations_total", result="patched") == 1
    asked = len(grafana.asked)
    relay.restart()
    until(lambda: any(relay_id in a.path for a in grafana.asked[asked:]), 30, "a look for it")
    assert relay.term() == 0
    assert note_of(grafana, relay_id)["text"] == note["text"]
    assert len([a for a in grafana.writes() if a.method == "POST" and relay_id in str(a.body)]) == 1


def test_thresholds_in_force_are_exported_for_the_rules_that_lead_to_a_route(
        make: Callable[[], Relay], grafana: GrafanaStandIn) -> None:
    for r in (rule("ma5"), rule("series", labels={"action": "retrain", "model": "{{ $labels.model }}"}),
              rule("unknown", labels={"model": "kospi"})):
        grafana.state.rules[r["uid"]] = r
    relay = make().start()
    until(lambda: exported(relay) == {("ma5", "kospi"): 0.8, ("series", ""): 0.8}, 30, "two thresholds")
    grafana.edit_threshold("ma5", 0.95)
    grafana.delete_rule("series")
    assert relay.process is not None
    relay.process.signal(signal.SIGHUP)  # reads them at once; otherwise each minute
    until(lambda: exported(relay) == {("ma5", "kospi"): 0.95}, 30, "the edited threshold alone")


def test_a_grafana_that_is_away_gets_everything_later_and_nothing_twice(
        make: Callable[[], Relay], grafana: GrafanaStandIn) -> None:
    grafana.stop()
    relay = make().start()
    relay_id = start_run(relay)
    until(lambda: "event=grafana_away" in relay.log_text(), 30, "a line about it")
    relay.wait_request(relay_id, "done")
    assert relay.admin("/readyz").status == 200
    grafana.script("POST", "/api/annotations", "lost")
    assert relay.log_text().count("event=grafana_away") == 1
    grafana.start()
    assert relay.process is not None
    relay.process.signal(signal.SIGHUP)  # tries at once; otherwise within 5 minutes
    until(lambda: "event=grafana_back" in relay.log_text(), 60, "a line that it is back")
    assert "conclusion:success" in note_of(grafana, relay_id)["tags"]


def test_one_that_grafana_makes_after_its_answer_was_lost_is_not_made_twice(
        make: Callable[[], Relay], grafana: GrafanaStandIn) -> None:
    grafana.script("POST", "/api/annotations", "late")
    relay = make().start()
    relay_id = start_run(relay)
    until(lambda: grafana.late, 30, "Grafana getting round to it")
    assert "conclusion:success" in wait_end(grafana, relay_id)["tags"]
    assert len([a for a in grafana.writes() if a.method == "POST"]) == 1


def test_one_that_is_always_refused_holds_up_no_other(make: Callable[[], Relay], grafana: GrafanaStandIn) -> None:
    look = "/api/annotations?type=annotation&tags=retraining&tags=relay_id%3A"
    grafana.script("GET", look, "answer", count=10 ** 6, status=500)
    relay = make().start()
    bad = start_run(relay, "bad")
    until(lambda: [a for a in grafana.asked if bad in a.path], 30, "a look for the bad one")
    grafana.unscript()
    grafana.script("GET", look + bad, "answer", count=10 ** 6, status=500)
    good = start_run(relay, "good")
    assert "conclusion:success" in wait_end(grafana, good)["tags"]
    assert note_of(grafana, bad) == {}
    assert relay.log_text().count(f"event=refused relay_id={bad}") == 1


def test_a_grafana_whose_rules_are_not_there_is_annotated_all_the_same(
        make: Callable[[], Relay], grafana: GrafanaStandIn) -> None:
    grafana.script("GET", "/api/v1/provisioning/alert-rules", "answer", count=10 ** 6, status=404)
    grafana.script("GET", "/api/annotations", "answer", status=404)
    relay = make().start()
    relay_id = start_run(relay)
    assert "conclusion:success" in wait_end(grafana, relay_id)["tags"]
    assert relay.log_text().count("event=rules_refused") == 1 and "event=grafana_away" not in relay.log_text()
    assert relay.metrics().sum("drift_relay_annotations_total", result="refused") == 1


def test_a_run_that_began_ten_days_ago_is_found_behind_what_ended_since(
        make: Callable[..., Relay], standin: StandIn, grafana: GrafanaStandIn, tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    standin.set(in_progress_s=None)
    relay = make({"routes": {"budget": {"max": 100, "per": "24h"}}}, env=clock.env).start()
    relay_id = start_run(relay)
    until(lambda: note_of(grafana, relay_id), 30, "an annotation")
    many = [f"m{i}" for i in range(25)]  # more than a page; all but one or two end before they are POSTed
    relay.post(grafana_body(*[alert(m) for m in many]))
    relay.post(grafana_body(*[alert(m, "resolved") for m in many]))
    until(lambda: relay.metrics().sum("drift_relay_requests", state="dead") >= 21, 30, "the end of the others")
    relay.kill9()
    clock.step(10 * 86400)
    relay.start()
    for run in standin.runs():
        standin.server.control.finish({"run_id": run["id"], "conclusion": "success"})
    assert "conclusion:success" in wait_end(grafana, relay_id)["tags"]


def test_a_refused_token_is_told_with_its_remedy_and_a_new_one_works_at_once(
        make: Callable[[], Relay], grafana: GrafanaStandIn) -> None:
    grafana.tokens = {"glsa_another": "Editor"}
    grafana.state.rules["ma5"] = rule("ma5")
    relay = make().start()
    until(lambda: "event=grafana_away" in relay.log_text(), 30, "a line about it")
    assert "role Editor" in relay.log_text() and TOKEN not in relay.log_text()
    write_secret(relay.folder, "grafana-token", "glsa_another")
    until(lambda: exported(relay), 30, "the thresholds")


def test_a_grafana_that_hangs_does_not_hold_up_the_end(make: Callable[[], Relay], grafana: GrafanaStandIn) -> None:
    grafana.script("GET", "/api/v1/provisioning/alert-rules", "hang")
    relay = make().start()
    until(lambda: grafana.asked, 30, "a call")
    begun = time.monotonic()
    assert relay.term() == 0
    assert time.monotonic() - begun < 10


def test_a_config_that_gains_a_grafana_asks_it(make: Callable[[], Relay], grafana: GrafanaStandIn) -> None:
    grafana.state.rules["ma5"] = rule("ma5")
    relay = make()
    config = relay.config
    assert isinstance(config, dict)
    relay.write_config({k: v for k, v in config.items() if k != "grafana"})
    relay.start()
    assert exported(relay) == {} and grafana.asked == []
    relay.write_config(config)
    until(lambda: exported(relay) == {("ma5", "kospi"): 0.8}, 30, "the threshold")
    relay.write_config({k: v for k, v in config.items() if k != "grafana"})
    until(lambda: exported(relay) == {}, 30, "no threshold that nobody reads")
