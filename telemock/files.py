"""Files that come to be whole or not at all, made by one process at a time, in the place of nothing but their own kind.

Errors are not wrapped: what a failure means is for the callers to say.
"""

import errno
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_SQLITE = b"SQLite format 3\0"

# What SQLite keeps beside a database (https://sqlite.org/tempfiles.html).
DATABASE_SUFFIXES = ("-wal", "-shm", "-journal", "-lock")

# So long a lock is waited for; it is asked for again after each turn.
LOCK_SECONDS = 10.0
_TURN_SECONDS = 0.02

# Longer names leave no room for what makes those of drafts unique; file systems have 255 bytes.
_PREFIX_BYTES = 200

_HEAD_BYTES = 4096


@contextmanager
def whole(path: Path, *, mode: int) -> Iterator[Path]:
    """Give the path of a draft that becomes the file at the end of the block, however that is written.

    The file is either not there, as it was before, or whole, even if the process is killed meanwhile. Until it is whole
    nobody but its owner can read it, whatever the umask; then it has the mode.

    Raises:
        OSError: the folder is not there, not writable or full; no draft stays behind.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=draft_prefix(path))
    draft = Path(name)
    try:
        os.close(descriptor)
        yield draft
        descriptor = os.open(draft, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def write_whole(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file as `whole` does.

    Raises:
        OSError: as `whole` does.
    """
    with whole(path, mode=mode) as draft:
        draft.write_bytes(content)


def remove_drafts(path: Path) -> None:
    """Remove what a process left that was killed inside `write_whole`; only for who has the folder to itself.

    Raises:
        OSError: the folder cannot be read or written.
    """
    for draft in path.parent.iterdir():
        if draft.name.startswith(draft_prefix(path)):
            draft.unlink(missing_ok=True)


def draft_prefix(path: Path) -> str:
    """Give what the names of a file's drafts begin with."""
    return os.fsdecode(b"." + os.fsencode(path.name)[:_PREFIX_BYTES] + b".")


def obstacle(path: Path, is_own: Callable[[BinaryIO], bool]) -> str:
    """Say what is in a file's place that must not be replaced; empty when nothing is, or an empty file.

    Args:
        path: where a file is to be written; links are not followed.
        is_own: tells of a file, open for reading, whether it is an earlier one of the kind that is to be written.

    Raises:
        OSError: it cannot be looked at.
    """
    for suffix in DATABASE_SUFFIXES:
        if path.name.endswith(suffix) and _is_database(path.with_name(path.name.removesuffix(suffix))):
            return "is part of a database"
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return ""
    if not stat.S_ISREG(mode):
        return "is a link" if stat.S_ISLNK(mode) else "is a folder" if stat.S_ISDIR(mode) else "is no file"
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(0)
        return "" if not head or is_own(file) else _foreign(head)


def _foreign(head: bytes) -> str:
    """Say what a file is that begins so."""
    if head.startswith(_SQLITE):
        return "is a database"
    if b"-----BEGIN " in head:
        return "holds a private key" if b"PRIVATE KEY-----" in head else "holds certificates or keys"
    return "is there, and was not made by this command"


def _is_database(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def open_for_appending(path: Path, beginning: bytes) -> int:
    """Open a file for reading and appending, made for its owner only where there is none, and give its descriptor.

    Args:
        path: of the file.
        beginning: what a file that is there begins with; it may be empty.

    Raises:
        OSError: it cannot be opened, or it is a link, no file, another user's or of another kind.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(error.errno, f"{path.name} is a link") from error
        raise
    status = os.fstat(descriptor)
    reason = ""
    if not stat.S_ISREG(status.st_mode):
        reason = "is no file"
    elif status.st_uid != os.geteuid():
        reason = "belongs to another user"
    elif not beginning.startswith(os.pread(descriptor, len(beginning), 0)):
        reason = "was not made by telemock"
    if reason:
        os.close(descriptor)
        raise OSError(errno.EPERM, f"{path.name} {reason}")
    return descriptor


def make_folder(folder: Path, mode: int = 0o700) -> None:
    """Make a folder with just this mode, whatever the umask, and what is missing above it for its owner only.

    One that is there already keeps its mode.

    Raises:
        OSError: it cannot be made.
    """
    if folder.is_dir():
        return
    if folder.is_symlink():
        raise OSError(errno.ENOENT, "it is a link that leads to no folder")
    if folder.parent != folder:
        make_folder(folder.parent)
    try:
        folder.mkdir(mode)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return  # somebody else was faster
    folder.chmod(mode)


@contextmanager
def one_at_a_time(path: Path, *, most_seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold an advisory lock on a file or a folder; waits for whoever has it, and leaves no file behind.

    Args:
        path: of something that can be read.
        most_seconds: how long it waits.

    Raises:
        TimeoutError: somebody else kept the lock.
        OSError: there is nothing, or it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _lock(descriptor, time.monotonic() + most_seconds)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another program keeps it locked") from None
            time.sleep(_TURN_SECONDS)
        else:
            return
