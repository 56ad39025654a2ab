"""The index of a write-ahead log, DATABASE-shm: how much is in the log, in the database already, and in which frame.

Its layout is described at https://sqlite.org/walformat.html#the_wal_index_file_format.
"""

import os
from array import array
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

from telemock.store.engine import index_path

LOG_HEAD_BYTES: Final = 32
FRAME_HEAD_BYTES: Final = 24

# Where the head of a frame has the salt of its log.
FRAME_SALT: Final = slice(8, 16)

# Where the head of a log has it.
LOG_SALT: Final = slice(16, 24)

# The head (version, whether it is filled in, page size, frames, salt), its second copy, and what a checkpoint notes
# (frames copied, frames begun).
HEAD_BYTES: Final = 136
_COPY_BYTES: Final = 48
_LAYOUT: Final = Struct("=I 8x B x H I 12x 8s 8x 48x I 28x I 4x")
_VERSION: Final = 3007000

# In the head: what its checksum is about, and where that stands.
_SUMMED: Final = slice(0, 40)
_SUM: Final = Struct("=40x I I")

_MASK: Final = 0xFFFFFFFF


class LogState(NamedTuple):
    """What the index says of the log.

    Attributes:
        page_bytes: size of a page.
        frames: pages in the log, up to the last commit.
        salt: changes whenever the log starts anew.
        copied: frames that are in the database already.
        begun: frames that a checkpoint may have copied, equal to `copied` while none is under way.
    """

    page_bytes: int
    frames: int
    salt: bytes
    copied: int
    begun: int

    @property
    def size_bytes(self) -> int:
        """Size that the log's file has at least."""
        return self.place_of(self.frames + 1) if self.frames else 0

    @property
    def uncopied_bytes(self) -> int:
        """What is in the log alone."""
        return (self.frames - self.copied) * (self.page_bytes + FRAME_HEAD_BYTES)

    def place_of(self, frame: int) -> int:
        """Return where a frame begins in the log's file; the first is 1."""
        return LOG_HEAD_BYTES + (frame - 1) * (self.page_bytes + FRAME_HEAD_BYTES)

    @property
    def checkpoint(self) -> tuple[bytes, int, int]:
        """What changes with every checkpoint, and with nothing else that writes to the database's file."""
        return self.salt, self.copied, self.begun


NO_STATE: Final = LogState(0, 0, b"", 0, 0)


class Sum(NamedTuple):
    """A checksum of log or index."""

    first: int
    second: int


NO_SUM: Final = Sum(0, 0)


def add_to_sum(octets: bytes, before: Sum) -> Sum:
    """Add to a sum, in the byte order of this machine, as its SQLite does."""
    first, second = before
    words = iter(array("I", octets))
    for word in words:
        first = (first + word + second) & _MASK
        second = (second + next(words) + first) & _MASK
    return Sum(first, second)


class WalIndex:
    """The index of an open database; any thread may use it.

    It is not mapped into memory: who reads from a file that was cut, and is mapped, is ended by the kernel.

    SQLite's locks of this process on the file end with any descriptor of it (fcntl's locks are like that): close it
    after every connection of the process.

    Attributes:
        identity: of the file.

    Raises:
        OSError: there is none.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(index_path(path), os.O_RDWR | os.O_CLOEXEC)
        status = os.fstat(self._descriptor)
        self.identity = (status.st_dev, status.st_ino)
        self._size = status.st_size
        self._summed = b""

    def read(self) -> LogState | None:
        """Give the state; None while somebody writes it, and where what is there is none."""
        for _ in range(3):
            octets = os.pread(self._descriptor, HEAD_BYTES, 0)
            head = octets[:_COPY_BYTES]
            if len(octets) == HEAD_BYTES and head == octets[_COPY_BYTES : 2 * _COPY_BYTES] and self._is_whole(head):
                _, _, page, frames, salt, copied, begun = _LAYOUT.unpack(octets)
                if max(copied, begun) <= frames:
                    # The largest page, 65536, is written as 1.
                    return LogState(page if page > 1 else 65536, frames, salt, copied, begun)
        return None

    def is_right(self) -> bool:
        """Tell whether its head is one that SQLite wrote; what the tables behind it hold is SQLite's alone to know."""
        return self.read() is not None

    def keep_size(self) -> None:
        """Make the file as long again as it was, where it was cut: SQLite has it mapped, and would be ended.

        Raises:
            OSError: the disk is full.
        """
        size = os.fstat(self._descriptor).st_size
        if size < self._size:
            os.posix_fallocate(self._descriptor, 0, self._size)
        self._size = max(size, self._size)

    def clear(self) -> None:
        """Clear the head, so that SQLite makes the index anew from the log before it reads or writes anything.

        That harms nobody at any moment; somebody who commits right then undoes it.
        """
        os.pwrite(self._descriptor, bytes(2 * _COPY_BYTES), 0)

    def close(self) -> None:
        """Give it back."""
        os.close(self._descriptor)

    def _is_whole(self, head: bytes) -> bool:
        """Tell whether it is a head that SQLite wrote; that of before is not summed up again."""
        if head != self._summed:
            version, is_filled = _LAYOUT.unpack(head.ljust(HEAD_BYTES, b"\0"))[:2]
            if version != _VERSION or is_filled != 1 or add_to_sum(head[_SUMMED], NO_SUM) != _SUM.unpack(head):
                return False
            self._summed = head
        return True
