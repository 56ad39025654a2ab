"""This is how codings are undone: those of a query, and those of contents that are read or looked at.

It refuses to give more than it is told to; a few kilobytes can hold gigabytes.
"""

import zlib
from gzip import BadGzipFile, GzipFile
from io import BytesIO
from urllib.parse import unquote_plus

from telemock.errors import EventsRejected
from telemock.exchange import header_pairs

# What is decoded for showing and searching; a body as received may be longer.
SHOWN_BYTES = 16 * 2**20


def decode_pair(text: str) -> tuple[str, str]:
    """Decode name and value of a query's pair: UTF-8 percent-encoding, `+` is a space; other bytes become U+FFFD."""
    name, _, value = text.partition("=")
    if "%" in text or "+" in text:
        return unquote_plus(name), unquote_plus(value)
    return name, value


def decode_content(content: bytes, codings: str, limit: int) -> bytes:
    """Undo gzip and deflate content codings (RFC 9110 section 8.4), the last applied first.

    Args:
        content: coded bytes.
        codings: value of Content-Encoding, "" when there is none.
        limit: most bytes that may come out.

    Raises:
        EventsRejected: unknown coding, damaged or truncated bytes.
        OverflowError: more than `limit` bytes would come out.
    """
    for coding in reversed([name.strip().lower() for name in codings.split(",") if name.strip()]):
        if coding == "identity":
            continue
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise EventsRejected(f"Content-Encoding {coding!r} is not supported; send gzip, deflate or neither.")
        content = _inflate(content, coding, limit)
    return content


def content_codings(headers: str) -> str:
    """Give the Content-Encoding among headers as an exchange keeps them; "" when there is none."""
    if "content-encoding" not in headers.lower():
        return ""
    return ",".join(value for name, value in header_pairs(headers) if name.lower() == "content-encoding")


def decode_shown(headers: str, body: bytes) -> bytes | None:
    """Undo the content codings of a stored body; None when they are unknown, damaged or hide too much.

    Args:
        headers: as an exchange keeps them.
        body: as stored.
    """
    return _decoded(body, content_codings(headers))


def decode_read(headers: str, body: bytes) -> bytes | None:
    """Do as `decode_shown` does, and undo gzip that the headers do not tell of, too."""
    shown = decode_shown(headers, body)
    return _decoded(shown, "gzip") if shown is not None and shown.startswith(b"\x1f\x8b") else shown


def _decoded(body: bytes, codings: str) -> bytes | None:
    if not codings:
        return body
    try:
        return decode_content(body, codings, SHOWN_BYTES)
    except (EventsRejected, OverflowError):
        return None


def _inflate(content: bytes, coding: str, limit: int) -> bytes:
    try:
        decoded = _inflate_deflate(content, limit) if coding == "deflate" else _inflate_gzip(content, limit)
    except EOFError as error:
        raise EventsRejected(f"The {coding} body ends before its end.") from error
    except (zlib.error, BadGzipFile) as error:
        raise EventsRejected(f"The body is not valid {coding}: {error}.") from error
    if len(decoded) > limit:
        raise OverflowError(limit)
    return decoded


def _inflate_gzip(content: bytes, limit: int) -> bytes:
    """Undo gzip, which may be several members one after the other (RFC 1952 section 2.2)."""
    if not content:
        raise EOFError
    with GzipFile(fileobj=BytesIO(content)) as members:
        return members.read(limit + 1)


def _inflate_deflate(content: bytes, limit: int) -> bytes:
    # deflate means zlib's wrapper, but many clients send raw deflate; the first byte tells (RFC 1950 section 2.2)
    wrapped = len(content) > 1 and content[0] & 0x0F == 8 and not int.from_bytes(content[:2]) % 31
    inflater = zlib.decompressobj(15 if wrapped else -15)
    decoded = inflater.decompress(content, limit + 1)
    if len(decoded) <= limit and not inflater.eof:
        raise EOFError
    if inflater.unused_data:
        raise zlib.error("there is more after its end")
    return decoded
