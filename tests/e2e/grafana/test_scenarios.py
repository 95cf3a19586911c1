"""From a fresh Grafana to a retraining and back: provisioned, seeded, drifted, retrained, annotated, edited.

Twice: with a stand-in for Grafana that behaves as recorded, and with a real one where GRAFANA_HOME names it
(make test-grafana). The scenarios are the same, and ask both over HTTP alone.
"""
from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from tests.e2e.grafana.houses import House, RealHouse, StandInHouse
from tests.support.github_standin import StandIn
from tests.support.relay import ROOT, Relay
from tests.support.relay_config import write_secret
from tests.support.wait import until

FOLDER, GROUP, UID, OTHER = "ml-drift", "drift", "drift-ma5", "drift-ma20"
KEY = "kospi/kospi-prediction-model"
HOUSES = {"stand-in": StandInHouse, "real": RealHouse}


class World:
    """A Grafana, a relay that it notifies, and the GitHub behind that."""

    def __init__(self, house: House, relay: Relay, github: StandIn) -> None:
        self.house, self.relay, self.github = house, relay, github
        self.rules = house.folder / "rules"
        self.rules.mkdir()
        self.token = write_secret(relay.folder, "grafana-token", house.token)
        for uid in (UID, OTHER):
            rule = json.loads((ROOT / "grafana" / "rules" / f"{uid}.json").read_text(encoding="utf-8"))
            rule["for"] = "0s"
            rule["notification_settings"].update(group_wait="1s", group_interval="5s")
            if uid == OTHER:  # the page has one gauge
                rule["data"][0]["model"]["expr"] = "max(data_drift_score_ma5) - 10"
            (self.rules / f"{uid}.json").write_text(json.dumps(rule), encoding="utf-8")

    def cli(self, *arguments: str) -> Any:
        """JSON that `drift-relay grafana …` prints."""
        done = self.relay.cli("grafana", *arguments, "--json", str(self.rules), timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def seed(self) -> dict[str, str]:
        """uid: what became of it."""
        said = self.cli("seed", "--url", self.house.url, "--token-file", self.token, "--folder-title", "Model drift")
        return {r["uid"]: r["outcome"] for r in said["rules"]}

    def check(self) -> list[str]:
        """The texts of what `grafana check` finds about the rule; nothing is at fault."""
        said = self.cli("check", "--config", str(self.relay.config_file))
        assert said["errors"] == 0, said
        return [f["text"] for f in said["findings"] if f["subject"] in ("rule", "test", "contact-point")]

    def requests(self) -> list[dict[str, Any]]:
        """All that the relay asked GitHub for."""
        found: list[dict[str, Any]] = self.relay.api("requests")["items"]
        return found

    def decisions(self) -> list[str]:
        """verdict/reason of every alert that was heard, oldest first."""
        items = self.relay.api("notifications")["items"]
        return [f"{a['verdict']}/{a['reason']}" for n in reversed(items) for a in n["alerts"]]

    def drift(self) -> str:
        """The score rises; the relay_id of the request that follows."""
        self.house.gauge.value = 0.93
        (request,) = until(self.requests, self.house.patience, "a request", 0.05)
        return str(request["relay_id"])

    def threshold(self) -> float:
        """As the relay exports it."""
        return self.relay.metrics().sum("drift_relay_rule_threshold", rule=UID, model="kospi-prediction-model")

    def one_run(self) -> None:
        """GitHub's side of it."""
        assert self.github.judge()["runs_total"] == 1 and len(self.requests()) == 1, self.decisions()


@pytest.fixture(name="world", params=list(HOUSES))
def _world(request: Any, make_relay: Callable[..., Relay], standin: StandIn, tmp_path: Path) -> Iterator[World]:
    if request.param == "real" and not os.environ.get("GRAFANA_HOME"):
        pytest.skip("GRAFANA_HOME names no Grafana: only the stand-in was asked (make test-grafana GRAFANA_HOME=…)")
    house = HOUSES[request.param](tmp_path)
    try:
        relay = make_relay()
        assert isinstance(relay.config, dict)
        relay.write_config({**relay.config, "grafana": {"url": house.url, "token_file": str(relay.folder / "grafana-token")}})
        relay.start()
        house.hook = f"http://127.0.0.1:{relay.port}/hooks/grafana"
        house.start()
        world = World(house, relay, standin)
        assert set(world.seed().values()) == {"created"}
        house.quicken(FOLDER, GROUP)
        house.evaluated("Data drift MA5")
        yield world
    finally:
        house.close()


def note_of(world: World, relay_id: str) -> Any:
    """The one annotation of a request, once it has an end."""
    found = world.house.ask("GET", f"/api/annotations?type=annotation&tags=relay_id%3A{relay_id}")
    assert len(found) <= 1, found
    return found[0] if found and "conclusion:running" not in found[0]["tags"] else None


def test_a_fresh_grafana_leads_to_one_run_and_an_edit_to_none(world: World) -> None:
    house = world.house
    (point,) = house.ask("GET", "/api/v1/provisioning/contact-points?name=drift-relay")
    assert point["settings"]["hmacConfig"]["secret"] == "[REDACTED]"
    boards = {b["uid"] for b in house.ask("GET", "/api/search?type=dash-db")}
    assert boards == {p.stem for p in (ROOT / "grafana" / "dashboards").glob("*.json")}
    texts = world.check()
    assert any("sent its test" in t for t in texts) and any("as it was seeded" in t for t in texts), texts
    assert world.decisions() == ["ignored/test"]

    begun = time.monotonic()
    relay_id = world.drift()
    world.github.wait_run(relay_id)
    run_s = time.monotonic() - begun
    note = until(lambda: note_of(world, relay_id), house.patience, "the region of the run", 0.1)
    print(f"{house.name}: drift to run {run_s:.1f} s, to the annotated end of the run {time.monotonic() - begun:.1f} s")
    assert {"retraining", "conclusion:success", "route:kospi"} <= set(note["tags"]) and note["time"] < note["timeEnd"]

    house.edit(FOLDER, GROUP, UID, 0.9)  # fires on: the edit looks like an end and a new beginning
    house.evaluated("Data drift MA5")
    if house.tells_edits:
        until(lambda: "suppressed/not_rearmed" in world.decisions(), house.patience, "the edit at the relay", 0.1)
    house.edit(FOLDER, GROUP, UID, 0.95)
    until(lambda: world.decisions()[-1].startswith("resolved/"), house.patience, "the end at the relay", 0.1)
    assert world.relay.process is not None
    world.relay.process.signal(1)  # reads the rules at once; otherwise each minute
    until(lambda: world.threshold() == 0.95, house.patience, "the new threshold exported", 0.1)
    assert any("threshold > 0.95 instead of > 0.8" in t for t in world.check())

    assert world.seed() == {UID: "kept", OTHER: "kept"}
    house.end()
    house.start()
    assert any("threshold > 0.95 instead of > 0.8" in t for t in world.check())
    house.edit(FOLDER, GROUP, OTHER, None)
    assert world.seed() == {UID: "kept", OTHER: "deleted"}
    assert any("deleted since" in t for t in world.check())
    world.one_run()


def test_a_grafana_that_is_killed_while_it_fires_starts_no_second_run(world: World) -> None:
    relay_id = world.drift()
    world.github.wait_run(relay_id)
    heard = len(world.decisions())
    world.house.end(killed=True)
    world.house.start()
    until(lambda: len(world.decisions()) > heard, world.house.patience, "the same alert once more", 0.1)
    world.relay.wait_request(relay_id, "done")
    assert set(world.decisions()[heard:]) <= {"suppressed/duplicate", "suppressed/running", "suppressed/not_rearmed"}
    world.one_run()


def test_a_data_source_that_goes_and_comes_back_starts_no_run(world: World) -> None:
    house = world.house
    house.source(False)
    house.evaluated("Data drift MA5", "error")
    house.source(True)
    house.evaluated("Data drift MA5")
    assert world.requests() == [] and world.decisions() == []
    relay_id = world.drift()
    world.github.wait_run(relay_id)
    heard = len(world.decisions())
    house.source(False)
    house.evaluated("Data drift MA5", "error")
    house.source(True)
    house.evaluated("Data drift MA5")
    assert not [d for d in world.decisions()[heard:] if d.startswith("dispatch")]
    world.one_run()
