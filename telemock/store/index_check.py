"""The index of a write-ahead log is compared with what it was: SQLite trusts its tables, whoever wrote to them.

A page that is looked for in a wrong frame is an old one: what is written on top of it replaces what was added since,
and a copy of it, in a place that is not its own, spoils the database.
"""

import os
import sys
from typing import Final

from telemock.store.wal_index import HEAD_BYTES, LOG_HEAD_BYTES, LOG_SALT, NO_STATE, LogState, WalIndex

# A part of the index has the page numbers of so many frames, and behind them the table in which these are found by
# their hashes (https://sqlite.org/walformat.html#the_wal_index_file_format); the first part has the head as well.
_PART_BYTES: Final = 32768
_TABLE_PLACE: Final = 16384
_PART_FRAMES: Final = 4096
_HEAD_FRAMES: Final = HEAD_BYTES // 4
_SLOTS: Final = 8192
_FACTOR: Final = 383

# Somebody may be writing to it, or starting the log anew.
_TRIES: Final = 3


class IndexCheck:
    """Compares one index with what it was before; for one thread at a time.

    Args:
        index: of the log.
        log: descriptor of the log.
    """

    def __init__(self, index: WalIndex, log: int) -> None:
        self._index = index
        self._log = log
        self._clearings = index.clearings
        self._known = NO_STATE
        self._parts: list[_Part] = []

    def is_right(self) -> bool:
        """Tell whether the index can be believed; some microseconds."""
        return any(self._is_right() for _ in range(_TRIES))

    def _is_right(self) -> bool:
        if self._clearings != self._index.clearings:
            self._clearings, self._known, self._parts = self._index.clearings, NO_STATE, []
        state = self._index.read()
        if state is None or self._is_behind(state):
            return False
        if state.salt != self._known.salt or state.frames < self._known.frames:
            self._parts = []
        count = (state.frames + _HEAD_FRAMES + _PART_FRAMES - 1) // _PART_FRAMES
        octets = self._index.octets(count * _PART_BYTES) if state.frames else b""
        for number in range(count if state.frames else 0):
            if number == len(self._parts):
                self._parts.append(_Part(number))
            if not self._parts[number].is_right(octets, state.frames):
                self._parts = []
                return False
        self._known = state
        return True

    def _is_behind(self, state: LogState) -> bool:
        """Tell whether a state lacks frames that were there when the index was right, and were in the log alone."""
        known = self._known
        if known.copied >= known.frames:
            return False
        if state.salt == known.salt:
            return state.frames < known.frames
        # A log that starts anew keeps its file, and counts the first half of its salt.
        is_next = _count(state.salt) == (_count(known.salt) + 1) % 2**32
        return not is_next and os.pread(self._log, LOG_HEAD_BYTES, 0)[LOG_SALT] == known.salt


class _Part:
    """What is known of one part of an index.

    Args:
        number: of the part, from 0.
    """

    def __init__(self, number: int) -> None:
        self._first = number * _PART_FRAMES - _HEAD_FRAMES if number else 0
        self._frames = _PART_FRAMES if number else _PART_FRAMES - _HEAD_FRAMES
        self._numbers_place = number * _PART_BYTES if number else HEAD_BYTES
        self._table_place = number * _PART_BYTES + _TABLE_PLACE
        self._numbers = b""
        self._table = bytearray(2 * _SLOTS)
        self._last_slots: dict[int, int] = {}
        self._slots = memoryview(self._table).cast("H")

    def is_right(self, octets: bytes, frames: int) -> bool:
        """Compare with an index that has so many frames; what is new is learnt."""
        count = min(frames - self._first, self._frames)
        numbers = octets[self._numbers_place : self._numbers_place + 4 * count]
        if len(numbers) != 4 * count or not numbers.startswith(self._numbers):
            return False
        known = len(self._numbers) // 4
        for index, number in enumerate(memoryview(numbers).cast("I")[known:], known + 1):
            if not number:
                return False
            # A page that is written again and again has its frames behind each other: the search goes on at the last.
            slot = self._last_slots.get(number, number * _FACTOR % _SLOTS)
            while self._slots[slot]:
                slot = (slot + 1) % _SLOTS
            self._slots[slot] = index
            self._last_slots[number] = slot
        self._numbers = numbers
        table = octets[self._table_place : self._table_place + len(self._table)]
        return table == self._table or _without_later(table, count) == self._table


def _count(salt: bytes) -> int:
    return int.from_bytes(salt[:4], "big")


def _without_later(table: bytes, count: int) -> bytes:
    """Leave out frames that are in a table before their commit."""
    slots = memoryview(table).cast("H")
    return b"".join([(slot if slot <= count else 0).to_bytes(2, sys.byteorder) for slot in slots])
