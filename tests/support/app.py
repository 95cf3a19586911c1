"""drift-app as a test sees it: started beside a model server, asked as a browser asks."""
from __future__ import annotations

import os
import re
import shutil
import signal
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Callable, Optional
from urllib.parse import urlencode

from tests.support import http
from tests.support.process import Process
from tests.support.relay import BINARY

APP = BINARY.parent / "drift-app"
_LISTENING = re.compile(r"event=listening listener=app address=127\.0\.0\.1:(\d+)")
_REPORTS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:")


class Text(HTMLParser):
    """The words of a page, without its markup, and its elements."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, Optional[str]]]] = []
        self.feed(body)
        self.close()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Optional[str]]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def text(self) -> str:
        """All of it on one line."""
        return " ".join(" ".join(self.words).split())


class App:
    """One running drift-app."""

    def __init__(self, model_url: str, before_exec: Optional[Callable[[], None]] = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="da-"))
        kept = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")
        env = {k: os.environ[k] for k in kept if k in os.environ}
        self.process = Process([str(APP), "--listen", "127.0.0.1:0"], self.folder / "log",
                               {**env, "MODEL_API_URL": model_url}, before_exec=before_exec)
        self.process.wait_text(_LISTENING.search, 30, "event=listening of the app")
        found = _LISTENING.search(self.process.text())
        assert found is not None
        self.port = int(found.group(1))

    def __enter__(self) -> "App":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends it, however the test went."""
        try:
            if self.process.alive():
                assert self.term() == 0
            assert not any(word in self.process.text() for word in _REPORTS), self.process.text()
        finally:
            self.process.kill9()
            shutil.rmtree(self.folder, ignore_errors=True)

    def term(self) -> int:
        """SIGTERM and its end; the exit status."""
        self.process.signal(signal.SIGTERM)
        return self.process.wait(30)

    def url(self, close: Optional[str] = None) -> str:
        """What a browser has in its address line."""
        return f"http://127.0.0.1:{self.port}/" + ("" if close is None else "?" + urlencode({"close": close}))

    def ask(self, close: Optional[str] = None, language: str = "en", patient: bool = True) -> http.Answer:
        """The page, for this close. Patient: a busy machine may make any model slow, so it is asked again."""
        path = self.url(close).split(str(self.port), 1)[1]
        for _ in range(10):
            answer = http.once(self.port, "GET", path, {"Accept-Language": language})
            if answer.status != 504 or not patient:
                break
        return answer

    def words(self, close: Optional[str] = None, language: str = "en") -> str:
        """What the page says."""
        return Text(self.ask(close, language).body.decode()).text
