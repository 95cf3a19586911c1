"""drift-app's page in a real Chromium: what its style, its form's own check and its policy come to."""
from __future__ import annotations

import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator

import pytest

from tests.support import chromium
from tests.support.app import App, Text
from tests.support.chromium import Picture
from tests.support.model_standin import ModelStandIn, gauges, prediction

pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="no chromium on this machine")

GROUND = {False: (0xff, 0xff, 0xff), True: (0x14, 0x17, 0x1b)}
UP = {False: (0xc2, 0x1f, 0x30), True: (0xff, 0x80, 0x88)}
DOWN = {False: (0x1f, 0x5f, 0xbf), True: (0x7d, 0xb2, 0xff)}
HOSTILE = '"><script>document.title="taken"</script><img src=x onerror="document.title=1"><style>*{display:none}</style>'
TYPED = ["2480", "2,480.50", " 7 ", "0.001", "0", "0.00", "-3", "+3", "2480,5", "1,23", "1e3", "nan", "x", "1.", ".5"]


@pytest.fixture(name="model")
def _model() -> Iterator[ModelStandIn]:
    with ModelStandIn() as model:
        yield model


@pytest.fixture(name="app")
def _app(model: ModelStandIn) -> Iterator[App]:
    with App(model.url) as app:
        yield app


def check_picture(image: Picture, dark: bool) -> None:
    """Ground, bars of 3 to 1 on one scale, and nothing that runs over the edge."""
    assert image.pixel(2, 2) == GROUND[dark]
    assert image.column(image.width - 1) == {GROUND[dark]}, "the page is wider than the window"
    up, down = image.longest(UP[dark]), image.longest(DOWN[dark])
    assert down > 40 and abs(up / down - 3) < 0.1, (up, down)


def test_bars_are_to_scale_on_phone_and_desktop_by_day_and_by_night(app: App, model: ModelStandIn) -> None:
    model.infer, model.metrics = prediction(0.75), (200, gauges(0.4, 1.2, 10000).encode())
    with ThreadPoolExecutor(2) as pool:
        phone = pool.submit(chromium.picture, app.url("2,480.50"), 390, 1000, True, "en")
        desk = pool.submit(chromium.picture, app.url("2,480.50"), 1280, 900, False, "ko")
        check_picture(phone.result(), True)
        check_picture(desk.result(), False)


def pattern_page(folder: Path, pattern: str) -> str:
    """A page that lets the browser check what is typed by the form's own rule."""
    page = folder / "check.html"
    page.write_text(f"""<!doctype html><meta charset=utf-8><input id=i required pattern="{html.escape(pattern)}"><p id=p>
<script>document.getElementById("p").textContent = JSON.stringify({json.dumps(TYPED)}.map(t => {{
const i = document.getElementById("i"); i.value = t; return i.checkValidity(); }}));</script>""")
    return page.as_uri()


def test_the_browsers_check_lets_pass_what_the_server_takes(app: App, tmp_path: Path) -> None:
    page = Text(app.ask().body.decode())
    pattern = dict(page.tags)["input"]["pattern"]
    assert pattern is not None
    seen = chromium.visit(pattern_page(tmp_path, pattern))
    found = re.search(r"<p id=\"p\">(\[[^<]*\])", seen.dom)
    assert found is not None and "regular expression" not in seen.console, seen
    assert json.loads(found.group(1)) == [app.ask(typed).status == 200 for typed in TYPED]


def test_hostile_text_and_failures_read_the_same_in_a_browser(app: App, model: ModelStandIn) -> None:
    model.infer = prediction(0.5, name=HOSTILE, version=HOSTILE)
    with ModelStandIn() as slow, App(slow.url) as late, ThreadPoolExecutor(2) as pool:
        slow.held.clear()
        waits = pool.submit(chromium.visit, late.url("2480"), "ko")
        hostile = chromium.visit(app.url("2480"))
        late_page = Text(waits.result().dom).text
    page = Text(hostile.dom)
    assert page.text.startswith("Index forecast") and page.text.count(HOSTILE) == 2
    assert not {"script", "img", "style"} & {tag for tag, _ in page.tags}
    assert hostile.console == "", "the page breaks its own policy"
    assert "모델 서버가 2초 안에 응답하지 않았습니다." in late_page
