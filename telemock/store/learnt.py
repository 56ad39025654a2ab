"""This is where what was learnt of the exchanges is kept beside them, for the next time somebody asks.

It refuses to know what was learnt, and to make anybody wait: what cannot be kept now is learnt again.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from telemock.store.engine import open_for_writing

# So many are kept, those that were asked for last.
MOST_KEPT = 16

_BUSY_SECONDS = 1.0


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


def keep_learnt(path: Path, key: str, kept: Kept, kept_at: str) -> bool:
    """Keep what was learnt in place of what was known under the key; tell whether that could be done.

    Args:
        path: a database; nothing is kept in one of an older schema, or that cannot be written now.
        key: what it is about.
        kept: what was learnt.
        kept_at: when, in the form of `Exchange.received_at`.
    """
    try:
        with closing(open_for_writing(path, "commit", busy_seconds=_BUSY_SECONDS)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "INSERT OR REPLACE INTO learnt (key, kept_at, last_id, exchange_count, state) VALUES (?, ?, ?, ?, ?)",
                (key, kept_at, *kept.extent, kept.state),
            )
            connection.execute(
                "DELETE FROM learnt WHERE key NOT IN (SELECT key FROM learnt ORDER BY kept_at DESC LIMIT ?)",
                (MOST_KEPT,),
            )
            connection.execute("COMMIT")
    except sqlite3.Error:
        return False
    return True
