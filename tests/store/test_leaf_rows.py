"""Rows that are read from pages are those that SQLite put there, whatever their values, and torn ones are left out."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.store.leaf_rows import Value, leaf_rows
from tests.steady import STEADY

PAGE = 512
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, 1, -1, 127, 128, -129, 2**15, 2**23, 2**31, 2**47, -(2**47) - 1]),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=2000),
    st.binary(max_size=2000),
)


def pages_of(rows: dict[int, list[Value]]) -> list[bytes]:
    """Give the pages of a database that SQLite made of rows."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, a, b, c)")
        connection.executemany("INSERT INTO kept VALUES (?, ?, ?, ?)", [(key, *row) for key, row in rows.items()])
        connection.commit()
        octets = connection.serialize()
    return [octets[place : place + PAGE] for place in range(0, len(octets), PAGE)]


def read(pages: list[bytes], *, without: int = 0) -> dict[int, list[Value]]:
    """Read the rows of all pages but the first, and one that is not there."""
    there = {number: page for number, page in enumerate(pages, 1) if number != without}
    return {
        row_id: [*values[1:]]
        for number, page in there.items()
        if number > 1
        for row_id, values in leaf_rows(page, there.get)
    }


@given(st.dictionaries(st.integers(-(2**63), 2**63 - 1), st.lists(VALUES, min_size=3, max_size=3), max_size=20))
@STEADY
def test_every_row_is_read_as_it_was_written(rows: dict[int, list[Value]]) -> None:
    assert read(pages_of(rows)) == rows


@pytest.mark.parametrize("octets", [bytes(PAGE), b"\x0d" + b"\xff" * (PAGE - 1), b"\x0d\0\0\0\x09" + bytes(PAGE - 5)])
def test_a_page_without_sense_has_no_rows_and_does_no_harm(octets: bytes) -> None:
    assert not {row_id for row_id, values in leaf_rows(octets, lambda _: None) if values}


def test_of_rows_that_go_on_in_a_page_that_is_gone_only_those_are_left_out() -> None:
    rows: dict[int, list[Value]] = {1: ["short", 1, None], 2: ["long" * PAGE, 2, b"x" * PAGE], 3: ["short", 3, 0.5]}
    pages = pages_of(rows)
    chain = next(number for number, page in enumerate(pages, 1) if number > 2 and b"long" in page)
    assert read(pages, without=chain) == {1: rows[1], 3: rows[3]}


def test_a_text_that_is_no_utf_8_is_given_as_it_is() -> None:
    page = pages_of({1: ["text", 1, None]})[1]
    assert read([b"", page.replace(b"text", b"te\xfft")]) == {1: [b"te\xfft", 1, None]}


def test_a_row_whose_pages_lead_back_to_each_other_is_left_out() -> None:
    rows: dict[int, list[Value]] = {1: ["short", 1, None], 2: ["long" * PAGE, 2, None]}
    pages = pages_of(rows)
    first, second = [number for number, page in enumerate(pages, 1) if number > 2 and b"longlong" in page][:2]
    pages[second - 1] = first.to_bytes(4, "big") + pages[second - 1][4:]
    assert read(pages) == {1: rows[1]}


def test_what_is_too_short_for_a_page_has_no_rows() -> None:
    assert not [*leaf_rows(b"\x0d\0", lambda _: None)]
