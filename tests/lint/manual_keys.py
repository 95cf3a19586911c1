"""drift-relay.conf(5) has every key that the code reads, and no other:   python3 -m tests.lint.manual_keys

Groups are compared with those of docs/config.md and of config/drift-relay.full.conf, which a test of the product reads.
"""
from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/man/drift-relay.conf.5"
_READS = re.compile(r"\b(?:settings_(?:string|text_or_int|int|bool|duration_ms|size_bytes|choice|strings|group|list)"
                    r"|conf_read_path|conf_read_networks|read_address|read_secrets)\(\s*(?:c,\s*)?\w+,\s*\"(\w+)\"")


def read_by_the_code(text: str) -> set[str]:
    """Names of the keys that are asked for, without their groups."""
    names = set(_READS.findall(text))
    return names | ({"name"} if "conf_read_name(" in text else set())


def in_the_page(text: str) -> list[str]:
    """Dotted keys of its .It lines, in order."""
    items = [line[7:].split(" , ") for line in text.splitlines() if line.startswith(".It Ic ")]
    return [key.strip() for item in items for key in item]


def in_the_full_config(text: str) -> set[str]:
    """Dotted keys of a libconfig file that has one key a line at most outside of one-line groups."""
    code = re.sub(r"#.*", "", text)
    keys, path, word = set(), [], None
    for token in re.findall(r'"(?:\\.|[^"\\])*"|[\w-]+|[={}();,]', code):
        if re.fullmatch(r"[A-Za-z_]\w*", token) and token not in ("true", "false"):
            word = token
        elif token == "=":
            keys.add(".".join([p for p in path if p] + [str(word)]))
        elif token in "{(":
            path.append(word)
            word = None
        elif token in "})":
            path.pop()
            word = None
    return keys


def in_the_guide(text: str) -> set[str]:
    """Dotted keys of docs/config.md's tables; those of lists stand there without the list's name."""
    keys, prefix = set(), ""
    for line in text.partition("## The environment alone")[0].splitlines():
        heading = re.fullmatch(r"## (\w+).*", line)
        if heading:
            prefix = heading.group(1) + "." if heading.group(1) in ("sources", "targets", "routes") else ""
        elif line.startswith("| `"):
            keys |= {prefix + name for name in re.findall(r"`([\w.]+)`", line.split("|")[1])}
    return keys


def main() -> int:
    code = "\n".join(p.read_text(encoding="utf-8") for p in sorted((ROOT / "relay").glob("conf*.c")))
    page = in_the_page(PAGE.read_text(encoding="utf-8"))
    full = in_the_full_config((ROOT / "config/drift-relay.full.conf").read_text(encoding="utf-8"))
    read, told = read_by_the_code(code), {part for key in page for part in key.split(".")}
    groups = {part for key in page for part in key.split(".")[:-1]}
    faults = [f"{PAGE.name}: {key} is read, but not told of" for key in sorted(read - told)]
    faults += [f"{PAGE.name}: {key} is told of, but not read" for key in sorted(told - read - groups)]
    faults += [f"{PAGE.name}: {key} is told of twice" for key in sorted({k for k in page if page.count(k) > 1})]
    faults += [f"{PAGE.name}: {key} of the full config is not told of" for key in sorted(full - set(page) - groups)
               if not any(other.startswith(key + ".") for other in page)]
    guide = in_the_guide((ROOT / "docs/config.md").read_text(encoding="utf-8"))
    faults += [f"{key} is in {PAGE.name} or in docs/config.md, but not in both" for key in sorted(guide ^ set(page))]
    if min(len(read), len(full), len(guide)) < 40:
        faults.append("the keys of the code, of the full config or of docs/config.md are not found any more")
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
