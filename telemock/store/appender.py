"""This is where a batch becomes one SQLite transaction, in files that are looked at before its answers leave.

It refuses to retry: the writer decides what a failure means for those who wait.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain, count, islice
from pathlib import Path
from typing import TypeVar

from telemock.errors import StoreUnavailable
from telemock.exchange import Exchange, Record
from telemock.settings import Durability
from telemock.store.open_database import Files, OpenDatabase, Tell, open_database
from telemock.store.rows import table_rows
from telemock.store.upkeep import BOUND_BYTES, CHECKPOINT_BYTES, Upkeep, long_log

_T = TypeVar("_T")

_logger = logging.getLogger(__name__)

# Another worker's commit is as short as our own: so long it is waited for on the loop, turn by turn, in which other
# requests are read. SQLite's own waiting would stop the loop, and sleeps ever longer.
_TURNS_SECONDS = 0.01

# A disk that took longer than this once is waited for in the thread for a while.
_SLOW_SECONDS = 0.05
_SLOW_FOR_SECONDS = 1.0

# Where the paths lead is looked at before a batch, unless that was done so shortly ago; the files after each.
_LOOK_SECONDS = 0.005

# How often files and log are looked at while nobody writes, and while somebody does; and at most.
_IDLE_TICK_SECONDS = 0.5
_BUSY_TICK_SECONDS = 0.1
_LEAST_TICK_SECONDS = 0.02

# Who would write to a log of this size waits until it is copied, but no longer than this; then it may grow by so much.
_HOLD_BYTES = 24 * 2**20
_HOLD_SECONDS = 0.5
_HOLD_STEP_BYTES = 16 * 2**20
_HOLD_TURN_SECONDS = 0.005

# So long a question after the store's health waits for whoever has the lock.
_CHECK_SECONDS = 1.0


def _tell_nobody(event: str, message: str, *, level: str) -> None:
    """Drop an event."""
    del event, message, level


class SqliteAppender:
    """Appends to a migrated SQLite database; one writer owns it.

    A batch is one multi-row INSERT in autocommit mode, which is one transaction. Without fsync that is a
    copy in memory, done sooner than a thread could be woken: it is made at once, on the loop. What may
    wait, for a disk or for another process's lock, is made in a thread.
    """

    def __init__(self, database: OpenDatabase) -> None:
        self._database = database
        self._upkeep = Upkeep(database)
        self._looked_at = 0.0
        self._slow_until = 0.0
        self._hold_above = _HOLD_BYTES
        self._wake = asyncio.Event()
        self._task = asyncio.create_task(self._look_forever(), name="store upkeep")

    @classmethod
    async def open(cls, path: Path, durability: Durability, tell: Tell = _tell_nobody) -> "SqliteAppender":
        """Open a migrated database; close the result.

        Args:
            path: of the database.
            durability: what a commit survives.
            tell: takes events of damage and of the log's length.

        Raises:
            StoreUnavailable: it cannot be opened, or is damaged.
        """
        return cls(await open_database(path, durability, tell))

    async def append(self, records: Sequence[Record]) -> None:
        """Commit the records; see `telemock.store.writer.Appender`."""
        table, columns, common, own = table_rows(records)
        statement = _insert_sql(table, columns, len(common), len(own))
        values = [*common, *chain.from_iterable(own)]
        await self._hold_back()
        async with self._database.turn:
            if self._database.damage is not None or time.monotonic() > self._looked_at + _LOOK_SECONDS:
                await self._database.look()
                self._looked_at = time.monotonic()
            files = self._database.files
            files.watch.keep_index()
            last_id = await self._insert(files, statement, values)
            await self._database.committed(files, last_id, [each for each in records if isinstance(each, Exchange)])
        if files.watch.state.uncopied_bytes >= CHECKPOINT_BYTES:
            self._wake.set()

    async def check(self) -> None:
        """Take and give back the write lock, on the connection that no batch uses."""
        deadline = time.monotonic() + _CHECK_SECONDS
        while True:
            async with self._database.turn:
                await self._database.look()
                files = self._database.files
                try:
                    await files.beside.executescript("BEGIN IMMEDIATE; ROLLBACK")
                except sqlite3.DatabaseError as error:
                    # Whoever copies the log has the lock for a moment, too.
                    if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                        raise self._unavailable(error) from error
                else:
                    return

    @property
    def log_bytes(self) -> int:
        """Size of the write-ahead log's file."""
        return 0 if self._database.damage is not None else self._database.files.watch.log_bytes

    @property
    def is_elected(self) -> bool:
        """Tell whether this is the one of the processes on the database that looks after it, and it is not damaged."""
        return self._upkeep.is_elected and self._database.damage is None

    async def in_background(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run something short behind the answers, with a connection for that, in a thread.

        Raises:
            StoreUnavailable: the files are damaged.
        """
        return await self._database.in_background(work)

    def warnings(self) -> list[str]:
        """Say what people should know, though exchanges are kept."""
        return [long_log(self.log_bytes)] if self.log_bytes > BOUND_BYTES else []

    async def close(self) -> None:
        """Copy the write-ahead log into the database where nobody else uses it, and close.

        Raises:
            StoreDamaged: something that was acknowledged could not be saved; the message says what.
        """
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        try:
            await self._database.close()
        finally:
            self._upkeep.close()

    async def _look_forever(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_BUSY_TICK_SECONDS if self._upkeep.is_busy else _IDLE_TICK_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                async with self._database.turn:
                    await self._database.look()
                if self._database.damage is None:
                    await self._upkeep.tend()
            except Exception:
                _logger.exception("The write-ahead log could not be looked after")
            await asyncio.sleep(_LEAST_TICK_SECONDS)

    async def _hold_back(self) -> None:
        """Wait for the log to be copied, when it grows faster than that; it may grow on beside one who reads."""
        if self._database.damage is not None:
            return
        watch = self._database.files.watch
        size = watch.state.size_bytes
        if size < self._hold_above:
            if size < _HOLD_BYTES:
                self._hold_above = _HOLD_BYTES
            return
        deadline = time.monotonic() + _HOLD_SECONDS
        while watch.refresh().uncopied_bytes and watch.state.size_bytes >= _HOLD_BYTES:
            if time.monotonic() > deadline:
                self._hold_above = watch.state.size_bytes + _HOLD_STEP_BYTES
                return
            self._wake.set()
            await asyncio.sleep(_HOLD_TURN_SECONDS)

    async def _insert(self, files: Files, statement: str, values: list[object]) -> int:
        """Insert rows; give the id of the last one."""
        if files.at_once is not None:
            last_id = await self._insert_at_once(files.at_once, statement, values)
            if last_id:
                return last_id
        try:
            rows = list(await files.beside.execute_fetchall(statement + " RETURNING id", values))
        except sqlite3.DatabaseError as error:
            if not _is_of_store(error):
                raise
            # Its traceback is in a circle, and holds all rows until the collector comes.
            raise self._unavailable(error) from error.with_traceback(None)
        return int(rows[-1][0])

    async def _insert_at_once(self, at_once: sqlite3.Connection, statement: str, values: list[object]) -> int | None:
        """Insert on the loop; None when the disk is slow, full or locked for long, which the thread can wait for."""
        began = time.monotonic()
        if began <= self._slow_until:
            return None
        while (started := time.monotonic()) <= began + _TURNS_SECONDS:
            try:
                last_id = at_once.execute(statement, values).lastrowid
            except sqlite3.DatabaseError as error:
                if not _is_of_store(error):
                    raise
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    return None
                await asyncio.sleep(0)
            else:
                if time.monotonic() - started > _SLOW_SECONDS:
                    self._slow_until = started + _SLOW_FOR_SECONDS
                return last_id
        return None

    def _unavailable(self, error: sqlite3.Error) -> StoreUnavailable:
        return StoreUnavailable(f"The database {self._database.path} cannot be written: {error}.")


def _is_of_store(error: sqlite3.DatabaseError) -> bool:
    """Tell whether it is the file that is to blame, not a value: what SQLite calls corrupt has no class of its own."""
    return isinstance(error, sqlite3.OperationalError | sqlite3.InternalError) or type(error) is sqlite3.DatabaseError


@lru_cache(maxsize=1024)
def _insert_sql(table: str, columns: tuple[str, ...], common: int, rows: int) -> str:
    """Write an INSERT of so many rows, whose first columns have the same parameters in every row."""
    numbers = count(common + 1)
    own = len(columns) - common
    values = [[*range(1, common + 1), *islice(numbers, own)] for _ in range(rows)]
    lines = ["(" + ", ".join([f"?{number}" for number in row]) + ")" for row in values]
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join(lines)}"  # noqa: S608 - own names
