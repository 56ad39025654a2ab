"""This is the file that a command writes for somebody: it has its name only when it is whole.

It refuses to take the place of the database, or of anything that is no file.
"""

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from telemock.errors import ExportError, InvalidSetting
from telemock.files import whole

# What SQLite keeps beside a database (https://sqlite.org/tempfiles.html).
_BESIDE = ("", "-wal", "-shm", "-journal")

# What ends a process that does not say otherwise, besides Ctrl-C.
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def new_file(target: Path, db: Path) -> Iterator[Path]:
    """Give the path of a draft that becomes the file at the end of the block; Ctrl-C and SIGTERM leave none behind.

    A file that was there keeps its mode, and its place when the target is a symbolic link to it.

    Args:
        target: where the file is to be.
        db: the database that is read.

    Raises:
        InvalidSetting: it would replace the database, or is no file.
        ExportError: it cannot be written.
    """
    try:
        if target.exists() and not target.is_file():
            raise InvalidSetting(f"{str(target)!r} is no file; name one with --output, or - for standard output.")
        path = Path(os.path.realpath(target))
        if any(_is_same(path, db.with_name(db.name + suffix)) for suffix in _BESIDE):
            raise InvalidSetting(f"{str(target)!r} is the database that is read; choose another --output.")
        with _interrupted_by_endings(), whole(path, mode=_mode(path)) as draft:
            yield draft
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error  # pyarrow has words of its own
        raise ExportError(f"{str(target)!r} cannot be written: {reason}; choose another --output.") from error


def _is_same(path: Path, other: Path) -> bool:
    return path == other.resolve() or (path.exists() and other.exists() and path.samefile(other))


def _mode(path: Path) -> int:
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0o077)
    os.umask(umask)
    return 0o666 & ~umask


@contextmanager
def _interrupted_by_endings() -> Iterator[None]:
    """Let signals that end the process do what Ctrl-C does, and end it after that."""
    received: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt

    replaced = [number for number in _ENDINGS if signal.getsignal(number) is signal.SIG_DFL]
    for number in replaced:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in replaced:
            signal.signal(number, signal.SIG_DFL)
        if received:
            signal.raise_signal(received[0])
