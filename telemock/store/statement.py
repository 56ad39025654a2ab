"""This is how a statement that somebody wrote is run: reading only, for so long, row by row.

It refuses everything but reading, whatever the statement is: the file is opened for reading, and SQLite is told to
prepare nothing else.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from telemock.errors import InvalidSetting, StoreUnavailable

# What is read at a time.
_ROWS = 500
_PAGE_BYTES = 2**20

# SQLite's interpreter asks after so many of its steps whether to go on; each may make a value of many megabytes.
_STEPS = 1000

# The longest text, blob or row that a statement may make: randomblob(2e9) is no question, and JSON writes a control
# character in six. Longer bodies are those of `telemock show --body`.
_MOST_BYTES = 32 * 2**20

# What SQLite may hold at a time, a row of many such values among it. It may be lowered but not raised in a process.
_MOST_HELD_BYTES = 256 * 2**20

_ALLOWED = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE))

# What these tell is the schema.
_PRAGMAS = frozenset(
    ("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list")
)

# Errors that the file is to blame for.
_OF_FILES = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    )
)


@contextmanager
def run_statement(connection: sqlite3.Connection, sql: str, seconds: float) -> Iterator["Statement"]:
    """Run a statement for the length of a block; nobody else may use the connection meanwhile.

    Args:
        connection: to a database, opened for reading; its progress handler is left to the caller to set again.
        sql: in SQLite's dialect.
        seconds: how long it may take: SQLite's time, and what this process works on the rows between.

    Raises:
        InvalidSetting: it is not one statement that only reads, SQLite does not understand it, or it makes too much.
        StoreUnavailable: it took too long.
    """
    connection.execute(
        f"PRAGMA hard_heap_limit = {_MOST_HELD_BYTES}"
    )  # https://sqlite.org/c3ref/hard_heap_limit64.html
    longest = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
    connection.set_authorizer(_authorize)
    connection.text_factory = _text
    try:
        with closing(connection.cursor()) as cursor:
            statement = Statement(cursor, seconds)
            connection.set_progress_handler(statement.is_late, _STEPS)
            statement.execute(sql)
            yield statement
    finally:
        connection.set_authorizer(None)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)
        connection.text_factory = str


class Statement:
    """A statement that runs; made by `run_statement`.

    Attributes:
        names: of the columns; a name that is there twice gets a number.
    """

    def __init__(self, cursor: sqlite3.Cursor, seconds: float) -> None:
        self._cursor = cursor
        self._seconds = seconds
        self._left_s = seconds
        self._deadline = 0.0
        self._given_s = time.process_time()
        self._rows: list[Sequence[Any]] = []
        self.names: list[str] = []

    def execute(self, sql: str) -> None:
        """Begin; it runs on while rows are taken."""
        self._rows = self._fetch(sql)
        if self._cursor.description is None:
            raise InvalidSetting("There is no statement in the SQL; try SELECT * FROM telemetry LIMIT 5.")
        self.names = _numbered([name for name, *_ in self._cursor.description])

    def is_late(self) -> bool:
        """Tell SQLite whether to stop; being Python, this is also where a waiting Ctrl-C is raised."""
        return time.monotonic() > self._deadline

    def rows(self) -> Iterator[Sequence[Any]]:
        """Give the rows as they are found.

        Raises:
            InvalidSetting, StoreUnavailable: as `run_statement` does.
        """
        while self._rows:
            for row in self._rows:
                if time.process_time() - self._given_s > self._left_s:
                    raise self._late()
                yield row
            self._left_s -= time.process_time() - self._given_s
            self._rows = self._fetch()

    def _fetch(self, sql: str | None = None) -> list[Sequence[Any]]:
        started = time.monotonic()
        self._deadline = started + self._left_s
        try:
            if sql is not None:
                self._cursor.execute(sql)
            rows: list[Sequence[Any]] = []
            size = 0
            for row in self._cursor:
                rows.append(row)
                size += sum(len(value) for value in row if isinstance(value, str | bytes))
                if size > _MOST_BYTES:
                    raise InvalidSetting(
                        f"The statement makes a row of more than {_MOST_BYTES // 2**20} MiB; make it narrower."
                    )
                if len(rows) >= _ROWS or size > _PAGE_BYTES:
                    break
        except MemoryError as error:
            raise InvalidSetting(
                f"The statement needs more than {_MOST_HELD_BYTES // 2**20} MiB of memory; make it narrower."
            ) from error
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            raise self._explained(error) from error
        else:
            return rows
        finally:
            self._left_s -= time.monotonic() - started
            self._given_s = time.process_time()

    def _late(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"The statement was stopped after {self._seconds:g} s; make it narrower, or raise --time-limit."
        )

    def _explained(self, error: Exception) -> BaseException:
        if time.monotonic() > self._deadline and isinstance(error, sqlite3.OperationalError):
            return self._late()
        if str(error) in ("interrupted", "user-defined function raised exception"):
            return KeyboardInterrupt()
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _OF_FILES:
            return StoreUnavailable(f"The database cannot be read: {error}.")
        is_refused = code == sqlite3.SQLITE_AUTH or str(error).startswith("not authorized")
        reason = "it does more than read" if is_refused else str(error).rstrip(".")
        return InvalidSetting(f"The SQL cannot be run: {reason}.")


def _authorize(action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        is_allowed = first in _PRAGMAS
    elif action == sqlite3.SQLITE_UPDATE:
        # To read a pragma as a table, pragma_table_info('exchanges'), SQLite declares one; the file stays read-only.
        is_allowed = first == "sqlite_master"
    else:
        is_allowed = action in _ALLOWED and second != "load_extension"
    return sqlite3.SQLITE_OK if is_allowed else sqlite3.SQLITE_DENY


def _text(octets: bytes) -> str:
    """Take text as it is; people may have put other bytes in it."""
    return octets.decode(errors="surrogateescape")


def _numbered(names: Sequence[str]) -> list[str]:
    """Make names that are there twice different, which JSON needs: `id`, `id_2`."""
    given: list[str] = []
    for name in names:
        number, unique = 1, name
        while unique in given:
            number += 1
            unique = f"{name}_{number}"
        given.append(unique)
    return given
