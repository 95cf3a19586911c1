"""Draws a story as a timeline (SVG), from what the real core did in it.

    draw.py STORY_PROGRAM     fills docs/engine.md, and writes docs/img/timeline-NAME.svg for each story it names
"""
from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, Optional
from xml.sax.saxutils import escape

STORIES = Path(__file__).resolve().parent
DOCUMENT = STORIES.parents[1] / "docs" / "engine.md"
PICTURES = DOCUMENT.parent / "img"
LEFT, WIDTH, LANE, TOP = 96, 800, 26, 58
COLOURS = {"held": "#d9a514", "open": "#2f6fb3", "deferred": "#8a63b8", "cooldown": "#5d9aa8", "disarmed": "#9aa0a6",
           "firing": "#d98c8c", "quiet": "#dfe3e6"}
DOTS = {"dispatch": "#1d6f42", "held": "#d9a514", "deferred": "#8a63b8", "suppressed": "#b23b3b",
        "resolved": "#6b7280", "ignored": "#9aa0a6", "refused": "#111827"}


def clock(ms: int) -> str:
    """h:mm, with seconds only where there are some."""
    seconds = ms // 1000
    text = f"{seconds // 3600}:{seconds // 60 % 60:02d}"
    return text + (f":{seconds % 60:02d}" if seconds % 60 else "")


def trace(program: str, story: Path) -> list[dict[str, Any]]:
    """What the runner says happened, line by line."""
    done = subprocess.run([program, "--trace", str(story)], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def spans(samples: list[dict[str, Any]], end: int, name: str) -> Iterator[tuple[int, int, str]]:
    """(from, to, state) of the key, or of the member with that name ("" = the key)."""
    current, since = "", 0
    for sample in [*samples, {"at": end, "state": "none", "members": []}]:
        now = (sample["state"] if not name else "firing" if name in sample["members"] else "none")
        if now == current and sample["at"] != end:
            continue
        if current not in ("", "none") and sample["at"] > since:
            yield since, sample["at"], current
        current, since = now, sample["at"]


class Picture:
    """One SVG under construction; x follows time, y the lanes."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.samples = [e for e in events if "state" in e]
        self.end = max(max(e["at"] for e in events), 1)
        self.end += self.end // 20
        self.marks = self._marks(events)
        self.alerts = sorted({m for s in self.samples for m in s["members"]})
        self.parts: list[str] = []

    @staticmethod
    def _marks(events: list[dict[str, Any]]) -> list[tuple[int, str, Optional[str]]]:
        """(time, what was done, what was decided), in order."""
        marks: list[tuple[int, str, Optional[str]]] = []
        for event in events:
            if "deed" in event and not event["deed"].startswith("expect"):
                marks.append((event["at"], event["deed"].strip(), None))
            elif "decisions" in event and marks:
                marks[-1] = (*marks[-1][:2], event["decisions"])
            elif "timer" in event:
                marks.append((event["at"], "timer", event["timer"]))
        return marks

    def x(self, at: int) -> float:
        return round(LEFT + WIDTH * at / self.end, 1)

    def text(self, x: float, y: float, words: str, **style: str) -> None:
        attributes = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in style.items())
        self.parts.append(f'<text x="{x}" y="{y}"{attributes}>{escape(words)}</text>')

    def bar(self, lane: int, begin: int, end: int, colour: str, words: str) -> None:
        x, width = self.x(begin), max(self.x(end) - self.x(begin), 2)
        y = TOP + lane * LANE
        self.parts.append(f'<rect x="{x}" y="{y + 4}" width="{width:.1f}" height="{LANE - 8}" rx="2" fill="{colour}"/>')
        if width > 7 * len(words):
            ink = "#111827" if words in ("quiet", "firing", "held") else "#ffffff"
            self.text(round(x + width / 2, 1), y + 17, words, text_anchor="middle", fill=ink, font_size="11")

    def axis(self, bottom: int) -> None:
        steps = [60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200]
        step = 1000 * next(s for s in steps if self.end / (1000 * s) <= 10 or s == steps[-1])
        for at in range(0, self.end + 1, step):
            x = self.x(at)
            self.parts.append(f'<path d="M{x} {TOP} V{bottom}" stroke="#d1d5db"/>')
            self.text(x, bottom + 15, clock(at), text_anchor="middle", fill="#4b5563", font_size="11")

    def numbers(self) -> None:
        """The marks' numbers above the lanes; those that would overlap go one row up."""
        last = {0: -99.0, 1: -99.0, 2: -99.0}
        for number, (at, _, decided) in enumerate(self.marks, 1):
            x = self.x(at)
            row = next((r for r in last if x - last[r] >= 17), 2)
            last[row] = x
            colour = DOTS.get((decided or "").split("/")[0].split(" ")[-1], "#374151")
            y = TOP - 12 - 17 * row
            self.parts.append(f'<circle cx="{x}" cy="{y}" r="8" fill="{colour}"/>')
            self.text(x, y + 4, str(number), text_anchor="middle", fill="#ffffff", font_size="10")

    def posts(self, lane: int) -> None:
        seen = 0
        for sample in self.samples:
            if sample["posts"] > seen:
                x, y = self.x(sample["at"]), TOP + lane * LANE
                self.parts.append(f'<path d="M{x} {y + 5} l11 8 l-11 8 z" fill="#1d6f42"/>')
            seen = sample["posts"]

    def svg(self, title: str) -> str:
        lanes = [*self.alerts, "key", "POST"]
        bottom = TOP + len(lanes) * LANE
        self.axis(bottom)
        for lane, name in enumerate(lanes):
            self.text(LEFT - 10, TOP + lane * LANE + 17, name, text_anchor="end", fill="#111827", font_size="12")
        for lane, name in enumerate(self.alerts):
            for begin, end, _ in spans(self.samples, self.end, name):
                self.bar(lane, begin, end, COLOURS["firing"], "firing")
        for begin, end, state in spans(self.samples, self.end, ""):
            self.bar(len(self.alerts), begin, end, COLOURS[state], state)
        self.posts(len(lanes) - 1)
        self.numbers()
        height, width = bottom + 26, LEFT + WIDTH + 24
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="sans-serif" role="img">',
            f"<title>{escape(title)}</title>", f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *self.parts, "</svg>", ""])


def table(picture: Picture) -> str:
    """The numbers of the picture, in words (Markdown)."""
    rows = ["| | at | what | decided |", "|---|---|---|---|"]
    for number, (at, deed, decided) in enumerate(picture.marks, 1):
        rows.append(f"| {number} | {clock(at)} | {deed} | {decided or ''} |")
    return "\n".join(rows) + "\n"


def draw(program: str, story: Path) -> tuple[str, str]:
    """(SVG, table) of a story."""
    events = trace(program, story)
    title = next(e["title"] for e in events if "title" in e)
    picture = Picture(events)
    return picture.svg(title), table(picture)


def fill(program: str, text: str) -> tuple[str, dict[str, str]]:
    """The document with a picture and its table at each `<!-- timeline NAME -->`, and the pictures by file name."""
    pictures: dict[str, str] = {}

    def one(match: "re.Match[str]") -> str:
        name = match.group(1)
        svg, words = draw(program, STORIES / f"{name}.story")
        pictures[f"timeline-{name}.svg"] = svg
        title = next(e["title"] for e in trace(program, STORIES / f"{name}.story") if "title" in e)
        return f"<!-- timeline {name} -->\n![{title}](img/timeline-{name}.svg)\n\n{words}\n<!-- end -->"

    return re.sub(r"<!-- timeline ([a-z-]+) -->\n.*?<!-- end -->", one, text, flags=re.S), pictures


def main() -> None:
    text, pictures = fill(sys.argv[1], DOCUMENT.read_text())
    DOCUMENT.write_text(text)
    PICTURES.mkdir(exist_ok=True)
    for name, svg in pictures.items():
        (PICTURES / name).write_text(svg)


if __name__ == "__main__":
    main()
