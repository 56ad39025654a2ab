"""This is how codings are undone: those of a query, and those of contents that are read or looked at.

It refuses to give more than it is told to; a few kilobytes can hold gigabytes.
"""

import sys
import zlib
from collections.abc import Callable
from gzip import BadGzipFile, GzipFile
from io import BytesIO
from urllib.parse import unquote_plus

import brotli

from telemock.errors import EventsRejected, UnknownCoding
from telemock.exchange import header_pairs

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdError, ZstdFile
else:
    from backports.zstd import DecompressionParameter, ZstdError, ZstdFile

# Content codings that are undone, as Accept-Encoding lists them (RFC 9110 section 12.5.3).
CONTENT_CODINGS = ("gzip", "deflate", "br", "zstd")

# The window of zstd as a content coding is 8 MiB at most (RFC 9659); a larger one would be held in memory.
_ZSTD_WINDOW_LOG = 23

# How bytes begin that say themselves what they are packed with (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1).
_SIGNATURES = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}

# What is decoded for showing and searching; a body as received may be longer.
SHOWN_BYTES = 16 * 2**20


def decode_pair(text: str) -> tuple[str, str]:
    """Decode name and value of a query's pair: UTF-8 percent-encoding, `+` is a space; other bytes become U+FFFD."""
    name, _, value = text.partition("=")
    if "%" in text or "+" in text:
        return unquote_plus(name), unquote_plus(value)
    return name, value


def decode_content(content: bytes, codings: str, limit: int) -> bytes:
    """Undo content codings (RFC 9110 section 8.4), those of CONTENT_CODINGS, the last applied first.

    Args:
        content: coded bytes.
        codings: value of Content-Encoding, "" when there is none.
        limit: most bytes that may come out.

    Raises:
        UnknownCoding: a coding that is not undone.
        EventsRejected: damaged or truncated bytes.
        OverflowError: more than `limit` bytes would come out.
    """
    for coding in reversed([name.strip().lower() for name in codings.split(",") if name.strip()]):
        if coding == "identity":
            continue
        unpack = _UNPACK.get(coding)
        if unpack is None:
            spoken = ", ".join(CONTENT_CODINGS)
            raise UnknownCoding(f"Content-Encoding {coding!r} is not supported; send one of {spoken}, or none.")
        content = _unpacked(unpack, content, coding, limit)
    return content


def packing_of(content: bytes) -> str:
    """Give the content coding that bytes begin like, gzip or zstd; "" when they begin like neither."""
    return next((coding for begin, coding in _SIGNATURES.items() if content.startswith(begin)), "")


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
    """Do as `decode_shown` does, and undo gzip or zstd that the headers do not tell of, too."""
    shown = decode_shown(headers, body)
    return None if shown is None else _decoded(shown, packing_of(shown))


def _decoded(body: bytes, codings: str) -> bytes | None:
    if not codings:
        return body
    try:
        return decode_content(body, codings, SHOWN_BYTES)
    except (EventsRejected, OverflowError):
        return None


def _unpacked(unpack: Callable[[bytes, int], bytes], content: bytes, coding: str, limit: int) -> bytes:
    try:
        decoded = unpack(content, limit + 1)
    except EOFError as error:
        raise EventsRejected(f"The {coding} body ends before its end.") from error
    except (zlib.error, BadGzipFile, brotli.error, ZstdError) as error:
        raise EventsRejected(f"The body is not valid {coding}: {error}.") from error
    if len(decoded) > limit:
        raise OverflowError(limit)
    return decoded


def _gunzip(content: bytes, most: int) -> bytes:
    """Undo gzip, which may be several members one after the other (RFC 1952 section 2.2)."""
    if not content:
        raise EOFError
    with GzipFile(fileobj=BytesIO(content)) as members:
        return members.read(most)


def _inflate(content: bytes, most: int) -> bytes:
    # deflate means zlib's wrapper, but many clients send raw deflate; the first byte tells (RFC 1950 section 2.2)
    wrapped = len(content) > 1 and content[0] & 0x0F == 8 and not int.from_bytes(content[:2]) % 31
    inflater = zlib.decompressobj(15 if wrapped else -15)
    decoded = inflater.decompress(content, most)
    if len(decoded) < most and not inflater.eof:
        raise EOFError
    if inflater.unused_data:
        raise zlib.error("there is more after its end")
    return decoded


def _unbrotli(content: bytes, most: int) -> bytes:
    decompressor = brotli.Decompressor()
    decoded = decompressor.process(content, output_buffer_limit=most)
    while len(decoded) < most and not decompressor.is_finished():
        more = decompressor.process(b"", output_buffer_limit=most - len(decoded))
        if not more and not decompressor.is_finished():
            raise EOFError
        decoded += more
    return bytes(decoded)


def _unzstd(content: bytes, most: int) -> bytes:
    """Undo zstd, which may be several frames one after the other (RFC 8878 section 3.1)."""
    if not content:
        raise EOFError
    with ZstdFile(BytesIO(content), options={DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}) as frames:
        return frames.read(most)


_UNPACK: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,  # RFC 9110 section 8.4.1.3
    "deflate": _inflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
