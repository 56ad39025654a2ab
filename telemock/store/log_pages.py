"""The frames of a write-ahead log are checked by their checksums, and the pages in those that are whole are read.

The format is described at https://sqlite.org/fileformat2.html#the_write_ahead_log.
"""

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from telemock.store.wal_index import (
    FRAME_HEAD_BYTES,
    FRAME_SALT,
    LOG_HEAD_BYTES,
    NO_SUM,
    LogState,
    Sum,
    add_to_sum,
)

# What a log begins with, whatever its byte order.
_MAGIC: Final = b"\x37\x7f\x06"

# In the heads of log and frame: what the checksum is about, and where it stands. Of a frame the page is summed up, too.
_LOG_SUMMED: Final = slice(0, 24)
_LOG_SUM: Final = slice(24, 32)
_PAGE_NUMBER: Final = slice(0, 4)
_FRAME_SUMMED: Final = slice(0, 8)
_FRAME_SUM: Final = slice(16, 24)
_SUM_BYTES: Final = 8


class Frame(NamedTuple):
    """One page in a log.

    Attributes:
        page_number: of the page.
        place: of the page in the log's file.
        is_whole: the checksum tells that it is what was written.
    """

    page_number: int
    place: int
    is_whole: bool


class LogPages:
    """The committed pages of a log, each as it was written last; finding them takes some 50 ms a MiB.

    Args:
        log: descriptor of the log, open as long as this is used.
        state: of the log, as its index tells.

    Attributes:
        intact_frames: from the first on, without a gap; SQLite would find these again.
    """

    def __init__(self, log: int, state: LogState) -> None:
        self._log = log
        self._page_bytes = state.page_bytes
        self._places: dict[int, int] = {}
        self.intact_frames = 0
        is_intact = has_whole_head(log)
        for frame in frames(log, state):
            if frame.is_whole:
                self._places[frame.page_number] = frame.place
            is_intact = is_intact and frame.is_whole
            self.intact_frames += is_intact

    def __iter__(self) -> Iterator[bytes]:
        """Return the pages in the order of their numbers."""
        return map(self._read, [self._places[number] for number in sorted(self._places)])

    def page(self, number: int) -> bytes | None:
        """Return a page; None when the log does not hold it."""
        place = self._places.get(number)
        return None if place is None else self._read(place)

    def _read(self, place: int) -> bytes:
        return os.pread(self._log, self._page_bytes, place)


def frames(log: int, state: LogState, after: int = 0) -> Iterator[Frame]:
    """Return the frames of a log, up to its last commit, behind one of them; about a millisecond each.

    Of those that its file is too short for only the first is given: there may be billions, by an index of no sense.
    """
    size = FRAME_HEAD_BYTES + state.page_bytes
    before = _sum_before(log, state, after + 1)
    for frame in range(after + 1, state.frames + 1):
        place = state.place_of(frame)
        octets = os.pread(log, size, place)
        is_whole = False
        if len(octets) == size and octets[FRAME_SALT] == state.salt and before is not None:
            summed = add_to_sum(octets[FRAME_HEAD_BYTES:], add_to_sum(octets[_FRAME_SUMMED], before))
            is_whole = summed == _read_sum(octets[_FRAME_SUM])
        yield Frame(int.from_bytes(octets[_PAGE_NUMBER], "big"), place + FRAME_HEAD_BYTES, is_whole)
        if len(octets) < size:
            return
        before = _read_sum(octets[_FRAME_SUM])


def has_whole_head(log: int) -> bool:
    """Return whether the head of a log is what was written."""
    head = os.pread(log, LOG_HEAD_BYTES, 0)
    if len(head) != LOG_HEAD_BYTES or not head.startswith(_MAGIC):
        return False
    return _read_sum(head[_LOG_SUM]) == add_to_sum(head[_LOG_SUMMED], NO_SUM)


def _sum_before(log: int, state: LogState, frame: int) -> Sum | None:
    """Read the sum that the one of a frame goes on from."""
    if frame == 1:
        return _read_sum(os.pread(log, _SUM_BYTES, _LOG_SUM.start))
    place = state.place_of(frame - 1)
    return _read_sum(os.pread(log, _SUM_BYTES, place + _FRAME_SUM.start))


def _read_sum(octets: bytes) -> Sum | None:
    if len(octets) != _SUM_BYTES:
        return None
    return Sum(int.from_bytes(octets[:4], "big"), int.from_bytes(octets[4:], "big"))
