"""What is left of exchanges whose database or log was cut, overwritten or removed is kept in a database beside it.

Rows come from the pages that the log still holds, and from those that a connection has in memory.
"""

import fcntl
import os
import secrets
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from telemock.errors import StoreError
from telemock.files import whole
from telemock.store.commits import Ids, Row
from telemock.store.engine import LEAST_FREE_BYTES, open_for_writing, transaction, write_ahead_log
from telemock.store.leaf_rows import leaf_rows, text_or_octets
from telemock.store.log_pages import LogPages
from telemock.store.rows import CONNECTIONS, EXCHANGES, Table

# So long a process waits for another one that writes to the same recovered database.
_BUSY_SECONDS = 10.0

# By how many columns a row has, it is told where it belongs: no other table of telemock's has as many.
_TABLES: dict[int, Table[Any]] = {len(table.columns) + 1: table for table in (EXCHANGES, CONNECTIONS)}


class _Count(NamedTuple):
    """How many exchanges there are, and between which ids."""

    exchanges: int
    first_id: int
    last_id: int

    def told(self, kind: str) -> str:
        return f"{self.exchanges} {kind}, with ids from {self.first_id} to {self.last_id}"


class Recovery(NamedTuple):
    """What was recovered.

    Attributes:
        recovered: the exchanges in the recovered database; None when there are none.
        missing: those that were wanted and are not there; None when all are.
        unusable: those that were found, and are no rows of this telemock's schema; None when there are none.
        failure: why it could not be written; empty when it could.
    """

    recovered: _Count | None
    missing: _Count | None
    unusable: _Count | None = None
    failure: str = ""


class Copy(NamedTuple):
    """A copy of a database, None when it could not be made, and what was added to it."""

    path: Path | None
    recovery: Recovery


def recovered_path(path: Path, salt: bytes) -> Path:
    """Return the path of what is recovered from one state of a log; it is the same for all processes that share it."""
    return path.with_name(f"{path.name}-recovered-{salt.hex()}.db")


def recover(target: Path, pages: LogPages, cached: Sequence[Row], wanted: Sequence[Ids]) -> Recovery:
    """Add to a recovered database what is at hand; where nothing is, none is made. It raises nothing.

    Args:
        target: from `recovered_path`.
        pages: of the log.
        cached: exchanges, from `cached_rows`.
        wanted: those that were acknowledged, without gaps.
    """
    from telemock.store.migration import migrate  # noqa: PLC0415 - imports much, and is hardly ever needed

    rows = chain(_rows(pages), cached)
    try:
        if not target.exists():
            first = next(rows, None)
            if first is None:
                return Recovery(None, _missing(set(), wanted))
            rows = chain([first], rows)
        migrate(target)  # where another process just does, wait for it
        with closing(open_for_writing(target, "fsync", busy_seconds=_BUSY_SECONDS)) as connection:
            with transaction(connection):
                tried = {row[0] for row in rows if not _insert(connection, row)}
            there = {row_id for (row_id,) in connection.execute("SELECT id FROM exchanges")}
    except (OSError, sqlite3.Error, StoreError) as error:
        return Recovery(None, _missing(set(), wanted), failure=str(error))
    missing = _missing(there, wanted)
    lost = {row_id for ids in wanted for row_id in range(ids.first, ids.last + 1)}
    return Recovery(_count(there), missing, _count(tried - there - lost))


def told(wanted: Sequence[Ids], recovery: Recovery, target: Path) -> list[str]:
    """Return what was wanted, and what came of it, in parts of a sentence."""
    said: list[str] = []
    acknowledged = _missing(set(), wanted)
    if acknowledged is not None and acknowledged != recovery.missing:
        said.append(f"{acknowledged.told('acknowledged exchanges')}, were in its log alone")
    if recovery.recovered is not None:
        said.append(f"{recovery.recovered.told('exchanges')}, are saved in {target}")
    if recovery.failure:
        said.append(f"nothing could be saved in {target} ({recovery.failure.rstrip('.')})")
    if recovery.unusable is not None:
        said.append(f"{recovery.unusable.told('exchanges or connections')}, were found there, but cannot be stored")
    if recovery.missing is not None:
        said.append(f"{recovery.missing.told('acknowledged exchanges')}, are lost")
    return said


def cached_rows(connection: sqlite3.Connection, wanted: Iterable[Ids]) -> list[Row]:
    """Return those of the exchanges that a connection can still read, from its memory; of each part the newest ones."""
    rows: list[Row] = []
    sql = f"SELECT id, {', '.join(EXCHANGES.columns)} FROM exchanges WHERE id BETWEEN ? AND ? ORDER BY id DESC"  # noqa: S608 - own names
    before, connection.text_factory = connection.text_factory, text_or_octets
    try:
        for ids in wanted:
            rows += [(row_id, tuple(values)) for row_id, *values in _readable(connection, sql, ids)]
    finally:
        connection.text_factory = before
    return rows


def lacks(connection: sqlite3.Connection, wanted: Sequence[Ids]) -> bool:
    """Tell whether one of the exchanges cannot be read, though nobody is in the way."""
    extent = (wanted[0].first, wanted[-1].last)
    try:
        there = {
            row_id for (row_id,) in connection.execute("SELECT id FROM exchanges WHERE id BETWEEN ? AND ?", extent)
        }
    except sqlite3.DatabaseError as error:
        return not isinstance(error, sqlite3.OperationalError)
    return _missing(there, wanted) is not None


def set_log_aside(path: Path, log: int, target: Path) -> Path | None:
    """Move a log away from a database that it does not belong to any more, so that nobody copies it into that.

    Args:
        path: of the database.
        log: descriptor of the log.
        target: the recovered database, beside which it is kept.

    Returns:
        Where it is; None when it could not be moved.
    """
    aside, log_path = target.with_suffix(".wal"), write_ahead_log(path)
    try:
        if not aside.exists() and os.path.samestat(os.fstat(log), log_path.stat()):
            log_path.rename(aside)
        return aside if os.path.samestat(os.fstat(log), aside.stat()) else None
    except OSError:
        return None


def copy_removed(path: Path, database: int, known: tuple[int, str], pages: LogPages, wanted: Sequence[Ids]) -> Copy:
    """Copy a database that no path leads to any more, with what its log alone holds.

    Processes that share it make one copy: who comes later finds that of the first one.

    Args:
        path: that it had.
        database: descriptor of its file.
        known: id and time of an exchange in it.
        pages: of the log.
        wanted: those in the log alone that were acknowledged.
    """
    try:
        with _locked(database):
            there = [copy for copy in path.parent.glob(f"{path.name}-recovered-*.db") if _holds(copy, known)]
            target = there[0] if there else recovered_path(path, secrets.token_bytes(8))
            if not there:
                size = os.fstat(database).st_size
                if shutil.disk_usage(path.parent).free - size < LEAST_FREE_BYTES:
                    return Copy(None, Recovery(None, _missing(set(), wanted)))
                with whole(target, mode=0o600) as draft, draft.open("wb") as file:
                    place = 0
                    while sent := os.sendfile(file.fileno(), database, place, size):
                        place += sent
            return Copy(target, recover(target, pages, [], wanted))
    except OSError as error:
        return Copy(None, Recovery(None, _missing(set(), wanted), failure=str(error)))


@contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _holds(path: Path, known: tuple[int, str]) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            sql = "SELECT 1 FROM exchanges WHERE id = ? AND received_at = ?"
            return connection.execute(sql, known).fetchone() is not None
    except sqlite3.Error:
        return False


def _insert(connection: sqlite3.Connection, row: Row) -> bool:
    """Insert a row that is not there yet; False when it cannot be stored, which costs no other its place.

    Raises:
        sqlite3.OperationalError: nothing can be stored.
    """
    row_id, values = row
    table = _TABLES[len(values) + 1]
    try:
        if not connection.execute(_insert_sql(table), (row_id, *values)).rowcount:
            sql = f"SELECT 1 FROM {table.name} WHERE id = ?"  # noqa: S608 - own names
            return connection.execute(sql, (row_id,)).fetchone() is not None
    except sqlite3.OperationalError:
        raise
    except (sqlite3.Error, OverflowError, ValueError):
        return False
    return True


def _insert_sql(table: Table[Any]) -> str:
    names = ("id", *table.columns)
    return f"INSERT OR IGNORE INTO {table.name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - own names


def _readable(connection: sqlite3.Connection, sql: str, ids: Ids) -> Iterator[Any]:
    """Return rows up to the first one that cannot be read."""
    try:
        with closing(connection.execute(sql, (ids.first, ids.last))) as cursor:
            yield from cursor
    except sqlite3.Error:
        return


def _rows(pages: LogPages) -> Iterator[Row]:
    """Return the exchanges and connections of pages; the id, in the column for it, is NULL in a file."""
    for page in pages:
        for row_id, values in leaf_rows(page, pages.page):
            if len(values) in _TABLES and values[0] is None:
                yield row_id, values[1:]


def _missing(there: set[int], wanted: Iterable[Ids]) -> _Count | None:
    return _count({row_id for ids in wanted for row_id in range(ids.first, ids.last + 1)} - there)


def _count(ids: set[int]) -> _Count | None:
    return _Count(len(ids), min(ids), max(ids)) if ids else None
