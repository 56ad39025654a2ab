"""This is where a batch becomes one SQLite transaction, and where the write-ahead log is kept short.

It refuses to retry: the writer decides what a failure means for those who wait.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, count, islice
from pathlib import Path

import aiosqlite

from telemock.errors import StoreUnavailable
from telemock.exchange import Exchange, Record
from telemock.settings import Durability
from telemock.store.engine import PAGE_BYTES, open_beside, open_for_writing
from telemock.store.rows import table_rows

# After about this much in the write-ahead log, its pages are copied to the database. The log's file stays as long
# as it once was: cutting it takes longer than a hundred commits.
CHECKPOINT_BYTES = 8 * 2**20

# Another worker's commit is as short as our own: so long it is waited for on the loop, turn by turn, in which other
# requests are read. SQLite's own waiting would stop the loop, and sleeps ever longer.
_TURNS_SECONDS = 0.01

# A disk that took longer than this once is waited for in the thread for a while.
_SLOW_SECONDS = 0.05
_SLOW_FOR_SECONDS = 1.0

# What a commit adds to the log: the last page of the table and of each index, and a row without its body.
_COMMIT_BYTES = 5 * PAGE_BYTES
_ROW_BYTES = 2000


class SqliteAppender:
    """Appends to a migrated SQLite database; one writer owns it.

    A batch is one multi-row INSERT in autocommit mode, which is one transaction. Without fsync that is a
    copy in memory, done sooner than a thread could be woken: it is made at once, on the loop. What may
    wait, for a disk or for another process's lock, is made in a thread.
    """

    def __init__(self, path: Path, at_once: sqlite3.Connection | None, beside: aiosqlite.Connection) -> None:
        self._path = path
        self._file = _identity(path)
        self._at_once = at_once
        self._beside = beside
        self._slow_until = 0.0
        self._log_bytes = 0
        self._copying: asyncio.Task[None] | None = None
        self._settle = False

    @classmethod
    async def open(cls, path: Path, durability: Durability) -> "SqliteAppender":
        """Open a migrated database; close the result."""
        beside = await open_beside(path, durability)
        at_once = None
        if durability != "fsync":
            at_once = open_for_writing(path, durability, busy_seconds=0)
        return cls(path, at_once, beside)

    async def append(self, records: Sequence[Record]) -> None:
        """Commit the records; see `telemock.store.writer.Appender`."""
        self._check_file()
        table, columns, common, own = table_rows(records)
        statement = _insert_sql(table, columns, len(common), len(own))
        await self._insert(statement, [*common, *chain.from_iterable(own)])
        bodies = [len(record.request_body or b"") for record in records if isinstance(record, Exchange)]
        self._log_bytes += _COMMIT_BYTES + _ROW_BYTES * len(records) + sum(bodies)
        await self._tend()

    async def check(self) -> None:
        """Take and give back the write lock, on the connection that no batch uses."""
        self._check_file()
        try:
            await self._beside.executescript("BEGIN IMMEDIATE; ROLLBACK")
        except sqlite3.OperationalError as error:
            raise self._unavailable(error) from error

    async def close(self) -> None:
        """Copy the write-ahead log into the database where nobody else uses it, and close."""
        if self._copying is not None:
            await self._copying
        if self._at_once is not None:
            self._at_once.close()
        await self._beside.close()

    async def _insert(self, statement: str, values: list[object]) -> None:
        if self._at_once is not None and await self._insert_at_once(self._at_once, statement, values):
            return
        try:
            await self._beside.execute_fetchall(statement, values)
        except sqlite3.OperationalError as error:
            raise self._unavailable(error) from error

    async def _insert_at_once(self, at_once: sqlite3.Connection, statement: str, values: list[object]) -> bool:
        """Insert on the loop; False when the disk is slow, full or locked for long, which the thread can wait for."""
        began = time.monotonic()
        if began <= self._slow_until:
            return False
        while (started := time.monotonic()) <= began + _TURNS_SECONDS:
            try:
                at_once.execute(statement, values)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    return False
                await asyncio.sleep(0)
            else:
                if time.monotonic() - started > _SLOW_SECONDS:
                    self._slow_until = started + _SLOW_FOR_SECONDS
                return True
        return False

    async def _tend(self) -> None:
        """Copy the log beside the writing, then its short rest between two batches, so that it starts anew."""
        if self._copying is not None and self._log_bytes >= CHECKPOINT_BYTES:
            await self._copying  # writing must not outrun copying
        if self._settle:
            self._settle = False
            self._log_bytes = 0
            await self._copy()
        elif self._log_bytes >= CHECKPOINT_BYTES:
            self._log_bytes = 0
            self._copying = asyncio.create_task(self._copy_aside(), name="store checkpoint")

    async def _copy_aside(self) -> None:
        await self._copy()
        self._settle = True
        self._copying = None

    async def _copy(self) -> None:
        try:
            await self._beside.execute_fetchall("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.OperationalError:
            # Locked or full: the log just stays longer; the next append tells if writing fails.
            return

    def _check_file(self) -> None:
        """A deleted or replaced file still takes writes, into nothing that anybody can open."""
        if _identity(self._path) != self._file:
            raise StoreUnavailable(
                f"The database {self._path} was removed or replaced while in use; put it back, or restart telemock."
            )

    def _unavailable(self, error: sqlite3.Error) -> StoreUnavailable:
        return StoreUnavailable(f"The database {self._path} cannot be written: {error}.")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - once per commit; a third of the time of Path.stat
    except OSError:
        return None
    return status.st_dev, status.st_ino


@lru_cache(maxsize=1024)
def _insert_sql(table: str, columns: tuple[str, ...], common: int, rows: int) -> str:
    """Write an INSERT of so many rows, whose first columns have the same parameters in every row."""
    numbers = count(common + 1)
    own = len(columns) - common
    values = [[*range(1, common + 1), *islice(numbers, own)] for _ in range(rows)]
    lines = ["(" + ", ".join([f"?{number}" for number in row]) + ")" for row in values]
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join(lines)}"  # noqa: S608 - own names
