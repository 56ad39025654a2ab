"""This is the head of an HTTP message: where it ends, and what the parser has to say against it.

It refuses to read it; that is the parser's.
"""

from typing import Final

HEAD_END: Final = b"\r\n\r\n"


def whole_head(seen: bytes) -> bytes | None:
    """Give the head that stands first, its empty line included; None while that has not come."""
    end = seen.find(HEAD_END)
    return None if end < 0 else seen[: end + len(HEAD_END)]


def complaint(message: str | None) -> str:
    """Shorten what aiohttp's parser says to its first line, without a full stop; the others quote the client."""
    return (message or "Malformed HTTP").splitlines()[0].rstrip(":. ")
