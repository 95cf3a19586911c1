"""`make trust`: the long form of what `make test` does in short, about an hour, two at a time; writes docs/trust.md.

    python3 -m tests.trust.run BUILD [STEP…]     the steps named, or all; STEPS lists them. TRUST_SCALE=0.05 tries it out

A step is a command that the reader can run, and what of its output is worth keeping. One that fails fails the run, and
docs/trust.md says so.
"""
from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else "build/release")
SCALE = float(os.environ.get("TRUST_SCALE", "1"))
LIMIT_S = 3600
PYTEST = "python3 -m pytest -q -s --tb=short"


def many(n: int) -> int:
    """Of something, when all is asked for."""
    return max(3, int(n * SCALE))


@dataclass
class Step:
    """What is asked, how, and which lines of the answer are figures."""

    name: str
    asks: str
    command: str
    keep: str = r"^(?!$).*"
    last: int = 12
    result: str = ""
    status: int = -1
    took_s: float = 0
    lines: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Once."""
        began = time.monotonic()
        env = {**os.environ, "RELAY_BIN": str((ROOT / BUILD / "drift-relay").resolve())}
        try:
            done = subprocess.run(["bash", "-c", self.command], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, errors="replace", timeout=LIMIT_S, check=False)
            self.status, said = done.returncode, done.stdout
        except subprocess.TimeoutExpired as over:
            self.status, said = 124, (over.stdout or b"").decode(errors="replace")
        self.took_s = time.monotonic() - began
        found = [line.strip().lstrip(".") for line in said.splitlines() if re.search(self.keep, line)]
        self.lines = found[-self.last:]
        print(f"{'ok' if self.status == 0 else f'FAILED ({self.status})'}: {self.name}, {self.took_s:.0f} s", flush=True)
        if self.status != 0:
            print("\n".join(said.splitlines()[-60:]), flush=True)


def unit(name: str) -> str:
    """A program of tests/unit."""
    return f"{BUILD}/tests/unit/{name}"


STEPS = {
    "kills-1": Step("kill -9 at random", "acknowledged notifications lost; requests POSTed twice; SQLite's own check",
                    f"KILLS={many(2500)} SEED=1 {PYTEST} tests/fault/test_kill9.py", r"kills, |POSTs|passed|failed", 5),
    "kills-2": Step("kill -9 at random, another seed", "the same", f"KILLS={many(2500)} SEED=2 {PYTEST} tests/fault/test_kill9.py",
                    r"kills, |POSTs|passed|failed", 5),
    "calls": Step("the n-th call fails, or the process is killed there", "of the disk, of sockets, of memory, over a whole life from start to "
                  "stop: nothing acknowledged lost, nothing POSTed twice, no crash but in libconfig 1.5, and a next start that works",
                  f"NTH_RUNS={many(240)} SEED=1 python3 -m tests.support.shards build/trust/calls tests/fault/test_nth_call.py -s && "
                  "cat build/trust/calls/*.log", r"calls of|\d+ passed, \d+ failed"),
    "power": Step("power loss", "disk images with un-synced writes dropped, torn or reordered: each opens, all that was acknowledged is there, "
                  "nothing by halves", f"POWER_IMAGES={many(6000)} POWER_SEED=1 {unit('test_store_power')}", r"images|PASSED"),
    "damage": Step("damage", "a byte flipped in every page of the store and every frame of its journal, files cut short: refused with a remedy, or "
                   "served (though damaged: where only SQLite's long check sees it)", f"PAGES={many(400)} SEED=1 {PYTEST} tests/fault/test_damaged_store.py", r"SEED|passed|failed"),
    "floods": Step("floods, a herd, a storm of reloads", "good senders are answered, memory is bounded, runs start in order, no sender fails",
                   f"FLOOD={many(1000)} HERD={many(10000)} RELOADS={many(600)} RELOAD_RATE=2000 {PYTEST} tests/fault/test_floods.py",
                   r"cut, |alerts over|reloads|passed|failed"),
    "outcomes": Step("every answer of GitHub, with a kill at each step of a POST", "each request ends where its row says; nothing that may have run is "
                     "POSTed again", f"{PYTEST} tests/fault/test_outcomes_by_crash.py", r"passed|failed"),
    "simulator": Step("simulated histories", "engine, core and GitHub part against a plain model, with crashes, clock jumps and failing commits",
                      f"{BUILD}/tests/sim/sim --histories {many(150000)} --seed 7000000", r"histories"),
    "json": Step("JSON", "texts of every category: taken or refused as RFC 8259 says", f"{PYTEST} tests/integration/test_json_table.py",
                 r"texts|passed|failed"),
    "fuzz": Step("parsers", "libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer",
                 f"make --no-print-directory fuzz TIME={many(60)}", r"^ok|^not ok"),
    "soak": Step("soak", "everything at once: the books balance at each stop, memory and descriptors stay",
                 f"MINUTES={30 * SCALE:g} SEED=1 python3 -m tests.trust.soak", r"min, seed"),
    "side-by-side": Step("beside other programs", "the same five attacks", "python3 -m tests.trust.side_by_side", r"^\|"),
}
# Two at a time, but for what compares times.
LANES = (("kills-1", "damage", "power", "simulator", "fuzz"), ("kills-2", "calls", "outcomes", "json"))
BESIDE, ALONE = ("soak",), ("floods", "side-by-side")


def page(steps: list[Step], began: float) -> str:
    """docs/trust.md."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    out = ["# Trust", "",
           "What stands behind the promise, in figures: written by `make trust`, the long form of what `make test` does in short. "
           "[threat-model.md](threat-model.md) says what is defended and what is not.", "",
           f"{time.strftime('%d %B %Y', time.gmtime(began))}, commit {commit}, {os.cpu_count()} processors, {(time.time() - began) / 60:.0f} minutes"
           + ("" if SCALE == 1 else f", at a scale of {SCALE:g}") + "."]
    for step in steps:
        out += ["", f"## {step.name[0].upper()}{step.name[1:]}", f"{step.asks[0].upper()}{step.asks[1:]}.", "", f"    {step.command}", ""]
        table = [line for line in step.lines if line.startswith("|")]
        out += table if table else [f"- {line}" for line in step.lines]
        out += ["", f"{'Passed' if step.status == 0 else '**Failed**'} in {step.took_s:.0f} s."]
    bugs = ROOT / "tests/trust/found.md"
    return "\n".join(out + ["", bugs.read_text(encoding="utf-8").strip(), ""]) if bugs.exists() else "\n".join(out + [""])


def lane(steps: list[Step]) -> None:
    """One after the other."""
    for step in steps:
        step.run()


def main() -> int:
    """All, or those named; the page is written when all were run."""
    names = sys.argv[2:] or list(STEPS)
    unknown = set(names) - set(STEPS)
    if unknown:
        print(f"trust: no step {', '.join(sorted(unknown))}; there are {', '.join(STEPS)}", file=sys.stderr)
        return 2
    began = time.time()
    for alone in (name for name in ALONE if name in names):
        STEPS[alone].run()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lane, [[STEPS[name] for name in group if name in names] for group in (*LANES, BESIDE)]))
    steps = [STEPS[name] for name in STEPS if name in names]
    text = page(steps, began)
    (ROOT / "build/trust").mkdir(parents=True, exist_ok=True)
    (ROOT / "build/trust/trust.md").write_text(text, encoding="utf-8")
    if len(steps) == len(STEPS):
        (ROOT / "docs/trust.md").write_text(text, encoding="utf-8")
    return max(int(step.status != 0) for step in steps)


if __name__ == "__main__":
    sys.exit(main())
