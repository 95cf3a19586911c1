"""Every story a real Grafana told, played in order on a fresh store: each decision as expected.

A run is polled 5 s after its dispatch at the earliest, so the stories are played side by side and the
tests look at what came out.
"""
from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Iterator

import pytest

from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import Recording, recordings, stories
from tests.support.relay import Relay
from tests.support.relay_config import base_config, hmac_source

STORIES = stories()
SIDE_BY_SIDE = 6


class Played:
    """What came of one story."""

    def __init__(self, story: str) -> None:
        self.answers: list[tuple[Recording, Any]] = []
        self.replays: list[tuple[Recording, Any]] = []
        self.kinds: list[Any] = []
        self.log = ""
        self.verdict: dict[str, Any] = {}
        with StandIn() as github:
            github.set(queued_s=0, in_progress_s=0)
            relay = Relay()
            try:
                relay.write_config(_config(relay, github, STORIES[story]))
                relay.start()
                self._play(relay, github, STORIES[story])
                assert relay.term() == 0
            finally:
                self.log = relay.log_tail()
                relay.close()

    def _play(self, relay: Relay, github: StandIn, steps: list[Recording]) -> None:
        for recording in steps:
            headers = recording.signed()
            answer = relay.post(recording.body, recording.path, headers=headers)
            self.answers.append((recording, answer))
            assert answer.status == 202, answer.body
            self.replays.append((recording, relay.post(recording.body, recording.path, headers=headers)))
            for relay_id in {a["relay_id"] for a in answer.json()["alerts"] if a["verdict"] == "dispatch"}:
                assert relay.wait_request(relay_id, "done", timeout=60)["reason"] == "success"
        self.verdict = github.judge()


def _config(relay: Relay, github: StandIn, steps: list[Recording]) -> dict[str, Any]:
    """The route the expectations were written for, and a source for each path of the story."""
    config = base_config(relay.folder, github.url, TOKEN)
    sources = {}
    for r in steps:
        name = r.path.rpartition("/")[2]
        sources[name] = hmac_source(relay.folder, name, (r.secret,), r.timestamp_header)
    return {**config, "sources": list(sources.values())}


@pytest.fixture(scope="module")
def played(request: Any) -> Iterator[dict[str, "Future[Played]"]]:
    """The stories that this process was asked to look at, some at a time."""
    wanted = {item.callspec.params.get("story") for item in request.session.items if hasattr(item, "callspec")}
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {story: pool.submit(Played, story) for story in STORIES if story in wanted}


def test_the_recordings_are_there() -> None:
    assert len(recordings()) == 52 and len(STORIES) == 26


@pytest.mark.parametrize("story", STORIES)
def test_a_story_gets_the_expected_decisions(played: dict[str, "Future[Played]"], story: str) -> None:
    result = played[story].result(timeout=600)
    print(result.log)
    for recording, answer in result.answers:
        got = [(a["fingerprint"], f"{a['verdict']}/{a['reason']}") for a in answer.json()["alerts"]]
        assert got == recording.decisions(), recording.name
    for recording, answer in result.replays:
        said = answer.json()
        assert answer.status == 202, recording.name
        if recording.timestamp_header:
            first = next(a for r, a in result.answers if r is recording).json()
            assert said == {**first, "duplicate": True}, recording.name


@pytest.mark.parametrize("story", STORIES)
def test_a_story_starts_one_run_at_most(played: dict[str, "Future[Played]"], story: str) -> None:
    result = played[story].result(timeout=600)
    dispatched = any(d == "dispatch/first" for r, _ in result.answers for _, d in r.decisions())
    assert result.verdict["runs_total"] == (1 if dispatched else 0)
    assert result.verdict["violations"] == [] and result.verdict["without_proof"] == 0
