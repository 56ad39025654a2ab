"""The write-ahead log of a database is copied into it, and emptied: SQLite's checkpoints, and when each is right."""

import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from telemock.settings import Durability
from telemock.store.engine import BUSY_SECONDS, open_for_writing, transaction
from telemock.store.wal_index import WalIndex

# A database that somebody wrote to is looked through for so long at most; SQLite asks whether to go on every so many of
# its steps.
_LOOK_SECONDS = 1.0
_STEPS = 10_000

# Who commits while the index is cleared undoes that; then it is cleared again.
_REMAKE_TURNS = 5


class Checkpointer:
    """Checkpoints one database; one thread at a time may use it.

    No method raises: a log that cannot be copied now, because somebody reads or the disk is full, just stays longer.
    So does one whose index is not right.

    Args:
        path: a migrated database.
        durability: as for `open_for_writing`.

    Attributes:
        is_right: tells whether the head of the index can be believed.

    Raises:
        sqlite3.Error: it cannot be opened.
    """

    def __init__(self, path: Path, durability: Durability) -> None:
        self.is_right = _always
        self._copying = open_for_writing(path, durability, busy_seconds=0)
        self._holding = open_for_writing(path, durability, busy_seconds=BUSY_SECONDS)

    def copy(self) -> bool:
        """Copy what no reader needs to be kept apart, beside everybody's writing; False while another copies."""
        return self._checkpoint("PASSIVE")

    def copy_all(self) -> None:
        """Copy while nobody may write, so that the log is copied to its end and the next writer starts it anew.

        It waits a moment for who writes now, and never for a reader while others wait.
        """
        with suppress(sqlite3.Error):
            self._holding.execute("BEGIN IMMEDIATE")
            try:
                self._checkpoint("PASSIVE")
            finally:
                self._holding.execute("ROLLBACK")

    def empty(self) -> None:
        """Copy everything and cut the log's file to nothing, where nobody reads or writes."""
        self._checkpoint("TRUNCATE")

    def is_sound(self) -> bool | None:
        """Look through the database's structure, not what is in memory of it; None when that takes too long."""
        deadline = time.monotonic() + _LOOK_SECONDS
        self._copying.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
        try:
            with closing(self._copying.execute("PRAGMA quick_check(1)")) as cursor:
                return bool(cursor.fetchone()[0] == "ok")
        except sqlite3.DatabaseError as error:
            return None if isinstance(error, sqlite3.OperationalError) else False
        finally:
            self._copying.set_progress_handler(None, 0)
            self._copying.execute("PRAGMA shrink_memory")

    def remake_index(self, index: WalIndex) -> bool:
        """Have SQLite make the index anew from the log, unless it is right; tell whether that was done."""
        with suppress(OSError):
            index.keep_size()
            with suppress(sqlite3.Error), transaction(self._holding):
                if index.is_right():
                    return False
            for _ in range(_REMAKE_TURNS):
                index.clear()
                with suppress(sqlite3.Error):
                    self._holding.execute("PRAGMA shrink_memory")
                    # With a commit all connections forget what they read through the index that was wrong.
                    with transaction(self._holding):
                        version = self._holding.execute("PRAGMA user_version").fetchone()[0]
                        self._holding.execute(f"PRAGMA user_version = {version}")
                    if index.is_right():
                        break
        return True

    def close(self) -> None:
        """Close both connections."""
        self._copying.close()
        self._holding.close()

    def _checkpoint(self, mode: str) -> bool:
        """Tell whether no lock was in the way."""
        if not self.is_right():
            return True
        with suppress(sqlite3.Error), closing(self._copying.execute(f"PRAGMA wal_checkpoint({mode})")) as cursor:
            return not cursor.fetchone()[0]
        return True


def _always() -> bool:
    return True
