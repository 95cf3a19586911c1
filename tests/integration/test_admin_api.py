"""The operators' API: what it says is what docs/openapi.json says, what it lists can be narrowed, and who may change what."""
from __future__ import annotations

import json
import socket
from typing import Any, Callable, Optional

import pytest

from tests.integration.test_commands import fresh
from tests.integration.test_main_path import decided
from tests.support import http
from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.openapi import OpenApi
from tests.support.relay import Relay
from tests.support.relay_config import write_secret
from tests.support.wait import until

TOKEN = "admin_canary_0f1e2d3c4b5a69788796a5b4"
NOBODY = "01KAV9FWXRSXC0DW5Y8QKYP866"


class Operator:
    """Asks a relay over TCP with the token, and has each answer judged."""

    def __init__(self, relay: Relay) -> None:
        self.relay, self.api = relay, OpenApi()

    def ask(self, method: str, path: str, body: Any = None, token: Optional[str] = TOKEN) -> http.Answer:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = http.once(self.relay.admin_port, method, path, headers, sent)
        self.api.judge(method, path, answer)
        return answer

    def get(self, path: str) -> Any:
        answer = self.ask("GET", "/api/v1/" + path)
        assert answer.status == 200, answer.body
        return answer.json()

    def post(self, path: str, body: Any = None) -> int:
        return self.ask("POST", "/api/v1/" + path, body).status


@pytest.fixture
def operator(make_relay: Callable[..., Relay]) -> Operator:
    relay = make_relay()
    config = dict(relay.config)  # type: ignore[arg-type]
    config["admin"] = {**config["admin"], "token_file": write_secret(relay.folder, "admin-token", TOKEN)}
    config["routes"] = [{**config["routes"][0], "match": ["action=retrain", "hold!=yes"], "effective_within": "1h"},
                        {**config["routes"][0], "name": "held", "hold": "1s"}]
    relay.write_config(config)
    return Operator(relay.start())


def test_every_answer_is_as_described(operator: Operator, standin: StandIn) -> None:
    relay = operator.relay
    standin.set(in_progress_s=3600)
    body = fresh()
    first = relay.post(body).json()
    held = relay.post(fresh(hold="yes", model="b")).json()
    assert [a["verdict"] for a in held["alerts"]] == ["held"]
    relay_id = first["alerts"][0]["relay_id"]
    relay.wait_request(relay_id, "running")
    until(lambda: operator.get("requests?route=held")["items"] != [], 30, "the hold ends in a request")
    for path in ("/healthz", "/readyz", "/metrics"):
        assert operator.ask("GET", path).status == 200
    for path in ("status", "keys", "keys?state=open", "keys/kospi%2Fkospi", "requests", f"requests/{relay_id}", "notifications",
                 f"notifications/{first['notification']}", "changes"):
        operator.get(path)
    assert operator.ask("GET", f"/api/v1/notifications/{first['notification']}/body").body == body
    assert operator.ask("POST", "/api/v1/explain", fresh()).status == 200
    assert operator.ask("POST", "/api/v1/explain", b"{}").status == 400
    for path in ("keys/x", f"requests/{NOBODY}", f"notifications/{NOBODY}", f"notifications/{NOBODY}/body"):
        assert operator.ask("GET", "/api/v1/" + path).status == 404
    for path in ("keys?state=none", "requests?state=none", "requests?limit=0", "notifications?cursor=x", "changes?limit=201"):
        assert operator.ask("GET", "/api/v1/" + path).status == 400
    assert operator.post("routes/kospi/pause", {"for": "2h", "reason": "upgrade"}) == 200
    operator.get("status")
    for path in ("routes/kospi/resume", "targets/retrain/pause", "targets/retrain/resume", "keys/kospi%2Fkospi/rearm",
                 f"requests/{relay_id}/cancel"):
        assert operator.post(path) == 200
    relay.wait_request(relay_id, "done")
    assert operator.post(f"requests/{relay_id}/cancel") == 409
    assert operator.post(f"requests/{relay_id}/redeliver") == 200
    assert operator.post(f"requests/{relay_id}/redeliver") == 409
    assert operator.post("backup", {"reason": "before an upgrade"}) == 200
    until(lambda: operator.get("backup")["state"] == "done", 30, "the backup is made")
    assert operator.get("backup")["path"] == str((relay.folder / "state" / "relay.db.backup").resolve())
    changed = ("routes/x/pause", "routes/x/resume", "targets/x/pause", "targets/x/resume", "keys/x/rearm", f"requests/{NOBODY}/cancel",
               f"requests/{NOBODY}/redeliver")
    for path in changed:
        assert operator.post(path) == 404
        assert operator.post(path, {"why": "x"}) == 400
        assert operator.ask("POST", "/api/v1/" + path, token="wrong_canary_0123456789").status == 401
    assert operator.post("backup", {"for": "1h"}) == 400
    assert operator.ask("POST", "/api/v1/backup", token=None).status == 401
    operator.get("changes")
    unseen = {(path, method, status) for path, method, operation in operator.api.operations() for status in operation["responses"]
              if status not in ("403", "503")} - operator.api.seen - {("/api/v1/backup", "post", "409")}
    assert unseen == set()


def test_a_timeline_tells_it_all(operator: Operator, standin: StandIn) -> None:
    relay = operator.relay
    held = relay.post(fresh(hold="yes")).json()
    until(lambda: operator.get("requests")["items"] != [], 30, "the hold ends in a request")
    relay_id = operator.get("requests")["items"][0]["relay_id"]
    relay.wait_request(relay_id, "done")
    steps = {s["event"]: s["detail"] for s in relay.request(relay_id)["timeline"]}
    assert list(steps) == ["received", "verified", "held", "queued", "dispatched", "ended", "effect"]
    assert steps["received"] == f"notification {held['notification']} of grafana"
    assert steps["verified"] == "by grafana-hmac" and steps["dispatched"] == "accepted, HTTP 200"
    assert steps["ended"] == "done: success"
    first = relay.post(fresh()).json()["alerts"][0]["relay_id"]
    relay.wait_request(first, "done")
    assert relay.request(first)["timeline"][-1] == {**relay.request(first)["timeline"][-1], "event": "effect",
                                                    "detail": "watched: its alerts have not resolved yet"}
    resolved = grafana_body(alert(status="resolved"))
    assert decided(relay.post(resolved)) == ["resolved/quiet"]
    assert relay.request(first)["timeline"][-1]["detail"] == "effective: its alerts resolved"
    assert operator.post(f"requests/{first}/redeliver", {"reason": "a bad day's data"}) == 200
    again = operator.get("requests?limit=1")["items"][0]["relay_id"]
    steps = {s["event"]: s["detail"] for s in relay.request(again)["timeline"]}
    assert steps["redelivered"] == "by token: a bad day's data"
    relay.wait_request(again, "done")


def test_listings_are_narrowed(operator: Operator) -> None:
    relay = operator.relay
    ids = {}
    for model in ("a", "b", "c"):
        ids[model] = relay.post(fresh(model=model)).json()["alerts"][0]["relay_id"]
        relay.wait_request(ids[model], "done")
    assert decided(relay.post(fresh(model="a", feature="x"))) == ["suppressed/not_rearmed"]
    assert decided(relay.post(fresh(action="none", model="quote\" ,\"verdict\":\"held\""))) == ["ignored/no_route"]

    def found(path: str) -> list[Any]:
        return [item.get("relay_id", item.get("notification")) for item in operator.get(path)["items"]]

    assert found("requests?key=kospi%2Fb") == [ids["b"]]
    assert found("requests?state=done&conclusion=success&target=retrain&cause=alert") == [ids["c"], ids["b"], ids["a"]]
    assert found("requests?state=open") == found("requests?route=held") == found("requests?reason=failure") == []
    assert len(found("notifications?verdict=dispatch")) == 3 and len(found("notifications")) == 5
    assert len(found("notifications?verdict=dispatch&key=kospi%2Fa")) == 1
    assert found("notifications?verdict=held") == found("notifications?source=other") == []
    assert len(found("notifications?reason=no_route")) == 1
    assert [k["key"] for k in operator.get("keys?state=disarmed&route=kospi")["items"]] == ["kospi/a", "kospi/b", "kospi/c"]
    page = operator.get("requests?state=done&limit=2")
    rest = operator.get(f"requests?state=done&limit=2&cursor={page['next']}")
    assert [r["relay_id"] for r in page["items"] + rest["items"]] == [ids["c"], ids["b"], ids["a"]]
    assert "no such field" in relay.admin("/api/v1/requests?verdict=held").json()["detail"]


def test_changes_are_kept_with_who_and_why(operator: Operator) -> None:
    assert operator.post("routes/kospi/pause", {"reason": "GitHub is in maintenance", "for": "1s"}) == 200
    until(lambda: operator.get("status")["paused"] == [], 30, "the pause ends")
    operator.relay.restart()
    resumed, paused = operator.get("changes")["items"]
    assert (paused["who"], paused["action"], paused["scope"], paused["name"]) == ("token", "pause", "route", "kospi")
    assert paused["why"] == resumed["why"] == "GitHub is in maintenance" and paused["detail"].startswith("until 20")
    assert (resumed["who"], resumed["action"], resumed["detail"]) == ("relay", "resume", "the pause is over")
    assert operator.get("changes?who=token&action=pause&name=kospi")["items"] == [paused]
    assert operator.get("changes?who=uid+0")["items"] == []


def test_a_wrong_token_changes_nothing(operator: Operator) -> None:
    for header in ("", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN):
        headers = {"Authorization": header} if header else {}
        answer = http.once(operator.relay.admin_port, "POST", "/api/v1/routes/kospi/pause", headers)
        assert answer.status == 401 and answer.headers.get("www-authenticate") == "Bearer", header
    assert operator.get("status")["paused"] == [] and TOKEN not in operator.relay.log_text()


def test_a_new_token_counts_at_once_and_one_that_others_may_read_not_at_all(operator: Operator) -> None:
    relay = operator.relay
    new = "another_canary_5a69788796a5b4c3"
    path = write_secret(relay.folder, "admin-token", new)
    assert operator.post("routes/kospi/pause") == 401
    assert operator.ask("POST", "/api/v1/routes/kospi/pause", token=new).status == 200
    (relay.folder / "admin-token").chmod(0o644)
    answer = http.once(relay.admin_port, "POST", "/api/v1/routes/kospi/resume", {"Authorization": f"Bearer {new}"})
    assert answer.status == 503 and path in relay.log_text()


def test_a_token_is_no_key_to_the_socket(operator: Operator) -> None:
    """There the peer is known: its user counts."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(operator.relay.folder / "admin.sock"))
        peer.sendall(b"POST /api/v1/routes/kospi/pause HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert peer.recv(4096).startswith(b"HTTP/1.1 200")
    assert operator.get("changes")["items"][0]["who"].startswith("uid ")
