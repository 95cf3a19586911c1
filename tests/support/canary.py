"""Looks for secrets where none may be: the bytes themselves, and what encodings make of them."""
from __future__ import annotations

import base64
from pathlib import Path
from typing import Iterable
from urllib.parse import quote

PART = 24  # a text that was cut shows its beginning or its end


def _parts(secret: bytes) -> list[bytes]:
    return [secret] if len(secret) <= PART else [secret[:PART], secret[-PART:]]


def _base64(part: bytes) -> Iterable[bytes]:
    """As it stands in the base64 of a longer text, at each of the three alignments."""
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + part)
        inner = coded[0 if shift == 0 else 4:len(coded) - 4]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


def forms(secret: bytes) -> set[bytes]:
    """What to look for."""
    found: set[bytes] = set()
    for part in _parts(secret):
        found |= {part, part[::-1], part.hex().encode(), part.hex().upper().encode(), quote(part).encode()}
        found |= set(_base64(part))
    return found


class Canaries:
    """The secrets of a run, each with the words for it."""

    def __init__(self) -> None:
        self._forms: dict[bytes, str] = {}

    def add(self, words: str, secret: str) -> str:
        """Keeps and returns the secret."""
        for form in forms(secret.encode()):
            assert len(form) >= 8, f"{words} is too short to be looked for"
            self._forms[form] = words
        return secret

    def add_key(self, path: str) -> None:
        """Every whole line of a PEM file, and the bytes that each stands for."""
        for number, line in enumerate(Path(path).read_text().splitlines()):
            if not line.startswith("-") and len(line) == 64:
                self.add(f"line {number} of {path}", line)
                self._forms[base64.b64decode(line)] = f"bytes of line {number} of {path}"

    def found_in(self, place: str, data: bytes) -> list[str]:
        """What is there."""
        return [f"{words} in {place}, as {form[:60]!r}" for form, words in self._forms.items() if form in data]

    def found_below(self, folder: Path, but: set[str]) -> list[str]:
        """In the files of a folder, those of the secrets aside."""
        faults = []
        for path in sorted(folder.rglob("*")):
            if path.is_file() and str(path) not in but:
                faults += self.found_in(str(path), path.read_bytes())
        return faults
