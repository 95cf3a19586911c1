"""What a core of a running process would hold, without making one."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

_RANGE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+) *(.*)")


def may_trace() -> bool:
    """CAP_SYS_PTRACE: the relay is not dumpable, so its own user may not."""
    capabilities = re.search(r"^CapEff:\s*(\w+)$", Path("/proc/self/status").read_text(), re.M)
    return capabilities is not None and bool(int(capabilities[1], 16) >> 19 & 1)


def mappings(pid: int) -> Iterator[tuple[int, int, str, str, bool]]:
    """Begin, end, permissions, name of each mapping, and whether a core leaves it out (MADV_DONTDUMP)."""
    found = None
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        match = _RANGE.fullmatch(line)
        if match:
            found = (int(match[1], 16), int(match[2], 16), match[3], match[5])
        elif line.startswith("VmFlags:") and found is not None:
            yield (*found, "dd" in line.split())


def dumped(pid: int) -> Iterator[tuple[str, bytes]]:
    """Each writable mapping that a core would have, by name and place. Needs the right to trace the process."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, permissions, name, left_out in mappings(pid):
            if "w" not in permissions or left_out or name.startswith("[v"):
                continue
            data = bytearray()
            memory.seek(begin)
            while len(data) < end - begin:
                try:
                    more = memory.read(end - begin - len(data))
                except OSError:
                    break
                if not more:
                    break
                data += more
            yield f"{name or 'anonymous'} at {begin:x}", bytes(data)
