import csv
import io

import pytest

from telemock.exports.delimited import FORMULA_STARTS, Delimited


def written(*rows: list[object]) -> list[list[str]]:
    stream = io.StringIO(newline="")
    Delimited(stream, ["name"]).write(rows)
    return list(csv.reader(io.StringIO(stream.getvalue(), newline="")))


def test_the_header_comes_first_and_rows_follow() -> None:
    assert written(["a,b"], ['say "hi"'], ["two\nlines"]) == [["name"], ["a,b"], ['say "hi"'], ["two\nlines"]]


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_a_cell_that_would_be_a_formula_is_text(start: str) -> None:
    (cell,) = written([start + "1+1"])[1]
    assert cell.startswith("'")


def test_numbers_stay_numbers() -> None:
    assert written([-1], [0.5], [None])[1:] == [["-1"], ["0.5"], [""]]


def test_what_cannot_be_seen_is_an_escape() -> None:
    assert written(["a\x00\x1b\u202e\udcff\rb"])[1] == [r"a\x00\x1b\u202e\xff\rb"]


def test_a_name_of_a_column_is_a_cell() -> None:
    stream = io.StringIO()
    Delimited(stream, ["=1+1"])
    assert stream.getvalue() == "'=1+1\n"
