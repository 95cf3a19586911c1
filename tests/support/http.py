"""Small HTTP clients for tests: a strict reader of answers on a raw socket, and one-shot requests."""
from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from typing import Any, Iterable, Optional, Union

Headers = Union[dict[str, str], Iterable[tuple[str, str]]]


@dataclass
class Answer:
    """One answer as it came; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """Of a problem+json body; "" when it is none."""
        try:
            return str(self.json().get("detail", ""))
        except (ValueError, AttributeError):
            return ""


class Connection:
    """One TCP connection on which a test writes what it likes."""

    def __init__(self, port: int, timeout: float = 15, host: str = "127.0.0.1", own: str = "") -> None:
        self.socket = socket.create_connection((host, port), timeout, (own, 0) if own else None)
        self.timeout = timeout
        self._pending = b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: Any) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """False when the other side has closed already: an early refusal is no fault of the test."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def _more(self, deadline: float) -> bytes:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer within the time")
        self.socket.settimeout(left)
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def rest(self) -> bytes:
        """Every byte until the other side closes."""
        deadline = time.monotonic() + self.timeout
        while True:
            more = self._more(deadline)
            if not more:
                found, self._pending = self._pending, b""
                return found
            self._pending += more

    def answer(self) -> Optional[Answer]:
        """The next whole answer, None when the connection ended before one began."""
        deadline = time.monotonic() + self.timeout
        while True:
            head, found, rest = self._pending.partition(b"\r\n\r\n")
            if found:
                answer = _parse_head(head)
                if answer.status // 100 == 1:
                    self._pending = rest
                    continue
                break
            more = self._more(deadline)
            if not more:
                assert self._pending == b"", f"the answer was cut: {self._pending!r}"
                return None
            self._pending += more
        return self._with_body(answer, rest, deadline)

    def _with_body(self, answer: Answer, rest: bytes, deadline: float) -> Answer:
        length = answer.headers.get("content-length")
        ends_by_close = length is None and answer.status not in (204, 304)
        while ends_by_close or len(rest) < int(length or 0):
            more = self._more(deadline)
            if not more:
                break
            rest += more
        size = len(rest) if ends_by_close else int(length or 0)
        assert len(rest) >= size, "the answer's body was cut"
        answer.body, self._pending = rest[:size], rest[size:]
        return answer

    def answers(self) -> list[Answer]:
        """All answers until the other side closes."""
        found = []
        while True:
            answer = self.answer()
            if answer is None:
                return found
            found.append(answer)


def _parse_head(head: bytes) -> Answer:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, status, *_ = first.split(" ", 2)
    assert version in ("HTTP/1.1", "HTTP/1.0"), first
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Answer(int(status), headers, b"")


def request_bytes(method: str, target: str, headers: Headers = (), body: bytes = b"", *, host: str = "127.0.0.1",
                  length: bool = True, close: bool = True) -> bytes:
    """An HTTP/1.1 request; everything odd comes in through `headers`."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    names = {name.lower() for name, _ in pairs}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in pairs]
    if length and (body or method in ("POST", "PUT")) and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    if close and "connection" not in names:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body


def chunked(body: bytes, size: int = 4096) -> bytes:
    """The chunked coding of a body."""
    parts = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def once(port: int, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float = 30) -> Answer:
    """One request on a connection of its own."""
    with Connection(port, timeout) as connection:
        connection.send(request_bytes(method, target, headers, body))
        answer = connection.answer()
    if answer is None:
        raise ConnectionError("closed without an answer")
    return answer
