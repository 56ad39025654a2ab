"""The head of a write-ahead log's index, DATABASE-shm: how much is in the log, and how much of it in the database.

Its layout is described at https://sqlite.org/walformat.html#the_wal_index_file_format.
"""

import mmap
import os
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

from telemock.store.engine import index_path

LOG_HEAD_BYTES: Final = 32
FRAME_HEAD_BYTES: Final = 24

# Where the head of a frame has the salt of its log.
FRAME_SALT: Final = slice(8, 16)

# The head (page size, frames, salt), its second copy, and what a checkpoint notes (frames copied, frames begun).
_HEAD_BYTES: Final = 48
_LAYOUT: Final = Struct("=14x H I 12x 8s 8x 48x I 28x I 4x")


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


class WalIndex:
    """The index of an open database, mapped into memory: reading it costs no system call.

    SQLite's locks of this process on the file end with any descriptor of it (fcntl's locks are like that): close it
    after every connection of the process.

    Raises:
        OSError: there is none.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(index_path(path), os.O_RDONLY | os.O_CLOEXEC)
        self._map = mmap.mmap(self._descriptor, _LAYOUT.size, prot=mmap.PROT_READ)
        status = os.fstat(self._descriptor)
        self.identity = (status.st_dev, status.st_ino)

    def read(self) -> LogState | None:
        """Give the state; None while somebody writes it."""
        for _ in range(3):
            octets = self._map[:]
            if octets[:_HEAD_BYTES] == octets[_HEAD_BYTES : 2 * _HEAD_BYTES]:
                page, frames, salt, copied, begun = _LAYOUT.unpack(octets)
                # The largest page, 65536, is written as 1.
                return LogState(page if page > 1 else 65536, frames, salt, min(copied, frames), begun)
        return None

    def close(self) -> None:
        """Give it back."""
        self._map.close()
        os.close(self._descriptor)
