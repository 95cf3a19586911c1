"""What GitHub, or what stands between, may do to a dispatch, and where each of it must lead.

One row a behaviour: what the first POSTs meet, then its end once GitHub behaves again. `posts` and `runs` are exact:
one POST too many is as wrong as one too few.
"""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Optional

FAR = 2**53 + 1  # past what JSON numbers carry everywhere
OTHER = "/repos/acme/other/actions/runs/7"


@dataclass(frozen=True)
class Case:
    """`outcomes` are the attempts' own words; `starts` are the runs that the first POST starts, answered or not."""

    name: str
    scripts: tuple[dict[str, Any], ...] = ()
    outcomes: tuple[str, ...] = ("accepted",)
    end: tuple[str, Optional[str]] = ("done", "success")
    posts: int = 1
    runs: int = 1
    starts: int = 1
    listed: bool = True                # a run that was started shows in the list
    world: dict[str, Any] = field(default_factory=dict)   # settings of the stand-in, for good
    target: dict[str, Any] = field(default_factory=dict)  # keys of the target
    extra_inputs: int = 0              # of the route, beside relay_id
    prefix: str = ""
    no_server: str = ""                # the address at first is not the stand-in's: "refused port", …

    @property
    def slug(self) -> str:
        """Its name as a label's value and a target's name."""
        return "".join(c if c.isalnum() else "-" for c in self.name.lower())

    def unanswered(self) -> "Case":
        """The same when the first POST arrived and its answer was never recorded."""
        end: tuple[str, Optional[str]] = ("ambiguous", None)
        if self.target.get("correlation") == "none":
            end = ("parked", "may_have_run")
        elif self.starts > 0 and self.listed:
            end = ("done", "success")
        return replace(self, outcomes=(), end=end, posts=1, runs=self.starts)

    def after_a_minute(self) -> "Case":
        """The same when a limit that names no time has passed."""
        return replace(self, outcomes=(*self.outcomes, "accepted"), end=("done", "success"), posts=2, runs=1)

    def unsent(self) -> "Case":
        """The same when the relay stopped with the POST on disk and none on its way: it cannot know that."""
        return replace(replace(self, starts=0).unanswered(), posts=0)


def answer(status: int, body: Any = None, start: int = 0, **headers: str) -> dict[str, Any]:
    """A whole answer; without a body GitHub's error shape."""
    return {"do": "answer", "status": status, "body": body, "start": start,
            "headers": {name.replace("_", "-"): value for name, value in headers.items()}}


def says(status: int, message: str, page: str = "", **headers: str) -> dict[str, Any]:
    """GitHub's error shape with a message."""
    body = {"message": message, "documentation_url": "https://docs.github.com/rest" + page, "status": str(status)}
    return answer(status, body, **headers)


def found(name: str, *scripts: dict[str, Any], **more: Any) -> Case:
    """A run was started behind an answer that does not say so: it is looked for and found."""
    return Case(name, scripts, ("ambiguous",), **more)


def unknown(name: str, *scripts: dict[str, Any], **more: Any) -> Case:
    """Nothing was started, which no answer proved: it stays open, and nothing is sent again."""
    return Case(name, scripts, ("ambiguous",), ("ambiguous", None), runs=0, starts=0, **more)


def again(name: str, outcome: str, *scripts: dict[str, Any], then: str = "accepted", **more: Any) -> Case:
    """Proved not executed and not for good: the next POST is accepted."""
    return Case(name, scripts, (outcome, then), posts=2, starts=0, **more)


def refused(name: str, *scripts: dict[str, Any], **more: Any) -> Case:
    """Refused for good: an end."""
    return Case(name, scripts, ("refused",), ("dead", "refused"), runs=0, starts=0, **more)


def limited(name: str, *scripts: dict[str, Any]) -> Case:
    """A limit that names no time: a minute's wait, which is longer than a test's."""
    return Case(name, scripts, ("limited",), ("queued", "limited"), runs=0, starts=0)


def not_sent(name: str, no_server: str) -> Case:
    """No POST left; the address is right later."""
    return Case(name, outcomes=("not_sent", "accepted"), starts=0, no_server=no_server)


def named_run(run_id: Any, run_url: str = "", html_url: str = "") -> dict[str, Any]:
    """A body like that of a 200, about a run that this request did not start."""
    place = f"http://127.0.0.1/repos/acme/kospi/actions/runs/{run_id}"
    return {"workflow_run_id": run_id, "run_url": run_url or place, "html_url": html_url or place}


def lies(name: str, body: Any) -> Case:
    """A 200 that started a run and whose body cannot be trusted."""
    return found("200, " + name, answer(200, body, start=1))


SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
SAML = ("Resource protected by organization SAML enforcement. You must grant your Personal Access token access to "
        "this organization.")
NO_KEY = 'Invalid request.\n\n"return_run_details" is not a permitted key.'
GHES = {"details_known": False, "details_given": False, "max_inputs": 10}
SERVER: dict[str, Any] = {"world": GHES, "prefix": "/api/v3"}
PASS = {"do": "slow_read", "seconds": 0.01}  # as usual: for the first of two POSTs

# What the target's server answers after it took the request.
ACCEPTED = [
    Case("200 with a run"),
    Case("an answer after 2 s", ({"do": "slow_read", "seconds": 2},)),
    Case("an answer in drops", ({"do": "trickle", "seconds": 0.002},)),
    Case("204", outcomes=("accepted_no_id",), world={"details_given": False}),
    Case("204 and no run", (answer(204),), ("accepted_no_id",), ("accepted_no_id", None), runs=0, starts=0),
    Case("204 and nothing to look by", outcomes=("accepted_no_id",), end=("done", "untracked"),
         world={"details_given": False}, target={"correlation": "none"}),
]
UNTRUSTED = [
    lies("no body", ""), lies("an empty object", {}), lies("a list", []), lies("a word", "OK"),
    lies("a page", "<html>Welcome</html>"), lies("half a body", '{"workflow_run_id": 1, "run_u'),
    lies("an id as text", named_run("43042502224")), lies("id 0", named_run(0)), lies("id -1", named_run(-1)),
    lies("a fraction", named_run(1.5)), lies("an id past 2^53", named_run(FAR)),
    lies("an id past 2^64", '{"workflow_run_id": 1e400}'),
    lies("a key twice", '{"workflow_run_id": 1, "workflow_run_id": 2}'),
    lies("no URLs", {"workflow_run_id": 7}), lies("another repository", named_run(7, OTHER, OTHER)),
    lies("another run's page", named_run(7, html_url="http://127.0.0.1/acme/kospi/actions/runs/8")),
    unknown("200 without a run, no body", answer(200, "")),
]
STATUSES = [found(f"run started, then {status}", answer(status, start=1))
            for status in (201, 202, 206, 500, 502, 503, 504)] + [
    unknown(f"{status} and no run", answer(status))
    for status in (202, 205, 299, 300, 303, 304, 405, 406, 408, 409, 411, 413, 415, 418, 425, 428, 431, 499, 500, 501,
                   502, 504, 507, 520, 599)] + [
    unknown("503 with Retry-After", answer(503, Retry_After="1")),
    unknown("502 with a page", answer(502, "<html>Unicorn!</html>")),
]
CUTS = [case for do in ("cut", "reset", "garbage") for case in (
    found(f"run started, then {do}", {"do": do, "start": 1}), unknown(f"{do} and no run", {"do": do}))] + [
    found("cut in the answer", {"do": "cut_body"}),
    found("no answer, and a run", {"do": "hang", "start": 1}), unknown("no answer", {"do": "hang"}),
    found("a byte a second", {"do": "trickle", "seconds": 1}),
    found("10 MB, and a run", {"do": "big", "start": 1}), unknown("10 MB", {"do": "big"}),
    unknown("422 with 10 MB", {"do": "big", "status": 422}),
    Case("cut, and nothing to look by", ({"do": "cut", "start": 1},), ("ambiguous",), ("parked", "may_have_run"),
         target={"correlation": "none"}),
]
REFUSALS = [
    refused("400, no JSON", says(400, "Problems parsing JSON")),
    refused("400, no object", says(400, "Body should be a JSON object")),
    refused("400, the API's version", says(400, "API version '2022-11-28' is not supported.")),
    again("400 that names return_run_details", "no_run_details", says(400, NO_KEY), then="accepted_no_id"),
    again("401", "credential", says(401, "Bad credentials")),
    again("403, a personal token", "credential", says(403, "Resource not accessible by personal access token",
                                                      x_accepted_github_permissions="actions=write")),
    again("403, an App", "credential", says(403, "Resource not accessible by integration")),
    again("403, single sign-on", "credential", says(403, SAML)),
    refused("403, no write access", says(403, "Must have admin rights to Repository.")),
    refused("403, archived", says(403, "Repository was archived so is read-only.")),
    refused("403 with a page", answer(403, "<html>Forbidden</html>")),
    refused("403 without limits", says(403, "Forbidden")),
    refused("404", says(404, "Not Found")), refused("410", says(410, "Gone")),
    refused("422, an input too many", says(422, 'Unexpected inputs provided: ["colour"]')),
    refused("422, an input too few", says(422, "Required input 'colour' not provided")),
    refused("422, no such choice", says(422, "Provided value 'red' for input 'colour' not in the list of allowed "
                                        "values")),
    refused("422, no such ref", says(422, "No ref found for: main")),
    refused("422, no trigger", says(422, "Workflow does not have 'workflow_dispatch' trigger")),
    refused("422, a disabled workflow", says(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")),
    refused("422, large inputs", says(422, "inputs are too large.")),
    refused("422 without words", answer(422, "")),
    again("422 that names return_run_details", "no_run_details", says(422, NO_KEY), then="accepted_no_id"),
    again("422, relay_id is unexpected", "no_relay_id", world={"inputs": ["model"]}),
    refused("422, relay_id must be taken", world={"inputs": ["model"]}, target={"correlation": "input"}),
    refused("451", says(451, "Repository access blocked")),
]
LIMITS = [
    again("403, primary limit", "limited", {"do": "rate_primary", "seconds": 2}),
    again("429, primary limit", "limited", {"do": "rate_primary", "seconds": 2, "status": 429}),
    again("403, secondary limit", "limited", {"do": "rate_secondary", "seconds": 2}),
    again("429, secondary limit", "limited", {"do": "rate_secondary", "seconds": 2, "status": 429}),
    again("429, Retry-After 0", "limited", says(429, "Too many requests", Retry_After="0")),
    again("429, Retry-After a date past", "limited", says(429, "Too many requests",
                                                         Retry_After="Sun, 06 Nov 1994 08:49:37 GMT")),
    again("403 with Retry-After alone", "limited", says(403, "Forbidden", Retry_After="1")),
    limited("403, secondary limit without a time", {"do": "rate_secondary", "seconds": None}),
    limited("403, the old abuse limit", says(403, "You have triggered an abuse detection mechanism.",
                                             "/overview/resources-in-the-rest-api#abuse-rate-limits")),
    limited("429 without a time", answer(429)),
]
REDIRECTS = [
    again("307 here", "redirected", {"do": "redirect"}),
    Case("307 three times", ({"do": "redirect", "count": 3},), ("redirected", "redirected", "redirected"),
         ("dead", "refused"), posts=3, runs=0, starts=0),
    refused("307 to another host", {"do": "redirect", "location": "http://127.0.0.2:9/repositories/1"}),
    refused("307 to https", {"do": "redirect", "location": "https://127.0.0.1/repositories/1"}),
    refused("307 to nowhere", answer(307)),
] + [refused(f"{status} here", {"do": "redirect", "status": status}) for status in (301, 302, 308)]
LISTS = [
    found("two runs for one POST", {"do": "cut", "start": 2}, runs=2, starts=2),
    found("a run listed twice", {"do": "cut", "start": 1}, world={"listed_twice": True}),
    found("a run listed after 6 s", answer(502, start=1), world={"list_lag_s": 6}),
    Case("204 and a run listed after 6 s", outcomes=("accepted_no_id",),
         world={"details_given": False, "list_lag_s": 6}),
    Case("a run that is not listed", (answer(502, start=1),), ("ambiguous",), ("ambiguous", None), listed=False,
         world={"listing_paused": True}),
    found("GitHub's clock 10 min ahead", answer(502, start=1), world={"clock_off_s": 600}),
    found("GitHub's clock 10 min behind", answer(502, start=1), world={"clock_off_s": -600}),
]
ELSEWHERE = [
    not_sent("a refused port", "refused port"), not_sent("no such name", "no such name"),
    not_sent("no TLS", "no TLS"), not_sent("an expired certificate", "expired certificate"),
]
SERVERS = [
    Case("Enterprise Server", (), ("no_run_details", "accepted_no_id"), posts=2, starts=0, **SERVER),
    Case("Enterprise Server, run started, then 502", (PASS, answer(502, start=1)), ("no_run_details", "ambiguous"),
         posts=2, starts=0, **SERVER),
    Case("Enterprise Server, 9 inputs and relay_id", (), ("no_run_details", "accepted_no_id"), posts=2, starts=0,
         extra_inputs=9, **SERVER),
    Case("Enterprise Server, 11 inputs", (), ("no_run_details", "refused"), ("dead", "refused"), posts=2, runs=0,
         starts=0, extra_inputs=10, **SERVER),
    Case("Enterprise Server, 307 here", ({"do": "redirect"},), ("redirected", "no_run_details", "accepted_no_id"),
         posts=3, starts=0, **SERVER),
    refused("Enterprise Server at the wrong path", no_server="wrong path", posts=0, **SERVER),
]
CASES = ACCEPTED + UNTRUSTED + STATUSES + CUTS + REFUSALS + LIMITS + REDIRECTS + LISTS + ELSEWHERE + SERVERS
