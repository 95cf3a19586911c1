"""The stand-in refuses what GitHub refuses, lives and fails as told, and judges rightly.

Everything else rests on it: a stand-in that accepts too much would let a broken relay pass.
"""
from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any, Optional

import pytest

from tests.support import http
from tests.support.github_rules import Input, Workflow, run_title
from tests.support.github_runs import Run
from tests.support.github_standin import TOKEN, StandIn
from tests.support.relay import ROOT
from tests.support.wait import until

DISPATCH = "/repos/acme/kospi/actions/workflows/retrain.yml/dispatches"
GOOD_HEADERS = {"User-Agent": "test/1", "Accept": "application/vnd.github+json", "Authorization": f"Bearer {TOKEN}",
                "X-GitHub-Api-Version": "2022-11-28", "Content-Type": "application/json"}
GOOD_BODY = {"ref": "main", "inputs": {"relay_id": "01JD", "model": "kospi"}, "return_run_details": True}


@pytest.fixture
def strict() -> Any:
    """A workflow with a required input and a choice."""
    inputs = {"relay_id": Input(required=True), "model": Input("choice", options=("kospi", "nasdaq"))}
    with StandIn(workflow=Workflow(inputs=inputs)) as github:
        yield github


def ask(github: StandIn, method: str, path: str, body: Any = None, headers: Optional[dict[str, Any]] = None,
        timeout: float = 10) -> http.Answer:
    """A request with good headers, changed by `headers` (None removes one)."""
    send = {k: v for k, v in {**GOOD_HEADERS, **(headers or {})}.items() if v is not None}
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return http.once(github.port, method, path, send, raw, timeout)


def dispatch(github: StandIn, body: Any = None, **more: Any) -> http.Answer:
    """A good dispatch unless told otherwise."""
    return ask(github, "POST", more.pop("path", DISPATCH), GOOD_BODY if body is None else body, **more)


def without(name: str) -> dict[str, Any]:
    return {k: v for k, v in GOOD_BODY.items() if k != name}


def with_inputs(**inputs: Any) -> dict[str, Any]:
    return {**GOOD_BODY, "inputs": inputs}


REFUSED = [
    # name, settings, headers, path, body, status, words of the message
    ("no User-Agent", {}, {"User-Agent": None}, DISPATCH, GOOD_BODY, 403, "User-Agent"),
    ("no token", {}, {"Authorization": None}, DISPATCH, GOOD_BODY, 401, "Bad credentials"),
    ("wrong token", {}, {"Authorization": "Bearer nope"}, DISPATCH, GOOD_BODY, 401, "Bad credentials"),
    ("basic instead of bearer", {}, {"Authorization": f"Basic {TOKEN}"}, DISPATCH, GOOD_BODY, 401, "Bad credentials"),
    ("revoked token", {"tokens": ["other"]}, {}, DISPATCH, GOOD_BODY, 401, "Bad credentials"),
    ("unknown API version", {}, {"X-GitHub-Api-Version": "2020-01-01"}, DISPATCH, GOOD_BODY, 400, "not supported"),
    ("truncated JSON", {}, {}, DISPATCH, b'{"ref":"main"', 400, "Problems parsing JSON"),
    ("bad UTF-8", {}, {}, DISPATCH, b'{"ref":"\xff"}', 400, "Problems parsing JSON"),
    ("a key twice", {}, {}, DISPATCH, b'{"ref":"main","ref":"main"}', 400, "Problems parsing JSON"),
    ("a list", {}, {}, DISPATCH, [1], 400, "should be a JSON object"),
    ("no ref", {}, {}, DISPATCH, without("ref"), 422, '"ref" wasn\'t supplied'),
    ("ref a number", {}, {}, DISPATCH, {**GOOD_BODY, "ref": 1}, 422, "not a string"),
    ("unknown ref", {}, {}, DISPATCH, {**GOOD_BODY, "ref": "mian"}, 422, "No ref found for: mian"),
    ("a commit hash", {}, {}, DISPATCH, {**GOOD_BODY, "ref": "4b825dc6"}, 422, "No ref found for"),
    ("unknown repository", {}, {}, DISPATCH.replace("kospi", "other"), GOOD_BODY, 404, "Not Found"),
    ("unknown workflow", {}, {}, DISPATCH.replace("retrain", "x"), GOOD_BODY, 404, "Not Found"),
    ("workflow as a path", {}, {}, DISPATCH.replace("retrain", ".github%2Fworkflows%2Fretrain"), GOOD_BODY, 404, "Not"),
    ("trailing slash", {}, {}, DISPATCH + "/", GOOD_BODY, 404, "Not Found"),
    ("undeclared input", {}, {}, DISPATCH, with_inputs(relay_id="1", x="2"), 422, 'Unexpected inputs provided: ["x"]'),
    ("required input missing", {}, {}, DISPATCH, with_inputs(model="kospi"), 422, "Required input 'relay_id' not prov"),
    ("choice not allowed", {}, {}, DISPATCH, with_inputs(relay_id="1", model="dax"), 422, "not in the list of allowed"),
    ("26 inputs", {}, {}, DISPATCH, with_inputs(**{f"i{n}": "" for n in range(26)}), 422, "more than 25"),
    ("11 inputs at an old server", {"max_inputs": 10}, {}, DISPATCH, with_inputs(**{f"i{n}": "" for n in range(11)}),
     422, "more than 10"),
    ("too many bytes", {}, {}, DISPATCH, with_inputs(relay_id="x" * 65_536), 422, "too large"),
    ("inputs a list", {}, {}, DISPATCH, {**GOOD_BODY, "inputs": []}, 422, "not an object"),
    ("input null", {}, {}, DISPATCH, with_inputs(relay_id=None), 422, "not a string"),
    ("disabled workflow", {"workflow_state": "disabled_manually"}, {}, DISPATCH, GOOD_BODY, 422, "disabled workflow"),
    ("no trigger", {"trigger": False}, {}, DISPATCH, GOOD_BODY, 422, "does not have 'workflow_dispatch' trigger"),
    ("unknown body key", {}, {}, DISPATCH, {**GOOD_BODY, "x": 1}, 422, '"x" is not a permitted key.'),
    ("run details at an old server", {"details_known": False}, {}, DISPATCH, GOOD_BODY, 422,
     '"return_run_details" is not a permitted key.'),
    ("run details no boolean", {}, {}, DISPATCH, {**GOOD_BODY, "return_run_details": "true"}, 422, "boolean"),
]


@pytest.mark.parametrize("name, settings, headers, path, body, status, words", REFUSED, ids=[r[0] for r in REFUSED])
def test_refuses_what_github_refuses(strict: StandIn, name: str, settings: dict[str, Any], headers: dict[str, Any],
                                     path: str, body: Any, status: int, words: str) -> None:
    strict.set(**settings)
    answer = ask(strict, "POST", path, body, headers)
    said = answer.json()
    assert answer.status == status and words in said["message"], said
    assert set(said) == {"message", "documentation_url", "status"} and said["status"] == str(status)
    assert strict.runs() == [] and strict.judge()["runs_total"] == 0


TAKEN = [
    ("text/plain is tolerated as Accept", GOOD_BODY, {"Accept": "text/plain"}, DISPATCH),
    ("token instead of Bearer", GOOD_BODY, {"Authorization": f"token {TOKEN}"}, DISPATCH),
    ("a tag", {**GOOD_BODY, "ref": "v1.0"}, {}, DISPATCH),
    ("a full ref", {**GOOD_BODY, "ref": "refs/heads/main"}, {}, DISPATCH),
    ("a number and a boolean as inputs", with_inputs(relay_id=7), {}, DISPATCH),
    ("the workflow's number", GOOD_BODY, {}, DISPATCH.replace("retrain.yml", "161335024")),
    ("the repository in other case", GOOD_BODY, {}, DISPATCH.replace("acme", "ACME")),
    ("the other API version", without("return_run_details"), {"X-GitHub-Api-Version": "2026-03-10"}, DISPATCH),
]


@pytest.mark.parametrize("name, body, headers, path", TAKEN, ids=[t[0] for t in TAKEN])
def test_takes_what_github_takes(strict: StandIn, name: str, body: Any, headers: dict[str, Any], path: str) -> None:
    answer = ask(strict, "POST", path, body, headers)
    said = answer.json()
    assert answer.status == 200 and set(said) == {"workflow_run_id", "run_url", "html_url"}
    assert said["workflow_run_id"] > 2**32
    assert said["run_url"].endswith(f"/repos/acme/kospi/actions/runs/{said['workflow_run_id']}")
    for name in ("x-ratelimit-remaining", "x-ratelimit-reset", "x-github-request-id", "date"):
        assert answer.headers[name]


def test_204_without_run_details_and_every_accepted_post_is_a_run(standin: StandIn) -> None:
    answer = dispatch(standin, without("return_run_details"))
    assert answer.status == 204 and answer.body == b"" and "content-length" not in answer.headers
    standin.set(details_given=False)
    assert dispatch(standin).status == 204
    assert len(standin.runs("01JD")) == 2 and standin.judge()["doubled_runs"] == ["01JD"]


def test_a_run_lives_by_control_and_answers_304_to_its_etag(standin: StandIn) -> None:
    standin.set(queued_s=None, in_progress_s=None)
    run_id = dispatch(standin).json()["workflow_run_id"]
    path = f"/repos/acme/kospi/actions/runs/{run_id}"
    first = ask(standin, "GET", path)
    run = first.json()
    assert (run["id"], run["status"], run["conclusion"]) == (run_id, "queued", None)
    assert run["display_title"] == "retrain kospi [01JD]" and run["event"] == "workflow_dispatch"
    assert {"run_attempt", "head_branch", "head_sha", "path", "workflow_id", "html_url", "created_at", "updated_at",
            "run_started_at", "actor", "triggering_actor"} <= set(run)
    same = ask(standin, "GET", path, headers={"If-None-Match": first.headers["etag"]})
    assert same.status == 304 and same.body == b""
    assert same.headers["x-ratelimit-used"] == first.headers["x-ratelimit-used"]
    for action, status, conclusion in (("begin", "in_progress", None), ("finish", "completed", "failure")):
        control = ask(standin, "POST", f"/_control/{action}", {"run_id": run_id, "conclusion": "failure"})
        assert control.status == 200
        now = ask(standin, "GET", path, headers={"If-None-Match": first.headers["etag"]})
        assert (now.json()["status"], now.json()["conclusion"]) == (status, conclusion)
    assert ask(standin, "GET", "/repos/acme/kospi/actions/runs/1").status == 404


def test_a_run_lives_by_its_clock(standin: StandIn) -> None:
    standin.set(queued_s=0.2, in_progress_s=0.2, next_conclusions=["timed_out"])
    dispatch(standin)
    assert standin.runs()[0]["status"] == "queued"
    until(lambda: standin.runs()[0]["status"] == "in_progress", 5, "in_progress")
    until(lambda: standin.runs()[0]["conclusion"] == "timed_out", 5, "its conclusion")
    dispatch(standin)
    until(lambda: standin.runs()[1]["conclusion"] == "success", 5, "the usual conclusion")


def test_a_run_works_as_long_as_its_job_and_ends_as_that_says(standin: StandIn) -> None:
    go = threading.Event()
    jobs = {"kospi": "success", "nasdaq": "failure"}

    def job(run: Run) -> str:
        assert go.wait(30)
        return jobs[run.inputs["model"]]

    standin.api.runs.job = job
    for model in ("kospi", "nasdaq"):
        dispatch(standin, with_inputs(relay_id="01JD", model=model))
    until(lambda: [run["status"] for run in standin.runs()] == ["in_progress"] * 2, 30, "both to work")
    go.set()
    until(lambda: [run["conclusion"] for run in standin.runs()] == ["success", "failure"], 30, "both ends")
    standin.set(queued_s=None)
    dispatch(standin)
    standin.api.runs.cancel(standin.api.runs.all()[-1])
    assert standin.runs()[-1]["conclusion"] == "cancelled"


def test_cancel_is_202_then_409(standin: StandIn) -> None:
    standin.set(queued_s=None)
    path = f"/repos/acme/kospi/actions/runs/{dispatch(standin).json()['workflow_run_id']}/cancel"
    assert ask(standin, "POST", path).status == 202
    assert standin.runs()[0]["conclusion"] == "cancelled"
    assert ask(standin, "POST", path).status == 409


def test_lists_runs_by_filters_and_pages(standin: StandIn) -> None:
    standin.set(in_progress_s=None)
    for n in range(5):
        dispatch(standin, with_inputs(relay_id=f"id{n}"))
    path = "/repos/acme/kospi/actions/workflows/retrain.yml/runs"
    whole = ask(standin, "GET", path + "?event=workflow_dispatch&status=in_progress").json()
    assert whole["total_count"] == 5
    assert [r["display_title"] for r in whole["workflow_runs"]] == [f"retrain  [id{n}]" for n in (4, 3, 2, 1, 0)]
    page = ask(standin, "GET", path + "?per_page=2&page=2")
    assert [r["display_title"][-4:-1] for r in page.json()["workflow_runs"]] == ["id2", "id1"]
    assert 'rel="next"' in page.headers["link"]
    for query, count in (("event=push", 0), ("status=completed", 0), ("branch=v1.0", 0), ("branch=main", 5),
                         ("created=%3E%3D2999-01-01T00:00:00Z", 0), ("created=%3E%3D2020-01-01T00:00:00Z", 5),
                         ("created=2020-01-01..2020-01-02", 0), ("created=%3C2020-01-01", 0)):
        assert ask(standin, "GET", f"{path}?{query}").json()["total_count"] == count, query
    standin.set(listing_paused=True)
    dispatch(standin)
    assert ask(standin, "GET", path).json()["total_count"] == 5
    standin.set(listing_paused=False)
    assert ask(standin, "GET", path).json()["total_count"] == 6


def test_shows_workflow_and_repository(standin: StandIn) -> None:
    standin.set(workflow_state="disabled_inactivity")
    workflow = ask(standin, "GET", "/repos/acme/kospi/actions/workflows/retrain.yml").json()
    assert workflow["state"] == "disabled_inactivity"
    assert ask(standin, "GET", "/repos/acme/kospi").json()["full_name"] == "acme/kospi"
    assert ask(standin, "DELETE", "/repos/acme/kospi").status == 404


def test_scripts_answer_once_and_start_runs_when_told(standin: StandIn) -> None:
    standin.script("dispatch", "answer", status=418, body={"message": "tea"}, headers={"X-Y": "z"}, count=2)
    standin.script("dispatch", "answer", status=502, start=True)
    for _ in range(2):
        answer = dispatch(standin)
        assert (answer.status, answer.json(), answer.headers["x-y"]) == (418, {"message": "tea"}, "z")
    assert standin.runs() == []
    assert dispatch(standin).status == 502 and len(standin.runs()) == 1
    assert dispatch(standin).status == 200


@pytest.mark.parametrize("do, start, runs", [("cut", False, 0), ("cut", True, 1), ("reset", False, 0),
                                             ("hang", True, 1)])
def test_scripts_cut_connections(standin: StandIn, do: str, start: bool, runs: int) -> None:
    standin.script("dispatch", do, start=start, seconds=0.2)
    with pytest.raises(ConnectionError):
        dispatch(standin)
    assert len(standin.runs()) == runs


def test_scripts_of_limits_redirects_and_odd_bodies(standin: StandIn) -> None:
    standin.script("dispatch", "rate_primary", seconds=5)
    limited = dispatch(standin)
    assert limited.status == 403 and limited.headers["x-ratelimit-remaining"] == "0"
    assert 3 <= int(limited.headers["x-ratelimit-reset"]) - time.time() <= 6
    standin.script("dispatch", "rate_secondary", status=429, seconds=3)
    limited = dispatch(standin)
    assert limited.status == 429 and limited.headers["retry-after"] == "3"
    assert "secondary rate" in limited.json()["message"]
    standin.script("dispatch", "redirect")
    moved = dispatch(standin)
    assert moved.status == 307 and moved.headers["location"].startswith(standin.url + "/repositories/1/")
    assert dispatch(standin, path=moved.headers["location"][len(standin.url):]).status == 200
    standin.script("dispatch", "big")
    assert len(dispatch(standin).body) > 10_000_000
    standin.script("dispatch", "trickle", seconds=0.001)
    assert dispatch(standin).status == 200
    standin.script("dispatch", "cut_body")
    with pytest.raises(AssertionError):
        dispatch(standin)
    standin.script("dispatch", "garbage")
    with pytest.raises((AssertionError, ConnectionError)):
        dispatch(standin)
    before = time.monotonic()
    standin.script("dispatch", "slow_read", seconds=0.3)
    assert dispatch(standin).status == 200 and time.monotonic() - before >= 0.3


def test_the_judge_sees_posts_without_proof(standin: StandIn) -> None:
    dispatch(standin, with_inputs(relay_id="refused", bad="x"))
    dispatch(standin, with_inputs(relay_id="refused"))
    standin.script("dispatch", "answer", status=502)
    dispatch(standin, with_inputs(relay_id="unknown"))
    dispatch(standin, with_inputs(relay_id="unknown"))
    standin.script("dispatch", "rate_secondary", seconds=1)
    dispatch(standin, with_inputs(relay_id="limited"))
    dispatch(standin, with_inputs(relay_id="limited"))
    verdict = standin.judge()
    assert verdict["without_proof"] == 1 and verdict["after_permanent_refusal"] == 1
    assert verdict["doubled_runs"] == [] and {k: len(v) for k, v in verdict["runs"].items()} == {
        "refused": 1, "unknown": 1, "limited": 1}
    assert any("after the last write" in v for v in verdict["violations"])
    with pytest.raises(AssertionError):
        standin.assert_clean()


def test_a_post_arrives_when_the_kernel_has_it_not_when_the_standin_comes_to_read_it(standin: StandIn) -> None:
    standin.set(accept_delay_s=0.5)
    before = time.monotonic()
    dispatch(standin)
    assert time.monotonic() - before >= 0.5
    (post,) = standin.api.judge.posts()
    assert -0.05 < post.at - before < 0.3


def test_the_judge_notes_bad_habits(standin: StandIn) -> None:
    dispatch(standin, with_inputs(relay_id=5), headers={"Accept": None, "X-GitHub-Api-Version": None})
    noted = " ".join(standin.judge()["violations"])
    for words in ("no Accept header", "no X-GitHub-Api-Version header", "'relay_id' is not a string"):
        assert words in noted


def test_control_refuses_what_it_does_not_know(standin: StandIn) -> None:
    for path, body in (("script", {"on": "dispatch", "do": "explode"}), ("script", {"on": "x", "do": "cut"}),
                       ("script", {"on": "dispatch", "do": "answer"}), ("set", {"conclusoin": "x"}),
                       ("set", {"conclusion": "fine"})):
        assert ask(standin, "POST", "/_control/" + path, body).status == 400, (path, body)
    assert ask(standin, "GET", "/_control/nothing").status == 404


def test_is_down_and_comes_back_on_the_same_port(standin: StandIn) -> None:
    dispatch(standin)
    port = standin.port
    standin.stop()
    with pytest.raises(ConnectionRefusedError):
        http.once(port, "GET", "/")
    standin.start()
    assert standin.port == port and len(standin.runs()) == 1 and dispatch(standin).status == 200


def test_run_titles_fill_inputs_and_drop_the_rest() -> None:
    assert run_title("a ${{ inputs.x }} [${{ inputs.y }}] ${{ github.actor }}", {"x": "1", "y": "${{"}) == "a 1 [${{] "


def test_runs_as_a_program() -> None:
    argv = [sys.executable, "-m", "tests.support.github_standin", "--repo", "o/n", "--workflow", "w.yml", "--parent",
            "--input", "relay_id:string:required", "--token", "t"]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            said = json.loads(child.stdout.readline())  # type: ignore[union-attr]
            port = int(said["url"].rpartition(":")[2])
            headers = {**GOOD_HEADERS, "Authorization": "Bearer t"}
            path = "/repos/o/n/actions/workflows/w.yml/dispatches"
            body = json.dumps({"ref": "main", "inputs": {"relay_id": "1"}}).encode()
            assert http.once(port, "POST", path, headers, body).status == 204
            judged = http.once(port, "GET", "/_control/judge").json()
            assert judged["posts_total"] == 1 and judged["violations"] == []
        finally:
            child.stdin.close()  # type: ignore[union-attr]
            assert child.wait(10) == 0
