"""The files that commands write for somebody: they have their names only when they are whole.

None takes the place of anything but an earlier file of its own kind.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from telemock.errors import ExportError, InvalidSetting
from telemock.exports.wording import count, size
from telemock.files import DATABASE_SUFFIXES, obstacle, whole
from telemock.text import printable

# What ends a process that does not say otherwise, besides Ctrl-C.
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Target:
    """A file that an option names.

    Attributes:
        path: as it was given.
        option: which names it.
        is_own: tells of a file, open for reading, whether it is one that the same command made.
        db: the database of the same command, if it has one.
        mode: of the file, whatever the umask, and whatever it was before.
    """

    path: Path
    option: str
    is_own: Callable[[BinaryIO], bool]
    db: Path | None = None
    mode: int = 0o600

    def check(self) -> None:
        """Make sure that nothing would be lost.

        Raises:
            InvalidSetting: what is there is no file of the kind.
            ExportError: it cannot be looked at, or written.
        """
        with self._explained():
            if self.db is not None and self._is_database(self.db):
                raise InvalidSetting(f"{str(self.path)!r} is the database itself; choose another {self.option}.")
            if reason := obstacle(self.path, self.is_own):
                raise InvalidSetting(f"{str(self.path)!r} {reason}; choose another {self.option}.")

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """Give the path of a draft that becomes the file at the end of the block.

        Ctrl-C and SIGTERM leave none behind.

        Raises:
            InvalidSetting, ExportError: as `check` does, or it cannot be written.
        """
        self.check()
        with self._explained(), _interrupted_by_endings(), whole(self.path, mode=self.mode) as draft:
            yield draft
            self.check()  # somebody may have put something there

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else error  # pyarrow has words of its own
            raise ExportError(
                f"{str(self.path)!r} cannot be written: {reason}; choose another {self.option}."
            ) from error

    def _is_database(self, db: Path) -> bool:
        path = Path(os.path.realpath(self.path))
        names = (db.with_name(db.name + suffix).resolve() for suffix in ("", *DATABASE_SUFFIXES))
        return path in names or (path.exists() and db.exists() and path.samefile(db))


def wrote(path: Path, exchanges: int) -> str:
    """Say what was written."""
    return f"Wrote {printable(str(path))}: {count(exchanges, 'exchange')}, {size(path.stat().st_size)}."


def nothing_written(path: Path) -> str:
    """Say that there was nothing to write."""
    left = "was left as it is" if path.exists() else "was not written"
    return f"No exchange matches; {str(path)!r} {left}."


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
