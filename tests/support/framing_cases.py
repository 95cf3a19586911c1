"""The table of test_framing: ways to say where a request ends, and how many requests are to be seen in each.

A proxy and the server behind it that differ here let a sender smuggle a request past the proxy. So each is followed by a
second, good request: either both are answered, where the framing is beyond doubt, or the first is refused and the
connection closed, and nothing of the second is acted on.
"""
from __future__ import annotations

from dataclasses import dataclass

from tests.support.grafana_bodies import alert, grafana_body
from tests.support.relay import signed_headers

BODY = grafana_body(alert("framing"))
SIZE = len(BODY)
LENGTH = b"Content-Length: %d\r\n" % SIZE
CHUNKED = b"Transfer-Encoding: chunked\r\n"
POST = b"POST /hooks/grafana HTTP/1.1"
IN_ONE_CHUNK = b"%x\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY)


@dataclass
class Framing:
    """One request and the statuses of the answers to it and what follows."""

    name: str
    framing: bytes
    statuses: tuple[int, ...]
    body: bytes = BODY
    line: bytes = POST
    host: bytes = b"Host: x\r\n"
    before: bytes = b""
    library: bool = False  # refused by libmicrohttpd itself, which repeats the header of some answers

    def bytes(self) -> bytes:
        """The request, signed now."""
        signed = "".join(f"{k}: {v}\r\n" for k, v in signed_headers(BODY).items()).encode()
        return self.before + self.line + b"\r\n" + self.host + signed + self.framing + b"\r\n" + self.body


BOTH = (202, 202)


def _length(name: str, value: bytes, statuses: tuple[int, ...] = (400,), library: bool = True) -> Framing:
    return Framing(f"Content-Length {name}", b"Content-Length: " + value + b"\r\n", statuses, library=library)


def _coding(name: str, headers: bytes, statuses: tuple[int, ...] = (400,)) -> Framing:
    return Framing(f"Transfer-Encoding {name}", headers + b"\r\n", statuses, IN_ONE_CHUNK)


def _chunks(name: str, body: bytes, statuses: tuple[int, ...] = (400,), library: bool = True) -> Framing:
    return Framing(f"chunks: {name}", CHUNKED, statuses, body, library=library and statuses != BOTH)


def _line(name: str, line: bytes, statuses: tuple[int, ...], library: bool = False) -> Framing:
    return Framing(name, LENGTH, statuses, line=line, library=library)


FRAMINGS = [
    # --- by length
    _length("plain", b"%d" % SIZE, BOTH, False),
    _length("with leading zeros", b"000%d" % SIZE, BOTH, False),
    _length("with a sign", b"+%d" % SIZE),
    _length("negative", b"-1"),
    _length("hexadecimal", b"0x%x" % SIZE),
    _length("twice in one", b"%d, %d" % (SIZE, SIZE)),
    _length("two numbers", b"%d %d" % (SIZE, SIZE)),
    _length("empty", b""),
    _length("with a blank behind", b"%d " % SIZE),
    _length("with a letter behind", b"%dx" % SIZE),
    _length("in quotes", b'"%d"' % SIZE),
    _length("with a fraction", b"%d.0" % SIZE),
    _length("behind a vertical tab", b"\x0b%d" % SIZE),
    _length("that wraps in 64 bits", b"%d" % (2 ** 64 + SIZE), (413,)),
    _length("that wraps in 63 bits", b"%d" % (2 ** 63), (413,), False),
    _length("that is too short", b"%d" % (SIZE - 10), (401, 400), False),
    Framing("Content_Length is another header", b"Content_Length: 3\r\n" + LENGTH, BOTH),
    # --- by coding
    _coding("plain", b"Transfer-Encoding: chunked", BOTH),
    _coding("in capitals", b"Transfer-Encoding: CHUNKED", BOTH),
    _coding("behind a tab", b"Transfer-Encoding:\tchunked", BOTH),
    _coding("a space before the colon", b"Transfer-Encoding : chunked"),
    _coding("unknown", b"Transfer-Encoding: xchunked"),
    _coding("chunked, chunked", b"Transfer-Encoding: chunked, chunked"),
    _coding("identity", b"Transfer-Encoding: identity"),
    _coding("on two lines", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
    _coding("on two lines, differing", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
    _coding("in quotes", b'Transfer-Encoding: "chunked"'),
    _coding("with a parameter", b"Transfer-Encoding: chunked;q=1"),
    _coding("on a folded line", b"Transfer-Encoding:\r\n chunked"),
    _coding("with a tab behind", b"Transfer-Encoding: chunked\t"),
    _coding("with a NUL behind", b"Transfer-Encoding: chunked\0"),
    _coding("behind a vertical tab", b"Transfer-Encoding: \x0bchunked"),
    _coding("empty", b"Transfer-Encoding:"),
    _coding("behind a bare CR", b"X: y\rTransfer-Encoding: chunked"),
    _coding("then a length", b"Transfer-Encoding: chunked\r\nContent-Length: 3"),
    _coding("behind a length", b"Content-Length: 3\r\nTransfer-Encoding: chunked"),
    # --- by chunks
    _chunks("an extension", b"%x;a=b\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY), BOTH),
    _chunks("zeros before the size", b"%020x\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY), BOTH),
    _chunks("zeros for the end", b"%x\r\n%b\r\n00000\r\n\r\n" % (SIZE, BODY), BOTH),
    _chunks("bare line feeds", b"%x\n%b\n0\n\n" % (SIZE, BODY), BOTH),
    _chunks("a trailer", b"%x\r\n%b\r\n0\r\nX-T: 1\r\n\r\n" % (SIZE, BODY), BOTH),
    _chunks("a length in the trailer", b"%x\r\n%b\r\n0\r\nContent-Length: 5\r\n\r\n" % (SIZE, BODY), BOTH),
    _chunks("0x before the size", b"0x%x\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY)),
    _chunks("a sign", b"+%x\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY)),
    _chunks("a negative size", b"-%x\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY)),
    _chunks("a line feed in an extension", b"%x;a=\nb\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY)),
    _chunks("a blank before the size", b" %x\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY)),
    _chunks("a blank behind the size", b"%x \r\n%b\r\n0\r\n\r\n" % (SIZE, BODY)),
    _chunks("a size that wraps", b"1%016x\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY), (413,)),
    _chunks("no line end behind a chunk", b"%x\r\n%b0\r\n\r\n" % (SIZE, BODY)),
    _chunks("more behind a chunk", b"%x\r\n%bxx\r\n0\r\n\r\n" % (SIZE, BODY)),
    _chunks("no size", b"\r\n%b\r\n0\r\n\r\n" % BODY),
    # --- by the request line and the host
    _line("a higher minor version", b"POST /hooks/grafana HTTP/1.2", BOTH),
    _line("HTTP/1.0 ends with the answer", b"POST /hooks/grafana HTTP/1.0", (202,)),
    Framing("HTTP/1.0 kept alive", b"Connection: keep-alive\r\n" + LENGTH, BOTH, line=b"POST /hooks/grafana HTTP/1.0"),
    Framing("HTTP/1.0 in chunks", CHUNKED, (400,), IN_ONE_CHUNK, b"POST /hooks/grafana HTTP/1.0"),
    _line("HTTP/2.0", b"POST /hooks/grafana HTTP/2.0", (505,), True),
    _line("HTTP/1.1x", b"POST /hooks/grafana HTTP/1.1x", (400,), True),
    _line("http/1.1", b"POST /hooks/grafana http/1.1", (400,), True),
    _line("two blanks", b"POST  /hooks/grafana HTTP/1.1", (400,)),
    _line("tabs", b"POST\t/hooks/grafana\tHTTP/1.1", ()),
    _line("an absolute target", b"POST http://x/hooks/grafana HTTP/1.1", (404,)),
    _line("a GET with a body", b"GET /hooks/grafana HTTP/1.1", (405,)),
    _line("a target of 8 KiB", b"POST /hooks/grafana?" + b"a" * 8192 + b" HTTP/1.1", BOTH),
    _line("a target of 64 KiB", b"POST /hooks/grafana?" + b"a" * 65536 + b" HTTP/1.1", (431,)),
    Framing("a header of 1 MiB", b"X: " + b"a" * 1048576 + b"\r\n" + LENGTH, (431,), library=True),
    Framing("no host", LENGTH, (400,), host=b""),
    Framing("two hosts", LENGTH, (400,), host=b"Host: x\r\nHost: y\r\n"),
    Framing("a blank before the first header", LENGTH, (400,), host=b" X: y\r\nHost: x\r\n"),
    Framing("a header without a colon", b"nocolon\r\n" + LENGTH, (400,), library=True),
    Framing("a header without a name", b": x\r\n" + LENGTH, (400,)),
    Framing("empty lines before", LENGTH, BOTH, before=b"\r\n\r\n"),
    # --- by what a client waits for
    Framing("Expect: 100-continue", b"Expect: 100-continue\r\n" + LENGTH, (100, *BOTH)),
    Framing("an upgrade to HTTP/2 is not taken", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n" + LENGTH, BOTH),
    Framing("twenty at once", LENGTH, (202,) * 21, before=b""),
]
