"""`drift-relay grafana seed` against a strict stand-in: rules are created once, and people's edits and deletions stay."""
from __future__ import annotations

import json
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from tests.support.grafana_standin import TOKEN, Asked, GrafanaStandIn
from tests.support.relay import BINARY, ROOT
from tests.support.relay_config import write_secret
from tests.support.wait import until

RULES = "/api/v1/provisioning/alert-rules"


def rule(uid: str, **more: Any) -> dict[str, Any]:
    """A seed: `> 0.8` on a gauge."""
    return {"uid": uid, "title": f"{uid} drifts", "folderUID": "ml-alerts", "ruleGroup": "drift", "condition": "C",
            "for": "5m", "noDataState": "KeepLast", "execErrState": "KeepLast",
            "labels": {"action": "retrain", "model": "kospi"},
            "data": [{"refId": "A", "datasourceUid": "prom-main", "relativeTimeRange": {"from": 600, "to": 0},
                      "model": {"refId": "A", "expr": "data_drift_score_ma5", "instant": True}},
                     {"refId": "C", "datasourceUid": "__expr__", "relativeTimeRange": {"from": 0, "to": 0},
                      "model": {"refId": "C", "type": "threshold", "expression": "A",
                                "conditions": [{"evaluator": {"type": "gt", "params": [0.8]}}]}}], **more}


class Seeding:
    """A Grafana, a folder of rules, and the command between them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rules = folder, folder / "rules"
        self.rules.mkdir()
        self.grafana = GrafanaStandIn()
        self.token = write_secret(folder, "grafana-token", TOKEN)
        for uid in ("ma5", "ma20"):
            self.write(rule(uid))

    def write(self, content: dict[str, Any]) -> None:
        """One rule's file."""
        (self.rules / f"{content['uid']}.json").write_text(json.dumps(content))

    def argv(self, *more: str, credential: bool = True) -> list[str]:
        """The command line."""
        token = ["--token-file", self.token] if credential else []
        return [str(BINARY), "grafana", "seed", "--url", self.grafana.url + "/", *token, *more, str(self.rules)]

    def run(self, *more: str, status: int = 0, credential: bool = True) -> "subprocess.CompletedProcess[str]":
        """Runs it to its end; its exit status is as said, and it tried nothing forbidden."""
        done = subprocess.run(self.argv(*more, credential=credential), capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == status, done.stdout + done.stderr
        self.grafana.assert_clean()
        assert TOKEN not in done.stdout + done.stderr
        return done

    def outcomes(self, *more: str, status: int = 0, credential: bool = True) -> dict[str, str]:
        """uid: outcome."""
        rules = json.loads(self.run("--json", *more, status=status, credential=credential).stdout)["rules"]
        return {r["uid"]: r["outcome"] for r in rules}


@pytest.fixture(name="seeding")
def _seeding(tmp_path: Path) -> Iterator[Seeding]:
    seeding = Seeding(tmp_path)
    with seeding.grafana:
        yield seeding


def test_a_fresh_grafana_gets_folder_rules_and_ledger(seeding: Seeding) -> None:
    done = seeding.run("--folder-title", "ML alerts")
    assert "created  ma20" in done.stdout and "created  ma5" in done.stdout and "\n2 created\n" in done.stdout
    state = seeding.grafana.state
    assert {u: f["title"] for u, f in state.folders.items()} == {"ml-alerts": "ML alerts"}
    assert set(state.rules) == {"ma5", "ma20"}
    assert all("provenance" not in r for r in state.rules.values()), "people could not edit it"
    assert seeding.grafana.ledger() == {"ma5": 1, "ma20": 1}


def test_a_second_run_changes_nothing_whatever_people_edited(seeding: Seeding) -> None:
    seeding.run()
    seeding.grafana.edit_threshold("ma5", 0.95)
    seeding.grafana.state.rules["ma20"].update(ruleGroup="elsewhere", folderUID="other")
    before = len(seeding.grafana.writes())
    assert seeding.outcomes() == {"ma5": "kept", "ma20": "kept"}
    assert len(seeding.grafana.writes()) == before
    assert seeding.grafana.threshold("ma5") == 0.95
    assert seeding.grafana.ledger() == {"ma5": 1, "ma20": 1}


def test_what_people_deleted_stays_away_until_it_is_reset(seeding: Seeding) -> None:
    seeding.run()
    seeding.grafana.delete_rule("ma5")
    assert "--reset ma5" in seeding.run().stdout
    assert seeding.outcomes() == {"ma5": "deleted", "ma20": "kept"}
    assert set(seeding.grafana.state.rules) == {"ma20"}
    assert seeding.outcomes("--reset", "ma5") == {"ma5": "created", "ma20": "kept"}
    seeding.grafana.edit_threshold("ma5", 0.7)
    assert seeding.outcomes("--reset", "ma5", status=1) == {"ma5": "failed", "ma20": "kept"}
    assert seeding.grafana.threshold("ma5") == 0.7


def test_a_deleted_folder_does_not_come_back(seeding: Seeding) -> None:
    seeding.run()
    seeding.grafana.delete_folder("ml-alerts")
    assert seeding.outcomes() == {"ma5": "deleted", "ma20": "deleted"}
    assert seeding.grafana.state.folders == {}


def test_a_dry_run_only_asks(seeding: Seeding) -> None:
    assert seeding.outcomes("--dry-run") == {"ma5": "created", "ma20": "created"}
    assert seeding.grafana.writes() == []


def test_a_rule_that_is_refused_does_not_stop_the_others(seeding: Seeding) -> None:
    seeding.write(rule("aaa", notification_settings={"receiver": "nobody"}))
    done = seeding.run(status=1)
    assert "receiver nobody does not exist" in " ".join(done.stdout.split())
    assert set(seeding.grafana.state.rules) == {"ma5", "ma20"}
    assert "aaa" not in seeding.grafana.ledger()


def test_a_user_with_a_password_seeds_a_fresh_grafana(seeding: Seeding) -> None:
    password = "pässwörd with blanks canary 12345"
    seeding.grafana.users["admin"] = password
    file = write_secret(seeding.folder, "password", password)
    assert seeding.outcomes("--user", "admin", "--password-file", file, credential=False) == \
        {"ma5": "created", "ma20": "created"}


@pytest.mark.parametrize("echo", [TOKEN, f"Bearer {TOKEN} is none"])
def test_a_bad_credential_is_refused_at_once_and_not_repeated(seeding: Seeding, echo: str) -> None:
    seeding.grafana.script("GET", RULES, "answer", status=401, message=echo)
    done = seeding.run(status=1)
    assert "refuses the credential" in " ".join(done.stdout.split())
    assert len([a for a in seeding.grafana.asked if a.path.startswith(RULES)]) == 1


_CALLS = [("GET", RULES), ("GET", "/api/annotations"), ("GET", "/api/folders"), ("POST", "/api/folders"),
          ("POST", RULES), ("POST", "/api/annotations")]


def test_a_restart_at_any_point_ends_alike(tmp_path: Path) -> None:
    def interrupted(case: tuple[str, tuple[str, str]]) -> None:
        kind, (method, path) = case
        folder = tmp_path / "-".join((kind, method, path)).replace("/", "_")
        folder.mkdir()
        seeding = Seeding(folder)
        with seeding.grafana as grafana:
            grafana.script(method, path, kind)
            assert set(seeding.outcomes().values()) <= {"created", "adopted"}, case
            assert set(grafana.state.rules) == {"ma5", "ma20"}, case
            assert grafana.ledger() == {"ma5": 1, "ma20": 1}, case
            posts = [a.body["uid"] for a in grafana.writes() if a.path == RULES and a.body is not None]
            assert len(posts) == len(set(posts)), f"a rule that is there was posted again: {case}"

    cases = [(kind, call) for kind in ("cut", "lost", "restart") for call in _CALLS]
    with ThreadPoolExecutor(6) as pool:  # they mostly wait
        assert len(list(pool.map(interrupted, cases))) == 18


def test_a_grafana_that_starts_slowly_is_waited_for(seeding: Seeding) -> None:
    seeding.grafana.stop()
    child = subprocess.Popen(seeding.argv("--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None and child.stdout is not None
    try:
        assert "waiting for Grafana" in child.stderr.readline()
        seeding.grafana.database_ok = False
        seeding.grafana.start()
        until(lambda: seeding.grafana.asked, 30, "a health check")
        assert {a.path for a in seeding.grafana.asked} == {"/api/health"}
        seeding.grafana.database_ok = True
        assert child.wait(30) == 0
        assert {r["outcome"] for r in json.loads(child.stdout.read())["rules"]} == {"created"}
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stderr.close()


def test_two_seeders_at_once_create_each_rule_once(seeding: Seeding) -> None:
    both = threading.Barrier(2, timeout=20)

    def meet(asked: Asked) -> None:
        if asked.method == "POST" and asked.path == RULES and len(posts) < 2:
            posts.append(asked)
            both.wait()

    posts: list[Asked] = []
    seeding.grafana.before = meet
    with subprocess.Popen(seeding.argv("--json"), stdout=subprocess.PIPE, text=True) as one, \
            subprocess.Popen(seeding.argv("--json"), stdout=subprocess.PIPE, text=True) as two:
        answers = [json.loads(child.communicate(timeout=40)[0]) for child in (one, two)]
        assert one.returncode == 0 and two.returncode == 0
    first = sorted(r["outcome"] for answer in answers for r in answer["rules"] if r["uid"] == "ma20")
    assert first == ["adopted", "created"]
    assert set(seeding.grafana.ledger()) == {"ma5", "ma20"}
    seeding.grafana.assert_clean()


def test_a_grafana_that_never_comes_is_exit_3(seeding: Seeding) -> None:
    seeding.grafana.stop()
    done = seeding.run("--wait", "1s", status=3)
    assert "cannot reach Grafana" in done.stderr and "2 pending" in done.stdout


def test_a_bad_file_is_told_before_anything_is_asked(seeding: Seeding) -> None:
    (seeding.rules / "a.json").write_text("{")
    (seeding.rules / "b.json").write_text(json.dumps({**rule("b"), "for": None}))
    done = seeding.run(status=1)
    assert "a.json: " in done.stderr and "b.json: for is missing" in done.stderr
    (seeding.rules / "a.json").unlink()
    (seeding.rules / "b.json").write_text(json.dumps(rule("ma5")))
    assert "uid ma5 is in two files" in seeding.run(status=1).stderr
    assert seeding.grafana.asked == []


@pytest.mark.parametrize("arguments,words", [
    ((), "--url URL is wanted"),
    (("--url", "grafana:3000"), "http:// or https://"),
    (("--url", "http://127.0.0.1:1", "--user", "admin"), "--password-file"),
    (("--url", "http://127.0.0.1:1", "--reset", "other"), "no rule here has the uid other"),
    (("--url", "http://127.0.0.1:1", "--wait", "soon"), "--wait: "),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_a_wrong_command_line_is_exit_2(seeding: Seeding, arguments: tuple[str, ...], words: str) -> None:
    done = subprocess.run([str(BINARY), "grafana", "seed", *arguments, str(seeding.rules)], capture_output=True,
                          text=True, timeout=30, check=False)
    assert done.returncode == 2 and words in done.stderr, done.stderr


def test_a_token_file_that_is_not_there_is_told_at_once(seeding: Seeding) -> None:
    assert "No such file" in seeding.run("--token-file", "/nonexistent", status=1, credential=False).stderr
    assert seeding.grafana.asked == []


def test_our_own_seeds_are_taken(seeding: Seeding, record_property: Callable[[str, object], None]) -> None:
    files = sorted((ROOT / "grafana" / "rules").glob("*.json"))
    record_property("files", len(files))
    if not files:
        pytest.skip("no grafana/rules yet")
    ours = [json.loads(f.read_text()) for f in files]
    seeding.rules = ROOT / "grafana" / "rules"
    receivers = {r["notification_settings"]["receiver"] for r in ours if "notification_settings" in r}
    seeding.grafana.state.contact_points = [{"name": name} for name in receivers]
    assert seeding.outcomes() == {r["uid"]: "created" for r in ours}
