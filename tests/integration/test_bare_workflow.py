"""A workflow that says `on: workflow_dispatch:` and no more, with no config but the environment: what the lesson has.

GitHub takes no input of it, an older server no return_run_details either. The first POST finds out, at the price of a 422
for each, and no later one asks again, whatever became of the process meanwhile.
"""
from __future__ import annotations

from typing import Any, Callable

import pytest

from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.relay_config import SECRET

FILE = """name: retrain
on:
  workflow_dispatch:
jobs:
  retrain:
    runs-on: ubuntu-latest
    steps:
      - run: ./train
"""
# (server, outcomes of the first request and of a later one, its end)
SERVERS: list[tuple[str, dict[str, Any], list[str], list[str], str]] = [
    ("github.com", {}, ["no_relay_id", "accepted"], ["accepted"], "success"),
    ("one without return_run_details", {"details_known": False}, ["no_run_details", "no_relay_id", "accepted_no_id"],
     ["accepted_no_id"], "untracked"),
]


@pytest.fixture
def lesson(make_relay: Callable[..., Relay], standin: StandIn) -> Relay:
    """The relay of somebody who set the lesson's variables."""
    standin.set(inputs=[], run_name="retrain")
    standin.api.reads.file = FILE
    relay = make_relay(env_only=True)
    relay.env = {"REPO_OWNER": "acme", "REPO_NAME": "kospi", "WORKFLOW_FILENAME": "retrain.yml",
                 "GITHUB_ACCESS_TOKEN": TOKEN, "GITHUB_API_URL": standin.url, "WEBHOOK_SECRET": SECRET,
                 "RELAY_LISTEN": "127.0.0.1:0", "RELAY_ADMIN_LISTEN": "127.0.0.1:0",
                 "RELAY_STATE_DIR": str(relay.folder)}
    return relay


def ended(relay: Relay, model: str) -> tuple[list[str], str, str]:
    """Fires an alert of a model: its POSTs' outcomes, and its end."""
    (one,) = relay.post(grafana_body(alert(model))).json()["alerts"]
    request = relay.wait_request(one["relay_id"], "done", "dead", "parked")
    return [a["outcome"] for a in request["attempts"]], request["state"], request["reason"]


@pytest.mark.parametrize("server, first, later, end", [row[1:] for row in SERVERS], ids=[row[0] for row in SERVERS])
def test_a_bare_workflow_is_started_and_its_lack_of_inputs_remembered(
        lesson: Relay, standin: StandIn, server: dict[str, Any], first: list[str], later: list[str], end: str) -> None:
    standin.set(**server)
    lesson.start()
    assert ended(lesson, "a") == (first, "done", end)
    lesson.kill9()
    lesson.start()
    assert ended(lesson, "b") == (later, "done", end)
    posts = standin.api.judge.posts()
    words = {"no_run_details": '"return_run_details" is not a permitted key',
             "no_relay_id": 'Unexpected inputs provided: ["relay_id"]'}
    assert len(posts) == len(first + later)
    for post, outcome in zip(posts, first):
        assert words.get(outcome, "") in post.message
        assert post.status == (422 if outcome in words else 200 if outcome == "accepted" else 204)
    assert [set(p.inputs or {}) for p in posts] == [{"relay_id"}] * (len(first) - 1) + [set(), set()]
    assert len(standin.runs()) == 2
    standin.assert_clean()


def test_the_check_says_what_a_bare_workflow_lacks(lesson: Relay) -> None:
    found = lesson.cli("check", "--online")
    assert found.returncode == 0, found
    lines = [line for line in found.stdout.splitlines() if "relay_id" in line]
    assert len(lines) == 2 and all("warning" in line for line in lines), found.stdout
    assert "input" in lines[0] and "run-name" in lines[1], found.stdout
