"""A reload while work goes on: by a changed file as Kubernetes changes it, nothing is refused, policies act at once, what
is open ends, and a bad file is said where people look."""
from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any, Callable

from tests.support.github_standin import TOKEN, StandIn
from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import Relay
from tests.support.relay_config import base_config, config_text, merged
from tests.support.wait import until

SWAPS = 4


class Mount:
    """A ConfigMap's folder: the file is a link through `..data`, which is swapped for another at each change."""

    def __init__(self, folder: Path, name: str, text: str) -> None:
        self.folder, self.name, self.n = folder, name, 0
        folder.mkdir()
        self.swap(text)
        (folder / name).symlink_to(f"..data/{name}")

    def swap(self, text: str) -> None:
        """As the kubelet does it: a new folder, a new link laid over the old one, and the old folder goes."""
        self.n += 1
        new, old = self.folder / f"..{self.n}", self.folder / f"..{self.n - 1}"
        new.mkdir()
        (new / self.name).write_text(text)
        (self.folder / "..data_tmp").symlink_to(new.name)
        (self.folder / "..data_tmp").replace(self.folder / "..data")
        if old.exists():
            (old / self.name).unlink()
            old.rmdir()


class Mounted:
    """A relay that reads its config from such a folder."""

    def __init__(self, make_relay: Callable[..., Relay], standin: StandIn, changes: Any = None) -> None:
        self.relay = make_relay()
        self.config = merged(base_config(self.relay.folder, standin.url, TOKEN), changes)
        self.mount = Mount(self.relay.folder / "mount", "relay.conf", config_text(self.config))
        self.relay.config_file = self.mount.folder / "relay.conf"
        self.relay.start()

    def change(self, changes: Any = None, text: str = "") -> None:
        """Another config, and no word to the relay."""
        self.mount.swap(text or config_text(merged(self.config, changes)))

    def said(self, event: str) -> int:
        """How often the log has it."""
        return self.relay.log_text().count(f"event={event} ")

    def reload(self, changes: Any = None) -> None:
        """Another config, and its reload."""
        before = self.said("reloaded")
        self.change(changes)
        until(lambda: self.said("reloaded") > before, 30, "the relay to notice the swap")


def test_nothing_is_refused_while_files_are_swapped_and_signals_come(make_relay: Callable[..., Relay],
                                                                     standin: StandIn) -> None:
    mounted = Mounted(make_relay, standin, {"routes": {"hold": "1h"}})
    relay, done = mounted.relay, threading.Event()
    answers: list[int] = []

    def load(name: str) -> None:
        n = 0
        while not done.is_set():
            n += 1
            answers.append(relay.post(grafana_body(alert(f"{name}{n}"))).status)

    threads = [threading.Thread(target=load, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    try:
        for n in range(SWAPS):
            mounted.reload({"routes": {"hold": f"{n + 2}h"}})
            reloads = mounted.said("reloaded")
            assert relay.process is not None
            relay.process.signal(signal.SIGHUP)
            until(lambda before=reloads: mounted.said("reloaded") > before, 30, "SIGHUP's reload")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert len(answers) > 3 * SWAPS and set(answers) == {202}
    assert relay.metrics().sum("drift_relay_notifications_total", result="accepted") == len(answers)
    assert relay.api("status")["keys"] == len(answers)


def test_a_shorter_hold_acts_at_once_and_the_run_of_a_removed_route_is_followed_to_its_end(
        make_relay: Callable[..., Relay], standin: StandIn) -> None:
    standin.set(in_progress_s=None)
    mounted = Mounted(make_relay, standin, {"routes": {"hold": "1h"}})
    relay = mounted.relay
    assert relay.post(grafana_body()).json()["alerts"][0]["verdict"] == "held"
    assert relay.api("requests")["items"] == []
    mounted.reload({"routes": {"hold": "1ms"}})
    (request,) = until(lambda: relay.api("requests")["items"], 30, "the hold to end by the new policy")
    run = relay.wait_request(request["relay_id"], "accepted", "running")["run"]
    route = mounted.config["routes"][0]
    mounted.reload({"routes": [{**route, "name": "other", "match": ["action=other"]}]})
    assert relay.post(grafana_body(alert("late"))).json()["alerts"][0]["reason"] == "no_route"
    standin.server.control.finish({"run_id": run["id"]})
    ended = relay.wait_request(request["relay_id"], "done", timeout=60)
    assert (ended["reason"], ended["route"]) == ("success", "kospi")
    standin.assert_clean()


def test_a_bad_file_keeps_the_old_config_and_its_fault_is_on_the_page_and_a_metric(make_relay: Callable[..., Relay],
                                                                                   standin: StandIn) -> None:
    mounted = Mounted(make_relay, standin)
    relay = mounted.relay
    mounted.change(text=config_text(mounted.config).replace('cooldown = "6h"', 'cooldown = "<6> hours"'))
    until(lambda: "The config was refused" in relay.admin("/").body.decode(), 30, "the page to say so")
    page = relay.admin("/").body.decode()
    assert "&lt;6&gt; hours" in page and "the file read last was refused" in page and str(relay.config_file) in page
    metrics = relay.metrics()
    assert metrics.sum("drift_relay_config_last_reload_successful") == 0
    (fault,) = [labels["fault"] for name, labels, _ in metrics.samples if name == "drift_relay_config_refused_info"]
    assert fault.startswith(f"{relay.config_file}:") and "cooldown" in fault
    assert relay.post(grafana_body()).json()["alerts"][0]["verdict"] == "dispatch", "the old config is in force"
    mounted.reload()
    until(lambda: "The config was refused" not in relay.admin("/").body.decode(), 30, "the good file to show")
    assert not relay.metrics().has("drift_relay_config_refused_info")
    assert relay.metrics().sum("drift_relay_config_last_reload_successful") == 1
