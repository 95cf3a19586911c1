"""The files that deploy, parsed once; with some of them changed, for the checks of the checks."""
from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Iterator, Optional

import yaml

ROOT = Path(__file__).resolve().parents[3]
_PLACES = ("docker", "grafana", "prometheus", ".github/workflows")
Json = Any


@functools.lru_cache(maxsize=None)
def _parsed(text: str) -> list[Json]:
    """Documents; nobody changes them."""
    return list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


class Files:
    """Texts by their path from the root."""

    def __init__(self) -> None:
        paths = [p for place in _PLACES for p in sorted((ROOT / place).rglob("*")) if p.is_file()]
        self.texts = {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8") for p in paths if "secrets" not in p.parts}

    def changed(self, path: str, old: str, new: str) -> "Files":
        """A copy with one change, which must be possible."""
        assert old in self.texts[path], f"{path} has no {old!r} any more"
        copy = Files.__new__(Files)
        copy.texts = {**self.texts, path: self.texts[path].replace(old, new)}
        return copy

    def yaml(self, path: str) -> Json:
        """A file of one document."""
        (document,) = _parsed(self.texts[path])
        return document

    def documents(self, folder: str) -> Iterator[tuple[str, Json]]:
        """Kubernetes' objects of a folder, kustomization aside."""
        for path, text in self.texts.items():
            if path.startswith(folder + "/") and path.endswith(".yaml") and not path.endswith("kustomization.yaml"):
                yield from ((path, document) for document in _parsed(text))

    def has(self, path: str, beside: Optional[str] = None) -> bool:
        """A file or folder, from the root or from the folder of another file."""
        base = (ROOT / beside).parent if beside else ROOT
        return (base / path).resolve().exists()
