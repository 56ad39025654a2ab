"""The exchanges that a process has acknowledged, as far as the write-ahead log alone may hold them."""

from collections import deque
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

from telemock.exchange import Exchange
from telemock.store.rows import EXCHANGES
from telemock.store.wal_index import NO_STATE, LogState

Row = tuple[int, tuple[Any, ...]]

# So much of them is kept in memory until it is copied: of a log that is cut, nothing else may be left. The log holds
# as much only beside somebody who reads for long.
KEPT_BYTES: Final = 16 * 2**20

# What a row takes beside what came from outside.
_ROW_BYTES: Final = 4096

_to_values = attrgetter(*EXCHANGES.columns)


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
        state: of the log, when it was said last what is copied.
    """

    def __init__(self, last_id: int) -> None:
        self.last_id = last_id
        self.state = NO_STATE
        self._commits: deque[_Commit] = deque()
        self._kept: deque[tuple[_Commit, Sequence[Exchange], int]] = deque()
        self._kept_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._commits)

    def add(self, frame: int, last_id: int, exchanges: Sequence[Exchange]) -> None:
        """Note exchanges that the log holds up to a frame."""
        commit = _Commit(frame, Ids(last_id - len(exchanges) + 1, last_id))
        self._commits.append(commit)
        self.last_id = last_id
        size = sum(map(_size_bytes, exchanges))
        self._kept.append((commit, exchanges, size))
        self._kept_bytes += size
        while self._kept_bytes > KEPT_BYTES:
            self._drop_oldest()

    def is_restarted(self, state: LogState) -> bool:
        """Tell whether the log was started anew, not by a checkpoint that this process would have seen coming.

        SQLite counts in the first half of the salt; it does not always, and there may have been more than one.
        """
        if not self._commits or state.salt == self.state.salt:
            return False
        return _count(state.salt) != (_count(self.state.salt) + 1) % 2**32

    def forget_copied(self, state: LogState) -> None:
        """Forget what is in the database, too."""
        is_same = state.salt == self.state.salt and state.frames
        self.state = state
        while self._commits and not (is_same and self._commits[0].frame > state.copied):
            commit = self._commits.popleft()
            if self._kept and self._kept[0][0] is commit:
                self._drop_oldest()

    def after(self, frame: int) -> list[Ids]:
        """Return the exchanges that only frames behind one hold."""
        return [commit.ids for commit in self._commits if commit.frame > frame]

    def rows_after(self, frame: int) -> list[Row]:
        """Return those of them that are kept in memory."""
        return [
            (row_id, _to_values(exchange))
            for commit, exchanges, _ in self._kept
            if commit.frame > frame
            for row_id, exchange in enumerate(exchanges, commit.ids.first)
        ]

    @property
    def copied_id(self) -> int:
        """The last id in the database's own file, as far as this process knows; 0 when there is none."""
        return self._commits[0].ids.first - 1 if self._commits else self.last_id

    def _drop_oldest(self) -> None:
        _, _, size = self._kept.popleft()
        self._kept_bytes -= size


def _size_bytes(exchange: Exchange) -> int:
    """Return about how much memory an exchange takes."""
    head = len(exchange.path) + len(exchange.query) + len(exchange.params) + len(exchange.request_headers)
    behind = len(exchange.request_trailers or "") + len(exchange.response_headers) + len(exchange.problems or "")
    return _ROW_BYTES + head + behind + len(exchange.request_body or b"") + len(exchange.response_body or b"")


def _count(salt: bytes) -> int:
    return int.from_bytes(salt[:4], "big")
