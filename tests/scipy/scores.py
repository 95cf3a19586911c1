"""Holds drift-model score against scipy over random columns:   scores.py DRIFT_MODEL [--cases N] [--seed S]

Each case is a column of its own, with its own law, sizes and ties; some hundred columns make one pair of files, scored
by one test. What scipy has is asked of scipy (K-S, Wasserstein, Jensen-Shannon, chi-square, entropy, the normal law),
bins are numpy's, and the rest is a formula of one line. Where scipy is not installed, pip gets it under build/; where
that fails nothing is tested, and the last line says so.
"""
from __future__ import annotations

import argparse
import csv
import importlib
import json
import math
import random
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any, Callable

PLACE = Path("build/scipy")
WANTED = ("scipy>=1.10", "numpy>=1.22")
COLUMNS = 200  # of one pair of files


def get_scipy() -> bool:
    sys.path.insert(0, str(PLACE))
    try:
        import scipy  # noqa: F401
    except ImportError:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(PLACE)]
        done = subprocess.run([*pip, *WANTED], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            print(done.stdout, end="")
            return False
        importlib.invalidate_caches()  # the folder was not there when it was looked into
    return True


def draw_law(rng: random.Random) -> "Callable[[], float]":
    """Random numbers of one law; every second one has ties."""
    scale, shift = 10 ** rng.uniform(-6, 6), rng.choice([0.0, 1.0, -3.0, 1e3, 1e6])
    laws = (
        lambda: rng.gauss(shift, scale),
        lambda: rng.random() * scale + shift,
        lambda: rng.lognormvariate(0, 2) * scale,
        lambda: round(rng.gauss(0, 4)) + shift,
        lambda: rng.randrange(rng.choice([2, 3, 6, 30])) * scale,
        lambda: rng.choice([0.0, 0.5, 0.5, 1.0]),
        lambda: round(rng.gauss(2500, 30), 2),
        lambda: shift,
    )
    return rng.choice(laws)


def draw_size(rng: random.Random, large: bool) -> int:
    """Above 1000 shares may be below 0.0001, which fills otherwise; above 10000 the K-S law is another one."""
    if large:
        return rng.randrange(10001, 10400) if rng.random() < 0.03 else rng.randrange(1001, 1400)
    return int(10 ** rng.uniform(0, 2.6))


def draw_numbers(rng: random.Random, large: bool) -> "tuple[list[float], list[float]]":
    law = draw_law(rng)
    other = law if rng.random() < 0.5 else draw_law(rng)
    r = [law() for _ in range(draw_size(rng, large))]
    c = [other() for _ in range(draw_size(rng, False))]
    if rng.random() < 0.1:  # almost a copy
        c = r[1:] or r
    return r, c


def draw_codes(rng: random.Random, large: bool) -> "tuple[list[float], list[float]]":
    kinds, more = rng.randrange(1, 9), rng.randrange(2) if rng.random() < 0.3 else 0
    weights = [rng.random() + 0.01 for _ in range(kinds + more)]
    r = rng.choices(range(kinds), weights[:kinds], k=draw_size(rng, large))
    return r, rng.choices(range(kinds + more), weights, k=draw_size(rng, False))


def wanted(test: str, numeric: bool, r: Any, c: Any) -> float:
    import numpy as np
    from scipy import spatial, stats

    def counts(*samples: Any) -> Any:
        values = np.unique(np.concatenate([r, c]))
        return [np.array([np.sum(s == v) for v in values]) for s in samples]

    def shares(edges_of: Any) -> Any:
        if not numeric or edges_of is None:
            p, q = counts(r, c)
        else:
            edges = np.histogram_bin_edges(edges_of, bins="sturges")
            p, q = np.histogram(r, edges)[0], np.histogram(c, edges)[0]
        return p / len(r), q / len(c)

    def filled(p: Any) -> Any:
        least = p[p > 0].min()
        return np.where(p > 0, p, least / 1e6 if least <= 0.0001 else 0.0001)

    pooled = np.concatenate([r, c])
    binned = pooled if len(np.unique(r)) > 20 else None
    if test == "ks":
        return stats.ks_2samp(r, c).pvalue
    if test == "wasserstein":
        return stats.wasserstein_distance(r, c) / max(np.std(r), 0.001)
    if test == "psi":
        p, q = map(filled, shares(binned))
        return float(np.sum((p - q) * np.log(p / q)))
    if test == "kl_div":
        p, q = map(filled, shares(binned))
        return stats.entropy(p, q)
    if test == "jensenshannon":
        return float(np.nan_to_num(spatial.distance.jensenshannon(*shares(binned))))
    if test == "hellinger":
        p, q = shares(np.unique(pooled))
        return math.sqrt(1 - min(1.0, float(np.sum(np.sqrt(p * q)))))
    observed, expected = counts(c)[0], counts(r)[0] * (len(c) / len(r))
    if test == "chisquare":
        with np.errstate(divide="ignore"):
            return stats.chisquare(observed, expected)[1] if len(observed) > 1 else math.nan
    assert test == "z"
    if len(np.unique(pooled)) == 1:
        return 1.0
    p, q = np.mean(r != pooled.min()), np.mean(c != pooled.min())
    both = (p * len(r) + q * len(c)) / len(pooled)
    z = (p - q) / math.sqrt(both * (1 - both) * (1 / len(r) + 1 / len(c)))
    return 2 * (1 - stats.norm.cdf(abs(z)))


def is_close(test: str, got: "float | None", want: float) -> bool:
    """Square roots make rounding near 0 large; z is a difference from 1."""
    if got is None or math.isnan(want):
        return got is None and math.isnan(want)
    absolute = {"jensenshannon": 1e-7, "hellinger": 1e-7, "z": 1e-14, "psi": 1e-13, "kl_div": 1e-13}
    return math.isclose(got, want, rel_tol=1e-10, abs_tol=absolute.get(test, 1e-15))


def write(path: Path, columns: "list[list[str]]") -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([f"c{i}" for i in range(len(columns))])
        for row in range(max(map(len, columns))):
            writer.writerow([column[row] if row < len(column) else "" for column in columns])


def run(model: str, test: str, numeric: bool, cases: int, rng: random.Random, folder: Path) -> "list[str]":
    """Scores so many columns; says which are wrong."""
    import numpy as np

    large = rng.random() < 0.1
    drawn = [(draw_numbers if numeric else draw_codes)(rng, large) for _ in range(cases)]
    spelt: "Callable[[Any], str]" = repr if numeric else (lambda code: f"k{code}")
    for name, side in (("reference.csv", 0), ("current.csv", 1)):
        write(folder / name, [[spelt(v) for v in case[side]] for case in drawn])
    done = subprocess.run([model, "score", "reference.csv", "current.csv", "--json", "--stattest", test], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    if done.returncode != 0:
        return [f"{test}: exit status {done.returncode}: {done.stderr}"]
    columns, wrong = json.loads(done.stdout)["columns"], []
    for i, (r, c) in enumerate(drawn):
        got = columns[f"c{i}"]
        want = wanted(test, numeric, np.array(r, dtype=float), np.array(c, dtype=float))
        if "error" in got or not is_close(test, got["score"], want):
            wrong.append(f"{test}: {got.get('error', got['score'])}, not {want!r}, of {r[:9]}… ({len(r)}) against "
                         f"{c[:9]}… ({len(c)})")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--cases", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=random.randrange(10 ** 9))
    options = parser.parse_args()
    if not get_scipy():
        print("warning: SKIPPED: scipy is not installed and pip cannot get it; no score was held against it")
        return 0
    import numpy
    import scipy

    # What scipy does of its own accord where its exact sum rounds to more than 1; so does drift-model.
    warnings.filterwarnings("ignore", message="ks_2samp: Exact calculation unsuccessful")
    kinds = [(test, True) for test in ("ks", "ks", "ks", "wasserstein", "wasserstein", "hellinger")]
    kinds += [(test, numeric) for test in ("psi", "jensenshannon", "kl_div") for numeric in (True, False)]
    kinds += [("z", False), ("chisquare", False), ("hellinger", False)]
    rng, wrong, done = random.Random(options.seed), [], 0
    with tempfile.TemporaryDirectory() as folder:
        while done < options.cases:
            test, numeric = kinds[done // COLUMNS % len(kinds)]
            n = min(COLUMNS, options.cases - done)
            wrong += run(str(Path(options.model).resolve()), test, numeric, n, rng, Path(folder))
            done += n
    for line in wrong[:20]:
        print(line)
    print(f"{done - len(wrong)} of {done} scores are those of scipy {scipy.__version__} on numpy {numpy.__version__} "
          f"(seed {options.seed})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
