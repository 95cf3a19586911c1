"""drift-model score: the frames that Evidently reported on, through the program, and what it says of bad files."""
from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path
from typing import Any, Optional

import pytest

from tests.support.relay import BINARY

MODEL = BINARY.with_name("drift-model")
GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "drift_golden.json"
FRAMES = [case for case in json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"] if case["kind"] == "dataset"]
A = "a\n1\n2\n3\n4\n5\n6\n7\n"


def score(*arguments: Any, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(MODEL), "score", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=30)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def scores(*arguments: Any, code: int = 0) -> Any:
    return json.loads(score(*arguments, "--json", code=code).stdout)


def write(folder: Path, name: str, content: "str | bytes") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def frame_file(folder: Path, name: str, frame: "dict[str, list[Any]]") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(frame)
        writer.writerows(zip(*frame.values()))
    return path


@pytest.mark.parametrize("case", FRAMES, ids=lambda case: case["id"])
def test_a_recorded_frame_is_reported_as_evidently_did(case: Any, tmp_path: Path) -> None:
    got = scores(frame_file(tmp_path, "ref.csv", case["reference"]), frame_file(tmp_path, "cur.csv", case["current"]))
    if case["error"]:
        assert [name for name, column in got["columns"].items() if "error" in column] == ["MA20"]
        assert got["columns"]["MA5"]["stattest"] == "ks" and got["columns"]["MA5"]["score"] > 0
        return
    assert list(got["columns"]) == case["columns_order"]
    for name, want in case["drift_by_columns"].items():
        column = got["columns"][name]
        assert column["score"] == pytest.approx(want["drift_score"], rel=1e-12, abs=1e-15), name
        assert (column["type"], column["stattest"], column["threshold"], column["detected"]) == (
            want["column_type"], want["stattest"], want["threshold"], want["drift_detected"]), name
    table = case["table_result"]
    assert got["dataset"] == {"drifted": table["number_of_drifted_columns"],
                              "share": pytest.approx(table["share_of_drifted_columns"]),
                              "drift": table["dataset_drift"]}


def test_the_table_says_the_test_its_threshold_and_which_side_is_drift(tmp_path: Path) -> None:
    ref = write(tmp_path, "ref.csv", "상승,kind\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40)))
    cur = write(tmp_path, "cur.csv", "상승,kind\n" + "".join(f"{i + 30},{'ab'[i % 2]}\n" for i in range(40)))
    lines = score(ref, cur).stdout.splitlines()
    assert lines[0].split() == ["column", "type", "test", "score", "drift", "when", "drift"]
    assert lines[1].split() == ["상승", "num", "K-S", "p_value", "3.06304e-11", "<=", "0.05", "yes"]
    assert lines[2].split() == ["kind", "cat", "Z-test", "p_value", "1", "<", "0.05", "no"]
    assert lines[-1] == "1 of 2 columns drifted: the dataset drifted"


def test_test_threshold_and_type_can_be_asked_for(tmp_path: Path) -> None:
    ref, cur = write(tmp_path, "ref.csv", A), write(tmp_path, "cur.csv", A.replace("7", "9"))
    assert scores(ref, cur, "--stattest", "wasserstein", "--threshold=0.2")["columns"]["a"] == {
        "type": "num", "stattest": "wasserstein", "score": pytest.approx(1 / 7), "threshold": 0.2, "detected": False}
    assert scores(ref, cur, "--type", "a=cat")["columns"]["a"]["stattest"] == "chisquare"
    refused = scores(ref, cur, "--type=a=cat", "--stattest=ks", code=1)["columns"]["a"]
    assert refused["score"] is None and refused["detected"] is None
    assert refused["error"] == "ks is no test for categorical columns: take auto, or another one"
    undefined = scores(write(tmp_path, "one.csv", "a\nx\nx\n"), write(tmp_path, "one2.csv", "a\nx\n"),
                       "--stattest", "chisquare")
    assert undefined["columns"]["a"]["score"] is None and undefined["columns"]["a"]["detected"] is False


def test_the_fault_of_one_column_hides_no_other(tmp_path: Path) -> None:
    ref = write(tmp_path, "ref.csv", "a,b,c,d,e\n" + "".join(f"{i},{i},{i},,{i}\n" for i in range(10)))
    cur = write(tmp_path, "cur.csv", "a,b,c,d\n" + "".join(f"{i},{'x' if i == 3 else i},inf,1\n" for i in range(10)))
    got = scores(ref, cur)
    assert got["columns"]["a"]["score"] == 1 and "error" not in got["columns"]["a"]
    errors = {name: column["error"] for name, column in got["columns"].items() if "error" in column}
    assert sorted(errors) == ["b", "c", "d", "e"]
    assert errors["b"].startswith(f'{cur}:5: "x" is no number: ') and errors["b"].endswith("say --type b=cat")
    assert "infinite" in errors["c"]
    assert errors["d"].startswith("the reference column is empty")
    assert errors["e"].startswith(f"{cur} has no such column")
    assert got["dataset"] == {"drifted": 0, "share": 0, "drift": False}


@pytest.mark.parametrize("name, content", [
    ("byte order mark", b"\xef\xbb\xbf" + A.encode()),
    ("CRLF", A.replace("\n", "\r\n")),
    ("CR", A.replace("\n", "\r")),
    ("no last line end", A.rstrip("\n")),
    ("quotes", '"a"\n' + "".join(f'"{i}"\n' for i in range(1, 8))),
    ("blank lines", "\n" + A.replace("\n", "\n\n")),
    ("other spellings of numbers", "a\n1.\n+2\n 3.0 \n4e0\n.5e1\n6\n7.00\n"),
    ("missing values take infinities with them", A.replace("\n", ",x\n") + ",x\nNaN,x\ninf,x\n"),
])
def test_csv_is_read_in_every_common_form(name: str, content: "str | bytes", tmp_path: Path) -> None:
    got = scores(write(tmp_path, "ref.csv", content), write(tmp_path, "cur.csv", A.replace("\n", ",x\n")))
    assert (got["columns"]["a"]["stattest"], got["columns"]["a"]["score"]) == ("ks", 1), name


def test_a_quoted_cell_holds_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    ref = write(tmp_path, "ref.csv", '"a,""b"\n"x\n,"\ny\n"x\n,"\n')
    got = scores(ref, ref)
    assert list(got["columns"]) == ['a,"b'] and got["columns"]['a,"b']["score"] == 1


@pytest.mark.parametrize("content, fault", [
    ("", ":1: empty"),
    ("a,b\n1,2\n3\n", ":3: 1 cells, but the header has 2 columns"),
    ("a,b\n1,2\n\n3,4,5\n", ":4: 3 cells, but the header has 2 columns"),
    ('a\n1\n"2\n3\n', ":3: the quote that opens here is never closed"),
    ('a\n"1"2\n', ":2: text after a closing quote"),
    ('a\n1"2\n', ":2: a quote inside a cell"),
    ('a,b\n"x\ny",1\n2\n', ":4: 1 cells"),
    ("a,,b\n", ":1: column 2 has no name"),
    ("a,b,a\n", ':1: two columns are called "a"'),
    (b"a\n1\n\x00\n", ":3: a NUL byte"),
    (None, ": No such file or directory"),
])
def test_a_bad_file_is_named_with_its_line(content: "Optional[str | bytes]", fault: str, tmp_path: Path) -> None:
    good, bad = write(tmp_path, "good.csv", A), tmp_path / "bad.csv"
    if content is not None:
        write(tmp_path, "bad.csv", content)
    for pair in ((bad, good), (good, bad)):
        said = score(*pair, "--json", code=1)
        assert said.stdout == "" and said.stderr.startswith(f"drift-model score: {bad}{fault}"), said.stderr


@pytest.mark.parametrize("arguments, fault", [
    ([], "two files are wanted"),
    (["{a}"], "two files are wanted"),
    (["{a}", "{a}", "{a}"], "two files are wanted"),
    (["{a}", "{a}", "--nothing"], "unknown option, or one that takes no value: --nothing"),
    (["{a}", "{a}", "--type"], "a value is missing after --type"),
    (["{a}", "{a}", "--type", "a=text"], "--type wants COL=num or COL=cat, not a=text"),
    (["{a}", "{a}", "--type", "b=num"], "the reference has no column for --type b=num"),
    (["{a}", "{a}", "--threshold", "much"], "--threshold: "),
    (["{a}", "{a}", "--stattest", "anderson"], 'no test is called "anderson": take auto, ks'),
])
def test_a_wrong_command_line_is_explained(arguments: "list[str]", fault: str, tmp_path: Path) -> None:
    a = str(write(tmp_path, "a.csv", A))
    said = score(*[word.format(a=a) for word in arguments], code=2)
    assert said.stdout == "" and said.stderr.startswith("drift-model score: " + fault), said.stderr


def test_help_names_every_option() -> None:
    said = score("--help").stdout
    assert all(option in said for option in ("--stattest", "--threshold", "--type", "--json", "hellinger"))
    done = subprocess.run([str(MODEL)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 2 and "score" in done.stderr
