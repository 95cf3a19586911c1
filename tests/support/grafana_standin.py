"""A strict stand-in for the few endpoints of Grafana's HTTP API that drift-relay uses, on loopback.

It behaves as Grafana 12.3 was seen to: what a rule must say to be created, 409 for an uid that exists, 412 for a
folder that does, an Editor's 403 for a folder that does not, annotations found by all of their tags. PUT and DELETE
are refused and counted: nothing of drift-relay may replace or delete what people own. What people do in the UI are
methods here (edit_threshold, pause, delete_rule, delete_folder).
"""
from __future__ import annotations

import base64
import copy
import json
import re
import threading
import time
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Optional
from urllib.error import HTTPError
from urllib.parse import parse_qsl, unquote, urlsplit
from urllib.request import Request, urlopen

from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import sign
from tests.support.relay_config import SECRET

TOKEN = "glsa_canaryTESTTOKENofgrafana0Xy7_1a2b3c4d"
_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_STATES = {"noDataState": {"NoData", "Alerting", "OK", "KeepLast"},
           "execErrState": {"Error", "Alerting", "OK", "KeepLast"}}


def test_notification() -> bytes:
    """What the button Test sends."""
    return grafana_body(alert(labels={"alertname": "TestAlert", "instance": "Grafana", "grafana_folder": "Test Folder"},
                              values={"B": 22, "C": 1}), receiver="test",
                        groupKey=f"test-57c6d9296de2ad39-{int(time.time())}")


def deliver(url: str, body: bytes, headers: dict[str, str]) -> str:
    """Posts a notification; why it failed, or ""."""
    try:
        with urlopen(Request(url, body, headers, method="POST"), timeout=15):  # loopback
            return ""
    except HTTPError as error:
        return f"webhook response status {error.code} {error.reason}"
    except (OSError, HTTPException) as error:
        return f"failed to send notification: {error}"


class Refusal(Exception):
    """An answer that is none of success."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Asked:
    """One request as the judge keeps it."""

    def __init__(self, method: str, path: str, body: Any, headers: dict[str, str], role: str) -> None:
        self.method, self.path, self.body, self.headers, self.role = method, path, body, headers, role
        self.judged = False  # what it is answered is decided

    def __repr__(self) -> str:
        return f"{self.method} {self.path}"


class State:
    """What is in the database."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.annotations: list[dict[str, Any]] = []
        self.contact_points: list[dict[str, Any]] = []
        self.dashboards: list[str] = []  # uids
        self.policies: dict[str, Any] = {"receiver": "grafana-default-email", "group_by": ["grafana_folder", "alertname"]}
        self.data_sources: dict[str, dict[str, str]] = {}
        self.next_id = 1

    def take_id(self) -> int:
        """A new numeric id."""
        self.next_id += 1
        return self.next_id - 1


class GrafanaStandIn:
    """The stand-in inside the process of a test."""

    def __init__(self, tokens: Optional[dict[str, str]] = None, users: Optional[dict[str, str]] = None) -> None:
        self.tokens = {TOKEN: "Editor"} if tokens is None else tokens
        self.users = users or {}
        self.secrets: dict[str, str] = {}  # of contact points, by uid; SECRET where there is none
        self.state = State()
        self.database_ok = True
        self.asked: list[Asked] = []
        self.faults: list[str] = []
        self.deliver: Callable[[str, bytes, dict[str, str]], str] = deliver
        self.late = 0  # requests that were carried out long after their answer was cut
        self.before: Optional[Callable[[Asked], None]] = None  # runs before a request is carried out
        self.lock = threading.RLock()
        self._scripts: list[dict[str, Any]] = []
        self._port = 0
        self._server: Optional[ThreadingHTTPServer] = None
        self._thread: Optional[threading.Thread] = None

    # --- life ---------------------------------------------------------------------------------------
    def start(self) -> "GrafanaStandIn":
        """Listens; after stop() again on the same port, with the same database."""
        self._server = _Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Grafana is down: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            assert self._thread is not None
            self._thread.join(10)
            self._server = None

    def reserve(self) -> "GrafanaStandIn":
        """Takes a port without listening on it: a Grafana that has not come up."""
        self.start()
        self.stop()
        return self

    def __enter__(self) -> "GrafanaStandIn":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._port}"

    # --- scripts and the judge ------------------------------------------------------------------------
    def script(self, method: str, path: str, do: str, count: int = 1, status: int = 500, message: str = "") -> None:
        """The next `count` requests of this method whose path begins so meet this: `cut` (nothing is done), `lost`
        (it is done, and the answer cut), `late` (the answer is cut, and it is done three seconds later), `answer` (a
        status), `restart` (it is done, the answer cut, and the next health check fails), `hang` (no answer until the
        client goes away)."""
        with self.lock:
            self._scripts.append({"method": method, "path": path, "do": do, "count": count, "status": status,
                                  "message": message})

    def unscript(self) -> None:
        """Forgets what was to be met."""
        with self.lock:
            self._scripts.clear()

    def scripted(self, asked: Asked) -> Optional[dict[str, Any]]:
        """What the next one meets."""
        for script in self._scripts:
            if script["count"] > 0 and script["method"] == asked.method and asked.path.startswith(script["path"]):
                script["count"] -= 1
                return script
        return None

    def writes(self) -> list[Asked]:
        """Every request that was to change something."""
        with self.lock:
            return [a for a in self.asked if a.method != "GET"]

    def assert_clean(self) -> None:
        """Nobody tried to replace or delete, and every body was one that Grafana reads."""
        with self.lock:
            assert self.faults == []
            assert not [a for a in self.asked if a.method in ("PUT", "DELETE")]

    # --- what people do in the UI -----------------------------------------------------------------------
    def edit_threshold(self, uid: str, value: float) -> None:
        """Saves another number."""
        with self.lock:
            self._threshold(uid)["params"] = [value]

    def threshold(self, uid: str) -> float:
        """The number in force."""
        with self.lock:
            return float(self._threshold(uid)["params"][0])

    def _threshold(self, uid: str) -> dict[str, Any]:
        rule = self.state.rules[uid]
        (query,) = [q for q in rule["data"] if q["refId"] == rule["condition"]]
        evaluator: dict[str, Any] = query["model"]["conditions"][0]["evaluator"]
        return evaluator

    def pause(self, uid: str) -> None:
        """Pauses a rule."""
        with self.lock:
            self.state.rules[uid]["isPaused"] = True

    def delete_rule(self, uid: str) -> None:
        """Deletes a rule: nothing remembers its uid."""
        with self.lock:
            del self.state.rules[uid]

    def delete_folder(self, uid: str) -> None:
        """Deletes a folder and what is in it."""
        with self.lock:
            del self.state.folders[uid]
            self.state.rules = {k: r for k, r in self.state.rules.items() if r["folderUID"] != uid}

    def ledger(self) -> dict[str, int]:
        """How often each rule's uid is noted."""
        found: dict[str, int] = {}
        with self.lock:
            for note in self.state.annotations:
                if "seed-ledger" in note["tags"]:
                    (uid,) = [t[5:] for t in note["tags"] if t.startswith("rule:")]
                    found[uid] = found.get(uid, 0) + 1
        return found

    def notes(self, tag: str) -> list[dict[str, Any]]:
        """Annotations with a tag."""
        with self.lock:
            return copy.deepcopy([a for a in self.state.annotations if tag in a["tags"]])

    # --- the API ------------------------------------------------------------------------------------------
    def role(self, authorization: str) -> str:
        """Whose request it is; "" for a stranger."""
        scheme, _, value = authorization.partition(" ")
        if scheme == "Bearer":
            return self.tokens.get(value, "")
        if scheme == "Basic":
            name, _, password = base64.b64decode(value).decode().partition(":")
            return "Admin" if name in self.users and self.users[name] == password else ""
        return ""

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Carries one request out."""
        url = urlsplit(asked.path)
        if url.path == "/api/health":
            return (200 if self.database_ok else 503), {"database": "ok" if self.database_ok else "failing",
                                                        "version": "12.3.0"}
        if asked.method in ("PUT", "DELETE"):
            raise Refusal(405, "the stand-in lets nobody replace or delete")
        if not asked.role:
            raise Refusal(401, "Invalid API key")
        if asked.method != "GET" and asked.role == "Viewer":
            raise Refusal(403, "You'll need additional permissions to perform this action.")
        for method, pattern, carry_out in _ROUTES:
            match = re.fullmatch(pattern, url.path)
            if match and method == asked.method:
                return carry_out(self, asked, *[unquote(g) for g in match.groups()])
        raise Refusal(404, "Not found")

    def carry_out_late(self, asked: Asked) -> None:
        """What nobody waits for any more."""
        with self.lock:
            self.answer(asked)
            self.late += 1

    def get_folder(self, asked: Asked, uid: str) -> tuple[int, Any]:
        """GET /api/folders/UID."""
        if uid not in self.state.folders:
            raise Refusal(404 if asked.role == "Admin" else 403, "folder not found or no access to it")
        return 200, self.state.folders[uid]

    def make_folder(self, asked: Asked) -> tuple[int, Any]:
        """POST /api/folders."""
        uid, title = asked.body.get("uid", ""), asked.body.get("title", "")
        if not _UID.fullmatch(uid) or not title:
            raise Refusal(400, "folder uid or title is invalid")
        if uid in self.state.folders:
            raise Refusal(412, "a folder with the same uid already exists")
        self.state.folders[uid] = {"uid": uid, "title": title, "id": self.state.take_id()}
        return 200, self.state.folders[uid]

    def get_rule(self, _: Asked, uid: str) -> tuple[int, Any]:
        """GET …/alert-rules/UID."""
        if uid not in self.state.rules:
            raise Refusal(404)
        return 200, self.state.rules[uid]

    def get_rules(self, _: Asked) -> tuple[int, Any]:
        """GET …/alert-rules."""
        return 200, list(self.state.rules.values())

    def make_rule(self, asked: Asked) -> tuple[int, Any]:
        """POST …/alert-rules."""
        rule = copy.deepcopy(asked.body)
        for key in ("title", "ruleGroup", "folderUID", "condition", "data", "for"):
            if not rule.get(key):
                raise Refusal(400, f"invalid alert rule: {key} is missing")
        for key, states in _STATES.items():
            if rule.get(key) not in states:
                raise Refusal(400, f"invalid alert rule: unknown {key}")
        if not _UID.fullmatch(rule.get("uid", "")):
            raise Refusal(400, "invalid alert rule: cannot create rule with UID")
        if rule["folderUID"] not in self.state.folders:
            raise Refusal(400, "invalid alert rule: folder does not exist")
        if rule["condition"] not in [q.get("refId") for q in rule["data"]]:
            raise Refusal(400, "invalid alert rule: condition does not exist")
        receiver = rule.get("notification_settings", {}).get("receiver")
        if receiver is not None and receiver not in [c["name"] for c in self.state.contact_points]:
            raise Refusal(400, f"invalid alert rule: receiver {receiver} does not exist")
        if rule["uid"] in self.state.rules:
            raise Refusal(409, "rule with that uid already exists")
        rule.update(id=self.state.take_id(), orgID=1, isPaused=rule.get("isPaused", False))
        if "x-disable-provenance" not in asked.headers:
            rule["provenance"] = "api"  # nobody could edit it in the UI
        for query in rule["data"]:
            query.setdefault("queryType", "")
            query["model"].setdefault("intervalMs", 1000)
        self.state.rules[rule["uid"]] = rule
        return 201, rule

    def get_annotations(self, asked: Asked) -> tuple[int, Any]:
        """GET /api/annotations: those with all of the tags, newest first, at most 100."""
        query = parse_qsl(urlsplit(asked.path).query)
        tags = {v for k, v in query if k == "tags"}
        if not {k for k, _ in query} <= {"tags", "type", "limit"}:
            self.faults.append(f"unknown query: {asked.path}")
        found = [a for a in self.state.annotations if tags <= set(a["tags"])]
        return 200, sorted(found, key=lambda a: (-int(a["time"]), -int(a["id"])))[:100]

    def make_annotation(self, asked: Asked) -> tuple[int, Any]:
        """POST /api/annotations."""
        note = asked.body
        if not note.get("text") or sum(len(t) for t in note.get("tags", [])) > 500 or not isinstance(note["time"], int):
            raise Refusal(400, "Failed to save annotation")
        kept = {"id": self.state.take_id(), "time": note["time"], "timeEnd": note.get("timeEnd", note["time"]),
                "text": note["text"], "tags": list(note.get("tags", []))}
        self.state.annotations.append(kept)
        return 200, {"message": "Annotation added", "id": kept["id"]}

    def patch_annotation(self, asked: Asked, number: str) -> tuple[int, Any]:
        """PATCH /api/annotations/ID: what is not given stays."""
        for note in self.state.annotations:
            if note["id"] == int(number):
                note.update({k: v for k, v in asked.body.items() if k in ("time", "timeEnd", "text", "tags")})
                return 200, {"message": "Annotation patched"}
        raise Refusal(404, "Could not find annotation to update")

    def get_contact_points(self, _: Asked) -> tuple[int, Any]:
        """GET …/contact-points: secrets are redacted."""
        return 200, self.state.contact_points

    def send_test(self, asked: Asked) -> tuple[int, Any]:
        """POST …/receivers/test: a signed notification with the secret that is kept for the integration's uid."""
        (receiver,) = asked.body["receivers"]
        (wanted,) = receiver["grafana_managed_receiver_configs"]
        kept = [c for c in self.state.contact_points if c["uid"] == wanted["uid"]]
        if not kept:
            raise Refusal(400, f"unknown receiver: {wanted['uid']}")
        if "[REDACTED]" in json.dumps(asked.body):
            self.faults.append(f"{asked}: what stands for a secret, as a secret")
        error = self.notify(wanted, test_notification())
        result = {"name": wanted["name"], "uid": wanted["uid"], "status": "failed" if error else "ok"}
        return (207 if error else 200), {"receivers": [{"name": receiver["name"], "grafana_managed_receiver_configs": [
            {**result, "error": error} if error else result]}]}

    def notify(self, point: dict[str, Any], body: bytes) -> str:
        """Posts as a contact point does; why it failed, or ""."""
        settings, headers = point["settings"], {"Content-Type": "application/json", "User-Agent": "Grafana"}
        hmac_config = settings.get("hmacConfig")
        if hmac_config is not None:
            stamp = int(time.time()) if hmac_config.get("timestampHeader") else None
            headers[hmac_config["header"]] = sign(body, stamp, self.secrets.get(point["uid"], SECRET))
            if stamp is not None:
                headers[hmac_config["timestampHeader"]] = str(stamp)
        return self.deliver(settings["url"], body, headers)

    def get_policies(self, _: Asked) -> tuple[int, Any]:
        """GET …/policies."""
        return 200, self.state.policies

    def get_data_source_health(self, _: Asked, uid: str) -> tuple[int, Any]:
        """GET /api/datasources/uid/UID/health."""
        health = self.state.data_sources.get(uid)
        if health is None:
            raise Refusal(404, "Data source not found")
        return (200 if health["status"] == "OK" else 400), health


_PROVISIONING = "/api/v1/provisioning"
_ROUTES: list[tuple[str, str, Callable[..., tuple[int, Any]]]] = [
    ("GET", r"/api/folders/([^/]+)", GrafanaStandIn.get_folder),
    ("POST", r"/api/folders", GrafanaStandIn.make_folder),
    ("GET", _PROVISIONING + r"/alert-rules/([^/]+)", GrafanaStandIn.get_rule),
    ("GET", _PROVISIONING + r"/alert-rules", GrafanaStandIn.get_rules),
    ("POST", _PROVISIONING + r"/alert-rules", GrafanaStandIn.make_rule),
    ("GET", r"/api/annotations", GrafanaStandIn.get_annotations),
    ("POST", r"/api/annotations", GrafanaStandIn.make_annotation),
    ("PATCH", r"/api/annotations/(\d+)", GrafanaStandIn.patch_annotation),
    ("GET", _PROVISIONING + r"/contact-points", GrafanaStandIn.get_contact_points),
    ("GET", _PROVISIONING + r"/policies", GrafanaStandIn.get_policies),
    ("POST", r"/api/alertmanager/grafana/config/api/v1/receivers/test", GrafanaStandIn.send_test),
    ("GET", r"/api/datasources/uid/([^/]+)/health", GrafanaStandIn.get_data_source_health),
]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], grafana: GrafanaStandIn) -> None:
        super().__init__(address, _Handler)
        self.grafana = grafana


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:
        """The judge keeps what matters."""

    def _serve(self) -> None:
        grafana = self.server.grafana
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k.lower(): v for k, v in self.headers.items()}
        asked = Asked(self.command, self.path, None, headers, grafana.role(headers.get("authorization", "")))
        if grafana.before is not None:
            grafana.before(asked)
        with grafana.lock:
            grafana.asked.append(asked)
            script = grafana.scripted(asked)
        if script is not None and script["do"] == "hang":
            self.rfile.read(1)
            return
        with grafana.lock:
            if script is not None and script["do"] == "cut":
                return
            if script is not None and script["do"] == "late":
                asked.body = json.loads(raw)
                threading.Timer(3, grafana.carry_out_late, [asked]).start()
                return
            if script is not None and script["do"] == "answer":
                self._send(script["status"], {"message": script["message"]})
                return
            try:
                if raw:
                    asked.body = json.loads(raw)
                    if headers.get("content-type") != "application/json" or not isinstance(asked.body, dict):
                        raise ValueError
                status, answer = grafana.answer(asked)
                asked.judged = True
            except Refusal as refusal:
                status, answer = refusal.status, ({"message": refusal.message} if refusal.message else None)
            except ValueError:
                grafana.faults.append(f"{asked}: a body that is no JSON object")
                status, answer = 400, {"message": "bad request data"}
            if script is not None:  # lost, restart
                if script["do"] == "restart":
                    grafana.script("GET", "/api/health", "cut")
                return
        self._send(status, answer)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve

    def _send(self, status: int, answer: Any) -> None:
        body = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
