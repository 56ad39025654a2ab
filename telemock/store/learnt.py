"""This is where what was learnt of the exchanges is kept beside them, for the next time somebody asks.

It refuses to know what was learnt, and to make anybody wait: what cannot be kept now is learnt again.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple
from uuid import uuid4

from telemock.store.engine import HEAD, open_for_writing, revision, transaction

# So many are kept, those that were asked for last.
MOST_KEPT = 16

_BUSY_SECONDS = 1.0

# Bytes for what SQLite puts beside a database that is written to.
_ROOM = 2**18

# A mark is a row without a state; of who was killed it stays.
_DELETE_OLD_MARKS = """
    DELETE FROM learnt WHERE state = x'' AND kept_at < strftime('%Y-%m-%dT%H:%M:%fZ', ?, '-1 day')
"""
_DELETE_OLD_STATES = """
    DELETE FROM learnt WHERE state <> x'' AND key NOT IN (
        SELECT key FROM learnt WHERE state <> x'' ORDER BY kept_at DESC LIMIT ?
    )
"""


class Extent(NamedTuple):
    """How much there is.

    Attributes:
        last_id: of the exchange stored last; 0 when there is none.
        exchange_count: exchanges up to there.
    """

    last_id: int
    exchange_count: int


class Kept(NamedTuple):
    """What was learnt.

    Attributes:
        extent: of what.
        state: as whoever learnt it wrote it down.
    """

    extent: Extent
    state: bytes


def begin_learning(path: Path, at: str, key: str, known: Kept | None) -> str | None:
    """Give a mark that is gone when an exchange is changed or removed from now on; None when nothing can be kept.

    Args:
        path: a database; nothing is kept in one of an older schema, or that cannot be written now.
        at: now, in the form of `Exchange.received_at`.
        key: what it is about.
        known: what was found under the key, to go on from; nothing is kept when it is not there any more.
    """
    mark = f"begun {uuid4()}"

    def write(connection: sqlite3.Connection) -> bool:
        if known is not None:
            sql = "SELECT 1 FROM learnt WHERE key = ? AND last_id = ? AND exchange_count = ? AND state = ?"
            if connection.execute(sql, (key, *known.extent, known.state)).fetchone() is None:
                return False
        _insert(connection, mark, at, Kept(Extent(0, 0), b""))
        return True

    return mark if _write(path, write) else None


def keep_learnt(path: Path, mark: str, key: str, kept: Kept | None, at: str) -> bool:
    """Keep what was learnt in place of what was known under the key; tell whether that could be done.

    Args:
        path: of the database.
        mark: from `begin_learning`, before anything was read; it is used up.
        key: what it is about.
        kept: what was learnt; None when it is not worth keeping.
        at: now, in the form of `Exchange.received_at`.
    """

    def write(connection: sqlite3.Connection) -> bool:
        is_current = connection.execute("DELETE FROM learnt WHERE key = ?", (mark,)).rowcount > 0
        connection.execute(_DELETE_OLD_MARKS, (at,))
        if kept is None or not is_current:
            return False
        _insert(connection, key, at, kept)
        connection.execute(_DELETE_OLD_STATES, (MOST_KEPT,))
        return True

    return _write(path, write)


def _insert(connection: sqlite3.Connection, key: str, at: str, kept: Kept) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO learnt (key, kept_at, last_id, exchange_count, state) VALUES (?, ?, ?, ?, ?)",
        (key, at, *kept.extent, kept.state),
    )


def _write(path: Path, work: Callable[[sqlite3.Connection], bool]) -> bool:
    """Do what it takes in one transaction; False when that cannot be done now."""
    try:
        # Without room for its index, SQLite leaves a write-ahead log behind with which nobody can read the database.
        with TemporaryFile(dir=path.parent) as file:
            file.write(bytes(_ROOM))
        with (
            closing(open_for_writing(path, "commit", busy_seconds=_BUSY_SECONDS)) as connection,
            transaction(connection),
        ):
            # Whoever made the file of a newer schema knows more about what may be in it.
            return revision(connection) == HEAD and work(connection)
    except (OSError, sqlite3.Error):
        return False
