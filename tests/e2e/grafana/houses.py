"""The same Grafana twice, provisioned with the files of grafana/: a real one, and the stand-in.

Both are asked over HTTP alone. What differs is how they start, end and get their data.
"""
from __future__ import annotations

import base64
import json
import os
import re
import shutil
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Optional
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import yaml

from tests.demo import parts
from tests.support.grafana_alerting import AlertingStandIn
from tests.support.grafana_standin import TOKEN
from tests.support.process import Process
from tests.support.relay import ROOT
from tests.support.relay_config import SECRET, write_secret
from tests.support.wait import until

GAUGE = "data_drift_score_ma5"
ADMIN_PASSWORD = "canary-admin-7f3a"
INI = """
[server]
http_addr = 127.0.0.1
http_port = {port}
[analytics]
reporting_enabled = false
check_for_updates = false
[security]
admin_password = {password}
[feature_toggles]
configurableSchedulerTick = true
[unified_alerting]
scheduler_tick_interval = 1s
min_interval = 1s
alertmanager_config_poll_interval = 2s
"""


class Gauge:
    """A page with one gauge, as a model server has it."""

    def __init__(self) -> None:
        self.value = 0.1
        gauge = self

        class Handler(BaseHTTPRequestHandler):
            """GET /metrics."""

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

            def do_GET(self) -> None:  # pylint: disable=invalid-name
                """The page."""
                page = f"# TYPE {GAUGE} gauge\n{GAUGE} {gauge.value}\n".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """No longer there."""
        self.server.shutdown()
        self.server.server_close()


class House:
    """What both have."""

    name = ""
    patience = 30.0
    tells_edits = True

    def __init__(self, folder: Path) -> None:
        self.folder, self.gauge, self.url, self.token = folder, Gauge(), "", ""
        self.hook = ""  # where the relay listens
        self.provisioning = folder / "provisioning"
        shutil.copytree(ROOT / "grafana" / "provisioning", self.provisioning)
        self.secret_file = write_secret(folder, "webhook", SECRET)
        self._replace("alerting", "/run/secrets/webhook", self.secret_file)
        self._replace("dashboards", "/etc/grafana/dashboards", str(ROOT / "grafana" / "dashboards"))

    def _replace(self, kind: str, old: str, new: str) -> None:
        file = self.provisioning / kind / "drift-relay.yaml"
        text = file.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old}"
        file.write_text(text.replace(old, new), encoding="utf-8")

    # --- over HTTP ------------------------------------------------------------------------------------
    def ask(self, method: str, path: str, body: Any = None, authorization: str = "") -> Any:
        """As an Editor unless told otherwise."""
        headers = {"Content-Type": "application/json", "Authorization": authorization or f"Bearer {self.token}"}
        data = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(self.url + path, data, headers, method=method), timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error

    def evaluated(self, title: str, health: str = "ok") -> None:
        """Waits for an evaluation of the rule that begins after this moment."""
        now = time.time()

        def look() -> bool:
            groups = self.ask("GET", "/api/prometheus/grafana/api/v1/rules")["data"]["groups"]
            return any(r["name"] == title and r["health"] == health and since(r["lastEvaluation"]) > now
                       for g in groups for r in g["rules"])

        until(look, self.patience, f"an evaluation of {title} that is {health}", 0.1)

    def edit(self, folder: str, group: str, uid: str, threshold: Optional[float]) -> None:
        """What the UI sends when an Editor saves another threshold, or (None) deletes the rule."""
        path = f"/api/ruler/grafana/api/v1/rules/{folder}"
        body = self.ask("GET", f"{path}/{group}")
        kept = []
        for rule in body["rules"]:
            mine = rule["grafana_alert"]["uid"] == uid
            if mine and threshold is not None:
                (condition,) = [q for q in rule["grafana_alert"]["data"] if q["refId"] == "C"]
                condition["model"]["conditions"][0]["evaluator"]["params"] = [threshold]
            if not mine or threshold is not None:
                kept.append(rule)
        self.ask("POST", path, {"name": group, "interval": body["interval"], "rules": kept})

    # --- its own ----------------------------------------------------------------------------------------
    def start(self) -> None:
        """Until it is healthy."""
        raise NotImplementedError

    def end(self, killed: bool = False) -> None:
        """SIGTERM or SIGKILL."""
        raise NotImplementedError

    def quicken(self, folder: str, group: str) -> None:
        """Seeded rules are evaluated each minute: each second instead."""

    def source(self, up: bool) -> None:
        """The data source goes down or comes back."""
        raise NotImplementedError

    def close(self) -> None:
        """Everything ends."""
        self.gauge.close()


def since(rfc3339: str) -> float:
    """Unix seconds; Go writes up to nine digits of them."""
    whole, fraction, zone = re.fullmatch(r"([^.Z+]+)(?:\.(\d+))?(Z|[+-].*)", rfc3339).groups()  # type: ignore[union-attr]
    return datetime.fromisoformat(whole + zone.replace("Z", "+00:00")).timestamp() + float(f"0.{fraction or 0}")


class StandInHouse(House):
    """The stand-in in this process."""

    name = "the stand-in"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.grafana, self.up = AlertingStandIn(self.read), True
        self.token = TOKEN
        self.grafana.reserve()
        self.url = self.grafana.url

    def read(self, expr: str) -> Optional[float]:
        """The expression's one gauge, from the page."""
        if not self.up:
            raise ConnectionRefusedError
        (name,) = re.findall(r"\w*drift_score\w*", expr)
        with urlopen(f"http://127.0.0.1:{self.gauge.port}/metrics", timeout=10) as page:
            found = re.search(rf"^{name} (\S+)$", page.read().decode(), re.M)
        return float(found.group(1)) if found else None

    def start(self) -> None:
        state = self.grafana.state
        points = yaml.safe_load((self.provisioning / "alerting" / "drift-relay.yaml").read_text(encoding="utf-8"))
        state.contact_points = []
        for point in points["contactPoints"]:
            for receiver in point["receivers"]:
                settings = {**receiver["settings"], "url": self.hook}
                self.grafana.secrets[receiver["uid"]] = Path(self.secret_file).read_text(encoding="utf-8").strip()
                settings["hmacConfig"] = {**settings["hmacConfig"], "secret": "[REDACTED]"}
                state.contact_points.append({**receiver, "name": point["name"], "provenance": "file", "settings": settings})
        state.data_sources["prom-main"] = {"status": "OK", "message": "Successfully queried"}
        state.dashboards = [json.loads(p.read_text(encoding="utf-8"))["uid"]
                            for p in sorted((ROOT / "grafana" / "dashboards").glob("*.json"))]
        self.grafana.start()

    def end(self, killed: bool = False) -> None:
        if killed:
            self.grafana.kill()
        else:
            self.grafana.stop()

    def source(self, up: bool) -> None:
        self.up = up

    def close(self) -> None:
        self.grafana.stop()
        super().close()
        self.grafana.assert_clean()


class RealHouse(House):
    """A Grafana of GRAFANA_HOME (conf/, public/; the backend alone is enough), and Prometheus."""

    name = "a real Grafana"
    patience = 180.0  # the log of what was sent, and what fires again, take their time
    tells_edits = False  # not if the next evaluation comes before the next look at the group

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.home = Path(os.environ["GRAFANA_HOME"]).resolve()
        self.binary = os.environ.get("GRAFANA_BIN") or str(self.home / "bin" / "grafana")
        self.port, self.number, self.process = parts.free_port(), 0, None  # type: int, int, Optional[Process]
        self.url = f"http://127.0.0.1:{self.port}"
        (folder / "grafana.ini").write_text(INI.format(port=self.port, password=ADMIN_PASSWORD), encoding="utf-8")
        config = "global: {scrape_interval: 1s, evaluation_interval: 1s}\nscrape_configs:\n- job_name: model_metrics\n" \
                 f"  static_configs: [{{targets: ['127.0.0.1:{self.gauge.port}']}}]\n"
        self.prometheus = parts.Program("prometheus", folder, config, f"--storage.tsdb.path={folder}/prometheus/data")
        until(self.prometheus.ready, 60, "Prometheus", 0.1)

    def admin(self) -> str:
        """The header of the first user."""
        return "Basic " + base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()

    def start(self) -> None:
        self.number += 1
        env = {**os.environ, "PROMETHEUS_URL": self.prometheus.url, "RELAY_WEBHOOK_URL": self.hook, "NO_PROXY": "127.0.0.1"}
        argv = [self.binary, "server", "--homepath", str(self.home), "--config", str(self.folder / "grafana.ini"),
                f"cfg:default.paths.data={self.folder}/data", f"cfg:default.paths.logs={self.folder}/logs",
                f"cfg:default.paths.provisioning={self.provisioning}"]
        self.process = Process(argv, self.folder / f"grafana-{self.number}.log", env, self.folder, parts.child_of_demo)
        until(self._healthy, 120, "Grafana's health", 0.2)
        if not self.token:
            account = self.ask("POST", "/api/serviceaccounts", {"name": "tests", "role": "Editor"}, self.admin())
            self.token = self.ask("POST", f"/api/serviceaccounts/{account['id']}/tokens", {"name": "t"}, self.admin())["key"]

    def _healthy(self) -> bool:
        assert self.process is not None and self.process.alive(), self.process and self.process.text()[-3000:]
        try:
            return bool(self.ask("GET", "/api/health")["database"] == "ok")
        except (OSError, AssertionError):
            return False

    def end(self, killed: bool = False) -> None:
        if self.process is not None and self.process.alive():
            if killed:
                self.process.kill9()
            else:
                self.process.signal(15)
                self.process.wait(60)

    def quicken(self, folder: str, group: str) -> None:
        self.ask("PUT", f"/api/v1/provisioning/folder/{folder}/rule-groups/{group}", {"interval": 1}, self.admin())
        time.sleep(3)  # contact points reach the running Alertmanager at its next poll

    def source(self, up: bool) -> None:
        if up:
            # its own port again: the data source's URL stays
            self.prometheus.process = Process(self.prometheus.process.argv, self.folder / f"prometheus-{time.time()}.log",
                                              dict(os.environ), self.folder, parts.child_of_demo)
            until(self.prometheus.ready, 60, "Prometheus", 0.1)
        else:
            self.prometheus.process.signal(15)
            self.prometheus.process.wait(30)

    def close(self) -> None:
        try:
            self.end()
        finally:
            self.prometheus.stop()
            super().close()
