"""`make demo`: the main job end to end on loopback, one line a step.

A signed notification that a real Grafana once sent, signed anew, becomes exactly one run at a strict stand-in for
GitHub; what must start nothing starts nothing. Then the loop: a model of real prices is asked day by day, its
scores are scraped by a real Prometheus, and the storm in those prices becomes one run, which really trains the
next model. Ends with 1 when a step fails. KEEP=1 leaves everything up until Ctrl-C.
"""
from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Optional
from urllib.parse import quote

from tests.demo import boards, loop, parts
from tests.support import http
from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import Recording
from tests.support.http import Answer
from tests.support.relay import BINARY, Relay
from tests.support.wait import until

KEEP = os.environ.get("KEEP", "") not in ("", "0")
RUN_S = 20  # until a run that takes a second is seen to have ended


def decided(answer: Answer) -> str:
    """verdict/reason of a 202 with one alert."""
    assert answer.status == 202, f"wanted 202, got {answer.status}: {answer.body.decode(errors='replace')}"
    (one,) = answer.json()["alerts"]
    return f"{one['verdict']}/{one['reason']}"


def wanted(what: str, found: Any, right: Any) -> None:
    """A fault in words."""
    assert found == right, f"{what}: wanted {right!r}, found {found!r}"


def in_words(scores: loop.Scores) -> str:
    """As they are."""
    return f"ma5 {scores[0]:.3f}, ma20 {scores[1]:.3f}"


class Demo:
    """Everything that runs, and the steps in their order. A step returns (what was seen, where to look)."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="drift-demo-"))
        self.first = Recording.load("01-firing-first")
        self.github = StandIn()
        self.relay = Relay(folder=self.folder, before_exec=parts.child_of_demo)
        self.loop: Optional[loop.Loop] = None
        self.programs: list[parts.Program] = []
        self.first_headers: dict[str, str] = {}
        self.first_answer: dict[str, Any] = {}
        self.relay_ids: list[str] = []
        self.drifted = 0.0  # when the scores rose

    # --- up and down --------------------------------------------------------------------------------
    def start(self) -> tuple[str, str]:
        """Everything listens; Prometheus goes on starting while the first steps run."""
        self.github.start()
        self.github.set(queued_s=0.3, in_progress_s=0.7)
        self.relay.write_config(parts.relay_config(self.folder, self.github.url, TOKEN, self.first.secret))
        check = self.relay.cli("check", "--config", str(self.relay.config_file))
        assert check.returncode == 0, f"drift-relay check ended with {check.returncode}: {check.stderr}"
        self.relay.start()
        self.loop = loop.Loop(self.folder)
        manager = parts.alertmanager(self.folder, self.relay.port)
        self.programs.append(manager)
        self.programs.append(parts.prometheus(self.folder, self.loop.port, self.relay.admin_port, manager.port))
        wanted("exit status of `drift-relay health`",
               self.relay.cli("health", "--admin", self.relay.admin_url).returncode, 0)
        return f"drift-relay, drift-model ({loop.INDEX}, trained on days 1 to {loop.TRAINED}), drift-app, Alertmanager, " \
               "Prometheus and a stand-in for GitHub are up", self.relay.admin_url + "/"

    def stop(self) -> None:
        """Ends what start() started, each by its own process id."""
        for program in reversed(self.programs):
            program.stop()
        try:
            self.relay.close()
        finally:
            self.github.stop()
            if self.loop is not None:
                self.loop.stop()
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- steps --------------------------------------------------------------------------------------
    def api_url(self, path: str, name: str) -> str:
        """One object at the operators' listener."""
        return f"{self.relay.admin_url}/api/v1/{path}/{quote(name, safe='')}"

    def run_of(self, relay_id: str) -> dict[str, Any]:
        """The one run of a request, ended, as the stand-in and the relay both see it."""
        request = self.relay.wait_request(relay_id, "done", "dead", "parked", timeout=RUN_S)
        wanted("state and reason of the request", (request["state"], request["reason"]), ("done", "success"))
        runs = self.github.runs(relay_id)
        wanted("runs with this relay_id", len(runs), 1)
        wanted("the run that the relay followed", (request["run"]["id"], request["run"]["conclusion"]),
               (runs[0]["id"], runs[0]["conclusion"]))
        self.relay_ids.append(relay_id)
        return runs[0]

    def notification_becomes_a_run(self) -> tuple[str, str]:
        """Signed anew, because the recorded time is long past."""
        self.first_headers = self.first.signed()
        answer = self.relay.post(self.first.body, self.first.path, headers=self.first_headers)
        wanted("decision", decided(answer), "dispatch/first")
        self.first_answer = answer.json()
        run = self.run_of(self.first_answer["alerts"][0]["relay_id"])
        return f"a signed Grafana notification → 202, dispatch/first → one run “{run['display_title']}”, " \
               f"{run['conclusion']}", run["html_url"]

    def same_bytes(self) -> tuple[str, str]:
        """What a sender does whose answer was lost."""
        answer = self.relay.post(self.first.body, self.first.path, headers=self.first_headers)
        wanted("answer", (answer.status, answer.json()), (202, {**self.first_answer, "duplicate": True}))
        wanted("runs", len(self.github.runs()), 1)
        return "the same bytes again → 202 duplicate, the first answer's decision, no second run", \
            self.api_url("notifications", self.first_answer["notification"])

    def tampered(self) -> tuple[str, str]:
        """One label changed under a good signature."""
        headers = self.first.signed()
        answer = self.relay.post(self.first.body.replace(b"kospi", b"kospj"), self.first.path, headers=headers)
        wanted("status", answer.status, 401)
        wanted("notifications on disk", len(self.relay.api("notifications")["items"]), 1)
        failures = self.relay.metrics().sum("drift_relay_auth_failures_total", source="grafana", reason="mismatch")
        wanted("drift_relay_auth_failures_total", failures, 1)
        return "the notification tampered with → 401, nothing kept; auth_failures_total counts it", \
            self.relay.admin_url + "/metrics"

    def _recorded(self, name: str, decision: str) -> dict[str, Any]:
        recording = Recording.load(name)
        answer = self.relay.post(recording.body, recording.path, headers=recording.signed())
        wanted("decision", decided(answer), decision)
        wanted("runs", len(self.github.runs()), 1)
        said: dict[str, Any] = answer.json()
        return said

    def resolve(self) -> tuple[str, str]:
        """The episode is over."""
        said = self._recorded("03-resolved", "resolved/quiet")
        return "its resolve → 202, resolved/quiet", self.api_url("keys", said["alerts"][0]["key"])

    def new_episode(self) -> tuple[str, str]:
        """A retraining was just made for it."""
        said = self._recorded("04-firing-again", "suppressed/not_rearmed")
        return "a new episode at once → 202, suppressed/not_rearmed, no second run", \
            self.api_url("notifications", said["notification"])

    def test_button(self) -> tuple[str, str]:
        """Grafana's way to try a contact point."""
        said = self._recorded("28-test-button", "ignored/test")
        return "Grafana's Test button → 202, ignored/test", self.api_url("notifications", said["notification"])

    def calm(self) -> tuple[str, str]:
        """Days on which nothing is to happen."""
        assert self.loop is not None
        for program in self.programs:
            until(program.ready, 30, f"{program.name} to be ready", 0.1)
        scores = self.loop.ask(loop.CALM)
        until(lambda: self.scraped() == scores, 30, "Prometheus to know these scores", 0.1)
        wanted("alerts", self.query('ALERTS{alertname="ModelDrift"}'), {})
        wanted("requests of Prometheus's alerts", self.requests(), [])
        return f"a request for each of the days {loop.TRAINED + 1} to {loop.CALM} → scores {in_words(scores)}, no alert", \
            self.programs[1].url + "/classic/graph"

    def scraped(self) -> loop.Scores:
        """The scores that Prometheus has."""
        found = self.query("model_drift_score")
        return tuple(found.get(name, -1.0) for name in ("ma5", "ma20"))  # type: ignore[return-value]

    def query(self, expression: str) -> dict[str, float]:
        """Prometheus's answer by feature."""
        answer = http.once(self.programs[1].port, "GET", "/api/v1/query?query=" + quote(expression, safe=""))
        assert answer.status == 200, answer.body
        return {series["metric"].get("feature", ""): float(series["value"][1])
                for series in answer.json()["data"]["result"]}

    def requests(self) -> list[str]:
        """What Prometheus's alerts have asked for so far."""
        return [r["relay_id"] for r in self.relay.api("requests")["items"] if r["route"] == "prometheus"]

    def storm(self) -> tuple[str, str]:
        """The whole way with real programs: prices, scores, rule, group, webhook, decision, run."""
        assert self.loop is not None
        self.github.api.runs.job = self.loop.workflow
        self.github.set(queued_s=None)  # no runner takes it before the page was looked at
        scores = self.loop.ask(loop.CROSSING)
        self.drifted = time.monotonic()
        assert max(scores) > loop.THRESHOLD, f"scores {in_words(scores)}"
        page = self.loop.app.words()
        assert "Drift: recent days no longer look like" in page, page
        (relay_id,) = until(self.requests, 30, "a request of Prometheus's alert", 0.1)
        run = self.github.wait_run(relay_id)
        wanted("input model", run["inputs"]["model"], loop.INDEX)
        return f"days {loop.CALM + 1} to {loop.CROSSING} → scores {in_words(scores)} → Prometheus's rule → Alertmanager → " \
               f"relay → one run “{run['display_title']}”", self.programs[1].url + "/classic/alerts"

    def retraining(self) -> tuple[str, str]:
        """What the run does."""
        assert self.loop is not None
        before = self.loop.hash()
        (relay_id,) = self.requests()
        self.github.server.control.begin({"run_id": self.github.wait_run(relay_id)["id"]})
        until(lambda: self.loop is not None and self.loop.hash() not in ("", before), 30, "the new model at drift-model", 0.05)
        took = time.monotonic() - self.drifted
        self.run_of(relay_id)
        self.loop.loaded = loop.CROSSING
        report, old = self.loop.report, self.loop.report["in_place"]
        wanted("comparison with the model in place", (old["comparison"], old["days"]),
               ("compared", loop.CROSSING - loop.TRAINED))
        return f"a runner takes the run, which trains on days 1 to {report['days']} (log-loss {report['log_loss']:.4f}, of the base " \
               f"rate {report['base_log_loss']:.4f}; on {old['days']} days new to both {old['new_log_loss']:.4f}, of the model in " \
               f"place {old['log_loss']:.4f}) → success, and model {before[:12]} is now {self.loop.hash()[:12]}, {took:.1f} s after " \
               "it drifted", \
            self.loop.metrics_url

    def days_after(self) -> tuple[str, str]:
        """Whether it helped is up to the prices."""
        assert self.loop is not None
        scores = self.loop.ask(loop.SETTLED)
        until(lambda: self.scraped() == scores, 30, "Prometheus to know these scores", 0.1)
        key = f"prometheus/{loop.INDEX}"
        until(lambda: self.relay.api("keys/" + quote(key, safe=""))["members"] == [], 30, "the resolve at the relay", 0.1)
        wanted("alerts", self.query('ALERTS{alertname="ModelDrift"}'), {})
        wanted("requests of Prometheus's alerts", len(self.requests()), 1)
        return f"days {loop.CROSSING + 1} to {loop.SETTLED} → the new model's first scores {in_words(scores)}: the alert, which " \
               "ended with the old model's scores, stays resolved", self.api_url("keys", key)

    def dashboards(self) -> tuple[str, str]:
        """What Grafana would ask for them."""
        variables = {"model": loop.INDEX, "feature": "ma5", "route": "grafana|prometheus", "target": "retrain"}
        empty: list[str] = []

        def look() -> bool:
            empty[:] = boards.empty(self.programs[1].url, **variables)
            return not [place for place in empty if "unexplained" in place]

        try:
            until(look, 20, "Prometheus to have scraped it all", 1)
        except AssertionError as fault:
            raise AssertionError("; ".join(p for p in empty if "unexplained" in p)) from fault
        n = len(boards.queries())
        return f"the {n} queries of the three dashboards → {n - len(empty)} find something, {len(empty)} what a demo has not", \
            self.programs[1].url + "/classic/graph"

    def judge(self) -> tuple[str, str]:
        """What the other side counted."""
        self.github.assert_clean()
        verdict = self.github.judge()
        wanted("runs per relay_id", {i: len(runs) for i, runs in verdict["runs"].items()},
               {i: 1 for i in self.relay_ids})
        wanted("runs, POSTs", (verdict["runs_total"], verdict["posts_total"]), (2, 2))
        return f"GitHub's side: {verdict['posts_total']} POSTs, {verdict['runs_total']} runs, 1 run per relay_id, " \
               f"{verdict['without_proof']} POSTs repeated without proof", self.github.url + "/_control/judge"

    def steps(self) -> list[Callable[[], tuple[str, str]]]:
        """In order; each builds on those before it."""
        return [self.start, self.notification_becomes_a_run, self.same_bytes, self.tampered, self.resolve,
                self.new_episode, self.test_button, self.calm, self.storm, self.retraining, self.days_after, self.dashboards, self.judge]

    def logs(self) -> str:
        """The ends of all logs, the relay's last: that is where to look first."""
        programs = "".join(f"--- {p.name}\n" + "".join(p.process.text().splitlines(True)[-15:]) for p in self.programs)
        return programs + self.relay.log_tail(40)


def run(demo: Demo) -> bool:
    """Prints one line a step; stops at the first that fails."""
    begun = time.monotonic()
    steps = demo.steps()
    for number, step in enumerate(steps, 1):
        before = time.monotonic()
        try:
            seen, where = step()
        except (AssertionError, OSError, ValueError, LookupError) as fault:
            print(f"✗ {number} {time.monotonic() - before:5.1f} s  {step.__name__.replace('_', ' ')}: {fault}")
            print(f"\n{demo.logs()}\n\nStep {number} of {len(steps)} failed.", flush=True)
            return False
        print(f"✓ {number} {time.monotonic() - before:5.1f} s  {seen}   {where}", flush=True)
    print(f"All {len(steps)} steps done in {time.monotonic() - begun:.0f} s.", flush=True)
    return True


def leave_up(demo: Demo, over: threading.Event) -> None:
    """Until Ctrl-C."""
    manager, prometheus = demo.programs
    assert demo.loop is not None
    for what, where in (("drift-relay, operators' pages", demo.relay.admin_url + "/"),
                        ("drift-relay, webhook", f"http://127.0.0.1:{demo.relay.port}/hooks/grafana"),
                        ("  its config, HMAC secret, log", f"{demo.relay.config_file}  grafana-secret-0  relay-1.log"),
                        ("stand-in for GitHub, its runs", demo.github.url + "/_control/runs"),
                        ("Prometheus", prometheus.url + "/classic/alerts"),
                        ("Alertmanager", manager.url + "/#/alerts"),
                        ("drift-app, the page", demo.loop.app.url()),
                        ("drift-model, its scores", demo.loop.metrics_url)):
        print(f"  {what:32} {where}")
    print("For the walk in docs/webhook.md:\n"
          f"  export RELAY=http://127.0.0.1:{demo.relay.port} ADMIN={demo.relay.admin_url} "
          f"SECRET_FILE={demo.folder}/grafana-secret-0")
    print("Everything stays up until Ctrl-C.", flush=True)
    over.wait()


def main() -> int:
    """The program."""
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    for program in (BINARY, parts.PROGRAMS / "prometheus", parts.PROGRAMS / "alertmanager"):
        if not program.exists():
            print(f"{program} is missing: run make demo", file=sys.stderr)
            return 2
    over = threading.Event()

    def interrupted(*_: Any) -> None:
        if over.is_set() or not up:
            raise KeyboardInterrupt
        over.set()

    up = False
    demo = Demo()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    try:
        passed = run(demo)
        if KEEP and len(demo.programs) == 2:
            up = True
            leave_up(demo, over)
        elif passed:
            print("The addresses are closed again; make demo KEEP=1 leaves them open.")
        return 0 if passed else 1
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        demo.stop()


if __name__ == "__main__":
    sys.exit(main())
