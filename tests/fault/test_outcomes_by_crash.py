"""Every behaviour of GitHub's that we know, with kill -9 at each step of a POST: each request ends where its row says,
and nothing is POSTed again that may have run.

A test is one kill; its relay has a target for each row, and each target a GitHub of its own. What takes longer than a
test (a run that shows after 20 minutes, or never) is the simulator's: here such a request is still looked for.
"""
from __future__ import annotations

import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.outcome_cases import CASES, Case
from tests.support.relay import ROOT, Relay
from tests.support.relay_config import base_config, write_secret
from tests.support.wait import until

TLS = ROOT / "tests" / "data" / "tls"
LOOKED_FOR = ("ambiguous", "accepted_no_id")


class BlackHole:
    """A port to which no connection comes about: its queue is full, and the kernel drops what knocks."""

    def __init__(self) -> None:
        self._sockets = [socket.create_server(("127.0.0.1", 0), backlog=0)]
        self.port = self._sockets[0].getsockname()[1]
        for _ in range(3):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", self.port))
            self._sockets.append(client)

    def close(self) -> None:
        """The port is free again."""
        for each in reversed(self._sockets):
            each.close()


class Expired:
    """A TLS server whose certificate is over."""

    def __init__(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(TLS / "expired.crt", TLS / "server.key")
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with client:
                try:
                    client.settimeout(5)
                    self._context.wrap_socket(client, server_side=True).close()
                except OSError:
                    pass  # the client does not like it, as it should

    def close(self) -> None:
        """No more connections."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def outcomes(request: dict[str, Any]) -> tuple[str, ...]:
    """Its attempts' outcomes; how often it was not sent in a row is a matter of time."""
    found = [a["outcome"] for a in request["attempts"]]
    return tuple(o for o, before in zip(found, [""] + found) if (o, before) != ("not_sent", "not_sent"))


def waited_a_minute(request: dict[str, Any]) -> bool:
    """Between its first POST and the next."""
    first, second = (datetime.fromisoformat(a["at"].replace("Z", "+00:00")) for a in request["attempts"][:2])
    return (second - first).total_seconds() >= 60


class Place:
    """A row, its GitHub, and its request."""

    def __init__(self, case: Case, port: int = 0) -> None:
        self.case = case
        self.silent = port != 0
        self.standin = StandIn(port, prefix=case.prefix)
        self.relay_id = ""
        self.held_id = ""
        self.expired: Optional[Expired] = None

    def start(self) -> None:
        """GitHub as the row has it, its scripts aside."""
        self.standin.start()
        extra = [f"extra{n}" for n in range(self.case.extra_inputs)]
        self.standin.set(queued_s=0, in_progress_s=0, **{"inputs": ["relay_id", "model", *extra], **self.case.world})

    def misbehave(self) -> None:
        """The row's scripts."""
        for script in self.case.scripts:
            self.standin.script("dispatch", **script)

    def stop(self) -> None:
        """Ends it."""
        self.standin.stop()
        if self.expired is not None:
            self.expired.close()

    def wrong_url(self) -> str:
        """Where the row's GitHub is not."""
        if self.case.no_server == "refused port":
            with socket.create_server(("127.0.0.1", 0)) as taken:
                return f"http://127.0.0.1:{taken.getsockname()[1]}"
        if self.case.no_server == "no such name":
            return "https://" + "x" * 64  # longer than a label may be: no resolver is asked
        if self.case.no_server == "wrong path":
            return f"http://127.0.0.1:{self.standin.port}/api"
        if self.case.no_server == "expired certificate" and not self.silent:
            self.expired = Expired()
        return f"https://127.0.0.1:{self.expired.port if self.expired else self.standin.port}"

    def target(self, folder: Path, right: bool) -> dict[str, Any]:
        """Its target, with a credential of its own; right: with the address it should have."""
        url = self.standin.url if right or not self.case.no_server else self.wrong_url()
        token_file = write_secret(folder, "token-" + self.case.slug, TOKEN)
        return {"name": self.case.slug, "repository": "acme/kospi", "workflow": "retrain.yml", "ref": "main",
                "token_file": token_file, "api_url": url, **self.case.target}

    def route(self) -> dict[str, Any]:
        """Its route: everything labelled with the row's name."""
        inputs = [{"name": f"extra{n}", "value": "{label:model}"} for n in range(self.case.extra_inputs)]
        return {"name": self.case.slug, "match": [f"row={self.case.slug}"], "key": ["model"], "cooldown": "6h",
                "target": self.case.slug, "inputs": inputs}

    def faults(self, relay: Relay, want: Case) -> list[str]:
        """What is not as the row says."""
        request, verdict = relay.request(self.relay_id), self.standin.judge()
        if want.end == ("queued", "limited") and len(request["attempts"]) > 1 and waited_a_minute(request):
            want = want.after_a_minute()
        looked_for = request["state"] in LOOKED_FOR
        had = outcomes(request)
        if not want.outcomes and had == ("not_sent",):
            had = ()  # a connection did not come about in time, before the POST of which nothing is known
        pairs = [("end", (request["state"], None if looked_for else request["reason"]), want.end),
                 ("outcomes", had, want.outcomes),
                 ("POSTs", verdict["posts_total"] - (self.held_id != ""), want.posts),
                 ("runs", verdict["runs_total"], want.runs)]
        if looked_for and not self.case.no_server:  # no list is asked for where the target is no more
            pairs.append(("detail", request["detail"], "looking for its run: not listed yet"))
        pairs += [(name, verdict[name], 0) for name in ("without_proof", "after_permanent_refusal")]
        pairs += [(name, verdict[name], []) for name in ("doubled_runs", "violations")]
        return [f"{want.name}: {name}: {got!r}, not {wanted!r}" for name, got, wanted in pairs if got != wanted]


class Table:
    """The rows of one test, and the relay that meets them."""

    def __init__(self, relay: Relay, places: list[Place]) -> None:
        self.relay, self.places = relay, places

    def configure(self, right: bool = False) -> None:
        """Writes the config."""
        folder = self.relay.folder
        self.relay.write_config({**base_config(folder, "http://127.0.0.1:9", TOKEN),
                                 "targets": [p.target(folder, right) for p in self.places],
                                 "routes": [p.route() for p in self.places]})

    def post(self, model: str) -> list[str]:
        """One alert for each row, in one notification; the relay_ids."""
        answer = self.relay.post(grafana_body(*(alert(model, labels={"row": p.case.slug}) for p in self.places)))
        assert answer.status == 202, answer.body
        alerts = answer.json()["alerts"]
        assert {(a["verdict"], a["reason"]) for a in alerts} == {("dispatch", "first")}
        return [a["relay_id"] for a in alerts]

    def dispatch(self) -> None:
        """The rows' requests."""
        for place, relay_id in zip(self.places, self.post("kospi")):
            place.relay_id = relay_id

    def requests(self) -> dict[str, dict[str, Any]]:
        """All of them by relay_id."""
        found: dict[str, dict[str, Any]] = {}
        cursor: Optional[str] = ""
        while cursor is not None:
            page = self.relay.api("requests?limit=200" + (f"&cursor={cursor}" if cursor else ""))
            found.update((r["relay_id"], r) for r in page["items"])
            cursor = page["next"]
        return found

    def until_all(self, look: Callable[[Place], bool], what: str, timeout: float = 28) -> None:
        """Waits until every row is like that."""
        def lacking() -> list[str]:
            return [p.case.name for p in self.places if not look(p)]
        try:
            until(lambda: not lacking(), timeout, what, pause=0.05)
        except AssertionError as late:
            raise AssertionError(f"{late}: {lacking()}") from None

    def wait(self, look: Callable[[dict[str, Any]], bool], timeout: float, what: str) -> None:
        """Waits until every row's request is like that."""
        now: dict[str, dict[str, Any]] = {}

        def fits(place: Place) -> bool:
            if place is self.places[0]:
                now.update(self.requests())
            return look(now[place.relay_id])
        self.until_all(fits, what, timeout)

    def gates(self, state: str) -> None:
        """Turns them all."""
        for place in self.places:
            place.standin.server.gate.turn(state)

    def misbehave(self) -> None:
        """Every GitHub from now on."""
        for place in self.places:
            place.misbehave()

    def behave(self) -> None:
        """Every GitHub from now on."""
        for place in self.places:
            place.standin.server.scripts.clear()

    def hold_answers(self) -> None:
        """Sends all and waits until every POST has done what it does, and no answer has left: for less than the relay
        waits for one."""
        self.gates("shut")
        self.misbehave()
        self.dispatch()
        self.until_all(lambda p: p.standin.server.gate.waiting == 1, "a POST that waits for its answer")

    def restart_answered(self) -> None:
        """Stops once every row's first POST has its outcome, and starts with the right addresses."""
        self.wait(lambda r: len(r["attempts"]) > 0, 60, "its outcome")
        assert self.relay.term() == 0
        self.configure(right=True)
        self.relay.start()

    def assert_ends(self, wanted: Callable[[Case], Case]) -> None:
        """Each as its row says, and nothing else for longer than a first retry or a first look takes."""
        wants = {p.relay_id: wanted(p.case) for p in self.places}
        quiet = time.monotonic() + 8

        def ended(request: dict[str, Any]) -> bool:
            want, state = wants[request["relay_id"]], request["state"]
            if want.end == ("queued", "limited"):
                return len(request["attempts"]) > 0 and state in ("queued", "done")
            return state == want.end[0] and (state in LOOKED_FOR or request["reason"] == want.end[1])

        try:
            self.wait(ended, 45, "every row's end")
        except AssertionError as late:
            print(late)
        time.sleep(max(1.0, quiet - time.monotonic()))
        faults: list[str] = []

        def as_wanted() -> bool:
            faults[:] = [fault for p in self.places for fault in p.faults(self.relay, wants[p.relay_id])]
            return not faults

        try:
            until(as_wanted, 5, "what each row says", pause=1)  # a POST may be under way: a limit's minute is over
        except AssertionError as late:
            raise AssertionError(f"{late}: {len(faults)} faults\n" + "\n".join(faults)) from None


@pytest.fixture
def places() -> Iterator[list[Place]]:
    """Filled by the test; ended together, since each takes a moment."""
    made: list[Place] = []
    yield made
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(Place.stop, made))


@pytest.fixture
def table(make_relay: Callable[..., Relay], places: list[Place]) -> Callable[..., Table]:
    """Makes the table of the rows given, each with its GitHub."""
    def make(cases: list[Case]) -> Table:
        places.extend(Place(case) for case in cases)
        for place in places:
            place.start()
        made = Table(make_relay(), places)
        made.configure()
        made.relay.start()
        return made
    return make


# Where a POST arrives, so that a kill can come after it.
ARRIVING = [case for case in CASES if not case.no_server]
# Where what precedes a POST takes time, so that a kill can come before it.
CONNECTING = [case for case in CASES if case.no_server not in ("refused port", "no such name")]


def test_killed_after_the_post(table: Callable[..., Table]) -> None:
    rows = table(ARRIVING)
    rows.hold_answers()
    rows.relay.kill9()
    rows.gates("lost")
    rows.behave()
    rows.until_all(lambda p: p.standin.server.gate.waiting == 0, "the answer's loss")
    rows.gates("open")
    rows.relay.start()
    rows.assert_ends(Case.unanswered)


def test_killed_while_it_waits_for_its_turn(table: Callable[..., Table]) -> None:
    """Another POST of its credential is under way: the request is on disk, and was never sent."""
    rows = table(ARRIVING)
    for place in rows.places:
        place.standin.script("dispatch", "hang")
    for place, relay_id in zip(rows.places, rows.post("in front")):
        place.held_id = relay_id
    rows.until_all(lambda p: len(p.standin.api.judge.posts()) == 1, "the POST in front")
    rows.dispatch()
    rows.wait(lambda r: r["state"] == "queued", 20, "its turn")
    rows.relay.kill9()
    rows.misbehave()
    rows.relay.start()
    rows.restart_answered()
    rows.assert_ends(lambda case: case)


def test_not_killed_but_stopped_and_started(table: Callable[..., Table]) -> None:
    rows = table(CASES)
    rows.misbehave()
    rows.dispatch()
    rows.restart_answered()
    rows.assert_ends(lambda case: case)


def test_killed_before_the_post(make_relay: Callable[..., Relay], places: list[Place]) -> None:
    """Between the word that it is sent and the connection: the relay cannot know that nothing left."""
    holes = [BlackHole() for _ in CONNECTING]
    places.extend(Place(case, hole.port) for case, hole in zip(CONNECTING, holes))
    rows = Table(make_relay(), places)
    rows.configure()
    rows.relay.start()
    rows.dispatch()
    rows.wait(lambda r: r["state"] == "sending", 30, "the connection to be tried")
    rows.relay.kill9()
    for hole, place in zip(holes, places):
        hole.close()
        place.start()
    rows.configure(right=True)
    rows.relay.start()
    rows.assert_ends(Case.unsent)


def test_killed_after_the_record_that_nothing_was_sent(table: Callable[..., Table]) -> None:
    rows = table([case for case in CASES if case.no_server])
    rows.dispatch()
    rows.wait(lambda r: len(r["attempts"]) > 0, 30, "its outcome")
    rows.relay.kill9()
    rows.configure(right=True)
    rows.relay.start()
    rows.assert_ends(lambda case: case)


def test_killed_before_the_record(table: Callable[..., Table]) -> None:
    """The answers are there, and the relay has not read them."""
    rows = table(ARRIVING)
    rows.hold_answers()
    assert rows.relay.process is not None
    rows.relay.process.freeze()
    rows.gates("open")
    time.sleep(0.5)  # for what can be sent at all
    rows.relay.kill9()
    rows.behave()
    rows.relay.start()
    rows.assert_ends(Case.unanswered)
