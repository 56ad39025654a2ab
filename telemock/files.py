"""This is how files come to be: whole or not at all, and made by one process at a time.

It refuses to wrap errors: what a failure means is for its callers to say.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
    return f".{path.name}."


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold an advisory lock on a folder; waits for whoever has it, and leaves no file behind.

    Raises:
        OSError: there is no such folder, or it cannot be read.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
