"""Whoever starts first makes the schema; an old one becomes the newest and keeps every row; a foreign file is left."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from telemock.errors import StoreForeign, StoreUnavailable
from telemock.store.engine import APPLICATION_ID, HEAD, PAGE_BYTES
from telemock.store.migration import migrate
from tests.corpus import database, ping

CHECKOUT = Path(__file__).parents[2]
FROZEN = sorted((CHECKOUT / "tests/schemas").glob("*.sql"))
HANG_SECONDS = 30

Row = dict[str, object]

STARTER = """
import sys
from pathlib import Path
from telemock.store.migration import migrate
print("loaded", flush=True)
sys.stdin.readline()
migrate(Path(sys.argv[1]))
"""

ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from telemock.errors import StoreUnavailable
from telemock.store.migration import migrate
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for size in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        migrate(Path(sys.argv[1], f"{size}.db"))
    except StoreUnavailable as error:
        print(error)
"""


def rows(db: Path, table: str) -> list[Row]:
    with closing(sqlite3.connect(db)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY id")]


def schema(db: Path) -> dict[str, str]:
    """Give what the database is made of, however it is laid out; the file must be sound."""
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: " ".join(sql.replace("(", " ( ").replace(")", " ) ").split()) for name, sql in found}


def pragma(db: Path, name: str) -> object:
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def other_database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def newest(tmp_path: Path) -> dict[str, str]:
    """The schema of a new database."""
    folder = tmp_path / "newest"
    folder.mkdir()
    return schema(database(folder))


@pytest.mark.parametrize("existed", [False, True])
def test_a_new_or_empty_file_becomes_a_database_and_nothing_stays_beside_it(tmp_path: Path, *, existed: bool) -> None:
    db = tmp_path / "a %20 ?#ü.db"
    if existed:
        db.touch()
    migrate(db)
    assert [path.name for path in tmp_path.iterdir()] == [db.name]
    said = {name: pragma(db, name) for name in ("application_id", "page_size", "journal_mode")}
    assert said == {"application_id": APPLICATION_ID, "page_size": PAGE_BYTES, "journal_mode": "wal"}
    assert {"exchanges", "connections", "telemetry", "fields", "instances"} < schema(db).keys()


def test_a_second_start_changes_no_byte(tmp_path: Path) -> None:
    db = database(tmp_path, ping(1), ping(2))
    before = contents(tmp_path), db.stat().st_mtime_ns
    migrate(db)
    assert (contents(tmp_path), db.stat().st_mtime_ns) == before


def test_of_starters_at_the_same_time_one_migrates_and_all_go_on(tmp_path: Path, newest: dict[str, str]) -> None:
    db = tmp_path / "telemetry.db"
    command = [sys.executable, "-c", STARTER, str(db)]
    starters = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    try:
        for starter in starters:
            assert starter.stdout is not None
            assert starter.stdout.readline() == b"loaded\n"
        for starter in starters:
            assert starter.stdin is not None
            starter.stdin.write(b"\n")
            starter.stdin.flush()
        for starter in starters:
            starter.communicate(timeout=HANG_SECONDS)
    finally:
        for starter in starters:
            starter.kill()
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert schema(db) == newest


def test_a_disk_that_is_full_at_any_point_leaves_nothing_in_the_way_of_the_next_start(
    tmp_path: Path, newest: dict[str, str]
) -> None:
    sizes = [0, 100, 4096, *range(PAGE_BYTES, 9 * PAGE_BYTES, PAGE_BYTES)]
    command = [sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path), *map(str, sizes)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, check=True).stdout
    assert said.splitlines() == [
        f"The database {tmp_path}/{size}.db cannot be written (disk I/O error); "
        "check permissions and space, or choose another --db."
        for size in sizes
    ]
    for size in sizes:
        migrate(tmp_path / f"{size}.db")
        assert schema(tmp_path / f"{size}.db") == newest


@pytest.mark.parametrize("content", [b"x", b"Dear diary,\n" * 1000, b"SQLite format 3\0", bytes(4096)])
def test_a_file_that_is_no_database_is_refused_and_untouched(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "diary").write_bytes(content)
    with pytest.raises(StoreForeign, match=r"diary is not a telemock database and was left untouched; .*--db\.$"):
        migrate(tmp_path / "diary")
    assert contents(tmp_path) == {"diary": content}


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_another_programs_database_is_refused_and_untouched(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "other.db"
    other_database(path, f"PRAGMA journal_mode = {mode}", "PRAGMA application_id = 7", "CREATE TABLE exchanges (id)")
    before = contents(tmp_path)
    with pytest.raises(StoreForeign, match="is not a telemock database"):
        migrate(path)
    assert contents(tmp_path) == before


def test_a_database_of_a_newer_telemock_is_refused_and_untouched(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    other_database(db, "UPDATE alembic_version SET version_num = '9999'")
    before = contents(tmp_path)
    with pytest.raises(StoreForeign, match=r"was made by a newer telemock \(schema 9999\) and was left untouched;"):
        migrate(db)
    assert contents(tmp_path) == before


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=rf"^There is no folder {tmp_path}/none for the database; .*--db\.$"):
        migrate(tmp_path / "none" / "telemetry.db")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreForeign, match=rf"^{tmp_path} is no file that could hold a database"):
        migrate(tmp_path)


def test_the_code_is_for_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(CHECKOUT / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.name)
def test_an_old_database_gets_the_newest_schema_and_keeps_every_row(
    tmp_path: Path, newest: dict[str, str], frozen: Path
) -> None:
    db = tmp_path / "old.db"
    with closing(sqlite3.connect(db)) as connection:
        connection.executescript(frozen.read_text())
    before = {table: rows(db, table) for table in ("exchanges", "connections")}
    assert {column for row in before["exchanges"] for column, value in row.items() if value is None} >= {"problems"}
    migrate(db)
    for table, old in before.items():
        new = rows(db, table)
        assert len(new) == len(old) > 1
        assert [{column: each[column] for column in kept} for each, kept in zip(new, old, strict=True)] == old
    assert schema(db) == newest
    assert rows_of_revision(db) == [(HEAD,)]
    assert db.read_bytes()[68:72] == b"TMK2"  # those that looked for "TMCK", and at no schema, refuse it


def rows_of_revision(db: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute("SELECT version_num FROM alembic_version").fetchall()


def test_there_is_a_frozen_schema_of_each_migration() -> None:
    migrations = sorted((CHECKOUT / "migrations/versions").glob("m*.py"))
    assert [path.stem for path in FROZEN] == [path.stem[1:5] for path in migrations]
