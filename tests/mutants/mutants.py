"""Changes the engine in one place at a time and asks whether a test notices.

    mutants.py [--sample N] [--file NAME] -- CC CFLAGS… -- LDFLAGS LIBS…

The engine is linked as a library of its own, all else of the relay as a second one, and the tests against both; a
mutant is the first library with one object replaced, found before the real one. Tests run under AddressSanitizer. A
mutant is killed by a test that fails, crashes, leaks or does not end in time. One that survives is an error unless
its optimised code is that of the original or equivalent.txt says why nobody can see it.
"""

import argparse
import glob
import os
import queue
import resource
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import operators

BUILD = Path("build/mutants")
KNOWN = Path("tests/mutants/equivalent.txt")
TESTS = ("engine*", "effects", "decision", "window", "budget", "key*", "route", "matcher")
SIMULATOR = "tests/sim"
SIMULATOR_HISTORIES = "60"
SANITIZED = ["-O1", "-g0", "-w", "-fPIC", "-U_FORTIFY_SOURCE", "-ftrivial-auto-var-init=pattern"]
SANITIZED += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
CPU_S, WALL_S = 20, 200  # of one program; a machine at work elsewhere must not look like an endless loop
WORKERS = 2


def command(*words):
    subprocess.run([str(w) for w in words], check=True)


def compiled(build, source, flags=SANITIZED, folder=BUILD):
    target = folder / Path(source).with_suffix(".o").name if folder != BUILD else BUILD / Path(source).with_suffix(".o")
    target.parent.mkdir(parents=True, exist_ok=True)
    command(*build.cc, *flags, "-c", "-o", target, source)
    return target


def parallel(work, items):
    """work(item, worker) for each item, by WORKERS threads; the first failure is raised when all have ended."""
    waiting, failures = queue.SimpleQueue(), []
    for item in items:
        waiting.put(item)

    def run(worker):
        while not failures:
            try:
                work(waiting.get_nowait(), worker)
            except queue.Empty:
                return
            except Exception as failure:
                failures.append(failure)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


class Build:
    def __init__(self, cc, link):
        self.cc, self.link = cc, link
        self.engine, self.programs, self.kills = {}, [], {}

    def shared(self, target, objects):
        command(self.cc[0], *SANITIZED, "-shared", "-o", target, *objects)

    def make(self):
        """Both libraries and every test program, from today's sources."""
        sources = [s for s in sorted(glob.glob("relay/*.c") + glob.glob("relay/*/*.c")) if s != "relay/main.c"]
        tests = sorted({s for name in TESTS for s in glob.glob(f"tests/unit/test_{name}.c")})
        simulator = sorted(glob.glob(SIMULATOR + "/*.c"))
        objects = {}
        parallel(lambda s, _: objects.__setitem__(s, compiled(self, s)), sources + tests + simulator)
        self.engine = {s: objects[s] for s in sources if s.startswith("relay/engine/")}
        self.shared(BUILD / "libengine.so", self.engine.values())
        self.shared(BUILD / "librest.so", [objects[s] for s in sources if s not in self.engine])
        libraries = ["-L", BUILD, "-lengine", "-lrest", *self.link, "-lcmocka"]
        for name, parts in [(Path(t).stem, [t]) for t in tests] + ([("sim", simulator)] if simulator else []):
            command(self.cc[0], *SANITIZED, "-o", BUILD / name, *(objects[p] for p in parts), *libraries)
            self.programs.append(name)

    def killer(self, folder):
        """The program that fails with the library in `folder`, None when all pass; the deadliest first."""
        env = dict(os.environ, LD_LIBRARY_PATH=f"{folder}:{BUILD}", TMPDIR=str(folder.resolve()))
        env["ASAN_OPTIONS"] = "mmap_limit_mb=2048"
        for name in sorted(self.programs, key=lambda p: (p == "sim", -self.kills.get(p, 0), p)):
            words = [BUILD / name] + (["--histories", SIMULATOR_HISTORIES] if name == "sim" else [])
            try:
                r = subprocess.run(words, env=env, timeout=WALL_S, preexec_fn=limited, **QUIET)
                failed = r.returncode != 0
            except subprocess.TimeoutExpired:
                failed = True
            if failed:
                self.kills[name] = self.kills.get(name, 0) + 1
                return name
        return None

    def survives(self, mutant, worker):
        """True, False, or None when it is no C or the same code."""
        folder = BUILD / f"worker{worker}"
        folder.mkdir(exist_ok=True)
        source = folder / Path(mutant.path).name
        source.write_text(mutant.source)
        try:
            subprocess.run([*self.cc, *SANITIZED, "-c", "-o", folder / "mutant.o", source], check=True, **QUIET)
        except subprocess.CalledProcessError:
            return None
        others = [o for s, o in self.engine.items() if s != mutant.path]
        self.shared(folder / "libengine.so", [folder / "mutant.o", *others])
        if self.killer(folder) is not None:
            return False
        changed = self.plain(source, folder / "plain.o")
        source.write_text(Path(mutant.path).read_text())
        return None if changed == self.plain(source, folder / "plain.o") else True

    def plain(self, source, target):
        command(*self.cc, "-O2", "-g0", "-w", "-c", "-o", target, source)
        return target.read_bytes()


def limited():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def identity(mutant):
    return (mutant.path, mutant.function, mutant.before, mutant.after)


def known():
    """{identity: line} of equivalent.txt: `path function`, then pairs of `- before` and `+ after`, then the argument."""
    found, place, before = {}, None, None
    for number, line in enumerate(KNOWN.read_text().splitlines(), 1):
        if line.startswith("relay/"):
            place = tuple(line.split())
        elif line.startswith("- "):
            before = line[2:]
        elif line.startswith("+ ") or line == "+":
            found[(*place, before, line[2:])] = number
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int, help="only so many, evenly spread")
    parser.add_argument("--file", help="only of this file of the engine")
    words = sys.argv[1:]
    first = words.index("--")
    second = words.index("--", first + 1)
    cc, link = words[first + 1 : second], words[second + 1 :]
    options = parser.parse_args(words[:first])

    build = Build(cc, link)
    build.make()
    if (killer := build.killer(BUILD)) is not None:
        sys.exit(f"mutants: {killer} fails with the engine as it is")
    headers = glob.glob("relay/engine/*.h") + ["relay/alert/alert.h"]
    following = operators.enumerations(Path(h).read_text() for h in sorted(headers))
    every = [m for s in build.engine for m in operators.mutants(s, Path(s).read_text(), following)]
    chosen = [m for m in every if options.file in (None, Path(m.path).name)]
    if options.sample and options.sample < len(chosen):
        chosen = [chosen[i * len(chosen) // options.sample] for i in range(options.sample)]
    results = {}

    def judge(i, worker):
        results[i] = build.survives(chosen[i], worker)
        if len(results) % 50 == 0:
            print(f"mutants: {len(results)} of {len(chosen)} judged", file=sys.stderr)

    parallel(judge, range(len(chosen)))
    return report(chosen, results, known(), whole=len(chosen) == len(every))


def report(chosen, results, excused, whole):
    survivors = [m for i, m in enumerate(chosen) if results[i]]
    alive = [m for m in survivors if identity(m) not in excused]
    for m in alive:
        print(f"{m.path}:{m.line}: {m.function}: {m.before} → {m.after}")
    unused = excused.keys() - {identity(m) for m in survivors} if whole else []
    for key in sorted(unused, key=excused.get):
        print(f"{KNOWN}:{excused[key]}: no such survivor: {key[2]} → {key[3]}")
    killed = sum(r is False for r in results.values())
    same = sum(r is None for r in results.values())
    print(
        f"{len(chosen)} mutants: {killed} killed, {same} no other program, "
        f"{len(survivors) - len(alive)} equivalent by argument, {len(alive)} survived"
    )
    return 1 if alive or unused else 0


if __name__ == "__main__":
    sys.exit(main())
