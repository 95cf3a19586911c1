"""Runs pytest in several processes at once, each with its share of the tests, because most of ours wait: for a run to
end, for a limit to pass. Prints what the processes say that failed, then "N passed, N failed, N skipped".

    python3 -m tests.support.shards FOLDER PATH… [pytest option…]      FOLDER takes logs and JUnit files

As a plugin of those processes it keeps every N-th test, from the K-th on, where SHARD is "K/N".
"""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as tree
from pathlib import Path
from typing import Any

SHARDS = 10
LIMIT_S = 900  # then SIGINT, so that pytest still stops what its tests started
GRACE_S = 30
NO_TESTS = 5  # pytest's exit status: a share can be empty


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Keeps this process's share."""
    first, n = (int(part) for part in os.environ["SHARD"].split("/"))
    mine = items[first::n]
    config.hook.pytest_deselected(items=[item for i, item in enumerate(items) if i % n != first])
    items[:] = mine


def start(folder: Path, shard: int, arguments: list[str]) -> subprocess.Popen[bytes]:
    """One process, its output in FOLDER/SHARD.log."""
    with open(folder / f"{shard}.log", "wb") as log:
        return subprocess.Popen([sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider",
                                 "-p", "tests.support.shards", f"--junitxml={folder / str(shard)}.xml", *arguments],
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                env={**os.environ, "SHARD": f"{shard}/{SHARDS}"})


def finish(process: subprocess.Popen[bytes], deadline: float) -> int:
    """Its exit status, at the deadline by force."""
    try:
        return process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return 1


def counts(junit: Path, status: int) -> tuple[int, int, int]:
    """Passed, failed, skipped of one process; one that failed without saying so failed once."""
    try:
        suite = tree.parse(junit).getroot().find("testsuite")
        assert suite is not None
        total, failed, errors, skipped = (int(suite.get(k, 0)) for k in ("tests", "failures", "errors", "skipped"))
    except (OSError, tree.ParseError, AssertionError):
        total = failed = errors = skipped = 0
    bad = failed + errors
    return max(total - bad - skipped, 0), bad or int(status not in (0, NO_TESTS)), skipped


def main() -> int:
    """Starts all, waits for all, sums up."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    deadline = time.monotonic() + LIMIT_S
    processes = [start(folder, shard, sys.argv[2:]) for shard in range(SHARDS)]
    sums = [0, 0, 0]
    for shard, process in enumerate(processes):
        found = counts(folder / f"{shard}.xml", status := finish(process, deadline))
        sums = [a + b for a, b in zip(sums, found)]
        if status not in (0, NO_TESTS):
            print((folder / f"{shard}.log").read_text(errors="replace"), flush=True)
    if sum(sums) == 0:
        print("no tests in " + " ".join(sys.argv[2:]))
        sums[1] = 1
    print("{} passed, {} failed, {} skipped".format(*sums))
    return int(sums[1] != 0)


if __name__ == "__main__":
    sys.exit(main())
