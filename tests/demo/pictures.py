"""Takes the pictures of drift-app in docs/img anew, in a real Chromium, with the demo's prices.

    python3 -m tests.demo.pictures
"""
from __future__ import annotations

import struct
import sys
import tempfile
import zlib
from pathlib import Path

from tests.demo import loop
from tests.support import chromium
from tests.support.relay import ROOT

# name, day up to which the model was asked, width, height, dark, language
PICTURES = (("app-calm-light", loop.CALM, 500, 920, False, "en"), ("app-calm-dark", loop.CALM, 500, 920, True, "en"),
            ("app-drift-phone", loop.CROSSING, 390, 940, False, "ko"))


def png(picture: chromium.Picture) -> bytes:
    """Three bytes a pixel and no filter: two thirds of what Chromium writes."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", picture.width, len(picture.rows), 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row for row in picture.rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def main() -> int:
    """All pictures, and how large they are."""
    for name, day, width, height, dark, language in PICTURES:
        with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
            model = loop.Loop(Path(folder))  # a new one each time, as the page's question is in its window, too
            try:
                model.ask(day)
                # The model file has the closes until it was trained: a later one would stand beside old averages.
                close = f"{model.closes[loop.TRAINED]:.2f}"
                taken = png(chromium.picture(model.app.url(close), width, height, dark, language))
            finally:
                model.stop()
        (ROOT / "docs" / "img" / f"{name}.png").write_bytes(taken)
        print(f"docs/img/{name}.png: {len(taken)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
