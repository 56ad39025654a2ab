"""This is how a request body is read whole and kept short: chunks in, at most a limit of bytes out.

It refuses to decode content codings on the way in; what is stored is what was sent.
"""

import zlib
from gzip import BadGzipFile, GzipFile
from io import BytesIO
from typing import NamedTuple

from aiohttp import web

from telemock.errors import EventsRejected


class Body(NamedTuple):
    """What came after the head.

    Attributes:
        content: bytes as received after transfer decoding, at most the limit.
        too_large: there was, or was going to be, more than the limit.
        gone: the end never came: the client left, or went on with what is not HTTP.
    """

    content: bytes
    too_large: bool = False
    gone: bool = False


_EMPTY = Body(b"")


async def read_body(request: web.Request, limit: int) -> Body:
    """Read up to `limit` bytes; never raises for what a client does."""
    if not request.body_exists:
        return _EMPTY
    if "Expect" in request.headers and (request.content_length or 0) > limit:
        return Body(b"", too_large=True)
    content = bytearray()
    try:
        async for chunk in request.content.iter_any():
            content += chunk
            if len(content) > limit:
                return Body(bytes(content[:limit]), too_large=True)
    except (web.PayloadAccessError, web.RequestPayloadError, ConnectionError, OSError):
        return Body(bytes(content), gone=True)
    return Body(bytes(content))


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
