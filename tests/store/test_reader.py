import gzip
import shutil
import signal
import sqlite3
import subprocess
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from telemock.errors import StoreForeign, StoreMissing, StoreUnavailable
from telemock.exchange import compact_json
from telemock.store.appender import SqliteAppender
from telemock.store.filters import ConnectionFilters, Filters
from telemock.store.migration import migrate
from telemock.store.reader import PAGE_BYTES, PAGE_ROWS, open_reader
from telemock.store.rows import CONNECTIONS, typed
from tests.cli.process import TELEMOCK, without_root_rights
from tests.corpus import connection, database, ping, store

FROZEN = sorted((Path(__file__).parents[1] / "schemas").glob("*.sql"))


def count_unprivileged(db: Path) -> subprocess.CompletedProcess[str]:
    """Count with the command line, bound by permissions."""
    command = without_root_rights([*TELEMOCK, "query", "--count", "--db", str(db)])
    return subprocess.run(command, capture_output=True, text=True, check=False)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody can write to once `seal` was called on it."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    yield folder
    folder.chmod(0o755)


def seal(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)


def test_an_exchange_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    record = ping(request_body=b"\x00\xff", request_truncated=1, session_id="s\x00", problems='["x"]', status=499)
    with open_reader(database(tmp_path, record)) as reader:
        assert reader.exchange(1) == replace(record, id=1)
        assert reader.exchange(2) is None


def test_a_search_that_finds_little_is_many_short_transactions(tmp_path: Path) -> None:
    db = database(tmp_path, ping(0, query="needle"))
    with closing(sqlite3.connect(db)) as other, open_reader(db) as reader:
        columns = [row[1] for row in other.execute("PRAGMA table_info(exchanges)") if row[1] not in {"id", "query"}]
        names = ", ".join(columns)
        fill = (
            f"INSERT INTO exchanges (id, query, {names}) SELECT value, ?, {names} FROM exchanges, numbers WHERE id = 1"
        )
        numbers = "WITH RECURSIVE numbers(value) AS (SELECT ? UNION ALL SELECT value + 1 FROM numbers WHERE value < ?)"
        other.execute(f"{numbers} {fill}", (2, 24_999, "hay"))
        other.execute(f"{numbers} {fill}", (25_000, 25_000, "needle"))
        other.commit()
        assert reader.count(Filters(grep="needle")) == 2
        assert reader.count(Filters(status=200)) == reader.count(Filters(guid=ping().guid)) == 25_000
        assert reader.versions() == [(ping().version, 25_000)]
        assert reader.extent() == (25_000, 25_000)
        assert [each.id for each in reader.newest(Filters(grep="needle"))] == [25_000, 1]
        assert [each.id for each in reader.newest(Filters(grep="needle", guid=ping().guid), limit=1)] == [25_000]
        found = reader.values(Filters(grep="needle"), ["query"])
        listed = reader.newest(Filters(grep="needle"), oldest=True)
        assert (next(found), next(listed).id) == ((1, "needle"), 1)
        other.execute("DELETE FROM exchanges WHERE id = 25000")
        other.commit()
        assert (list(found), list(listed)) == ([], [])


def test_pages_follow_each_other_without_gap_or_repetition(tmp_path: Path) -> None:
    # several rows a moment, moments across the border of a page, and stored in another order
    records = [ping(number // 7 % 11) for number in range(3 * PAGE_ROWS + 1)]
    with open_reader(database(tmp_path, *records)) as reader:
        newest = list(reader.newest(Filters()))
        assert [(each.received_at, each.id) for each in newest] == sorted(
            ((each.received_at, number) for number, each in enumerate(records, 1)), reverse=True
        )
        assert list(reader.newest(Filters(), oldest=True)) == newest[::-1]
        assert list(reader.newest(Filters(), limit=PAGE_ROWS + 1)) == newest[: PAGE_ROWS + 1]
        since, until = records[21].received_at, records[35].received_at
        some = [each for each in newest if since <= each.received_at < until]
        assert len(some) > 0
        assert list(reader.newest(Filters(since=since, until=until))) == some
        assert list(reader.newest(Filters(since=since, until=until), oldest=True)) == some[::-1]
        assert reader.count(Filters(since=since, until=until)) == len(some)


def test_large_bodies_make_short_pages(tmp_path: Path) -> None:
    body = bytes(PAGE_BYTES // 3)
    with open_reader(database(tmp_path, *(ping(number, request_body=body) for number in range(9)))) as reader:
        assert [each.id for each in reader.newest(Filters())] == [9, 8, 7, 6, 5, 4, 3, 2, 1]
        assert [each.id for each in reader.newest(Filters(), limit=5)] == [9, 8, 7, 6, 5]
        assert [each.id for each in reader.after(Filters(), 2, 8)] == [3, 4, 5, 6, 7, 8]


def test_some_columns_come_in_the_order_stored_without_gap_or_repetition(tmp_path: Path) -> None:
    records = [ping(-number, env="prod" if number % 2 else "test") for number in range(3 * PAGE_ROWS)]
    with open_reader(database(tmp_path, *records)) as reader:
        told = list(reader.values(Filters(env="prod"), ["env", "coalesce(length(response_body), 0)"]))
    assert told == [(number, "prod", 29) for number in range(2, 3 * PAGE_ROWS + 1, 2)]


def test_no_more_than_a_page_of_large_columns_is_held(tmp_path: Path) -> None:
    body = bytes(PAGE_BYTES // 3)
    with open_reader(database(tmp_path, *(ping(number, request_body=body) for number in range(18)))) as reader:
        tracemalloc.start()
        assert [row[0] for row in reader.values(Filters(), ["env", "request_body"], large=[1])] == [*range(1, 19)]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 4 * PAGE_BYTES, "two pages and a body; all would be six"


def test_what_was_stored_after_an_id_comes_in_the_order_stored(tmp_path: Path) -> None:
    records = [ping(-number, env="prod" if number % 2 else "test") for number in range(3 * PAGE_ROWS)]
    with open_reader(database(tmp_path, *records)) as reader:
        assert reader.last_id() == 3 * PAGE_ROWS
        assert [each.id for each in reader.after(Filters(), 10, 1200)] == list(range(11, 1201))
        assert [each.id for each in reader.after(Filters(env="prod"), 10, 1200)] == list(range(12, 1201, 2))
        assert [each.id for each in reader.newest(Filters(), last_id=3)] == [1, 2, 3]


def test_connections_are_paged_as_exchanges_are(tmp_path: Path) -> None:
    records = [connection(number // 7 % 11, kind="tunnel" if number % 2 else "blocked") for number in range(1201)]
    wanted = ConnectionFilters(kind="tunnel", since=records[21].opened_at, until=records[35].opened_at)
    with open_reader(database(tmp_path, ping(), *records)) as reader:
        newest = list(reader.newest(ConnectionFilters()))
        assert newest == sorted(
            (replace(each, id=number) for number, each in enumerate(records, 1)),
            key=lambda each: (each.opened_at, each.id),
            reverse=True,
        )
        assert list(reader.newest(ConnectionFilters(), oldest=True)) == newest[::-1]
        some = [each for each in newest if each.kind == "tunnel" and records[21].opened_at <= each.opened_at]
        some = [each for each in some if each.opened_at < records[35].opened_at]
        assert len(some) > 0
        assert list(reader.newest(wanted)) == some
        assert reader.count(wanted) == len(some)
        assert list(reader.after(wanted, 0, 1201)) == sorted(some, key=lambda each: each.id or 0)
        assert [each.id for each in reader.after(ConnectionFilters(), 10, 700)] == list(range(11, 701))
        assert (reader.last_id(CONNECTIONS), reader.last_id()) == (1201, 1)


def test_long_details_make_short_pages(tmp_path: Path) -> None:
    detail = "x" * (PAGE_BYTES // 3)
    with open_reader(database(tmp_path, *(connection(number, detail=detail) for number in range(9)))) as reader:
        assert [each.id for each in reader.newest(ConnectionFilters())] == [9, 8, 7, 6, 5, 4, 3, 2, 1]
        assert [each.id for each in reader.after(ConnectionFilters(), 2, 8)] == [3, 4, 5, 6, 7, 8]


def test_an_empty_database_has_nothing(tmp_path: Path) -> None:
    with open_reader(database(tmp_path)) as reader:
        assert (reader.last_id(), reader.count(Filters()), list(reader.newest(Filters()))) == (0, 0, [])


@pytest.mark.parametrize("text", ["Needle", "NEEDLE", "nädel", "NÄDEL", "after a nul"])
def test_text_is_found_in_any_case_and_under_a_content_coding(tmp_path: Path, text: str) -> None:
    body = "a needle, eine Nädel\x00after a nul".encode()
    coded = compact_json([["Content-Encoding", "gzip"]])
    db = database(
        tmp_path,
        ping(1, request_body=body),
        ping(2, response_body=body),
        ping(3, request_body=gzip.compress(body), request_headers=coded),
        ping(4, request_body=gzip.compress(body)[:-9], request_headers=coded),
        ping(5, params=compact_json({"x": text, "y": "\udcff"})),  # the surrogate forces ASCII escapes
        ping(6),
        ping(7, request_body=gzip.compress(body)),
        ping(8, request_body=body, request_headers=compact_json([["Content-Encoding", "br"]])),
    )
    with open_reader(db) as reader:
        found = {each.id for each in reader.newest(Filters(grep=text))}
    assert found >= {1, 2, 3, 7, 8}
    assert not found & {4, 6}
    assert (5 in found) or text != text.lower()


def test_a_parameter_is_found_however_its_json_is_spelled(tmp_path: Path) -> None:
    db = database(tmp_path, ping(params=compact_json({"x": "ü", "y": "\udcff"})), ping(params=compact_json({"x": "ü"})))
    with open_reader(db) as reader:
        assert reader.count(Filters(params=(("x", "ü"),))) == 2


async def test_a_reader_sees_commits_of_a_server_and_never_waits_for_it(tmp_path: Path) -> None:
    db = tmp_path / "telemetry.db"
    migrate(db)
    appender = await SqliteAppender.open(db, "commit")
    await appender.append([ping(1)])
    with open_reader(db) as reader, closing(sqlite3.connect(db, isolation_level=None)) as other:
        assert reader.count(Filters()) == 1
        await appender.append([ping(2)])
        assert reader.count(Filters()) == 2
        other.execute("BEGIN IMMEDIATE")
        assert reader.count(Filters()) == 2
        other.execute("ROLLBACK")
    await appender.close()


async def test_a_slow_reader_does_not_keep_the_log_from_starting_anew(tmp_path: Path) -> None:
    db = tmp_path / "telemetry.db"
    migrate(db)
    await store(db, [ping(number) for number in range(PAGE_ROWS + 1)])
    appender = await SqliteAppender.open(db, "commit")
    await appender.append([ping(0)])
    with open_reader(db) as reader, closing(sqlite3.connect(db)) as other:
        slow = reader.newest(Filters())
        next(slow)
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
        assert len(list(slow)) == PAGE_ROWS + 1
    await appender.close()


def test_reading_leaves_nothing_beside_a_database_that_nobody_serves(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    assert files_in(tmp_path) == ["telemetry.db"]
    with open_reader(db) as reader:
        assert reader.count(Filters()) == 1
    assert files_in(tmp_path) == ["telemetry.db"]


async def test_a_server_may_start_while_a_reader_is_at_it(tmp_path: Path) -> None:
    db = tmp_path / "telemetry.db"
    migrate(db)
    await store(db, [ping(number) for number in range(PAGE_ROWS + 10)])
    with open_reader(db) as reader:
        reading = reader.newest(Filters(), oldest=True)
        assert next(reading).id == 1
        appender = await SqliteAppender.open(db, "commit")
        await appender.append([ping(PAGE_ROWS + 10)])
        assert [each.id for each in reading] == list(range(2, PAGE_ROWS + 12))
        await appender.append([ping(PAGE_ROWS + 11)])
        await appender.close()
        assert reader.count(Filters()) == PAGE_ROWS + 12


def test_a_read_only_file_in_a_read_only_folder_is_read(sealed: Path) -> None:
    db = database(sealed, ping(1), ping(2))
    seal(sealed)
    assert count_unprivileged(db).stdout == "2\n"


def test_what_a_killed_server_left_in_its_log_is_read_on_a_read_only_disk(sealed: Path, tmp_path: Path) -> None:
    db = database(tmp_path, ping(1))
    with closing(sqlite3.connect(db)) as server:
        server.execute("UPDATE exchanges SET env = 'in the log'")
        server.commit()
        for name in ("telemetry.db", "telemetry.db-wal"):
            shutil.copy(tmp_path / name, sealed / name)
    seal(sealed)
    command = [*TELEMOCK, "query", "--count", "--env", "in the log", "--db", str(sealed / "telemetry.db")]
    done = subprocess.run(without_root_rights(command), capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert files_in(sealed) == ["telemetry.db", "telemetry.db-wal"]


def test_a_served_database_is_read_by_who_may_not_write_to_it(sealed: Path) -> None:
    db = database(sealed, ping(1))
    with closing(sqlite3.connect(db)) as server:
        server.execute("UPDATE exchanges SET env = 'served'")
        server.commit()
        seal(sealed)
        assert count_unprivileged(db).stdout == "1\n"


def test_a_file_that_may_not_be_read_is_a_sentence(sealed: Path) -> None:
    db = database(sealed, ping(1))
    db.chmod(0)
    done = count_unprivileged(db)
    assert (done.returncode, done.stderr) == (1, f"Error: The database {db} cannot be read: Permission denied.\n")


def test_no_database_is_told_apart_from_a_foreign_one(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match=r"There is no database at .*none\.db; start `telemock serve` there"):
        open_reader(tmp_path / "none.db").__enter__()
    with pytest.raises(StoreMissing):
        open_reader(tmp_path).__enter__()
    (tmp_path / "text").write_text("hello")
    with pytest.raises(StoreForeign, match="is not a telemock database"):
        open_reader(tmp_path / "text").__enter__()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="is a folder; name the database in it"), open_reader(tmp_path):
        pass


def test_another_schema_is_told(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("DROP VIEW telemetry")
        connection.execute("ALTER TABLE exchanges RENAME COLUMN env TO environment")
    with open_reader(db) as reader, pytest.raises(StoreForeign, match="has not the schema of this telemock"):
        reader.exchange(1)
    (tmp_path / "empty.db").touch()
    with open_reader(tmp_path / "empty.db") as reader, pytest.raises(StoreForeign, match="start `telemock serve`"):
        reader.count(Filters())


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.name)
def test_a_file_of_an_older_schema_is_read_and_stays_as_it_is(tmp_path: Path, frozen: Path) -> None:
    db = tmp_path / "old.db"
    with closing(sqlite3.connect(db)) as connection:
        connection.executescript(frozen.read_text())
    before = db.read_bytes()
    with open_reader(db) as reader:
        read = [*reader.newest(Filters(), oldest=True)]
        assert [exchange.id for exchange in read] == [1, 2, 9]
        assert reader.count(Filters()) == len([*reader.values(Filters(), [typed("port")])]) == 3
        assert {exchange.port for exchange in read} == ({None} if frozen.stem < "0003" else {80, 8443, None})
    assert (db.read_bytes(), files_in(tmp_path)) == (before, ["old.db"])


def test_a_damaged_file_is_a_sentence(tmp_path: Path) -> None:
    db = database(tmp_path, *(ping(number) for number in range(100)))
    with db.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (db.stat().st_size - 100))
    with open_reader(db) as reader, pytest.raises(StoreUnavailable, match=r"cannot be read: .*malformed"):
        list(reader.newest(Filters()))


def test_a_search_through_everything_can_be_interrupted(tmp_path: Path) -> None:
    slow = gzip.compress(bytes(15 * 2**20))  # seconds for all of them
    coded = compact_json([["Content-Encoding", "gzip"]])
    db = database(tmp_path, *(ping(number, request_headers=coded, request_body=slow) for number in range(100)))
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with open_reader(db) as reader, pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the alarm may come early
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            reader.count(Filters(grep="nothing"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
