"""The relay's status page in a real Chromium: hostile text, ten thousand keys, nothing at all, a store that fails, a
phone, and the script that keeps it up to date."""
from __future__ import annotations

import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator, Optional

import pytest

from tests.support import chromium, http
from tests.support.app import Text
from tests.support.chromium import Picture
from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.wait import until

pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="no chromium on this machine")

GROUND = {False: (0xff, 0xff, 0xff), True: (0x14, 0x17, 0x1b)}
RUNNING = {False: (0x1a, 0x7f, 0x37), True: (0x57, 0xc2, 0x6e)}
HOSTILE = '"><script>document.title="taken"</script><img src=x onerror="document.title=1"><style>*{display:none}</style>'
MOVED_S = 20


def ignore_file_limit() -> None:
    """In the child before exec: a file that may not grow is an error, not its end."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def page(relay: Relay, path: str = "/") -> Text:
    """What the server says, unseen by a browser."""
    answer = relay.admin(path)
    assert answer.status == 200, answer
    return Text(answer.body.decode())


def looked_at(url: str, later_ms: int = 0) -> tuple[chromium.Visit, Text]:
    """The page as the browser has it; what it complains about fails the test."""
    visit = chromium.visit(url, later_ms=later_ms)
    assert visit.console == "", "the page breaks its own policy"
    return visit, Text(visit.dom)


def check_picture(image: Picture, dark: bool) -> None:
    """Its own ground, a bar for the run, and nothing that runs over the edge."""
    assert image.pixel(2, 2) == GROUND[dark]
    assert image.column(image.width - 1) == {GROUND[dark]}, "the page is wider than the window"
    assert image.longest(RUNNING[dark]) > image.width // 3, "no bar of a run"


def test_hostile_text_from_grafana_and_github_stays_text_on_phone_and_desktop(make_relay: Callable[..., Relay],
                                                                              standin: StandIn) -> None:
    standin.set(in_progress_s=None)
    relay = make_relay().start()
    running = relay.post(grafana_body(alert("kospi"))).json()["alerts"][0]["relay_id"]
    relay.wait_request(running, "accepted", "running")
    standin.script("dispatch", "answer", status=422, body={"message": HOSTILE})
    refused = relay.post(grafana_body(alert(HOSTILE))).json()["alerts"][0]["relay_id"]
    relay.wait_request(refused, "dead")
    relay.post(grafana_body(alert("x", labels={"action": "none"}, fingerprint=HOSTILE)))
    wide = "unbroken" * 40
    relay.post(grafana_body(alert(wide, "resolved"), alert("y", labels={"action": "none"}, fingerprint=wide)))
    with ThreadPoolExecutor(2) as pool:
        phone = pool.submit(chromium.picture, relay.admin_url + "/", 390, 1500, True)
        desk = pool.submit(chromium.picture, relay.admin_url + "/", 1280, 1000, False)
        visit, seen = looked_at(relay.admin_url + "/")
        check_picture(phone.result(), True)
        check_picture(desk.result(), False)
    assert seen.text.count(HOSTILE) >= 2, seen.text
    assert "<title>2 keys fire · drift-relay</title>" in visit.dom
    assert not {"img", "style"} & {tag for tag, _ in seen.tags}
    assert [attributes["src"] for tag, attributes in seen.tags if tag == "script"] == ["/page.js"]
    assert "Not started: GitHub refused it." in seen.text and "No route takes it." in seen.text


def test_ten_thousand_keys_come_in_pages_that_a_phone_can_take(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay({"routes": {"hold": "1h"}}).start()
    for n in range(10):
        many = [alert(f"m{n}{i:03}", annotations={}, values=None) for i in range(1000)]
        assert relay.post(grafana_body(*many), timeout=120).status == 202
    assert len(relay.admin("/").body) < 200_000
    with ThreadPoolExecutor(2) as pool:
        picture = pool.submit(chromium.picture, relay.admin_url + "/?state=held", 390, 1000, False)
        _, first = looked_at(relay.admin_url + "/")
        assert picture.result().column(389) == {GROUND[False]}, "the page is wider than the window"
    assert "10,000 keys fire, 0 requests wait, 0 runs are under way." in first.text
    links = [a["href"] or "" for tag, a in first.tags if tag == "a"]
    keys = [link for link in links if link.startswith("/api/v1/keys/")]
    assert keys == [f"/api/v1/keys/kospi/m0{i:03}" for i in range(50)]
    (more,) = [link for link in links if "cursor=" in link]
    assert "/api/v1/keys/kospi/m0050" in relay.admin(more).body.decode()
    assert "/api/v1/keys/kospi/m0049" not in relay.admin(more).body.decode()
    assert relay.admin("/api/v1/keys/kospi/m0049").status == 200


def test_with_nothing_to_tell_it_says_so_and_what_is_well(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay().start()
    _, seen = looked_at(relay.admin_url + "/")
    for words in ("0 keys fire, 0 requests wait, 0 runs are under way.", "None: nothing fires, and nothing is waited for.",
                  "No run was asked for yet.", "Nothing was turned down.", "grafana: not among the last notifications"):
        assert words in seen.text, seen.text
    assert "Needs attention" not in seen.text
    # A screen reader goes by headings and regions; each region names its heading.
    assert [tag for tag, _ in seen.tags if tag in ("h1", "h2")] == ["h1", "h2", "h2", "h2", "h2"]
    named = {a["id"] for tag, a in seen.tags if tag == "h2"}
    assert {a["aria-labelledby"] for tag, a in seen.tags if tag == "section"} == named
    assert [a["role"] for tag, a in seen.tags if a.get("id") == "summary"] == ["status"]


def test_a_failing_store_is_said_with_its_reason_until_it_works_again(make_relay: Callable[..., Relay]) -> None:
    relay = make_relay(before_exec=ignore_file_limit).start()
    assert relay.process is not None
    assert relay.post(grafana_body()).status == 202
    resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    until(lambda: relay.post(grafana_body(alert("m2"))).status == 503, 30, "the store to fail")
    _, seen = looked_at(relay.admin_url + "/")
    assert "The store cannot be written since" in seen.text and "nothing is started" in seen.text
    assert "relay.db" in seen.text, "the reason names no file"
    assert "id=\"keys\"" not in relay.admin("/").body.decode(), "what may be wrong is not shown"
    resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    until(lambda: "1 key fires" in page(relay).text, 30, "the page to be whole again")
    assert "The store cannot be written" not in page(relay).text


class Between:
    """Stands between browser and relay: after the first page it does `then`, and may stop answering."""

    def __init__(self, relay: Relay, then: Optional[Callable[[], Any]]) -> None:
        self.pages = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """Hands everything through."""

            def do_GET(self) -> None:  # pylint: disable=invalid-name
                """One request."""
                if self.path == "/":
                    outer.pages += 1
                    if outer.pages == 2 and then is not None:
                        then()
                    elif outer.pages >= 2 and then is None:
                        self.close_connection = True
                        return
                answer = http.once(relay.admin_port, "GET", self.path)
                self.send_response(answer.status)
                for name in ("content-type", "content-security-policy"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *_: Any) -> None:  # pylint: disable=arguments-differ
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self) -> "Between":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture(name="quiet")
def _quiet(make_relay: Callable[..., Relay]) -> Iterator[Relay]:
    yield make_relay({"routes": {"hold": "1h"}}).start()


def test_the_script_brings_it_up_to_date_and_says_when_it_cannot(quiet: Relay) -> None:
    def fire() -> None:
        assert quiet.post(grafana_body(alert("arrived"))).status == 202

    with Between(quiet, fire) as live, Between(quiet, None) as lost, ThreadPoolExecutor(2) as pool:
        gone = pool.submit(chromium.visit, lost.url, "en", 1000 * MOVED_S)
        visit, seen = looked_at(live.url, 1000 * MOVED_S)
        left = Text(gone.result().dom)
    assert live.pages >= 2 and "kospi/arrived" in seen.text, "the page stayed as it was loaded"
    assert "<title>1 key fires · drift-relay</title>" in visit.dom and "1 key fires, 0 requests wait, 0 runs" in seen.text
    assert "The relay does not answer; what follows is what it last said." in left.text
    assert "Last requests" in left.text and ("body", {"class": "stale"}) in left.tags
