"""The judge: counts what clients did to the stand-in, and says what they should not have done.

It knows more than a client can: whether a POST really started a run. Its main question is whether a
request was POSTed again although the client held no proof that the former POST was not executed.
"""
from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Optional

# An answer with one of these, received whole, says that nothing was started.
PROOF = {301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 411, 413, 415, 422, 429, 451}
# After these (limits and the keys a client may leave out aside) the same POST can only fail again.
PERMANENT = {400, 404, 410, 422, 451}
WRITE_GAP_S = 1.0
# Between a client's decision to send and the arrival lie its commit and its connect; when the former POST's were slow
# and its answer told nothing that would count anew, the gap shrinks by as much. A client that counts from an answer, or
# from the start after a crash, has no such excuse: there only its whole milliseconds are left.
GAP_TOLERANCE_S = 0.1
LOST_GRACE_S = 45 * 60  # how long GitHub was seen to take until a run showed


@dataclass
class Post:
    """One dispatch POST as it came and as it was answered."""

    relay_id: Optional[str]
    at: float                      # monotonic, when its header reached this machine
    wall: float                    # unix seconds, for people
    inputs: Optional[dict[str, Any]] = None
    status: Optional[int] = None   # None: no whole answer was sent
    run_ids: list[int] = field(default_factory=list)  # more than one: GitHub was seen to do that, too
    message: str = ""
    listed_since: bool = False     # a complete list of runs was served after it

    def proved(self) -> bool:
        """The client can know that nothing was started."""
        return self.status in PROOF

    def retry_allowed(self) -> bool:
        """A 4xx whose remedy is to send once more without the key it names."""
        return "return_run_details" in self.message or '"relay_id"' in self.message

    def view(self) -> dict[str, Any]:
        """For the control API."""
        return {"at": self.wall, "status": self.status, "run_ids": self.run_ids, "proof": self.proved(),
                "inputs": self.inputs, "message": self.message}


class Judge:
    """Any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._posts: list[Post] = []
        self._last_write: dict[str, float] = {}
        self.gap_tolerance_s, self.smallest_gap_s = GAP_TOLERANCE_S, float("inf")
        self.violations: list[str] = []
        self.requests: Counter[str] = Counter()

    def violation(self, text: str) -> None:
        """Something no well-behaved client does."""
        with self._lock:
            self.violations.append(text)

    def request(self, kind: str, headers: Any, token: str, write_at: Optional[float]) -> None:
        """Every request to the API, before anything is decided about it. write_at: its arrival if it is a write."""
        with self._lock:
            self.requests[kind] += 1
            for name in ("User-Agent", "Accept", "Authorization", "X-GitHub-Api-Version"):
                if not headers.get(name):
                    self.violation(f"{kind}: no {name} header")
            if write_at is not None:
                self._write(kind, headers, token, write_at)

    def _write(self, kind: str, headers: Any, token: str, at: float) -> None:
        gap = at - self._last_write.get(token, float("-inf"))
        self.smallest_gap_s = min(self.smallest_gap_s, gap)
        if gap < WRITE_GAP_S - self.gap_tolerance_s:
            self.violation(f"{kind}: {gap:.3f} s after the last write with this token")
        self._last_write[token] = at
        if headers.get("Expect"):
            self.violation(f"{kind}: Expect: {headers['Expect']}")

    def body(self, kind: str, body: dict[str, Any]) -> None:
        """A dispatch body that is JSON: keys and value types a portable client uses."""
        for key in body:
            if key not in ("ref", "inputs", "return_run_details"):
                self.violation(f"{kind}: unknown key {key!r}")
        inputs = body.get("inputs")
        for name, value in (inputs if isinstance(inputs, dict) else {}).items():
            if not isinstance(value, str):
                self.violation(f"{kind}: input {name!r} is not a string")

    def post(self, post: Post) -> None:
        """A dispatch POST arrived; its fate is filled in later."""
        with self._lock:
            self._posts.append(post)

    def listed(self) -> None:
        """A complete list of runs was served: what it did not show had not appeared."""
        with self._lock:
            for post in self._posts:
                post.listed_since = True

    def posts(self, relay_id: Optional[str] = None) -> list[Post]:
        """All POSTs, or those of one request, in order of arrival."""
        with self._lock:
            return [p for p in self._posts if relay_id is None or p.relay_id == relay_id]

    def _by_id(self) -> dict[str, list[Post]]:
        grouped: dict[str, list[Post]] = {}
        for post in self._posts:
            if post.relay_id:
                grouped.setdefault(post.relay_id, []).append(post)
        return grouped

    def verdict(self) -> dict[str, Any]:
        """What /_control/judge answers. `without_proof` must be 0 whatever happened."""
        with self._lock:
            grouped = self._by_id()
            pairs = [(a, b) for posts in grouped.values() for a, b in zip(posts, posts[1:])]
            doubtful = [(a, b) for a, b in pairs if not a.proved()]
            lost = [(a, b) for a, b in doubtful
                    if not a.run_ids and a.listed_since and b.at - a.at >= LOST_GRACE_S]
            permanent = [b for a, b in pairs if a.status in PERMANENT and not a.retry_allowed()]
            return {
                "posts": {i: [p.view() for p in posts] for i, posts in grouped.items()},
                "runs": {i: [r for p in posts for r in p.run_ids] for i, posts in grouped.items()},
                "posts_total": len(self._posts),
                "runs_total": sum(len(p.run_ids) for p in self._posts),
                "posts_without_relay_id": sum(1 for p in self._posts if not p.relay_id),
                "doubled_runs": [i for i, posts in grouped.items() if sum(1 for p in posts if p.run_ids) > 1],
                "without_proof": len(doubtful) - len(lost),
                "lost_and_posted_again": len(lost),
                "after_permanent_refusal": len(permanent),
                "violations": list(self.violations),
                "requests": dict(self.requests),
            }
