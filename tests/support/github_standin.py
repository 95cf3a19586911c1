"""A strict stand-in for GitHub's REST API on loopback, for tests and the demo.

It refuses what GitHub refuses, starts "runs" that live and end by a clock, fails on request, and
judges its clients (github_judge.py). As a program:

    python3 -m tests.support.github_standin --repo acme/kospi --workflow retrain.yml

prints one line of JSON with its URL and serves until SIGTERM, SIGINT or, with --parent, until its
standard input closes.
"""
from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from typing import Any, Optional

from tests.support.github_api import GithubApi
from tests.support.github_rules import Input, Workflow
from tests.support.github_wire import Server
from tests.support.wait import until

TOKEN = "github_pat_11TESTTOKEN0standin_7Qb1XyZ0a9"


class StandIn:
    """The stand-in inside the process of a test; everything the control API offers, as methods."""

    def __init__(self, port: int = 0, repo: str = "acme/kospi", workflow: Optional[Workflow] = None,
                 tokens: tuple[str, ...] = (TOKEN,), prefix: str = "") -> None:
        self.api = GithubApi(repo, workflow, tokens)
        self.api.prefix = prefix
        self._port = port
        self._server: Optional[Server] = None
        self._thread: Optional[threading.Thread] = None

    def start(self) -> "StandIn":
        """Listens; after stop() again on the same port, with the same state."""
        self._server = Server(("127.0.0.1", self._port), self.api)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """GitHub is down: connections are refused, open ones are cut. Runs and counts stay."""
        if self._server is not None:
            self._server.close_all()
            assert self._thread is not None
            self._thread.join(10)
            self._server = None

    def __enter__(self) -> "StandIn":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """The API's base URL."""
        return f"http://127.0.0.1:{self._port}{self.api.prefix}"

    @property
    def server(self) -> Server:
        """The running server."""
        assert self._server is not None, "the stand-in is stopped"
        return self._server

    def script(self, on: str, do: str, **more: Any) -> None:
        """The next `count` requests of kind `on` meet this."""
        self.server.control.script({"on": on, "do": do, **more})

    def set(self, **settings: Any) -> None:
        """Changes settings (github_control.SETTINGS)."""
        self.server.control.set(settings)

    def judge(self) -> dict[str, Any]:
        """Counts and verdicts."""
        return self.api.judge.verdict()

    def runs(self, relay_id: Optional[str] = None) -> list[dict[str, Any]]:
        """Runs, all or of one request."""
        runs = self.server.control.runs()
        return [r for r in runs if relay_id is None or r["relay_id"] == relay_id]

    def wait_run(self, relay_id: str, timeout: float = 30) -> dict[str, Any]:
        """Waits until a run with this relay_id is there."""
        return until(lambda: (self.runs(relay_id) or [None])[0], timeout, f"a run with relay_id {relay_id}")

    def wait_posts(self, n: int, timeout: float = 30) -> None:
        """Waits until at least n dispatch POSTs arrived."""
        until(lambda: len(self.api.judge.posts()) >= n, timeout, f"{n} dispatch POSTs")

    def assert_clean(self) -> None:
        """No client did what no client may do."""
        verdict = self.judge()
        for name in ("without_proof", "after_permanent_refusal"):
            assert verdict[name] == 0, verdict
        assert verdict["doubled_runs"] == [] and verdict["violations"] == [], verdict


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="github_standin", description="Strict stand-in for GitHub's REST API.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--repo", default="acme/kospi", metavar="OWNER/NAME")
    parser.add_argument("--workflow", default="retrain.yml", metavar="FILE")
    parser.add_argument("--token", action="append", metavar="TOKEN", help="accepted tokens (default: one for tests)")
    parser.add_argument("--ref", action="append", metavar="NAME", help="branches and tags (default: main, v1.0)")
    parser.add_argument("--input", action="append", metavar="NAME[:TYPE[:required|optional[:A,B]]]",
                        help="declared inputs (default: relay_id, model)")
    parser.add_argument("--run-name", metavar="PATTERN")
    parser.add_argument("--queued", type=float, default=0.5, metavar="SECONDS", help="< 0: by control")
    parser.add_argument("--in-progress", type=float, default=2.0, metavar="SECONDS", help="< 0: by control")
    parser.add_argument("--conclusion", default="success")
    parser.add_argument("--parent", action="store_true", help="end when standard input closes")
    return parser.parse_args()


def _from_arguments(args: argparse.Namespace) -> StandIn:
    inputs = dict(Input.parse(text) for text in (args.input or ["relay_id", "model"]))
    workflow = Workflow(file=args.workflow, inputs=inputs)
    if args.run_name:
        workflow.run_name = args.run_name
    standin = StandIn(args.port, args.repo, workflow, tuple(args.token or (TOKEN,)))
    standin.api.refs = args.ref or standin.api.refs
    standin.start()
    standin.set(conclusion=args.conclusion, queued_s=args.queued if args.queued >= 0 else None,
                in_progress_s=args.in_progress if args.in_progress >= 0 else None)
    return standin


def main() -> int:
    """The program."""
    args = _arguments()
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    standin = _from_arguments(args)
    tokens = sorted(standin.api.tokens)
    print(json.dumps({"url": standin.url, "control": standin.url + "/_control", "repository": args.repo,
                      "workflow": args.workflow, "token": tokens[0]}), flush=True)
    if args.parent:
        threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    over.wait()
    standin.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
