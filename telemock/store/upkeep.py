"""The write-ahead log is kept short by one of the processes that write to a database, for all of them.

SQLite starts a log anew when all of it is in the database and nobody reads from it. While one process copies, the
others go on writing: so a log is copied to its end while nobody may write, after most of it was copied beside them.
"""

import asyncio
from typing import Final

from telemock.store.checkpointer import Checkpointer
from telemock.store.election import Election
from telemock.store.file_watch import FileWatch
from telemock.store.open_database import OpenDatabase
from telemock.store.wal_index import LogState

# After so much in the log alone, it is copied. Of a log of this size all is, by whoever sees it: it should start anew.
CHECKPOINT_BYTES: Final = 8 * 2**20
_GROWN_BYTES = 16 * 2**20

# Something is in the log alone so long at most; and when nobody wrote for so long, the log's file is cut to nothing.
CHECKPOINT_SECONDS: Final = 4.0
IDLE_SECONDS: Final = 4.0

# The log's file is no longer than this, unless somebody keeps it from being cut.
BOUND_BYTES: Final = 64 * 2**20

# No more than this is copied while nobody may write.
_SETTLE_BYTES = 24 * 2**20

# A log that cannot be copied now, as somebody reads an older state of it, is tried again after so long.
_AGAIN_SECONDS = 1.0


class Upkeep:
    """Decides when the log of a database is copied and cut; owned by one appender.

    Args:
        database: to be looked after.

    Attributes:
        is_elected: this process is the one that looks after the database.
    """

    def __init__(self, database: OpenDatabase) -> None:
        self._database = database
        self._election = Election(database.path)
        self.is_elected = self._election.is_elected()  # whoever is first is
        self._loop = asyncio.get_running_loop()
        self._position: tuple[bytes, int] | None = None
        self._changed_at = 0.0
        self._uncopied_since: float | None = None
        self._not_before = 0.0
        self._is_long = False

    @property
    def is_busy(self) -> bool:
        """Tell whether something was written a moment ago."""
        return self._loop.time() - self._changed_at < _AGAIN_SECONDS

    async def tend(self) -> None:
        """Do what is due now; the files are not damaged."""
        files = self._database.files
        checkpointer, watch = files.checkpointer, files.watch
        state = watch.refresh()
        is_due, is_idle = self._look(state)
        is_long = watch.log_bytes > BOUND_BYTES
        self.is_elected = self._election.is_elected()
        if self.is_elected and is_long is not self._is_long:
            self._tell_length(watch.log_bytes)
        self._is_long = is_long
        # A log that grows too long is everybody's business: the elected process may hang, or not have seen it yet.
        is_ours = self.is_elected or is_long or _is_growing(state)
        if self._loop.time() < self._not_before or not is_ours:
            return
        if is_due:
            await self._copy(checkpointer, watch)
        if watch.log_bytes and (is_idle or is_long) and not watch.refresh().uncopied_bytes:
            await self._database.in_thread(checkpointer.empty)

    def _look(self, state: LogState) -> tuple[bool, bool]:
        """Tell whether the log should be copied, and whether nobody writes to it."""
        now = self._loop.time()
        if self._position != (state.salt, state.frames):
            self._position = (state.salt, state.frames)
            self._changed_at = now
        if not state.uncopied_bytes:
            self._uncopied_since = None
        elif self._uncopied_since is None:
            self._uncopied_since = now
        is_late = self._uncopied_since is not None and now - self._uncopied_since >= CHECKPOINT_SECONDS
        is_due = is_late or state.uncopied_bytes >= CHECKPOINT_BYTES or _is_growing(state)
        return is_due, now - self._changed_at >= IDLE_SECONDS

    def close(self) -> None:
        """Leave the work to another process."""
        self._election.close()

    def _tell_length(self, log_bytes: int) -> None:
        if log_bytes > BOUND_BYTES:
            self._database.tell("log_long", long_log(log_bytes), level="warning")
        else:
            self._database.tell("log_cut", "The write-ahead log is short again.", level="info")

    async def _copy(self, checkpointer: Checkpointer, watch: FileWatch) -> None:
        before = watch.refresh()
        # What is not whole any more must not get from one file into the other; who looks next tells of it.
        if not await self._database.in_thread(watch.look_through_log) or watch.look() is not None:
            return
        if not await self._database.in_thread(checkpointer.copy):
            return
        state = watch.refresh()
        if state.size_bytes >= CHECKPOINT_BYTES and state.uncopied_bytes <= _SETTLE_BYTES:
            async with self._database.turn:
                await self._database.in_thread(checkpointer.copy_all)
            state = watch.refresh()
        self._uncopied_since = None
        if state.checkpoint == before.checkpoint:
            self._not_before = self._loop.time() + _AGAIN_SECONDS


def _is_growing(state: LogState) -> bool:
    """Tell whether a log should have started anew already."""
    return state.size_bytes >= _GROWN_BYTES and state.uncopied_bytes > 0


def long_log(log_bytes: int) -> str:
    """Say that the log is too long."""
    return (
        f"The write-ahead log has {log_bytes / 2**20:.0f} MiB: a program keeps a read transaction open on the "
        "database; the log is cut when it ends that."
    )
