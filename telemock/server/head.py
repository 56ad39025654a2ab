"""The head of an HTTP message: where it ends, what the parser says against it, and what it takes in other words."""

import re
from typing import Final, NamedTuple
from urllib.parse import quote

from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError, InvalidHeader, InvalidURLError, LineTooLong

from telemock.server.faults import authority_fault, url_fault

HEAD_END: Final = b"\r\n\r\n"

# What a request line may hold besides what the parser takes: UTF-8 as it is in the target, and a later HTTP/1.
_UNUSUAL: Final = re.compile(rb"[!-~]+ [^\x00-\x20\x7f]*(?:[\x80-\xff]| HTTP/1\.[2-9])")
_REQUEST_LINE: Final = re.compile(rb"([!-~]+) ([^\x00-\x20\x7f]+) (HTTP/1\.)([0-9])")
_ASCII: Final = "".join(map(chr, range(0x21, 0x7F)))


class PlainHead(NamedTuple):
    """A head in words that the parser takes, and the target as it was received."""

    head: bytes
    target: str


def whole_head(seen: bytes) -> bytes | None:
    """Give the head that stands first, its empty line included; None while that has not come."""
    end = seen.find(HEAD_END)
    return None if end < 0 else seen[: end + len(HEAD_END)]


def end_of_head(seen: bytes | bytearray, data: bytes, start: int) -> int:
    """Tell where a head that began with the bytes seen ends in the data from `start` on, or where the data ends."""
    for come in (3, 2, 1) if seen else ():
        if seen.endswith(HEAD_END[:come]) and data.startswith(HEAD_END[come:], start):
            return start + len(HEAD_END) - come
    end = data.find(HEAD_END, start)
    return len(data) if end < 0 else end + len(HEAD_END)


def head_of(message: RawRequestMessage) -> bytes:
    """Write a head that was read: its target and its fields."""
    lines = [f"{message.method} {message.path}".encode("utf-8", "surrogateescape")]
    lines += (name + b": " + value for name, value in message.raw_headers)
    return b"\r\n".join(lines)


def is_unusual(head: bytes | bytearray) -> bool:
    """Tell whether `plain_head` may help with a head, or the beginning of one, that the parser refused."""
    return _UNUSUAL.match(head.lstrip(b"\r\n")) is not None


def plain_head(head: bytes) -> PlainHead | None:
    """Write a whole head so that the parser takes it; None when it cannot be.

    A minor version that is not known is read as the highest that is (RFC 9110 section 2.5). Bytes of a target that
    are not ASCII are written percent-encoded; they have to be UTF-8.
    """
    line, end, fields = head.lstrip(b"\r\n").partition(b"\r\n")
    read = _REQUEST_LINE.fullmatch(line)
    if read is None:
        return None
    try:
        target = read[2].decode()
    except UnicodeDecodeError:
        return None
    plain = b"".join((read[1], b" ", quote(target, safe=_ASCII).encode(), b" ", read[3], min(read[4], b"1")))
    return PlainHead(plain + end + fields, target)


def complaint(error: Exception) -> str:
    """Say in a few words, without a full stop, what the parser has against a message; no value of a field is quoted."""
    match error:
        case LineTooLong():
            return f"A line is longer than {error.args[1]} bytes"
        case InvalidHeader():
            return "Invalid header field"
        case InvalidURLError() if "\n" not in error.message:
            target = error.message
            wrong = url_fault(target) if "://" in target else authority_fault(target) if ":" in target else ""
            return f"{target.rpartition('@')[2][:300]!r} {wrong or 'is not the target of a request'}"
        case HttpProcessingError():
            return error.message.splitlines()[0].rstrip(":. ")
    return "Malformed HTTP"
