"""The exchanges that a process has acknowledged, as far as the write-ahead log alone may hold them."""

from collections import deque
from typing import NamedTuple

from telemock.store.wal_index import LogState


class Ids(NamedTuple):
    """Ids of exchanges, from first to last."""

    first: int
    last: int


class _Commit(NamedTuple):
    """Exchanges that the log holds up to a frame."""

    frame: int
    ids: Ids


class Commits:
    """What one process has committed, from the last checkpoint on.

    Args:
        last_id: of the exchange stored last, before the first commit.

    Attributes:
        last_id: the same, now, as far as this process knows.
    """

    def __init__(self, last_id: int) -> None:
        self.last_id = last_id
        self._commits: deque[_Commit] = deque()
        self._salt = b""

    def __bool__(self) -> bool:
        return bool(self._commits)

    def add(self, frame: int, first_id: int, last_id: int) -> None:
        """Note exchanges that the log holds up to a frame."""
        self._commits.append(_Commit(frame, Ids(first_id, last_id)))
        self.last_id = last_id

    def forget_copied(self, state: LogState) -> None:
        """Forget what is in the database, too."""
        if state.salt != self._salt or not state.frames:
            self._salt = state.salt
            self._commits.clear()
        while self._commits and self._commits[0].frame <= state.copied:
            self._commits.popleft()

    def after(self, frame: int) -> list[Ids]:
        """Return the exchanges that only frames behind one hold."""
        return [commit.ids for commit in self._commits if commit.frame > frame]

    @property
    def copied_id(self) -> int:
        """The last id in the database's own file, as far as this process knows; 0 when there is none."""
        return self._commits[0].ids.first - 1 if self._commits else self.last_id
