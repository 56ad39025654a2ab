"""A database is found by path or URL, told from other files, and opened so that a commit survives what it should."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from telemock.errors import InvalidSetting, StoreForeign, StoreMissing
from telemock.settings import Durability
from telemock.store.engine import (
    ReadOnlyFile,
    check_is_ours,
    locate,
    migrating_connection,
    open_beside,
    open_for_writing,
)
from telemock.store.migration import migrate
from tests.corpus import database, ping


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM exchanges").fetchone()[0])


def prepare(connection: sqlite3.Connection) -> None:
    connection.row_factory = sqlite3.Row


@pytest.mark.parametrize(
    ("db", "path"),
    [
        ("telemetry.db", "{here}/telemetry.db"),
        ("a/b.db", "{here}/a/b.db"),
        ("/data/telemetry.db", "/data/telemetry.db"),
        ("sqlite:///telemetry.db", "{here}/telemetry.db"),
        ("sqlite:////data/telemetry.db", "/data/telemetry.db"),
        ("sqlite+aiosqlite:////data/telemetry.db", "/data/telemetry.db"),
        ("a b?c#%20.db", "{here}/a b?c#%20.db"),
        ("sqlite:telemetry.db", "{here}/sqlite:telemetry.db"),
    ],
)
def test_a_path_or_a_url_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: str, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate(db) == Path(path.format(here=tmp_path))


@pytest.mark.parametrize(
    ("db", "reason"),
    [
        ("", "is not a database path; name a file, such as telemetry.db."),
        ("a\0b", "is not a database path; name a file, such as telemetry.db."),
        ("postgresql://host/telemock", "postgresql:// is not a database that telemock can use here; write a path,"),
        ("sqlite://host/telemetry.db", "sqlite:// is not a database that telemock can use here; write a path,"),
        ("sqlite:////data/telemetry.db?mode=ro", "sqlite:// is not a database that telemock can use here;"),
        ("sqlite://", "names no file; telemock keeps exchanges in a file, such as telemetry.db."),
        ("sqlite:///", "names no file; telemock keeps exchanges in a file, such as telemetry.db."),
        ("sqlite:///:memory:", "names no file; telemock keeps exchanges in a file, such as telemetry.db."),
    ],
)
def test_what_names_no_file_is_a_sentence_that_shows_how(db: str, reason: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        locate(db)
    assert reason in str(caught.value)


def test_telemocks_own_database_is_told_from_others_by_the_mark_in_its_head(tmp_path: Path) -> None:
    db = database(tmp_path)
    check_is_ours(db)
    (tmp_path / "empty").touch()
    check_is_ours(tmp_path / "empty")
    other = bytearray(db.read_bytes())
    other[68:72] = bytes(4)
    (tmp_path / "other").write_bytes(other)
    with pytest.raises(StoreForeign, match=r"other is not a telemock database and was left untouched; .*--db\.$"):
        check_is_ours(tmp_path / "other")
    assert (tmp_path / "other").read_bytes() == other


def test_a_new_database_is_known_as_telemocks_before_its_first_table_is_there(tmp_path: Path) -> None:
    with migrating_connection(tmp_path / "new.db") as connection:
        connection.exec_driver_sql("CREATE TABLE half (id)")
        check_is_ours(tmp_path / "new.db")


def test_a_migration_that_fails_leaves_nothing_of_itself(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), migrating_connection(tmp_path / "new.db") as connection:  # noqa: PT012
        connection.exec_driver_sql("CREATE TABLE half (id)")
        _ = 1 / 0
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


@pytest.mark.parametrize(("durability", "synchronous"), [("commit", 1), ("fsync", 2), ("async", 1)])
async def test_a_commit_is_synced_when_it_shall_survive_a_power_loss(
    tmp_path: Path, durability: Durability, synchronous: int
) -> None:
    db = tmp_path / "telemetry.db"
    migrate(db)
    beside = await open_beside(db, durability)
    try:
        assert list(await beside.execute_fetchall("PRAGMA synchronous")) == [(synchronous,)]
    finally:
        await beside.close()
    with closing(open_for_writing(db, durability)) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (synchronous,)


def test_writing_commits_each_statement_and_makes_no_database(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    with closing(open_for_writing(db, "commit")) as writing, closing(sqlite3.connect(db)) as other:
        writing.execute("UPDATE exchanges SET env = 'seen'")
        assert other.execute("SELECT env FROM exchanges").fetchone() == ("seen",)
    with pytest.raises(sqlite3.OperationalError, match="unable to open database file"):
        open_for_writing(tmp_path / "none.db", "commit")
    assert [path.name for path in tmp_path.iterdir()] == ["telemetry.db"]


def test_a_read_only_file_can_be_read_and_not_written_whoever_serves_it(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    for server in (None, sqlite3.connect(db)):
        if server is not None:
            server.execute("UPDATE exchanges SET env = 'served'")
            server.commit()
        file = ReadOnlyFile(db, prepare)
        assert file.read(count) == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            file.read(lambda connection: connection.execute("DELETE FROM exchanges"))
        file.close()
        if server is not None:
            server.close()


def test_every_connection_of_a_read_only_file_is_prepared_and_any_thread_may_use_it(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    file = ReadOnlyFile(db, prepare)
    names: list[list[str]] = []

    def look() -> None:
        names.append(
            file.read(lambda connection: connection.execute("SELECT id, env FROM exchanges").fetchone().keys())
        )

    look()
    with closing(sqlite3.connect(db)) as server:
        server.execute("UPDATE exchanges SET env = 'changed under way'")
        server.commit()
        reading = threading.Thread(target=look)
        reading.start()
        reading.join(20)
    file.close()
    assert names == [["id", "env"]] * 2


def test_a_query_that_fails_fails_for_who_asked_it(tmp_path: Path) -> None:
    file = ReadOnlyFile(database(tmp_path), prepare)
    with pytest.raises(sqlite3.OperationalError, match="no such table: unknown"):
        file.read(lambda connection: connection.execute("SELECT * FROM unknown"))
    assert file.read(count) == 0
    file.close()


def test_a_file_that_goes_away_is_missing_at_the_next_question(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    file = ReadOnlyFile(db, prepare)
    db.unlink()
    with pytest.raises(StoreMissing):
        file.read(count)
    file.close()
