"""Failure scripts: what the stand-in does instead of a plain answer, for the next N requests.

A script is JSON: {"on": "dispatch", "count": 2, "do": "answer", "status": 502, ...}. `start` says
whether the run is started first although the client will not learn of it; 2 starts two of them.
"""
from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any, Optional

KINDS = ("dispatch", "run", "list", "cancel", "workflow", "repo", "ref", "contents", "rate_limit", "token", "any")
ACTIONS = {
    "answer": "status, body (JSON or text; {token} is the one sent), headers: this answer",
    "cut": "the connection ends without an answer",
    "reset": "the same, with a TCP reset",
    "hang": "silence for `seconds`, then a cut",
    "slow_read": "the request is read only after `seconds`, then answered as usual",
    "trickle": "the usual answer, one byte per `seconds` (1)",
    "cut_body": "the usual answer's header, half of its body, then a cut",
    "big": "200 with a body of `bytes` (10 MB)",
    "garbage": "bytes that are no HTTP",
    "redirect": "`status` (307) to `location` (default: the same endpoint by repository id)",
    "rate_primary": "`status` (403), remaining 0, reset in `seconds` (2)",
    "rate_secondary": "`status` (403), the secondary limit's words, retry-after `seconds` (none when null)",
}


@dataclass
class Script:
    """One instruction, used `count` times."""

    on: str
    do: str
    count: int = 1
    start: int = 0
    status: Optional[int] = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: Optional[float] = None
    bytes: int = 10_000_000
    location: Optional[str] = None

    @staticmethod
    def of(data: dict[str, Any]) -> "Script":
        """Strict: a script that is misspelt would make a test pass for nothing."""
        script = Script(**data)
        if script.on not in KINDS or script.do not in ACTIONS:
            raise ValueError(f"unknown on={script.on!r} or do={script.do!r}")
        if script.do == "answer" and script.status is None:
            raise ValueError("answer needs a status")
        return script

    def answer(self, base: str, path: str, repo: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of the actions that are whole answers."""
        if self.do == "redirect":
            return self._redirect(base, path, repo)
        if self.do == "rate_primary":
            reset = str(int(time.time() + (2 if self.seconds is None else self.seconds)))
            limits = {"x-ratelimit-remaining": "0", "x-ratelimit-used": "5000", "x-ratelimit-reset": reset}
            return self.status or 403, limits, _error(self.status or 403, "API rate limit exceeded for user ID 7.",
                                                      "/overview/rate-limits-for-the-rest-api")
        if self.do == "rate_secondary":
            wait = {} if self.seconds is None else {"retry-after": str(int(self.seconds))}
            words = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            page = "/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
            return self.status or 403, wait, _error(self.status or 403, words, page)
        if self.do == "big":
            return self.status or 200, {}, '{"pad":"' + "x" * self.bytes + '"}'
        body = self.body if self.body is not None else _error(self.status or 500, "Server Error", "")
        return self.status or 500, dict(self.headers), body

    def _redirect(self, base: str, path: str, repo: str) -> tuple[int, dict[str, str], Any]:
        where = self.location or base + path.replace(f"/repos/{repo}/", "/repositories/1/", 1)
        body = {"message": "Moved Permanently", "url": where, "documentation_url": "https://docs.github.com/rest"}
        return self.status or 307, {"Location": where}, body


def _error(status: int, message: str, page: str) -> dict[str, Any]:
    return {"message": message, "documentation_url": "https://docs.github.com/rest" + page, "status": str(status)}


class Scripts:
    """The scripts in force, oldest first. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scripts: list[Script] = []

    def add(self, script: Script) -> None:
        """Used after those that are there already."""
        with self._lock:
            self._scripts.append(script)

    def clear(self) -> None:
        """Back to plain answers."""
        with self._lock:
            self._scripts.clear()

    def take(self, kind: str) -> Optional[Script]:
        """The next one for a request of this kind, used up by one."""
        with self._lock:
            for script in self._scripts:
                if script.on in (kind, "any") and script.count > 0:
                    script.count -= 1
                    return script
            return None
