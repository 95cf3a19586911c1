"""drift-train as the retraining workflow runs it."""
from __future__ import annotations

import http.server
import json
import re
import resource
import signal
import subprocess
import threading
from pathlib import Path
from typing import Callable, Iterator, Optional
from urllib.parse import urlsplit

import pytest

from tests.support.relay import BINARY, ROOT

TRAIN = BINARY.parent / "drift-train"
PRICES = ROOT / "tests" / "data" / "eustockmarkets.csv"


def train(*arguments: object, before: Optional[Callable[[], None]] = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(TRAIN), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, preexec_fn=before)


def column(number: int = 1) -> list[float]:
    return [float(line.split(",")[number]) for line in PRICES.read_text().splitlines()[1:]]


def chart(closes: list[Optional[float]]) -> bytes:
    times = [86400 * (7000 + i) for i in range(len(closes))]
    return json.dumps({"chart": {"error": None, "result": [{
        "meta": {"symbol": "^KS11", "gmtoffset": 32400}, "timestamp": times,
        "indicators": {"quote": [{"close": closes}]}}]}}).encode()


class Source:
    """Answers every GET with one status and body."""

    def __init__(self) -> None:
        self.status, self.body = 200, b""
        source = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # pylint: disable=invalid-name
                self.send_response(source.status)
                self.send_header("Content-Length", str(len(source.body)))
                self.end_headers()
                self.wfile.write(source.body)

            def log_message(self, format: str, *args: object) -> None:  # pylint: disable=redefined-builtin
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v8/finance/chart/%5EKS11"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    made.close()


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "model.json"


def test_the_same_prices_give_the_same_bytes(output: Path, tmp_path: Path) -> None:
    first = train("--prices", PRICES, "--column", "dax", "--output", output)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.endswith("published\n")
    assert "This model knows nothing" in first.stdout
    other = tmp_path / "other.json"
    again = train("--prices", PRICES, "--column", "dax", "--json", "--output", other)
    assert json.loads(again.stdout)["published"] is True
    assert other.read_bytes() == output.read_bytes()
    model = json.loads(output.read_text())
    assert (model["features"], model["label"], model["stattest"]) == ("relative", "next-day", "wasserstein")
    assert len(model["reference"]["ma5"]) == len(model["reference"]["ma20"]) == 1001
    assert model["closes"] == column()[-19:]


def test_the_lesson_has_levels_and_the_same_days_label(output: Path) -> None:
    done = train("--prices", PRICES, "--column", "ftse", "--lesson", "--reference-days", "30", "--output", output)
    assert done.returncode == 0, done.stderr
    assert "this is no forecast" in done.stdout and "move with the market" in done.stdout
    model, closes = json.loads(output.read_text()), column(4)
    assert (model["features"], model["label"]) == ("levels", "same-day")
    assert model["reference"]["ma5"][-1] == pytest.approx(sum(closes[-5:]) / 5, rel=1e-14)
    assert model["reference"]["ma20"][0] == pytest.approx(sum(closes[-49:-29]) / 20, rel=1e-14)


@pytest.mark.parametrize("options, stattest, threshold, warned, p_values", [
    ([], "wasserstein", 0.8, False, False),
    (["--threshold", "0.5"], "wasserstein", 0.5, False, False),
    (["--stattest", "psi"], "psi", 0.1, False, False),
    (["--stattest", "auto"], "wasserstein", 0.8, False, False),
    (["--reference-days", "60"], "wasserstein", 0.8, True, False),
    (["--reference-days", "60", "--stattest", "auto"], "ks", 0.05, True, True),
    (["--reference-days", "1000", "--stattest", "auto"], "ks", 0.05, True, True),
    (["--stattest", "ks", "--threshold", "0.01"], "ks", 0.01, False, True),
])
def test_the_model_names_its_test_and_the_report_what_scores_mean(
        output: Path, options: list[str], stattest: str, threshold: float, warned: bool, p_values: bool) -> None:
    done = train("--prices", PRICES, "--column", "ftse", *options, "--output", output)
    assert done.returncode == 0, done.stderr
    model = json.loads(output.read_text())
    assert (model["stattest"], model["threshold"]) == (stattest, threshold)
    assert f"drift     {stattest} {'<' if p_values else '>'}= {threshold:g}, against " in done.stdout
    assert ("rows; 1001 and more are advised" in done.stdout) == warned
    assert ("Its drift scores are p-values: small ones mean drift" in done.stdout) == p_values
    json_too = json.loads(train("--prices", PRICES, "--column", "ftse", *options, "--json", "--output", output).stdout)
    assert (json_too["stattest"], json_too["threshold"]) == (stattest, threshold)


def until_day(day: int, folder: Path) -> Path:
    """The prices up to that day."""
    path = folder / f"until-{day}.csv"
    path.write_text("".join(PRICES.read_text().splitlines(True)[:day + 1]))
    return path


def test_the_model_in_place_is_compared_on_days_that_neither_has_seen(output: Path, tmp_path: Path) -> None:
    def report(day: int, *more: str) -> str:
        done = train("--prices", until_day(day, tmp_path), "--column", "dax", "--output", output, *more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = json.loads(report(1340, "--json"))
    assert first["in_place"] == {"comparison": "no_model", "days": 0, "log_loss": None, "accuracy": None,
                                 "new_log_loss": None, "new_accuracy": None}
    assert [part["days"] for part in first["calibration"]] == [52, 53, 53, 53, 53]
    assert sum(part["days"] for part in first["calibration"]) == first["holdout"]
    second = json.loads(report(1484, "--json"))["in_place"]
    assert (second["comparison"], second["days"]) == ("compared", 144)
    assert 0.6 < second["log_loss"] < 0.8 and 0.4 < second["accuracy"] < 0.6
    assert second["new_log_loss"] != second["log_loss"]
    assert "not compared with the model in place: 0 of the days judged here are new to it, and 60" in report(1484)
    assert "on 76 days new to both: log-loss 0." in report(1560)


def test_a_chart_from_a_url_is_the_same_as_a_file(source: Source, output: Path, tmp_path: Path) -> None:
    source.body = chart([None, *column()])
    done = train("--prices", source.url, "--output", output)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("^KS11: 1860 days, ") and "1 without a price left out" in done.stdout
    (tmp_path / "chart.json").write_bytes(source.body)
    other = tmp_path / "other.json"
    assert train("--prices", tmp_path / "chart.json", "--output", other).returncode == 0
    assert other.read_bytes() == output.read_bytes()


def test_the_online_prices_of_the_help_are_those_of_the_documents(source: Source) -> None:
    said = train("--help").stdout
    url, = re.findall(r"https://\S+", said)
    assert "^KS11" in said and f"--prices '{url}'" in (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    assert urlsplit(url).path == urlsplit(source.url).path


@pytest.mark.parametrize("status, body, words", [
    (200, b"<html>consent</html>", "a web page came instead of JSON"),
    (429, b"Too Many Requests", "status 429"),
    (404, b'{"chart":{"result":null,"error":{"description":"No data found"}}}', "No data found"),
    (200, chart([1.0, 0.0]), "close[1]: a price is above zero"),
    (200, b"{" + b" " * (17 << 20), "too long"),
    (500, chart([100.0 + i % 7 for i in range(1500)]), "status 500"),
], ids=["page", "limited", "unknown", "bad-price", "endless", "error-with-prices"])
def test_a_bad_answer_is_named(source: Source, output: Path, status: int, body: bytes, words: str) -> None:
    source.status, source.body = status, body
    output.write_text("old")
    done = train("--prices", source.url, "--output", output)
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert output.read_text() == "old"


@pytest.mark.parametrize("text, words", [
    ("\ufeffday,close\n1,2\n", "byte order mark"), ("day,close\r\n1,2\r\n", "line 1 ends with CR LF"),
    ("day,close\n1,2\n3,4\n", "line 3: days are missing"), ("day,close\n1,2\n1,4\n", "line 3: day 1 is there twice"),
    ("day,close\n2,2\n1,4\n", "line 3: day 1 stands after"), ("day,close\n1,0\n", "line 2: a price is above zero"),
    ("day,close\n1,-4\n", "line 2: a price is above zero"), ("day,close\n1,nan\n", 'line 2: "nan" is no price'),
    ("day,close\n1,2,500\n", "line 2 has 3 cells"), ("<!DOCTYPE html>", "web page"), ("", "line 1"),
    ("day,close\n1,2\n", "too few"),
])
def test_bad_prices_are_named_and_change_nothing(tmp_path: Path, output: Path, text: str, words: str) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_bytes(text.encode())
    output.write_text("old")
    done = train("--prices", prices, "--output", output)
    assert done.returncode == 1 and words in done.stderr, done.stderr
    assert output.read_text() == "old"


def test_the_gate_leaves_the_file_as_it_was(tmp_path: Path, output: Path) -> None:
    """Waves of ten days, which then turn into a daily up and down: what was learnt is wrong."""
    price, lines = 1000.0, ["day,close"]
    for i in range(1500):
        price *= 1.01 if i // (10 if i < 1200 else 1) % 2 == 0 else 1 / 1.01
        lines.append(f"{i},{price!r}")
    prices = tmp_path / "prices.csv"
    prices.write_text("\n".join(lines) + "\n")
    assert train("--prices", PRICES, "--column", "dax", "--output", output).returncode == 0
    before = output.read_bytes()
    done = train("--prices", prices, "--json", "--output", output)
    assert done.returncode == 1, done.stdout
    report = json.loads(done.stdout)
    assert report["published"] is False and "refused" in report["refused"]
    assert output.read_bytes() == before


def test_a_report_that_cannot_be_written_undoes_no_model(output: Path) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([str(TRAIN), "--prices", str(PRICES), "--column", "DAX", "--output", str(output)],
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "drift-train: the report could not be written\n")
    assert json.loads(output.read_text())


def test_a_kill_in_the_middle_of_writing_leaves_the_old_file(output: Path) -> None:
    assert train("--prices", PRICES, "--column", "dax", "--output", output).returncode == 0
    before = output.read_bytes()
    done = train("--prices", PRICES, "--column", "ftse", "--output", output,
                 before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000)))
    assert done.returncode == -signal.SIGXFSZ
    assert output.read_bytes() == before


@pytest.mark.parametrize("arguments", [
    [], ["--prices", PRICES], ["--output", "x"], ["--nothing"], ["--prices", PRICES, "--output", "x", "more"],
    ["--prices", PRICES, "--output", "x", "--features", "others"],
    ["--prices", PRICES, "--output", "x", "--reference-days", "29"],
    ["--prices", PRICES, "--output", "x", "--stattest", "z"],
    ["--prices", PRICES, "--output", "x", "--stattest", "anderson"],
    ["--prices", PRICES, "--output", "x", "--threshold", "0"],
    ["--prices", PRICES, "--output", "x", "--threshold", "nan"],
    ["--prices", PRICES, "--output", "x", "--threshold", "inf"],
    ["--prices", PRICES, "--output", "x", "--lesson", "--features", "relative"],
])
def test_a_wrong_command_line_is_explained(arguments: list[object]) -> None:
    done = train(*arguments)
    assert done.returncode == 2 and "usage: drift-train --prices" in done.stderr


def test_prices_over_plain_http_come_from_this_machine_only(output: Path) -> None:
    done = train("--prices", "http://prices.example/chart", "--output", output)
    assert done.returncode == 1 and "https" in done.stderr
