"""This is the SHA-256 of a database's files, for who wants to prove later which ones were read.

It refuses to claim more than it knows: whether the files stayed as they were meanwhile is told along.
"""

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from telemock.errors import StoreUnavailable
from telemock.store.engine import write_ahead_log

# While somebody writes all the time, no sum of it is of any one moment.
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class FileSum:
    """A file, its bytes, and their SHA-256 in hexadecimal digits as `sha256sum` prints it."""

    path: Path
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Digest:
    """The sums of a database.

    Attributes:
        files: the database and, where it holds anything, its write-ahead log; none if they came and went too fast.
        is_whole: no file changed while the sums were made.
    """

    files: tuple[FileSum, ...]
    is_whole: bool


def digest(path: Path) -> Digest:
    """Make the sums of a database.

    Raises:
        StoreUnavailable: it cannot be read.
    """
    sums: tuple[FileSum, ...] = ()
    for _ in range(_ATTEMPTS):
        try:
            state = _state(path)
            sums = tuple(map(_sum, _files(path)))
            if _state(path) == state:
                return Digest(sums, is_whole=True)
        except OSError as error:
            if path.exists():
                continue  # the log goes when the last one closes the database
            raise StoreUnavailable(f"The database {path} cannot be read: {error.strerror}.") from error
    return Digest(sums, is_whole=False)


def _state(path: Path) -> list[tuple[Path, int, int, int]]:
    """Tell one state of the files from another, without reading them."""
    status = [(file, file.stat()) for file in _files(path)]
    return [(file, each.st_ino, each.st_size, each.st_mtime_ns) for file, each in status]


def _files(path: Path) -> list[Path]:
    log = write_ahead_log(path)
    try:
        return [path, log] if log.stat().st_size else [path]
    except FileNotFoundError:
        return [path]


def _sum(path: Path) -> FileSum:
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
        return FileSum(path, file.tell(), sha256)
