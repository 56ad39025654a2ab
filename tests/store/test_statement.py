import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telemock.errors import InvalidSetting, StoreUnavailable
from telemock.store.filters import Filters
from telemock.store.reader import open_reader
from tests.corpus import GUID, database, ping

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT {} FROM n"


def found(db: Path, sql: str, seconds: float = 10) -> tuple[list[str], list[Sequence[Any]]]:
    with open_reader(db) as reader, reader.statement(sql, seconds) as statement:
        return statement.names, [*statement.rows()]


def test_a_statement_gives_names_and_rows(tmp_path: Path) -> None:
    db = database(tmp_path, ping(0), ping(1))
    assert found(db, "SELECT id, guid FROM telemetry ORDER BY id DESC") == (["id", "guid"], [(2, GUID), (1, GUID)])
    assert found(db, "SELECT 1 AS a, 2 AS a, 3 AS a_2 WHERE 0") == (["a", "a_2", "a_2_2"], [])
    assert found(db, "SELECT count(*) FROM fields WHERE source = 'query'")[1] == [(94,)]
    assert found(db, "PRAGMA table_info(exchanges)")[0][:2] == ["cid", "name"]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM exchanges",
        "INSERT INTO connections(host) VALUES (1)",
        "CREATE TEMP TABLE x(a)",
        "ATTACH '{folder}/other.db' AS x",
        "VACUUM INTO '{folder}/other.db'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint",
        "PRAGMA query_only = 0",
        "BEGIN IMMEDIATE",
        "SAVEPOINT x",
        "ANALYZE",
        "SELECT load_extension('{folder}/x.so')",
        "WITH x AS (SELECT 1) UPDATE exchanges SET host = 1",
    ],
)
def test_what_does_more_than_read_is_refused(tmp_path: Path, sql: str) -> None:
    db = database(tmp_path, ping(0))
    before = db.read_bytes()
    with pytest.raises(InvalidSetting, match="it does more than read"):
        found(db, sql.format(folder=tmp_path))
    assert db.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [db.name]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("", "no statement"),
        ("-- only a comment", "no statement"),
        ("SELEC 1", "syntax error"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT nope FROM exchanges", "no such column"),
        ("SELECT ?", "bindings"),
        ("SELECT '\0'", "null character"),
        ("SELECT '\ud800'", "surrogates"),
        ("SELECT randomblob(2000000000)", "too big"),
        ("SELECT json('{')", "malformed JSON"),
    ],
)
def test_what_cannot_be_understood_is_said(tmp_path: Path, sql: str, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        found(database(tmp_path), sql)


def test_a_statement_ends_when_its_time_is_up_and_the_reader_goes_on(tmp_path: Path) -> None:
    with open_reader(database(tmp_path, ping(0))) as reader:
        with (
            pytest.raises(StoreUnavailable, match=r"stopped after 0\.05 s"),
            reader.statement(ENDLESS.format("count(*)"), 0.05),
        ):
            pass
        with reader.statement(ENDLESS.format("x"), 0.2) as statement:
            rows = statement.rows()
            assert [next(rows) for _ in range(1000)][-1] == (1000,)
            with pytest.raises(StoreUnavailable):
                for _ in rows:
                    pass
        assert reader.count(Filters()) == 1


def test_rows_come_as_they_are_found_and_large_ones_few_at_a_time(tmp_path: Path) -> None:
    with (
        open_reader(database(tmp_path)) as reader,
        reader.statement(ENDLESS.format("zeroblob(1000000)"), 5) as statement,
    ):
        assert len(next(statement.rows())[0]) == 1_000_000


def test_text_that_is_none_comes_back_as_its_bytes(tmp_path: Path) -> None:
    assert found(database(tmp_path), "SELECT CAST(x'61ff' AS TEXT)")[1] == [("a\udcff",)]


def test_a_file_that_changes_under_a_statement_is_said(tmp_path: Path) -> None:
    db = database(tmp_path, ping(0))
    with pytest.raises(StoreUnavailable, match="changed under the statement"):
        read_while_it_changes(db)


def read_while_it_changes(db: Path) -> None:
    with open_reader(db) as reader, reader.statement("SELECT id FROM exchanges", 5) as statement:
        with closing(sqlite3.connect(db)) as other:
            other.execute("UPDATE exchanges SET host = 'other'")
            other.commit()
        assert [*statement.rows()] == [(1,)]
