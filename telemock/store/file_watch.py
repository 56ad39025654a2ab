"""The files of a database that is in use are looked at: whether they are still the ones that were opened, and whole.

SQLite looks at none of that: it writes on into files that nobody can open any more, or whose content is gone.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple

from telemock.errors import StoreUnavailable
from telemock.store.engine import PAGE_BYTES, index_path, is_our_head, write_ahead_log
from telemock.store.log_pages import frames
from telemock.store.wal_index import FRAME_SALT, LOG_HEAD_BYTES, LOG_SALT, LogState, WalIndex

_HEAD_BYTES: Final = 100
_CHANGE_COUNTER: Final = slice(24, 28)
_PAGE_COUNT: Final = slice(28, 32)

# So many frames are looked at before they are copied: by their checksums, which take a millisecond each, where there
# are no more, and else by their heads, spread over all.
_FRAMES_LOOKED_AT: Final = 64


class Damage(NamedTuple):
    """What became of the files.

    Attributes:
        kind: `moved`, the path does not lead to the database any more; `log`, the same of its log or of the log's
            index, while what is in them is still at hand; `index`, what is in the log's index is wrong, and SQLite
            can make it anew; `log_content` and `database`, what was in the log or in the database is gone.
        what: for people, what is wrong, without a full stop.
        remedy: what is to be done.
    """

    kind: Literal["moved", "log", "index", "log_content", "database"]
    what: str
    remedy: str

    @property
    def is_fatal(self) -> bool:
        """Tell whether nothing may be written to the files any more, as content is gone."""
        return self.kind in ("log_content", "database")


class FileWatch:
    """Looks at the files of one database that this process has open, for as long as it has.

    Args:
        path: of the database; all connections of this process have opened its log already.

    Attributes:
        identity: of the database's file.
        log: descriptor of the log.
        database: descriptor of the database.
        index: of the log.
        is_touched: something else than SQLite wrote to the database, or changed its time, so that it must be looked
            through.
        state: of the log, when it was looked at last.
        log_bytes: size of the log's file, when it was looked at last.

    Raises:
        OSError: a file is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._log_path = str(write_ahead_log(path))
        self._index_path = str(index_path(path))
        self.index = WalIndex(path)
        self.database = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.log = os.open(self._log_path, os.O_RDONLY | os.O_CLOEXEC)
        self.identity = _identity(os.fstat(self.database))
        self._log_identity = _identity(os.fstat(self.log))
        self._lost: Damage | None = None
        self.is_touched = False
        self.state = LogState(PAGE_BYTES, 0, b"", 0, 0)
        self._seen = self.state
        self.log_bytes = 0
        self._known: tuple[int, int] | None = None
        self._known_state = self.state
        self._known_head = b""

    def look(self, *, at_all: bool = True) -> Damage | None:
        """Look at the files; some microseconds.

        Args:
            at_all: look also at the index and at the log's head, not only at what each commit must be sure of: that
                the paths lead to database and log, and that both have what they had.
        """
        if self._lost is None and at_all and not self._is_index_right():
            return self._index_gone()
        return self._lost or self._look(at_all=at_all)

    def refresh(self) -> LogState:
        """Give the state of the log as it is now."""
        self.state = self.index.read() or self.state
        return self.state

    def is_log_of_index(self) -> bool:
        """Tell whether the index is about the log that is open here, so that it can be copied."""
        state = self.refresh()
        return not state.frames or self._has_frame(state, state.frames)

    def look_through_log(self) -> bool:
        """Return whether what is in the log alone is whole, so that it can be copied; for any thread.

        Of many frames only some heads are looked at. What is not whole is damage from now on.
        """
        for _ in range(3):
            state = self.index.read()
            if state is None or self._is_whole(state):
                return True
            now = self.index.read()
            if now is not None and now.salt == state.salt:
                self._lost = self._log_content_gone()
                return False
        return True  # it starts anew all the time, as only a log does that was copied

    def keep_index(self) -> None:
        """Give the index its size again, if it was cut: right before SQLite uses it, as that would end the process.

        Raises:
            StoreUnavailable: the disk is full.
        """
        try:
            self.index.keep_size()
        except OSError as error:
            raise StoreUnavailable(f"{self._index_path} was cut short and cannot be written: {error}.") from error

    def lose_log(self, state: LogState) -> None:
        """Take it that content of the log, which had this state, is gone, from now on."""
        self.state = state
        self._lost = self._log_content_gone()

    def lose_database(self) -> None:
        """Take it that the content of the database is gone, from now on."""
        self._lost = self._database_gone()

    @property
    def is_removed(self) -> bool:
        """Tell whether no path leads to the database any more."""
        return not os.fstat(self.database).st_nlink

    @property
    def is_empty(self) -> bool:
        """Return whether the database was cut to nothing."""
        return not os.fstat(self.database).st_size

    @property
    def way(self) -> str:
        """Return the path of the database now, or one that leads to it while this process runs."""
        way = f"/proc/{os.getpid()}/fd/{self.database}"
        path = os.readlink(way)  # noqa: PTH115 - of a file that was removed it is no path
        return path if identity_at(path) == self.identity else way

    def lock(self) -> bool:
        """Take a lock on the database's file that no connection takes; tell whether that could be done at once."""
        try:
            fcntl.flock(self.database, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Give everything back; after every connection of the process, as `WalIndex` says."""
        self.index.close()
        os.close(self.database)
        os.close(self.log)

    def _look(self, *, at_all: bool) -> Damage | None:
        """Look at the files, whose index is right."""
        state = self.refresh()
        log, database = _status(self._log_path), _status(self._path)
        if database is None or _identity(database) != self.identity:
            return self._moved()
        if (database.st_size, database.st_mtime_ns) == self._known:
            self._known_state = state
        else:
            self._examine(database, state)
        lost: Damage | None = self._lost
        if lost is not None:
            return lost
        # Of a database that was overwritten the log is set aside; so that is looked at first.
        is_index_there = not at_all or identity_at(self._index_path) == self.index.identity
        if log is None or _identity(log) != self._log_identity or not is_index_there:
            return self._log_gone()
        self.log_bytes = log.st_size
        if log.st_size < state.size_bytes or not self._has_what_it_had(state, at_all=at_all):
            if not self._is_index_right():
                return self._index_gone()
            self._examine_log(log, state)
        return self._lost

    def _examine(self, database: os.stat_result, state: LogState) -> None:
        """Look at the head of a database that was written to: by a checkpoint, which the index tells, or by others."""
        head = os.pread(self.database, _HEAD_BYTES, 0)
        if self.index.read() != state:
            return  # under way; the next look will tell
        is_quiet = state.checkpoint == self._known_state.checkpoint and state.begun == state.copied
        size, known_size = database.st_size, self._known[0] if self._known else 0
        is_whole = (
            is_our_head(head)
            and head[_CHANGE_COUNTER] >= self._known_head[_CHANGE_COUNTER]
            and (size >= known_size or size >= int.from_bytes(head[_PAGE_COUNT], "big") * state.page_bytes)
            and not (is_quiet and self._known and (head, size) != (self._known_head, known_size))
        )
        if is_whole:
            self.is_touched |= is_quiet and self._known is not None
            self._known = (size, database.st_mtime_ns)
            self._known_state = state
            self._known_head = head
        else:
            self._lost = self._database_gone()

    def _examine_log(self, log: os.stat_result, state: LogState) -> None:
        """Look again at a log that seems shorter than it must be: somebody may be starting it anew."""
        if self.index.read() == state and os.fstat(self.log).st_size == log.st_size:
            self._lost = self._log_content_gone()

    def _is_whole(self, state: LogState) -> bool:
        step = (state.frames - state.copied) // _FRAMES_LOOKED_AT
        if not step:
            return all(frame.is_whole for frame in frames(self.log, state, state.copied))
        return all(self._has_frame(state, frame) for frame in range(state.copied + 1, state.frames + 1, step))

    def _has_what_it_had(self, state: LogState, *, at_all: bool) -> bool:
        """Look at what was the last frame, and at the head: a log that was cut, and goes on, has a hole there."""
        seen, self._seen = self._seen, state
        if not state.frames:
            return True
        if at_all and os.pread(self.log, LOG_HEAD_BYTES, 0)[LOG_SALT] != state.salt:
            return False
        return self._has_frame(state, seen.frames if seen.salt == state.salt and seen.frames else state.frames)

    def _has_frame(self, state: LogState, frame: int) -> bool:
        """Tell whether a frame of the log that the index is about is in the log's file."""
        return os.pread(self.log, FRAME_SALT.stop, state.place_of(frame))[FRAME_SALT] == state.salt

    def _is_index_right(self) -> bool:
        """Look at the index; one that was cut gets its size again at once."""
        with suppress(OSError):
            self.index.keep_size()
        return self.index.is_right()

    def _database_gone(self) -> Damage:
        what = f"The database {self._path} was cut short or overwritten while in use"
        return Damage("database", what, "put a sound one in its place, or move it away, and restart telemock")

    def _log_content_gone(self) -> Damage:
        what = f"The write-ahead log {self._log_path} was cut short or overwritten while in use"
        return Damage("log_content", what, "restart telemock, which goes on with what is left")

    def _index_gone(self) -> Damage:
        what = f"The index of the write-ahead log, {self._index_path}, was cut short or overwritten while in use"
        return Damage("index", what, "telemock has it made anew from the log")

    def _moved(self) -> Damage:
        what = f"The database {self._path} was removed or replaced while in use"
        return Damage("moved", what, "put it back, or restart telemock")

    def _log_gone(self) -> Damage:
        what = f"The write-ahead log or its index, {self._log_path} or {self._index_path}, was removed or replaced"
        return Damage("log", what, "telemock goes on by itself when what it held is saved and nobody has it open")


def identity_at(path: str | Path) -> tuple[int, int] | None:
    """Give the device and the number of the file to which a path leads; None when there is none."""
    status = _status(path)
    return None if status is None else _identity(status)


def _status(path: str | Path) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - a third of the time of Path.stat
    except OSError:
        return None


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
