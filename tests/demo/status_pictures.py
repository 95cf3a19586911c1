"""Takes the pictures of the status page in docs/img anew, in a real Chromium: the night of tests/stories/incident.story
while GitHub is down, and at five o'clock.

    python3 -m tests.demo.status_pictures
"""
from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

from tests.demo.pictures import png
from tests.support import chromium
from tests.support.relay import BINARY, ROOT, Relay
from tests.support.relay_config import base_config
from tests.support.wait import until
from tests.support.wall_clock import WallClock

STORY = ROOT / "tests" / "stories" / "incident.story"

# name, the hour and minute it is, width, height, dark
PICTURES = (("status-morning", (5, 0), 900, 1000, False), ("status-outage-phone", (1, 45), 390, 1080, True),
            ("status-outage", (1, 45), 900, 900, True))


def until_then(story: Path, hour: int, minute: int) -> str:
    """The story as far as that time, when its relay stops."""
    kept = []
    for line in story.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] == ["at"]:
            h, m = map(int, words[1].split(":")[:2])
            if (h, m) >= (hour, minute):
                break
        kept.append(line)
    return "\n".join([*kept, f"at {hour}:{minute:02}  quit", ""])


def relay_at(hour: int, minute: int) -> Relay:
    """A relay that wakes up there, with a GitHub that nobody reaches."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}"
    relay = Relay()
    relay.write_config(base_config(relay.folder, closed, "github_pat_picture"))
    story = relay.folder / "night.story"
    story.write_text(until_then(STORY, hour, minute), encoding="utf-8")
    subprocess.run([str(BINARY.parent / "tests" / "stories" / "story"), "--store",
                    str(relay.folder / "state" / "relay.db"), str(story)], check=True, stdout=subprocess.DEVNULL)
    clock = WallClock(relay.folder)
    clock.step(int(datetime(2026, 1, 5, hour, minute, 30, tzinfo=timezone.utc).timestamp() - time.time()))
    relay.env.update(clock.env)
    return relay.start()


def spoil_config(relay: Relay) -> None:
    """Somebody mistypes a duration."""
    relay.write_config(relay.config_file.read_text().replace('cooldown = "6h"', 'cooldown = "6 hours"'))
    until(lambda: b"The config was refused" in relay.admin("/").body, 30, "the fault to show")


def main() -> int:
    """All pictures, and how large they are."""
    for name, (hour, minute), width, height, dark in PICTURES:
        relay = relay_at(hour, minute)
        try:
            if "outage" in name:
                spoil_config(relay)
            taken = png(chromium.picture(relay.admin_url + "/", width, height, dark))
        finally:
            relay.close()
        (ROOT / "docs" / "img" / f"{name}.png").write_bytes(taken)
        print(f"docs/img/{name}.png: {len(taken)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
