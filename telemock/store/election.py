"""One of the processes that use a database is elected to do what only one should: a lock on a file beside it.

The lock ends with the process that holds it, however that ends; whoever asks next is elected.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class Election:
    """A candidacy of this process; use it from one thread.

    The file is DATABASE-lock, empty, for its owner alone, and removed at a clean end. One that stays behind harms
    nobody, and removing it does not either: the elected process sees that and stands for election again.

    Args:
        path: the database.
    """

    def __init__(self, path: Path) -> None:
        self._path = lock_path(path)
        self._descriptor: int | None = None

    def is_elected(self) -> bool:
        """Tell whether this process is the one, now; it costs microseconds, so ask before each piece of work.

        Where no lock file can be made every process is, as if it were alone: what is done must bear that.
        """
        try:
            return self._has_lock()
        except OSError:
            return True

    def close(self) -> None:
        """Step down; the file goes with the one that was elected."""
        if self._descriptor is None:
            return
        with suppress(OSError):
            if self._has_lock():
                self._path.unlink()
        self._let_go()

    def _has_lock(self) -> bool:
        if self._descriptor is None or not self._is_there(self._descriptor):
            self._let_go()
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return self._is_there(self._descriptor)

    def _is_there(self, descriptor: int) -> bool:
        """Tell whether the path still leads to the file that is open: a lock on another one says nothing."""
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lock_path(path: Path) -> Path:
    """Give the path of the lock that goes with a database."""
    return path.with_name(path.name + "-lock")
