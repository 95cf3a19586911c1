"""The same bytes many times at once, and wall clocks that step: one action, and windows as long as they were set."""
from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

from tests.support.github_standin import StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay, signed_headers
from tests.support.wait import PATIENCE
from tests.support.wall_clock import WallClock

MANY = 100
HOLD_S = 3
DAY = 86400


def test_a_hundred_identical_posts_at_once_are_one(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    relay = make_relay({"limits": {"per_address": 0}}).start()
    body = grafana_body(alert("at-once"), alert("at-once-too"))
    headers = signed_headers(body)
    answers: list[Any] = []
    gate = threading.Barrier(MANY)

    def send() -> None:
        gate.wait()
        answers.append(relay.post(body, headers=headers, timeout=60))

    senders = [threading.Thread(target=send) for _ in range(MANY)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert [a.status for a in answers] == [202] * MANY
    said = [a.json() for a in answers]
    assert sorted(s["duplicate"] for s in said) == [False] + [True] * (MANY - 1)
    assert all({**s, "duplicate": True} == {**said[0], "duplicate": True} for s in said), "one and the same decisions"
    assert len(relay.api("notifications")["items"]) == 1
    for one in said[0]["alerts"]:
        relay.wait_request(one["relay_id"], "done")
    standin.assert_clean()
    assert len(standin.judge()["posts"]) == 2
    metrics = relay.metrics()
    assert metrics.sum("drift_relay_notifications_total", result="accepted") == 1
    assert metrics.sum("drift_relay_notifications_total", result="duplicate") == MANY - 1
    assert metrics.sum("drift_relay_alerts_total") == 2


def test_two_peers_that_both_notify_start_one_run(make_relay: Callable[..., Relay], standin: StandIn) -> None:
    relay = make_relay().start()
    one, other = (grafana_body(alert("ha"), externalURL=f"http://grafana-{n}/") for n in (1, 2))
    first, second = relay.post(one), relay.post(other)
    assert not first.json()["duplicate"] and not second.json()["duplicate"], "other bytes are another notification"
    assert [a.json()["alerts"][0]["verdict"] for a in (first, second)] == ["dispatch", "suppressed"]
    relay.wait_request(first.json()["alerts"][0]["relay_id"], "done")
    assert len(standin.judge()["posts"]) == 1


# Seconds from now. The last but one is past 2^31 seconds, and all are back again afterwards.
STEPS = {"an hour on": 3600, "an hour back": -3600, "a day on": DAY, "a day back": -DAY, "a second on": 1,
         "past January 2038": 2147483648 + DAY - int(time.time()), "1970": 60 - int(time.time())}


def _step(relay: Relay, clock: WallClock, words: str) -> str:
    """"" when every window stays as it was set, else what was seen."""
    begun = time.monotonic()
    if relay.post(grafana_body(alert("step"))).json()["alerts"][0]["verdict"] != "held":
        return "not held"
    clock.step(STEPS[words])

    def requests() -> list[Any]:
        return relay.api("requests")["items"]

    while not requests() and time.monotonic() - begun < HOLD_S + 10 * PATIENCE:
        time.sleep(0.05)
    took = time.monotonic() - begun
    if not HOLD_S - 0.1 <= took < HOLD_S + 10 * PATIENCE:
        return f"a hold of {HOLD_S} s took {took:.2f} s"
    relay.wait_request(requests()[0]["relay_id"], "done")
    # Signed by the sender's clock, which steps with ours; the cooldown of six hours goes on.
    for step, restart in ((STEPS[words], False), (0, False), (0, True)):
        clock.step(step)
        if restart:
            relay.restart()
        body = grafana_body(alert("step", labels={"n": f"{step} {restart}"}))
        again = relay.post(body, ts=int(time.time()) + step)
        if again.status != 202 or again.json()["alerts"][0]["reason"] != "cooldown":
            return f"{step} s, {restart}: {again}"
    return ""


def test_a_step_of_the_wall_clock_moves_no_window(make_relay: Callable[..., Relay]) -> None:
    relays = []
    for words in STEPS:
        relay = make_relay({"routes": {"hold": f"{HOLD_S}s", "cooldown": "6h", "rearm": "cooldown", "expires": "1h"}})
        clock = WallClock(relay.folder)
        relay.env = clock.env
        relays.append((relay.start(), clock, words))
    with ThreadPoolExecutor(len(STEPS)) as pool:
        seen = dict(zip(STEPS, pool.map(lambda r: _step(*r), relays)))
    assert {words: fault for words, fault in seen.items() if fault} == {}
