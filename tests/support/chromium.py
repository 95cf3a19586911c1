"""A real browser, without a window: one page, its elements as the browser has them, its console and its picture."""
from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

PROGRAM = shutil.which("chromium")
_TIMEOUT_S = 120


@dataclass
class Picture:
    """The pixels of a screenshot, row by row."""

    width: int
    rows: list[bytes]  # three bytes a pixel

    def pixel(self, x: int, y: int) -> tuple[int, int, int]:
        """Red, green and blue."""
        return tuple(self.rows[y][3 * x:3 * x + 3])  # type: ignore[return-value]

    def column(self, x: int) -> set[tuple[int, int, int]]:
        """The colours of one column."""
        return {self.pixel(x, y) for y in range(len(self.rows))}

    def longest(self, colour: tuple[int, int, int]) -> int:
        """How many pixels of this colour the row with most of them has."""
        return max(row.count(bytes(colour)) for row in self.rows)


def _unfilter(kind: int, row: bytearray, above: bytes, size: int) -> None:
    """Undoes one of PNG's five filters (RFC 2083, 6)."""
    for i, byte in enumerate(row):
        left = row[i - size] if i >= size else 0
        corner = above[i - size] if i >= size else 0
        if kind == 1:
            guess = left
        elif kind == 2:
            guess = above[i]
        elif kind == 3:
            guess = (left + above[i]) // 2
        else:
            guess = min((abs(above[i] - corner), 0, left), (abs(left - corner), 1, above[i]),
                        (abs(left + above[i] - 2 * corner), 2, corner))[2]
        row[i] = (byte + guess) & 0xff


def read_png(data: bytes) -> Picture:
    """A picture of eight bits a channel, not interlaced, as Chromium writes them."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", data[16:29])
    assert (depth, interlace) == (8, 0) and colour in (2, 6)
    size, packed, at = 3 if colour == 2 else 4, b"", 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    raw, rows, above = zlib.decompress(packed), [], bytes(width * size)
    for y in range(height):
        start = y * (1 + width * size)
        row = bytearray(raw[start + 1:start + 1 + width * size])
        if raw[start] != 0:
            _unfilter(raw[start], row, above, size)
        above = bytes(row)
        if size == 4:
            del row[3::4]
        rows.append(bytes(row))
    return Picture(width, rows)


@dataclass
class Visit:
    """What the browser made of a page."""

    dom: str
    console: str


def _run(url: str, *flags: str) -> subprocess.CompletedProcess[str]:
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        # In a container there is no sandbox for root, and little shared memory.
        own = ["--no-sandbox"] if os.geteuid() == 0 else []
        return subprocess.run(
            [PROGRAM, "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
             "--disable-background-networking", "--enable-logging=stderr", f"--user-data-dir={folder}", *own, *flags,
             url],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True,
            env={**os.environ, "HOME": folder})


def _language(language: str) -> str:
    return f"--accept-lang={language}"


def visit(url: str, language: str = "en", later_ms: int = 0) -> Visit:
    """Loads a page and looks at what became of it, later_ms of its timers after that."""
    wait = [f"--virtual-time-budget={later_ms}"] if later_ms else []
    ended = _run(url, "--dump-dom", *wait, _language(language))
    return Visit(ended.stdout, "\n".join(line for line in ended.stderr.splitlines() if "CONSOLE" in line))


def picture(url: str, width: int, height: int, dark: bool, language: str = "en") -> Picture:
    """Loads a page and takes its picture."""
    with tempfile.TemporaryDirectory(prefix="picture-") as folder:
        file = Path(folder) / "page.png"
        _run(url, f"--screenshot={file}", f"--window-size={width},{height}", _language(language),
             f"--blink-settings=preferredColorScheme={0 if dark else 1}")
        keep = os.environ.get("KEEP_PICTURES")
        if keep:
            shutil.copy(file, Path(keep) / f"{width}-{'dark' if dark else 'light'}-{language}.png")
        return read_png(file.read_bytes())
