"""The stand-in's answers as values: who may ask, which endpoint, what it says. No sockets here."""
from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional
from urllib.parse import unquote

from tests.support.github_app import App
from tests.support.github_judge import Judge, Post
from tests.support.github_reads import Reads, rate_limit_of, ref_of
from tests.support.github_rules import (DISPATCH_DOCS, DOCS, Dispatch, Input, Refusal, Workflow, check_dispatch,
                                        check_version, parse_body)
from tests.support.github_runs import Run, Runs, etag_of, site_of


@dataclass
class Request:
    """One request to the API; `kind` is the endpoint's short name."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    kind: str = "other"
    args: tuple[str, ...] = ()
    version: str = ""
    post: Optional[Post] = None
    raw: bytes = b""


@dataclass
class Answer:
    """status, JSON body (None = no body), headers."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


_REPO = r"(?:/repos/([^/]+/[^/]+)|/repositories/(\d+))"
_ROUTES: list[tuple[str, str, "re.Pattern[str]"]] = [
    (method, kind, re.compile(_REPO + tail)) for method, kind, tail in (
        ("POST", "dispatch", r"/actions/workflows/([^/]+)/dispatches"),
        ("GET", "list", r"/actions/workflows/([^/]+)/runs"),
        ("GET", "workflow", r"/actions/workflows/([^/]+)"),
        ("GET", "list", r"/actions/runs"),
        ("GET", "run", r"/actions/runs/(\d+)"),
        ("POST", "cancel", r"/actions/runs/(\d+)/cancel"),
        ("GET", "ref", r"/git/ref/(heads|tags)/(.+)"),
        ("GET", "contents", r"/contents/(.+)"),
        ("GET", "repo", r""),
    )
]
_TOKEN_ROUTE = re.compile(r"/app/installations/(\d+)/access_tokens")


class GithubApi:
    """The state of one repository and its API. Any thread."""

    def __init__(self, repo: str = "acme/kospi", workflow: Optional[Workflow] = None,
                 tokens: tuple[str, ...] = ("test-token",)) -> None:
        self.repo = repo
        self.workflow = workflow or Workflow(inputs={"relay_id": Input(), "model": Input()})
        self.tokens = set(tokens)
        self.app: Optional[App] = None
        self.refs = ["main", "v1.0"]
        self.base, self.prefix = "", ""  # prefix: /api/v3 of an Enterprise Server
        self.details_known = True   # False: an old server that refuses return_run_details
        self.details_given = True   # False: 204 whatever was asked for
        self.max_inputs = 25
        self.limit, self.used = 5000, 0
        self.judge, self.runs, self.reads = Judge(), Runs(), Reads()
        self._lock = threading.Lock()

    def now(self) -> float:
        """Unix seconds by GitHub's clock."""
        return time.time() + self.runs.clock_off_s

    def match(self, request: Request) -> None:
        """Finds the endpoint; an unknown path keeps the kind `other`, which is a 404."""
        asked = _TOKEN_ROUTE.fullmatch(request.path)
        if asked and request.method == "POST":
            request.kind, request.args = "token", (asked.group(1),)
        if request.path == "/rate_limit" and request.method == "GET":
            request.kind = "rate_limit"
        for method, kind, pattern in _ROUTES:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                repo, number, *args = found.groups()
                request.kind = kind
                request.args = (unquote(repo or ""), number or "", *(unquote(a) for a in args))
                return

    def token_of(self, request: Request) -> str:
        """The token sent, "" when none."""
        scheme, _, token = (request.headers.get("Authorization") or "").partition(" ")
        return token.strip() if scheme.lower() in ("bearer", "token") else ""

    def check_caller(self, request: Request) -> None:
        """User-Agent, version and token, in GitHub's order, before anything about the endpoint."""
        if not (request.headers.get("User-Agent") or "").strip():
            raise Refusal(403, "Request forbidden by administrative rules. Please make sure your request has a "
                          "User-Agent header.", DOCS + "/overview/resources-in-the-rest-api#user-agent-required")
        request.version = check_version(request.headers.get("X-GitHub-Api-Version"))
        token = self.token_of(request)
        if request.kind == "token":
            if self.app is None:
                raise Refusal(401, "A JSON web token could not be decoded")
            self.app.check_jwt(token, self.now())
        elif token not in self.tokens and (self.app is None or self.app.grant_of(token, self.now()) is None):
            raise Refusal(401, "Bad credentials")

    def check_place(self, request: Request) -> None:
        """Repository and workflow; what is not there and what may not be seen are the same 404."""
        if request.kind == "other":
            raise Refusal(404, "Not Found")
        if request.kind == "rate_limit":
            return
        grant = self.app.grant_of(self.token_of(request), self.now()) if self.app else None
        if grant and not grant.allows(self.repo):
            raise Refusal(403, "Resource not accessible by integration")
        repo, number = request.args[:2]
        if self.reads.former and repo.lower() == self.reads.former.lower():
            raise Refusal(301 if request.method == "GET" else 307, "Moved Permanently", headers={
                "Location": self.base + request.path.replace(f"/repos/{repo}", "/repositories/1", 1)})
        if (number or repo.lower()) not in ("1", self.repo.lower()):
            raise Refusal(404, "Not Found")
        reads = grant.permissions.get("contents") in ("read", "write") if grant else self.reads.contents
        if request.kind in ("ref", "contents") and not reads:
            raise Refusal(403, f"Resource not accessible by {'integration' if grant else 'personal access token'}",
                          headers={"x-accepted-github-permissions": "contents=read"})
        if request.kind in ("dispatch", "workflow") or (request.kind == "list" and len(request.args) == 3
                                                        and request.args[2]):
            if not self.workflow.named(request.args[2]):
                raise Refusal(404, "Not Found", DISPATCH_DOCS)

    def rate_headers(self, counted: bool = True) -> dict[str, str]:
        """x-ratelimit-* of the core bucket; a 304 is free."""
        with self._lock:
            self.used += 1 if counted else 0
            return {"x-ratelimit-limit": str(self.limit), "x-ratelimit-remaining": str(max(0, self.limit - self.used)),
                    "x-ratelimit-used": str(self.used), "x-ratelimit-resource": "core"}

    def check(self, request: Request, raw: bytes) -> Optional[Dispatch]:
        """Everything that may refuse the request; the dispatch when it is one."""
        self.check_caller(request)
        if request.kind == "token":
            request.raw = raw
            return None
        if request.kind == "dispatch":
            self._note_body(request, raw)
        self.check_place(request)
        if request.kind != "dispatch":
            return None
        return check_dispatch(parse_body(raw), self.workflow, self.refs, details_known=self.details_known,
                              max_inputs=self.max_inputs, version=request.version)

    def _note_body(self, request: Request, raw: bytes) -> None:
        try:
            body = parse_body(raw)
        except Refusal as refusal:
            self.judge.violation(f"dispatch: {refusal.message}")
            return
        self.judge.body("dispatch", body)

    def start(self, dispatch: Dispatch, post: Optional[Post]) -> Run:
        """Every accepted POST is a new run: there is no idempotency key."""
        run = self.runs.start(dispatch, self.workflow)
        if post:
            post.run_ids.append(run.id)
        return run

    def started(self, run: Run, details: bool) -> Answer:
        """200 with the three fields, or 204."""
        if not details or not self.details_given:
            return Answer(204)
        url = f"{self.base}/repos/{self.repo}/actions/runs/{run.id}"
        return Answer(200, {"workflow_run_id": run.id, "run_url": url,
                            "html_url": f"{site_of(self.base)}/{self.repo}/actions/runs/{run.id}"})

    def answer(self, request: Request, dispatch: Optional[Dispatch]) -> Answer:
        """The plain answer to a request that was not refused."""
        if dispatch is not None:
            return self.started(self.start(dispatch, request.post), dispatch.details)
        handlers: dict[str, Callable[[Request], Answer]] = {
            "run": self._run, "list": self._list, "cancel": self._cancel, "workflow": self._workflow,
            "repo": self._repo, "token": self._token, "ref": self._ref, "contents": self._contents,
            "rate_limit": self._rate_limit}
        answer = handlers[request.kind](request)
        if self.app is None:
            answer.headers.update(self.reads.headers())
        return answer

    def _token(self, request: Request) -> Answer:
        assert self.app is not None
        return Answer(201, self.app.mint(request.args[0], request.raw, self.now()))

    def _run(self, request: Request) -> Answer:
        view = self.runs.get(request.args[2]).view(self.base, self.repo, self.workflow)
        etag = etag_of(view)
        if request.headers.get("If-None-Match") == etag:
            return Answer(304, None, {"etag": etag})
        return Answer(200, view, {"etag": etag, "cache-control": "private, max-age=60, s-maxage=60"})

    def _list(self, request: Request) -> Answer:
        found = self.runs.listed(request.query)
        size = _number(request.query.get("per_page"), 30, 100)
        page = _number(request.query.get("page"), 1, 1_000_000)
        part = found[(page - 1) * size:page * size]
        headers = {}
        if page * size < len(found):
            headers["Link"] = f'<{self.base}{request.path}?per_page={size}&page={page + 1}>; rel="next"'
        if page * size >= len(found) and not self.runs.listing_paused:
            self.judge.listed()
        views = [run.view(self.base, self.repo, self.workflow) for run in part]
        return Answer(200, {"total_count": len(found), "workflow_runs": views}, headers)

    def _cancel(self, request: Request) -> Answer:
        self.runs.cancel(self.runs.get(request.args[2]))
        return Answer(202, {})

    def _workflow(self, _: Request) -> Answer:
        w = self.workflow
        return Answer(200, {"id": w.id, "name": w.name, "path": f".github/workflows/{w.file}", "state": w.state,
                            "url": f"{self.base}/repos/{self.repo}/actions/workflows/{w.id}"})

    def _repo(self, _: Request) -> Answer:
        return Answer(200, self.reads.repository(self.repo, self.refs[0]))

    def _ref(self, request: Request) -> Answer:
        return Answer(200, ref_of(request.args[2], request.args[3], self.refs))

    def _contents(self, request: Request) -> Answer:
        ref = request.query.get("ref", self.refs[0])
        return Answer(200, self.reads.contents_of(self.workflow, request.args[2], ref, self.refs))

    def _rate_limit(self, _: Request) -> Answer:
        self.used -= 1  # it is free, and is counted with the answer
        return Answer(200, rate_limit_of(self.limit, self.used + 1, int(self.now()) + 3600))


def _number(text: Optional[str], default: int, highest: int) -> int:
    return min(max(int(text), 1), highest) if text and text.isdigit() else default
