from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from telemock.exports.delimited import FORMULA_STARTS
from telemock.exports.records import NAMES, cells, exchange_values
from telemock.exports.sheet import MAX_CHARACTERS, MAX_ROWS, write_sheet
from tests.corpus import STARTED, ping
from tests.exports.hostile import HOSTILE


def written(folder: Path, names: Any, rows: Any) -> tuple[list[str], Any]:
    notes = write_sheet(folder / "out.xlsx", names, rows)
    assert [path.name for path in folder.iterdir()] == ["out.xlsx"]
    return notes, load_workbook(folder / "out.xlsx")


def test_cells_have_their_types_below_a_header_that_stays(tmp_path: Path) -> None:
    rows = [cells(exchange_values(ping(number, id=number + 1))) for number in range(3)]
    notes, book = written(tmp_path, NAMES, rows)
    sheet = book["exchanges"]
    head, first, *_ = sheet.rows
    row = dict(zip([cell.value for cell in head], first, strict=True))
    assert (notes, tuple(row)) == ([], NAMES)
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == f"A1:{head[-1].column_letter}4"
    assert (row["id"].value, row["status"].value, row["latency_ms"].value) == (1, 200, 0.21)
    assert abs(row["received_at"].value - STARTED.replace(tzinfo=None)) < timedelta(milliseconds=1)
    assert row["client_time"].value == datetime(2026, 2, 5, 7, 58, 11)  # noqa: DTZ001 - a sheet knows no zones
    assert (row["method"].data_type, row["method"].value) == ("s", "GET")
    assert row["request_body"].value is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-15", -15),
        ("123456789012345", 123456789012345),
        ("1234567890123456", "1234567890123456"),
        ("007", "007"),
        ("-0", "-0"),
        ("4.10", "4.10"),
        ("1e5", "1e5"),
        ("\u0661", "\u0661"),
    ],
)
def test_whole_numbers_are_numbers_where_no_digit_is_lost(tmp_path: Path, text: str, value: object) -> None:
    _, book = written(tmp_path, ["value"], [[text]])
    assert book.active["A2"].value == value


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    _, book = written(tmp_path, [f"{start}1+1"], [[f"{start}1+1"]])
    for cell in (book.active["A1"], book.active["A2"]):
        assert cell.data_type == "s"
    assert book.active["A2"].quotePrefix


@pytest.mark.parametrize("text", ["not a time", "1899-12-31T00:00:00.000000Z", "2026-02-05T10:55:58+02:00", ""])
def test_what_is_no_time_is_text(tmp_path: Path, text: str) -> None:
    _, book = written(tmp_path, ["received_at"], [[text]])
    assert (book.active["A2"].value or "") == text


def test_text_that_is_too_long_is_cut_and_counted(tmp_path: Path) -> None:
    notes, book = written(
        tmp_path, ["a", "b"], [["x" * MAX_CHARACTERS, "x" * (MAX_CHARACTERS + 1)], ["\U0001f600" * 20_000]]
    )
    assert notes == ["Cut, and ending in …: 2 texts; a cell holds 32767 characters."]
    assert book.active["A2"].value == "x" * MAX_CHARACTERS
    assert book.active["B2"].value == "x" * (MAX_CHARACTERS - 1) + "…"
    assert book.active["A3"].value == "\U0001f600" * 16_383 + "…"


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(tmp_path: Path) -> None:
    notes = write_sheet(tmp_path / "out.xlsx", ["n"], ([number] for number in range(MAX_ROWS + 1)))
    assert notes == ["The rows are on 2 sheets; one holds 1048575."]
    sheets = load_workbook(tmp_path / "out.xlsx", read_only=True)
    assert sheets.sheetnames == ["exchanges", "exchanges 2"]
    assert [*sheets["exchanges 2"].values] == [("n",), (MAX_ROWS,)]
    sheets.close()


def test_a_sheet_without_rows_has_its_header(tmp_path: Path) -> None:
    _, book = written(tmp_path, ["a", "b"], [])
    assert [*book.active.values] == [("a", "b")]


def test_hostile_exchanges_are_text_that_can_be_seen(tmp_path: Path) -> None:
    _, book = written(tmp_path, NAMES, [cells(exchange_values(exchange)) for exchange in HOSTILE])
    seen = [cell for row in book.active.rows for cell in row if isinstance(cell.value, str)]
    assert {cell.data_type for cell in seen} == {"s"}
    assert [cell.value for cell in seen if not cell.value.replace("\n", "").replace("\t", "").isprintable()] == []
    assert book.active.max_row == len(HOSTILE) + 1
