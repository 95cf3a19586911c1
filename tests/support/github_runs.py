"""The stand-in's workflow runs: their life by a clock, and how the API shows and lists them."""
from __future__ import annotations

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Optional

from tests.support.github_rules import Dispatch, Refusal, Workflow, run_title

FIRST_RUN_ID = 43_042_502_224  # real ids passed 2^32 long ago: a client with 32-bit ids must fail here
ZERO_SHA = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass
class Life:
    """How long a run waits and works, and how it ends; None = until the control says so."""

    queued_s: Optional[float] = 0.1
    in_progress_s: Optional[float] = 0.2
    conclusion: str = "success"
    pending: bool = False  # it waits for its concurrency group, not for a runner


@dataclass
class Run:
    """One workflow run."""

    id: int
    number: int
    title: str
    ref: str
    relay_id: Optional[str]
    inputs: dict[str, str]
    life: Life
    born: float                   # monotonic
    created: datetime
    hidden: bool = False          # left out of lists while listing is paused
    event: str = "workflow_dispatch"
    started: Optional[float] = None
    ended: Optional[float] = None
    conclusion: Optional[str] = None
    forced: list[str] = field(default_factory=list)

    def advance(self, now: float) -> None:
        """Moves along its life as far as `now`."""
        if self.started is None and self.life.queued_s is not None and now >= self.born + self.life.queued_s:
            self.started = self.born + self.life.queued_s
        if (self.started is not None and self.ended is None and self.life.in_progress_s is not None
                and now >= self.started + self.life.in_progress_s):
            self.end(self.started + self.life.in_progress_s, self.life.conclusion)

    def end(self, now: float, conclusion: str) -> None:
        """Completes the run once; what is completed stays so."""
        if self.ended is None:
            self.started = self.started if self.started is not None else now
            self.ended, self.conclusion = now, conclusion

    @property
    def status(self) -> str:
        """GitHub's word for where the run is."""
        if self.ended is not None:
            return "completed"
        if self.started is not None:
            return "in_progress"
        return "pending" if self.life.pending else "queued"

    def _time(self, moment: Optional[float]) -> str:
        offset = 0.0 if moment is None else moment - self.born
        return (self.created + timedelta(seconds=offset)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def view(self, base: str, repo: str, workflow: Workflow) -> dict[str, Any]:
        """The API's run object (the fields a client may use)."""
        actor = {"login": "relay-bot", "id": 7, "type": "Bot"}
        changed = self.ended if self.ended is not None else self.started
        return {
            "id": self.id, "name": workflow.name, "node_id": f"WFR_{self.id}", "run_number": self.number,
            "run_attempt": 1, "display_title": self.title, "event": self.event, "status": self.status,
            "conclusion": self.conclusion, "head_branch": self.ref.rpartition("/")[2], "head_sha": ZERO_SHA,
            "path": f".github/workflows/{workflow.file}", "workflow_id": workflow.id, "check_suite_id": self.id + 1,
            "url": f"{base}/repos/{repo}/actions/runs/{self.id}",
            "html_url": f"{site_of(base)}/{repo}/actions/runs/{self.id}",
            "created_at": self._time(None), "run_started_at": self._time(None), "updated_at": self._time(changed),
            "actor": actor, "triggering_actor": actor, "pull_requests": [],
            "repository": {"id": 1, "full_name": repo}, "head_repository": {"id": 1, "full_name": repo},
        }


def site_of(base: str) -> str:
    """Where people look, beside the API's base URL."""
    return base.removesuffix("/api/v3")


def etag_of(view: dict[str, Any]) -> str:
    """A weak validator of the body, as GitHub's are."""
    return 'W/"' + hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest() + '"'


class Runs:
    """All runs of the repository. Any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._runs: list[Run] = []
        self.life = Life()
        self.next_conclusions: list[str] = []
        self.job: Optional[Callable[[Run], str]] = None  # what a run does from its begin; its conclusion
        self.listing_paused = False
        self.list_lag_s = 0.0      # a run is listed only so long after its start
        self.listed_twice = False  # as pages show it that moved between two reads
        self.clock_off_s = 0.0     # of this server's clock

    def start(self, dispatch: Dispatch, workflow: Workflow) -> Run:
        """A dispatch was accepted: a new run, every time."""
        with self._lock:
            life = replace(self.life)
            if self.next_conclusions:
                life.conclusion = self.next_conclusions.pop(0)
            n = len(self._runs)
            run = Run(FIRST_RUN_ID + 1009 * n, n + 1, run_title(workflow.run_name, dispatch.inputs), dispatch.ref,
                      dispatch.inputs.get("relay_id") or None, dispatch.inputs, life, self._clock(),
                      (datetime.now(timezone.utc) + timedelta(seconds=self.clock_off_s)).replace(microsecond=0),
                      self.listing_paused)
            self._runs.append(run)
        if self.job is not None:
            run.life.in_progress_s = None
            threading.Thread(target=self._work, args=(run, self.job), daemon=True).start()
        return run

    def _work(self, run: Run, job: Callable[[Run], str]) -> None:
        """A runner: takes the job once the run has left the queue. A job that raises has failed."""
        while run.status == "queued":
            time.sleep(0.02)
            self.all()
        if run.status == "completed":
            return  # cancelled in the queue
        conclusion = "failure"
        try:
            conclusion = job(run)
        finally:
            self.finish(run, conclusion)

    def all(self) -> list[Run]:
        """Every run, oldest first, as of now."""
        with self._lock:
            for run in self._runs:
                run.advance(self._clock())
            return list(self._runs)

    def get(self, run_id: str) -> Run:
        """The run, or the 404 that also hides what a token may not see."""
        for run in self.all():
            if str(run.id) == run_id:
                return run
        raise Refusal(404, "Not Found")

    def cancel(self, run: Run) -> None:
        """409 when there is nothing left to cancel."""
        if run.status == "completed":
            raise Refusal(409, "Cannot cancel a workflow run that is completed.")
        run.end(self._clock(), "cancelled")

    def finish(self, run: Run, conclusion: str) -> None:
        """The control ends a run."""
        run.end(self._clock(), conclusion)

    def progress(self, run: Run) -> None:
        """The control starts a queued run."""
        run.started = run.started if run.started is not None else self._clock()

    def pause_listing(self, paused: bool) -> None:
        """Paused: runs made from now on stay out of lists, as in GitHub's incidents; resumed: all show."""
        with self._lock:
            self.listing_paused = paused
            if not paused:
                for run in self._runs:
                    run.hidden = False

    def listed(self, query: dict[str, str]) -> list[Run]:
        """Newest first, filtered as the API does; at most 1,000 when any filter is used."""
        made_in = created_filter(query.get("created"))
        found = [r for r in reversed(self.all()) if not r.hidden and made_in(r.created)
                 and self._clock() >= r.born + self.list_lag_s
                 and query.get("event", r.event) == r.event
                 and query.get("status", r.status) in (r.status, r.conclusion)
                 and query.get("branch", r.ref.rpartition("/")[2]) == r.ref.rpartition("/")[2]]
        filtered = any(name in query for name in ("created", "event", "status", "branch"))
        found = [r for r in found for _ in range(2)] if self.listed_twice else found
        return found[:1000] if filtered else found


def _moment(text: str) -> datetime:
    text = text.replace("Z", "+00:00")
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def created_filter(text: Optional[str]) -> Callable[[datetime], bool]:
    """Search syntax of `created`: >=T, >T, <=T, <T, A..B, or one day."""
    try:
        if not text:
            return lambda at: True
        if ".." in text:
            first, last = text.split("..", 1)
            low = _moment(first) if first != "*" else None
            high = _moment(last) if last != "*" else None
            return lambda at: (low is None or at >= low) and (high is None or at <= high)
        for sign, holds in ((">=", lambda at, t: at >= t), ("<=", lambda at, t: at <= t),
                            (">", lambda at, t: at > t), ("<", lambda at, t: at < t)):
            if text.startswith(sign):
                limit = _moment(text[len(sign):])
                return lambda at, holds=holds: holds(at, limit)
        day = _moment(text)
        return lambda at: day <= at < day + timedelta(days=1)
    except ValueError:
        raise Refusal(422, f"Validation Failed: created={text!r}") from None
