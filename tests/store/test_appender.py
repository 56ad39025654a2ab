"""A batch becomes one transaction of a real file, and the write-ahead log beside it stays short."""

import asyncio
import gc
import os
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from telemock.errors import StoreUnavailable
from telemock.settings import Durability
from telemock.store.appender import SqliteAppender
from telemock.store.filters import Filters
from telemock.store.migration import migrate
from telemock.store.reader import open_reader
from telemock.store.upkeep import BOUND_BYTES, CHECKPOINT_BYTES
from tests.corpus import CONNECTION, moment, ping
from tests.server.wire import HANG_SECONDS

# An exchange with something in every field, next to one that has no more than it must.
WHOLE = ping(
    request_body=b"\0\xff\n",
    request_truncated=1,
    response_body=None,
    stub_id="stub",
    session_id="s-1",
    problems='["guid: no"]',
    query="name=%00%FF",
)


@asynccontextmanager
async def appending(path: Path, durability: Durability = "commit", **tell: Any) -> AsyncIterator[SqliteAppender]:
    migrate(path)
    appender = await SqliteAppender.open(path, durability, **tell)
    async with asyncio.timeout(HANG_SECONDS):
        try:
            yield appender
        finally:
            await appender.close()


def count(path: Path, table: str = "exchanges") -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.mark.parametrize("durability", get_args(Durability))
async def test_what_is_appended_is_read_back_whole_and_no_log_is_left(tmp_path: Path, durability: Durability) -> None:
    path = tmp_path / "telemetry.db"
    batches: list[list[Any]] = [
        [ping(0)],
        [replace(WHOLE, received_at=moment(1)), ping(2)],
        [CONNECTION, CONNECTION],
    ]
    async with appending(path, durability) as appender:
        for batch in batches:
            await appender.append(batch)
        assert count(path) == 3
    with open_reader(path) as reader:
        kept = [replace(exchange, id=None) for exchange in reader.newest(Filters(), oldest=True)]
    assert kept == [ping(0), replace(WHOLE, received_at=moment(1)), ping(2)]
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT host, port, client, kind, bytes_up, detail FROM connections").fetchone()
    assert row == ("", None, "::1", "malformed", 3, CONNECTION.detail)
    assert os.listdir(tmp_path) == ["telemetry.db"]  # noqa: PTH208 - pathlib is what ruff minds in async tests


def count_on(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM exchanges").fetchone()[0])


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
async def test_files_that_are_damaged_are_opened_anew_once_the_work_behind_the_answers_ends(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / "telemetry.db"
    told: asyncio.Queue[str] = asyncio.Queue()
    has_begun, may_end = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection) -> int:
        has_begun.set()
        assert may_end.wait(HANG_SECONDS)
        return count_on(connection)

    async with appending(path, tell=lambda event, _message, **_level: told.put_nowait(event)) as appender:
        await appender.append([ping(0)])
        working = asyncio.create_task(appender.in_background(work))
        await asyncio.to_thread(has_begun.wait, HANG_SECONDS)
        path.with_name(f"telemetry.db{suffix}").unlink()
        assert await told.get() == "store_damaged"
        may_end.set()
        assert await working == 1
        assert await told.get() == "store_healed"
        await appender.append([ping(1)])
        assert await appender.in_background(count_on) == 2
    assert count(path) == 2


async def test_of_a_batch_with_a_record_that_cannot_be_stored_nothing_is(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    async with appending(path) as appender:
        with pytest.raises(UnicodeEncodeError):
            await appender.append([ping(0), ping(1, guid="\udcff"), ping(2)])
        assert count(path) == 0
        await appender.append([ping(3)])
    assert count(path) == 1


@pytest.mark.parametrize("durability", ["commit", "fsync"])
async def test_a_locked_database_says_so_and_takes_the_same_records_afterwards(
    tmp_path: Path, durability: Durability
) -> None:
    path = tmp_path / "telemetry.db"
    async with appending(path, durability) as appender:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for attempt in (appender.append([ping()]), appender.check()):
                with pytest.raises(StoreUnavailable, match=r"telemetry\.db cannot be written: database is locked"):
                    await attempt
            other.execute("ROLLBACK")
        await appender.check()
        await appender.append([ping()])
    assert count(path) == 1


async def test_a_failure_holds_no_records_until_the_collector_comes(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    body = bytes(bytearray(b"body"))
    gc.disable()
    try:
        async with appending(path) as appender:
            before = sys.getrefcount(body)
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreUnavailable):
                    await appender.append([replace(ping(), request_body=body)])
                other.execute("ROLLBACK")
            await appender.append([ping(1)])
            await appender.check()
            assert sys.getrefcount(body) == before
    finally:
        gc.enable()


async def test_a_file_that_went_away_is_noticed_and_taken_again_when_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    async with appending(path) as appender:
        away = path.rename(tmp_path / "away")
        for attempt in (appender.append([ping()]), appender.check()):
            with pytest.raises(StoreUnavailable, match="was removed or replaced"):
                await attempt
        away.replace(path)
        await appender.append([ping()])
        assert count(path) == 1


async def test_the_log_is_copied_on_the_way_and_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    batch = [ping(number, request_body=bytes(2**18)) for number in range(16)]
    longest = 0
    async with appending(path) as appender:
        for _ in range(64):
            await appender.append(batch)
            longest = max(longest, path.with_name("telemetry.db-wal").stat().st_size)
        assert path.stat().st_size > 4 * CHECKPOINT_BYTES
        assert longest < 4 * CHECKPOINT_BYTES
    assert count(path) == 64 * 16


async def test_who_writes_without_a_pause_waits_for_a_log_that_must_be_copied(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.db"
    batch = [ping(number, request_body=bytes(2**18)) for number in range(8)]
    longest = 0
    async with appending(path) as appender:
        for _ in range(40):
            await appender.append(batch)  # nothing else gets its turn, unless this waits
            longest = max(longest, path.with_name("telemetry.db-wal").stat().st_size)
    assert longest <= BOUND_BYTES < path.stat().st_size
