"""glibc's allocator, told to give memory back to the system soon; other systems' are left as they are."""

import ctypes
from typing import Final

# Parameters of mallopt(3).
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8

_OWN_PAGES_BYTES: Final = 64 * 2**10
_TOP_BYTES: Final = 2**20


def keep_little() -> None:
    """Let large blocks have pages of their own, which are given back when they are freed, whatever was freed before.

    Unless told, the threshold grows to the largest block that was ever freed, up to 32 MiB.
    """
    library = _library()
    if library is not None:
        library.mallopt(_M_MMAP_THRESHOLD, _OWN_PAGES_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, _TOP_BYTES)
        library.mallopt(_M_ARENA_MAX, 2)


def trim() -> None:
    """Give back what is free between blocks that are in use; takes milliseconds."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
