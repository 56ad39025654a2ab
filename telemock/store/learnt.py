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

from telemock.store.engine import open_for_writing

# So many are kept, those that were asked for last.
MOST_KEPT = 16

_BUSY_SECONDS = 1.0

# Bytes for what SQLite puts beside a database that is written to.
_ROOM = 2**18


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


def begin_learning(path: Path, at: str) -> str | None:
    """Give a mark that is gone when an exchange is changed or removed from now on; None when nothing can be kept.

    Args:
        path: a database; nothing is kept in one of an older schema, or that cannot be written now.
        at: now, in the form of `Exchange.received_at`.
    """
    mark = f"begun {uuid4()}"
    return mark if _write(path, lambda connection: _insert(connection, mark, at, Kept(Extent(0, 0), b""))) else None


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
        if kept is None or not is_current:
            return False
        _insert(connection, key, at, kept)
        connection.execute(
            "DELETE FROM learnt WHERE key NOT IN (SELECT key FROM learnt ORDER BY kept_at DESC LIMIT ?)", (MOST_KEPT,)
        )
        return True

    return _write(path, write)


def _insert(connection: sqlite3.Connection, key: str, at: str, kept: Kept) -> bool:
    connection.execute(
        "INSERT OR REPLACE INTO learnt (key, kept_at, last_id, exchange_count, state) VALUES (?, ?, ?, ?, ?)",
        (key, at, *kept.extent, kept.state),
    )
    return True


def _write(path: Path, work: Callable[[sqlite3.Connection], bool]) -> bool:
    """Do what it takes in one transaction; False when that cannot be done now."""
    try:
        # Without room for its index, SQLite leaves a write-ahead log behind with which nobody can read the database.
        with TemporaryFile(dir=path.parent) as file:
            file.write(bytes(_ROOM))
        with closing(open_for_writing(path, "commit", busy_seconds=_BUSY_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            is_done = work(connection)
            connection.execute("COMMIT")
            return is_done
    except (OSError, sqlite3.Error):
        return False
