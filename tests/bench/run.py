"""`make bench`: figures beside what they are measured against, in one run; one markdown table. Nothing is asserted of a
time: machines differ, and are shared.    python3 -m tests.bench.run BUILD [GROUP,…]
"""
from __future__ import annotations

import platform
import subprocess
import sys
import time
from typing import Callable, Iterator

from tests.bench import rows_intake, rows_model, rows_trouble
from tests.bench.programs import CORES, PROGRAMS
from tests.bench.table import HEAD, Row


def engine() -> Iterator[Row]:
    """The engine's own program, in a table of its own."""
    said = subprocess.run([str(PROGRAMS / "bench_engine")], stdout=subprocess.PIPE, text=True, check=True).stdout
    print(said, file=sys.stderr)
    sizes = {int(words[0]): words for words in (line.split() for line in said.splitlines()) if words and words[0].isdigit()}
    least, most = min(sizes), max(sizes)
    for keys in (least, most):
        rate = 1e6 / float(sizes[keys][1])
        yield Row(f"engine decisions/s, {keys:,} keys", f"{rate:,.0f}", target="≥ 10⁶", met=rate >= 1e6)
    yield Row("engine: " + said.splitlines()[-1], "")


GROUPS: dict[str, Callable[[], Iterator[Row]]] = {
    "engine": engine, "intake": rows_intake.intake, "latency": rows_intake.latency, "paths": rows_intake.paths,
    "hung": rows_trouble.hung, "retention": rows_trouble.retention, "backup": rows_trouble.backup,
    "queued": rows_trouble.queued, "start": rows_trouble.start, "costs": rows_trouble.costs,
    "infer": rows_model.infer, "windows": rows_model.windows, "scrape": rows_model.scrape,
}


def main() -> int:
    """All groups, or those named."""
    wanted = sys.argv[2].split(",") if len(sys.argv) > 2 else list(GROUPS)
    unknown = set(wanted) - set(GROUPS)
    if unknown:
        print(f"bench: no group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    if len(CORES) < 2:
        print("bench: one processor: the load takes time from what it measures", file=sys.stderr)
    began, rows = time.monotonic(), []
    for name in wanted:
        print(f"== {name}: {GROUPS[name].__doc__}", file=sys.stderr, flush=True)
        rows += list(GROUPS[name]())
    print(f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.machine()}, {len(CORES)} processors, "
          f"{time.monotonic() - began:.0f} s\n\n{HEAD}")
    for row in rows:
        print(row.line())
    return 0


if __name__ == "__main__":
    sys.exit(main())
