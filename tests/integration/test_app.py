"""drift-app beside a model server that answers as recorded, and in the ways in which servers fail."""
from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
import time
from typing import Any, Callable, Iterator

import pytest

from tests.support import http
from tests.support.app import APP, App, Text
from tests.support.model_standin import PATH, ModelStandIn, gauges, prediction, recorded
from tests.support.wait import until


@pytest.fixture(name="model")
def _model() -> Iterator[ModelStandIn]:
    with ModelStandIn() as model:
        yield model


@pytest.fixture(name="app")
def _app(model: ModelStandIn) -> Iterator[App]:
    with App(model.url) as app:
        yield app


def refused_url() -> str:
    """Where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}{PATH}"


def test_the_recorded_answer_of_the_lessons_server_is_shown_in_korean(app: App, model: ModelStandIn) -> None:
    answer = app.ask("2,480.50", "ko-KR,ko;q=0.9,en;q=0.8")
    words = Text(answer.body.decode()).text
    assert answer.status == 200
    assert "상승 63.0 %" in words and "하락 37.0 %" in words
    assert "드리프트 없음" in words and "kospi-prediction-model" in words and "0f3a9c" in words
    assert model.asked[0] == {"path": PATH, "body": {"inputs": [
        {"name": "today_close", "shape": [1], "datatype": "FP64", "data": [2480.5]}]}}


def test_the_form_alone_asks_for_no_prediction_and_shows_the_drift(app: App, model: ModelStandIn) -> None:
    model.metrics = (200, gauges(0.4, 1.25).encode())
    words = app.words()
    assert "Drift: recent days no longer look like" in words and "ma20 1.25 0.8 60 yes" in words
    assert "ma5 0.4 0.8 60 no" in words
    assert not model.asked


BAD_INPUT = [("", "Enter a price first"), ("high", "This is no number"), ("1e999", "This is no number"),
             ("2480,5", "This is no number"), ("-3", "A price is above 0"), ("1" + "0" * 300, "too large for a price"),
             ("<script>alert(1)</script>", "This is no number")]


def test_bad_input_is_said_beside_the_field_and_no_model_is_asked(app: App, model: ModelStandIn) -> None:
    for typed, said in BAD_INPUT:
        answer = app.ask(typed)
        page = Text(answer.body.decode())
        field = dict(page.tags)["input"]
        assert answer.status == 400 and said in page.text, typed
        assert field["value"] == typed and field["aria-invalid"] == "true", typed
        assert "script" not in dict(page.tags)
    assert not model.asked


def failing(model: ModelStandIn, infer: tuple[int, bytes], metrics: tuple[int, bytes] = (500, b"")) -> None:
    model.infer, model.metrics = infer, metrics


FAILURES: list[tuple[str, Callable[[ModelStandIn], object], int, str]] = [
    ("an unknown model", lambda m: failing(m, recorded("unknown_model")), 502,
     "answered with an error. (HTTP status 404) It said: Model with name nope does not exist."),
    ("a failure", lambda m: failing(m, recorded("failed")), 502, "(HTTP status 500) It said: model failed"),
    ("a refusal of the body", lambda m: failing(m, recorded("no_input")), 502, "(HTTP status 422)"),
    ("no model loaded", lambda m: failing(m, recorded("not_ready")), 503,
     "no model ready. (HTTP status 503) It said: Model with name cold is not ready."),
    ("a page", lambda m: failing(m, (200, b"<html>welcome</html>")), 502, "no usable answer"),
    ("an empty answer", lambda m: failing(m, (200, b"")), 502, "no usable answer"),
    ("probabilities past 1", lambda m: failing(m, prediction(1.5)), 502, "no usable answer"),
    ("megabytes", lambda m: failing(m, (200, b"x" * (4 << 20)), (200, b"y" * (4 << 20))), 502, "no usable answer"),
    ("a redirect", lambda m: failing(m, (302, b"")), 502, "(HTTP status 302)"),
    ("a cut connection", lambda m: setattr(m, "cut", True), 502, "no usable answer"),
]


@pytest.mark.parametrize("fail,status,said", [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES])
def test_a_model_that_fails_is_named_with_its_reason(app: App, model: ModelStandIn, fail: Callable[[ModelStandIn], Any],
                                                     status: int, said: str) -> None:
    fail(model)
    answer = app.ask("2480")
    page = Text(answer.body.decode())
    assert answer.status == status and said in page.text
    assert "Unknown: the model server does not say" in page.text
    assert dict(page.tags)["input"]["value"] == "2480"
    assert "event=no_answer" in app.process.text()


def test_a_model_that_is_down_is_said_and_the_page_goes_on_when_it_is_back() -> None:
    with App(refused_url()) as app:
        answer = app.ask("2480")
        assert answer.status == 502 and "cannot be reached" in Text(answer.body.decode()).text
        answer = app.ask()
        assert answer.status == 200 and "Unknown: the model server" in Text(answer.body.decode()).text


def test_a_slow_model_is_given_two_seconds_and_holds_nobody_up(app: App, model: ModelStandIn) -> None:
    model.held.clear()
    answers: list[http.Answer] = []
    start = time.monotonic()
    visitors = [threading.Thread(target=lambda: answers.append(app.ask("2480", patient=False))) for _ in range(8)]
    for visitor in visitors:
        visitor.start()
    assert http.once(app.port, "GET", "/healthz").body == b"ok\n"
    for visitor in visitors:
        visitor.join()
    assert 1.9 <= time.monotonic() - start < 2 * (len(visitors) - 1), "they waited for each other"
    assert [answer.status for answer in answers] == [504] * len(visitors)
    assert all("did not answer within 2 seconds" in Text(a.body.decode()).text for a in answers)


def test_what_the_model_says_stays_text(app: App, model: ModelStandIn) -> None:
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    quoted = hostile.replace('"', r'\"')
    model.infer = prediction(0.5, name=hostile, version=hostile)
    model.metrics = (200, f'model_drift_samples{{feature="{quoted}",set="current"}} 3\n'
                     f'model_drift_reference_info{{hash="{quoted}"}} 1\n'.encode())
    page = Text(app.ask("2480").body.decode())
    assert page.text.count(hostile) == 3
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_the_page_forbids_scripts_and_is_never_kept(app: App) -> None:
    headers = app.ask("2480", "ko").headers
    assert headers["content-security-policy"] == ("default-src 'none'; style-src 'self'; form-action 'self'; "
                                                  "base-uri 'none'; frame-ancestors 'none'")
    assert headers["cache-control"] == "no-store" and headers["vary"] == "Accept-Language"
    assert headers["content-language"] == "ko" and headers["x-content-type-options"] == "nosniff"
    style = http.once(app.port, "GET", "/style.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8" and b"prefers-color-scheme:dark" in style.body


ROUTES = [("POST", "/", 405), ("DELETE", "/healthz", 405), ("GET", "/favicon.ico", 404), ("GET", "/metrics", 404)]


def test_other_methods_and_paths_are_refused(app: App) -> None:
    for method, path, status in ROUTES:
        assert http.once(app.port, method, path).status == status, (method, path)


def test_a_visitor_who_waits_is_answered_when_the_app_is_told_to_stop(app: App, model: ModelStandIn) -> None:
    model.held.clear()
    answers: list[http.Answer] = []
    visitor = threading.Thread(target=lambda: answers.append(app.ask("2480", patient=False)))
    visitor.start()
    until(lambda: model.asked, 30, "the question at the model")
    app.process.signal(signal.SIGTERM)
    until(lambda: "event=draining in_flight=1" in app.process.text(), 30, "the drain")
    model.held.set()
    visitor.join()
    assert app.process.wait(30) == 0
    assert "63.0 %" in answers[0].body.decode() or answers[0].status == 504


def cut_by_a_second_signal(model: ModelStandIn) -> bool:
    """False when the two seconds of the model were over before it came."""
    with App(model.url) as app, http.Connection(app.port) as visitor:
        model.asked.clear()
        visitor.send(http.request_bytes("GET", "/?close=1"))
        until(lambda: model.asked, 30, "the question at the model")
        app.process.signal(signal.SIGTERM)
        until(lambda: "event=draining" in app.process.text(), 30, "the drain")
        app.process.signal(signal.SIGTERM)
        assert app.process.wait(30) == 0
        return visitor.rest() == b""


def test_a_second_signal_does_not_wait_for_the_model(model: ModelStandIn) -> None:
    model.held.clear()
    assert any(cut_by_a_second_signal(model) for _ in range(5))


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(APP), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=30, env={"PATH": "/usr/bin:/bin", **env}, check=False)


START = [("help", ("--help",), {}, 0, r"usage: drift-app"), ("version", ("--version",), {}, 0, r"^drift-app \d"),
         ("an unknown option", ("--port", "1"), {}, 2, r"usage: drift-app"),
         ("an argument", ("x",), {}, 2, r"too many arguments"),
         ("no port", ("--listen", "localhost"), {}, 2, r"usage: drift-app"),
         ("no URL", ("--listen", "127.0.0.1:0"), {"MODEL_API_URL": "model"}, 1, r"MODEL_API_URL: .*is no URL"),
         ("an address of nobody's", ("--listen", "192.0.2.1:0"), {}, 1, r"event=start_failed")]


@pytest.mark.parametrize("arguments,env,status,said", [row[1:] for row in START], ids=[row[0] for row in START])
def test_the_command_line_explains_itself(arguments: tuple[str, ...], env: dict[str, str], status: int,
                                          said: str) -> None:
    ended = run(*arguments, **env)
    assert ended.returncode == status and re.search(said, ended.stdout + ended.stderr), ended
