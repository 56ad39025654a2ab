import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from telemock.store.engine import open_for_writing
from telemock.store.learnt import MOST_KEPT, Extent, Kept, begin_learning, keep_learnt
from telemock.store.reader import Reader, open_reader
from telemock.store.schema import exchanges
from tests.corpus import database, moment, ping

FIVE = Kept(Extent(5, 5), b"state")


@pytest.fixture
def reader(pings: Path) -> Iterator[Reader]:
    with open_reader(pings) as reader:
        yield reader


def change(db: Path, statement: str) -> None:
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute(statement)


def keep(db: Path, key: str, kept: Kept | None, at: str) -> bool:
    mark = begin_learning(db, at, key, None)
    return mark is not None and keep_learnt(db, mark, key, kept, at)


def known(db: Path, key: str = "k") -> Kept | None:
    with open_reader(db) as reader:
        return reader.learnt(key, reader.extent())


def test_what_was_kept_is_given_while_nothing_of_it_changed(pings: Path) -> None:
    assert known(pings) is None
    assert keep(pings, "k", FIVE, moment(0))
    assert (known(pings), known(pings, "other")) == (FIVE, None)
    database(pings.parent, ping(6), ping(7))
    assert known(pings) == FIVE, "what is new is no change"
    again = Kept(Extent(7, 7), b"more")
    assert keep(pings, "k", again, moment(1))
    assert known(pings) == again


REQUIRED = ", ".join(column.name for column in exchanges.columns if not column.nullable and column.name != "id")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM exchanges WHERE id = 2",
        "DELETE FROM exchanges",
        "UPDATE exchanges SET path = '/' WHERE id = 5",
        f"INSERT INTO exchanges (id, {REQUIRED}) SELECT -1, {REQUIRED} FROM exchanges LIMIT 1",
    ],
)
def test_a_change_of_what_was_learnt_from_is_noticed(pings: Path, statement: str) -> None:
    keep(pings, "k", FIVE, moment(0))
    change(pings, statement)
    assert known(pings) is None


def test_the_latest_are_kept(pings: Path) -> None:
    for number in range(MOST_KEPT + 3):
        assert keep(pings, str(number), FIVE, moment(number))
    assert [known(pings, str(number)) is not None for number in (0, 2, 3, MOST_KEPT + 2)] == [False, False, True, True]


def test_nothing_is_left_beside_the_file(pings: Path) -> None:
    keep(pings, "k", FIVE, moment(0))
    assert [path.name for path in pings.parent.iterdir()] == [pings.name]


def test_who_cannot_write_keeps_nothing_and_goes_on(pings: Path, tmp_path: Path) -> None:
    with closing(open_for_writing(pings, "commit")) as busy:
        busy.execute("BEGIN IMMEDIATE")
        assert not keep(pings, "k", FIVE, moment(0))
        busy.execute("ROLLBACK")
    change(pings, "DROP TABLE learnt")
    assert not keep(pings, "k", FIVE, moment(0))
    assert known(pings) is None
    assert not keep(tmp_path / "none.db", "k", FIVE, moment(0))
    assert not (tmp_path / "none.db").exists()


def test_the_extent_is_how_much_there_is(reader: Reader, tmp_path: Path) -> None:
    assert reader.extent() == (5, 5)
    with open_reader(database(tmp_path, name="empty.db")) as empty:
        assert empty.extent() == (0, 0)


@pytest.mark.parametrize("statement", ["DELETE FROM exchanges WHERE id = 2", "UPDATE exchanges SET path = '/'"])
def test_what_changed_while_it_was_learnt_is_not_kept(pings: Path, statement: str) -> None:
    mark = begin_learning(pings, moment(0), "k", None)
    assert mark is not None
    change(pings, statement)
    assert not keep_learnt(pings, mark, "k", FIVE, moment(1))
    assert known(pings) is None


@pytest.mark.parametrize("statement", ["UPDATE exchanges SET path = '/'", "UPDATE learnt SET state = x'01'"])
def test_what_changed_before_it_was_gone_on_from_is_not_kept(pings: Path, statement: str) -> None:
    keep(pings, "k", FIVE, moment(0))
    assert known(pings) == FIVE
    assert begin_learning(pings, moment(1), "k", FIVE) is not None
    change(pings, statement)
    assert begin_learning(pings, moment(1), "k", FIVE) is None


def test_marks_of_who_was_killed_push_nothing_out_and_go_after_a_day(pings: Path) -> None:
    keep(pings, "k", FIVE, moment(0))
    for second in range(2 * MOST_KEPT):
        begin_learning(pings, moment(second), "k", None)
    keep(pings, "other", FIVE, moment(1000))
    assert known(pings) == known(pings, "other") == FIVE
    assert count(pings) == 2 + 2 * MOST_KEPT
    keep(pings, "other", FIVE, moment(86_399 + MOST_KEPT))
    assert count(pings) == 2 + MOST_KEPT


def count(db: Path) -> int:
    with closing(sqlite3.connect(db)) as connection:
        rows: int = connection.execute("SELECT count(*) FROM learnt").fetchone()[0]
        return rows


def test_what_is_not_worth_keeping_leaves_nothing(pings: Path) -> None:
    assert not keep(pings, "k", None, moment(0))
    assert count(pings) == 0


def test_nothing_is_kept_in_a_file_of_a_newer_schema(pings: Path) -> None:
    change(pings, "UPDATE alembic_version SET version_num = '9999'")
    before = pings.read_bytes()
    assert begin_learning(pings, moment(0), "k", None) is None
    assert not keep(pings, "k", FIVE, moment(0))
    assert (pings.read_bytes(), [path.name for path in pings.parent.iterdir()]) == (before, [pings.name])
    assert known(pings) is None
