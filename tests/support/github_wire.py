"""The stand-in's sockets: reads requests, obeys the scripts, writes answers, good ones and bad ones."""
from __future__ import annotations

import io
import json
import socket
import struct
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Optional
from urllib.parse import parse_qsl, urlsplit

from tests.support.github_api import Answer, GithubApi, Request
from tests.support.github_control import Control
from tests.support.github_judge import Post
from tests.support.github_rules import Refusal
from tests.support.github_runs import site_of
from tests.support.github_script import Script, Scripts

BODY_MAX = 25_000_000
SO_TIMESTAMPNS = 35  # socket(7), as in <asm-generic/socket.h>; Python has no name for it


class Stamped(io.RawIOBase):
    """What a client sends, and when the kernel got it: this thread may be told much later on a busy machine."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.at = time.monotonic()

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """One read; `at` is the arrival of its last byte."""
        size, notes, _, _ = self._connection.recvmsg_into([buffer], socket.CMSG_SPACE(16))
        self.at = time.monotonic()
        for level, kind, data in notes:
            if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                seconds, nanoseconds = struct.unpack("qq", data)
                self.at -= time.time() - seconds - nanoseconds / 1e9
        return size


class Gate:
    """Between what a dispatch did and its answer: open, shut (answers wait), or lost (they never come)."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._state = "open"
        self.waiting = 0

    def turn(self, state: str) -> None:
        """What waits goes on: with "lost" to a cut."""
        with self._changed:
            self._state = state
            self._changed.notify_all()

    def passed(self) -> bool:
        """Waits while it is shut; False when the answer is lost."""
        with self._changed:
            self.waiting += 1
            self._changed.wait_for(lambda: self._state != "shut")
            self.waiting -= 1
            return self._state == "open"


class Server(ThreadingHTTPServer):
    """One thread per connection; none of them outlives the process."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], api: GithubApi) -> None:
        super().__init__(address, Handler)
        self.api, self.scripts, self.gate = api, Scripts(), Gate()
        self.control = Control(api, self.scripts)
        self.stopping = threading.Event()
        self.open: set[socket.socket] = set()
        api.base = f"http://{address[0]}:{self.server_address[1]}{api.prefix}"

    def server_bind(self) -> None:
        """Connections inherit the option, so that what comes before accept() is stamped too."""
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        super().server_bind()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accepts as slowly as the control asks for."""
        if self.control.accept_delay_s > 0:
            self.stopping.wait(self.control.accept_delay_s)
        client, address = super().get_request()
        self.open.add(client)
        return client, address

    def shutdown_request(self, request: Any) -> None:
        """A connection is over."""
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are no event; anything else is a bug of the stand-in and is printed."""
        import sys
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def close_all(self) -> None:
        """Stops accepting, then ends every connection at once: GitHub is down."""
        self.stopping.set()
        self.gate.turn("lost")
        self.shutdown()
        self.server_close()
        for client in list(self.open):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 120

    def setup(self) -> None:
        """Reads through Stamped."""
        super().setup()
        self.rfile.close()
        self.stamped = Stamped(self.connection)
        self.rfile = io.BufferedReader(self.stamped)

    def log_message(self, format: str, *args: Any) -> None:
        """The judge keeps what matters."""

    def do_GET(self) -> None:
        """All methods take the same way."""
        url = urlsplit(self.path)
        if url.path.startswith("/_control/"):
            self._control(url.path)
        elif self.command == "GET" and url.path.startswith(f"/{self.server.api.repo}/actions/runs/"):
            self._page(url.path.rpartition("/")[2])
        else:
            prefix = self.server.api.prefix
            path = url.path[len(prefix):] if url.path.startswith(prefix) else ""  # "": there is no API
            self._api(Request(self.command, path, dict(parse_qsl(url.query)), self.headers))

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding"):
            raise Refusal(411, "Length Required")
        text = self.headers.get("Content-Length", "0")
        if not text.isdigit() or int(text) > BODY_MAX:
            raise Refusal(413, "Payload Too Large")
        body = self.rfile.read(int(text))
        if len(body) != int(text):
            raise ConnectionError("the request was cut")
        return body

    def _control(self, path: str) -> None:
        try:
            status, answer = self.server.control.handle(self.command, path, self._body())
        except (Refusal, ValueError, TypeError, KeyError) as fault:
            status, answer = 400, {"error": f"{type(fault).__name__}: {fault}"}
        self._write(Answer(status, answer))

    def _page(self, run_id: str) -> None:
        """What a person sees who follows html_url."""
        try:
            view = self.server.api.runs.get(run_id).view("", self.server.api.repo, self.server.api.workflow)
        except Refusal:
            self._write(Answer(404, {"message": "Not Found"}))
            return
        rows = "\n".join(f"{name}: {view[name]}" for name in
                         ("display_title", "status", "conclusion", "event", "head_branch", "created_at", "updated_at"))
        page = f"Workflow run {run_id} (stand-in for GitHub)\n{rows}\n"
        self._write(Answer(200, page, {"Content-Type": "text/plain; charset=utf-8"}))

    def _api(self, request: Request) -> None:
        api = self.server.api
        api.match(request)
        script = self.server.scripts.take(request.kind)
        at = self.stamped.at
        api.judge.request(request.kind, request.headers, api.token_of(request), None if request.method == "GET" else at)
        if request.kind == "dispatch":
            request.post = Post(None, at, time.time())
            api.judge.post(request.post)
        if script and script.do == "slow_read":
            self.server.stopping.wait(script.seconds or 1)
        try:
            raw = self._body()
            if request.post:
                _note_inputs(request.post, raw)
            self._obey(script, request, raw)
        except Refusal as refusal:
            self._refuse(request, refusal)

    def _obey(self, script: Optional[Script], request: Request, raw: bytes) -> None:
        if script is None or script.do in ("slow_read", "trickle", "cut_body"):
            dispatch = self.server.api.check(request, raw)
            self._finish(request, self.server.api.answer(request, dispatch), script)
            return
        if script.start:
            dispatch = self.server.api.check(request, raw)
            for _ in range(script.start if dispatch else 0):
                self.server.api.start(dispatch, request.post)
        self._misbehave(script, request)

    def _lost(self, request: Request) -> bool:
        """Waits at the gate; when the answer is lost, so is the connection."""
        if request.post is None or self.server.gate.passed():
            return False
        self._cut()
        return True

    def _misbehave(self, script: Script, request: Request) -> None:
        if self._lost(request):
            return
        if script.do == "hang":
            self.server.stopping.wait(script.seconds if script.seconds is not None else 3600)
        if script.do == "garbage":
            self.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        if script.do == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if script.do in ("hang", "garbage", "reset", "cut"):
            self._cut()
            return
        status, headers, body = script.answer(site_of(self.server.api.base), self.path, self.server.api.repo)
        if script.do == "answer":  # what a client sent may come back to it
            body = json.loads(json.dumps(body).replace("{token}", self.server.api.token_of(request)))
        answer = Answer(status, body, headers)
        # A script's 4xx started nothing and proves it; when it did start a run, nothing proves anything.
        self._finish(request, answer, None, proof=not script.start)

    def _refuse(self, request: Request, refusal: Refusal) -> None:
        self._finish(request, Answer(refusal.status, refusal.body(), dict(refusal.headers)), None)

    def _finish(self, request: Request, answer: Answer, script: Optional[Script], proof: bool = True) -> None:
        if self._lost(request):
            return
        limits = self.server.api.rate_headers(counted=answer.status != 304)
        limits["x-ratelimit-reset"] = str(int(self.server.api.now()) + 3600)
        limits["x-github-api-version-selected"] = request.version or "2022-11-28"
        answer.headers = {**limits, **answer.headers}
        if script and script.do == "trickle":
            self._write(answer, pace_s=script.seconds or 1)
        elif script and script.do == "cut_body":
            self._write(answer, half=True)
            return
        else:
            self._write(answer)
        if request.post and proof:
            request.post.status = answer.status
            request.post.message = answer.body.get("message", "") if isinstance(answer.body, dict) else ""

    def _write(self, answer: Answer, pace_s: float = 0, half: bool = False) -> None:
        body = b"" if answer.body is None else (
            answer.body if isinstance(answer.body, str) else json.dumps(answer.body, ensure_ascii=False)).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Server": "github.com",
                   "x-github-request-id": uuid.uuid4().hex[:16].upper(), **answer.headers}
        if answer.status not in (204, 304):
            headers["Content-Length"] = str(len(body))
        else:
            body = b""
            headers.pop("Content-Type")
        self.send_response_only(answer.status)
        self.send_header("Date", self.date_time_string(self.server.api.now()))
        for name, value in headers.items():
            self.send_header(name, value)
        head = b"".join(self._headers_buffer) + b"\r\n"  # type: ignore[attr-defined]
        self._headers_buffer = []
        self._send(head + (body[:len(body) // 2] if half else body), pace_s)
        if half:
            self._cut()

    def _send(self, data: bytes, pace_s: float) -> None:
        if pace_s <= 0:
            self.wfile.write(data)
            return
        for i in range(len(data)):
            self.wfile.write(data[i:i + 1])
            if self.server.stopping.wait(pace_s):
                return

    def _cut(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def _note_inputs(post: Post, raw: bytes) -> None:
    """Whose POST it is, however wrong the rest may be."""
    try:
        inputs = json.loads(raw).get("inputs")
    except (ValueError, AttributeError):
        return
    if isinstance(inputs, dict):
        post.inputs = inputs
        relay_id = inputs.get("relay_id")
        post.relay_id = relay_id if isinstance(relay_id, str) else None
