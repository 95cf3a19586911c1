"""JSON texts that a parser must take, must refuse, or may do either with: made here, in the categories that public test
suites of JSON parsers have. Each comes with what this relay does, which is one answer also where the standard (RFC 8259)
leaves it open.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator

TAKEN, REFUSED = "taken", "refused"
DEPTH = 16  # of arrays and objects in a body, the outermost counted (limits.depth as shipped)


@dataclass
class JsonCase:
    """A value, and what the standard and the relay say to it."""

    name: str
    text: bytes
    standard: str  # y: must be taken, n: must be refused, i: either
    relay: str


def _yes(category: str, *texts: bytes) -> Iterator[JsonCase]:
    for number, text in enumerate(texts):
        yield JsonCase(f"y_{category}_{number}", text, "y", TAKEN)


def _no(category: str, *texts: bytes) -> Iterator[JsonCase]:
    for number, text in enumerate(texts):
        yield JsonCase(f"n_{category}_{number}", text, "n", REFUSED)


def _open(category: str, relay: str, *texts: bytes) -> Iterator[JsonCase]:
    for number, text in enumerate(texts):
        yield JsonCase(f"i_{category}_{relay}_{number}", text, "i", relay)


def numbers() -> Iterator[JsonCase]:
    """Every combination of sign, whole part, fraction and exponent, and what is near to a number."""
    whole = (b"0", b"1", b"9", b"10", b"123456789", b"9007199254740993")
    fraction = (b"", b".0", b".5", b".000000000001")
    exponent = (b"", b"e0", b"E5", b"e+5", b"E-5", b"e-300")
    yield from _yes("number", *(s + w + f + e for s in (b"", b"-") for w in whole for f in fraction for e in exponent))
    yield from _yes("number_small", b"1e-400", b"-1E-99999", b"0e99999")
    for bad in (b"+1", b"01", b"-01", b"00", b"-", b"+", b".5", b"-.5", b"1.", b"-1.", b"1.e5", b"1e", b"1e+", b"1E-", b"1e5.5",
                b"1ee5", b"1 000", b"1,000", b"1_000", b"0x1F", b"0b1", b"0o7", b"1f", b"1L", b"NaN", b"-NaN", b"nan",
                b"Infinity", b"-Infinity", b"inf", b"1-1", b"1+1", b"--1", b"-+1", b"1.2.3", b"\xef\xbc\x91", b"-a", b"0e",
                b"2.e3", b"0.e1", b"9.e+", b"1eE2", b"- 1", b"1/2", b"$1", b"1%"):
        yield from _no("number_" + bad.hex(), bad)
    yield from _open("number_huge_whole", TAKEN, b"9223372036854775808", b"-9223372036854775809", b"1" + b"0" * 300)
    yield from _open("number_beyond_double", REFUSED, b"1e400", b"-1e400", b"1" + b"0" * 400)


def strings() -> Iterator[JsonCase]:
    """Every escape, every control character, every way that UTF-8 can be wrong."""
    yield from _yes("string", b'""', b'" "', b'"/"', b'"\\/"', b'"\x7f"', b'"\\u0001"', b'"\\ud83d\\ude00"', b'"\\uFFFF"',
                    "\"é한\U0001f600\u2028\ufeff\"".encode(), b'"a' + b"b" * 60000 + b'"', b'"\\u00E9\\uac00"', b'"0.5"')
    yield from _yes("string_escape", *(b'"\\' + c + b'"' for c in (b'"', b"\\", b"b", b"f", b"n", b"r", b"t")))
    yield from _no("string_control", *(b'"a' + bytes([c]) + b'b"' for c in range(1, 32)))
    yield from _no("string_nul", b'"a\x00b"')
    yield from _no("string_escape", *(b'"\\' + bytes([c]) + b'"' for c in range(33, 127) if chr(c) not in '"\\/bfnrtu'))
    yield from _no("string_unicode_escape", b'"\\u"', b'"\\u1"', b'"\\u12"', b'"\\u123"', b'"\\u12G4"', b'"\\U0041"', b'"\\u 041"',
                   b'"\\u+041"', b'"\\x41"')
    yield from _no("string_quotes", b'"', b'"abc', b"'abc'", b'abc"', b'"a"b"', b'"\\"', b"`a`", "“a”".encode(), b'"a\nb"')
    lone = (b"\\ud800", b"\\udbff", b"\\udc00", b"\\udfff", b"\\ud800\\ud800", b"\\udc00\\ud800", b"\\ud800a", b"\\ud83d\\n")
    yield from _open("string_lone_surrogate", REFUSED, *(b'"' + s + b'"' for s in lone))
    yield from _open("string_escaped_nul", REFUSED, b'"\\u0000"', b'"a\\u0000b"')
    wrong = (b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1\xbf", b"\xc3", b"\xc3(", b"\xe0\x80\xaf", b"\xe0\x9f\xbf", b"\xe2\x82", b"\xed\xa0\x80",
             b"\xed\xbf\xbf", b"\xf0\x80\x80\xaf", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe",
             b"\xff", b"\xfc\x84\x80\x80\x80\x80", b"\xe9")
    yield from _open("string_not_utf8", REFUSED, *(b'"a' + s + b'b"' for s in wrong))


def structures() -> Iterator[JsonCase]:
    """Arrays, objects, words, space, nesting, and what is not JSON at all."""
    yield from _yes("structure", b"[]", b"[ ]", b"[1]", b"[1,2]", b"[null,true,false]", b"[[],[[]],{}]", b"{}", b'{"":0}', b'{"a":{"a":{}}}',
                    b'{"a":1,"A":2}', b"[\t1\r\n,\n2 ]", b"null", b"true", b"false", b'{"a":[],"b":[{"c":null}]}',
                    b"[" * (DEPTH - 1) + b"]" * (DEPTH - 1), b'{"a":' * (DEPTH - 1) + b"0" + b"}" * (DEPTH - 1))
    yield from _no("array", b"[", b"]", b"[1", b"[1,", b"[,", b"[,1]", b"[1,]", b"[1,,2]", b"[1 2]", b"[1;2]", b"[1:2]", b"[1}", b"[}",
                   b"[*]", b"[/**/]", b"[1]]", b"[\"a\"", b"[\"a\",\n", b"[...]", b"[ , ]", b"[1\x0c]", b"[\x0b1]", b"[\xa0]", b"[\xe2\x80\x8b]")
    yield from _no("object", b"{", b"{\"a\"", b'{"a":', b'{"a":1', b'{"a":1,', b'{"a":1,}', b'{,"a":1}', b'{"a" 1}', b'{"a"=1}', b'{"a",1}',
                   b'{a:1}', b"{'a':1}", b"{1:1}", b"{null:1}", b"{true:1}", b'{"a":1 "b":2}', b'{"a":1;"b":2}', b'{"a":1,,"b":2}', b'{"a"::1}',
                   b'{"a":}', b"{:1}", b"{\"a\":1]", b'{"a":1}}', b'{"a":/*c*/1}', b'{"a":1}//', b"{{}}", b"{[]:1}", b'{"a":b}', b'{"a":1/}')
    yield from _no("word", b"nul", b"nulll", b"Null", b"NULL", b"tru", b"True", b"TRUE", b"fals", b"False", b"yes", b"undefined", b"none", b"n",
                   b"t rue", b"nullx", b"true1")
    yield from _no("nothing", b"", b" ", b"\t", b",", b":", b"#", b"\\", b"@", b"-- ", b"<null>", b"\x1e{}", b"\xef\xbb\xbf{}")
    yield from _open("duplicate_key", REFUSED, b'{"a":1,"a":2}', b'{"a":1,"a":1}', b'{"a":1,"\\u0061":2}', b'{"b":{"a":[],"a":{}}}')
    yield from _open("too_deep", REFUSED, b"[" * DEPTH + b"]" * DEPTH, b'{"a":' * DEPTH + b"0" + b"}" * DEPTH)
    yield from _no("too_deep_and_open", b"[" * 100_000, b'{"a":' * 60_000, b"[" * 100_000 + b"]" * 99_999, b'[{"":' * 40_000)


def all_cases() -> list[JsonCase]:
    """Every one, as the value of a key that nobody reads."""
    return [*numbers(), *strings(), *structures()]
