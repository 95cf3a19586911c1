"""docs/openapi.json as a judge: is an answer what the description says? As much of JSON Schema as it uses."""
from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, Iterator, Optional

from tests.support.http import Answer
from tests.support.relay import ROOT

_TYPES: dict[str, Any] = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list, "null": type(None)}
_KNOWN = {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "pattern", "format", "minimum",
          "maximum", "maxLength", "oneOf", "$ref", "description"}


class OpenApi:
    """The description, and which of its answers were seen."""

    def __init__(self) -> None:
        self.document = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
        self.seen: set[tuple[str, str, str]] = set()

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Path, method, operation of each."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield path, method, operation

    def _find(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        for template, found, operation in self.operations():
            if found == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return template, operation
        raise AssertionError(f"{method} {path} is not described")

    def judge(self, method: str, target: str, answer: Answer) -> None:
        """Status, type and body of an answer to METHOD /path?query."""
        path, _, query = target.partition("?")
        template, operation = self._find(method.lower(), path)
        described = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
        for part in filter(None, query.split("&")):
            assert part.partition("=")[0] in described, f"{target}: an argument that is not described"
        response = operation["responses"].get(str(answer.status))
        assert response is not None, f"{method} {target}: {answer.status} is not described: {answer.body!r}"
        (kind, content), = response["content"].items()
        sent = answer.headers.get("content-type", "")
        assert sent.partition(";")[0] == kind, f"{method} {target}: {sent}"
        if "json" in kind:
            faults = list(self.faults(content["schema"], json.loads(answer.body), "$"))
            assert not faults, f"{method} {target}: {faults}: {answer.body!r}"
        self.seen.add((template, method.lower(), str(answer.status)))

    def faults(self, schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
        """What is wrong with a value; unknown keywords are the description's fault."""
        assert set(schema) <= _KNOWN, set(schema) - _KNOWN
        if "$ref" in schema:
            yield from self.faults(self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], value, at)
        if "oneOf" in schema:
            fitting = [s for s in schema["oneOf"] if not list(self.faults(s, value, at))]
            if len(fitting) != 1:
                yield f"{at}: fits {len(fitting)} of {len(schema['oneOf'])}"
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at}: {value!r} is none of {schema['enum']}"
        if "const" in schema and value != schema["const"]:
            yield f"{at}: {value!r} is not {schema['const']!r}"
        fault = _type_fault(schema.get("type"), value)
        if fault is not None:
            yield f"{at}: {fault}"
        elif isinstance(value, str):
            yield from _text_faults(schema, value, at)
        elif isinstance(value, dict):
            yield from self._object_faults(schema, value, at)
        elif isinstance(value, list):
            for i, item in enumerate(value):
                yield from self.faults(schema.get("items", {}), item, f"{at}[{i}]")
        elif isinstance(value, int) and value < schema.get("minimum", value):
            yield f"{at}: {value} is too small"

    def _object_faults(self, schema: dict[str, Any], value: dict[str, Any], at: str) -> Iterator[str]:
        properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name in schema.get("required", []):
            if name not in value:
                yield f"{at}: {name} is missing"
        for name, item in value.items():
            if name in properties:
                yield from self.faults(properties[name], item, f"{at}.{name}")
            elif more is False:
                yield f"{at}: {name} is not described"
            elif isinstance(more, dict):
                yield from self.faults(more, item, f"{at}.{name}")


def _type_fault(wanted: Any, value: Any) -> Optional[str]:
    if wanted is None:
        return None
    names = wanted if isinstance(wanted, list) else [wanted]
    fits = any(isinstance(value, _TYPES[n]) and (n == "boolean" or not isinstance(value, bool)) for n in names)
    return None if fits else f"{value!r} is no {' or '.join(names)}"


def _text_faults(schema: dict[str, Any], value: str, at: str) -> Iterator[str]:
    if "pattern" in schema and re.search(schema["pattern"], value) is None:
        yield f"{at}: {value!r} does not match {schema['pattern']}"
    if schema.get("format") == "date-time":
        try:
            datetime.strptime(value.replace("Z", "+0000"), "%Y-%m-%dT%H:%M:%S.%f%z" if "." in value else "%Y-%m-%dT%H:%M:%S%z")
        except ValueError:
            yield f"{at}: {value!r} is no time"
