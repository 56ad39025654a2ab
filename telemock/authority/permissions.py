"""Who else may read the private key of an authority, or change the folder that it is in."""

import shlex
import stat
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from telemock.authority.folder import key_file, old_keys

_OTHERS_READ = stat.S_IRGRP | stat.S_IROTH
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def exposed_files(ca_dir: Path, ca_cert: Path | None = None, ca_key: Path | None = None) -> list[str]:
    """Return a sentence, with the command that mends it, for each file that more than its owner may read or change.

    Args:
        ca_dir: not looked at when there is `ca_cert`.
        ca_cert: PEM file that the authority was read from, instead of the folder.
        ca_key: PEM file with its key; when None the key is in `ca_cert`.

    Raises:
        AuthorityError: `~` stands for a home that this user has not.
    """
    if ca_cert is not None:
        return list(_exposed_key(ca_key or ca_cert))
    key = key_file(ca_dir)
    return [
        *_exposed_key(key),
        *chain.from_iterable(map(_exposed_key, old_keys(key))),
        *_exposed_folder(key.parent),
    ]


def _exposed_key(path: Path) -> Iterator[str]:
    mode = _mode(path)
    if mode & (_OTHERS_READ | _OTHERS_WRITE):
        what = "read" if mode & _OTHERS_READ else "changed"
        yield f"The private key {path} can be {what} by others (mode {mode:04o}); type chmod 600 {_quoted(path)}"


def _exposed_folder(path: Path) -> Iterator[str]:
    mode = _mode(path)
    if mode & (_OTHERS_READ | _OTHERS_WRITE):
        what = "replace the private key in" if mode & _OTHERS_WRITE else "list"
        yield f"Others may {what} the folder {path} (mode {mode:04o}); type chmod go-rw {_quoted(path)}"


def _mode(path: Path) -> int:
    """Return the permission bits; none where there is nothing, or nothing that could be looked at."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except (OSError, ValueError):
        return 0


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
