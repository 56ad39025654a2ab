"""What is kept of traffic that is not HTTP: why, whom it wanted, and how it began, without a proxy's password."""

import re
from typing import Final, NamedTuple

from aiohttp.web import StreamResponse

from telemock.errors import InvalidHost
from telemock.exchange import Connection
from telemock.hosts import host_name
from telemock.server.errand import Errand
from telemock.server.faults import port_number

HEAD_BYTES: Final = 1024

# A field goes on in lines that begin with a space (RFC 9112 section 5.2); who folds one may fold a password.
_PASSWORD: Final = re.compile(rb"(?i)(proxy-authorization)[^\r\n]*(?:[\r\n]+[ \t][^\r\n]*)*")

# Whoever asks a proxy by user@host means the proxy's user (`CONNECT user:password@host`, `GET http://user:...@host`).
_USER: Final = re.compile(rb"(?im)(^[\r\n]*[!-~]+ +(?:[a-z][a-z0-9+.-]*:/*)?|^host[ \t]*:[ \t]*)[^\s/?#]*@")

_TARGET: Final = re.compile(
    rb"[\r\n]*(?:CONNECT +(?:[A-Za-z][A-Za-z0-9+.-]*://)?|[!-~]+ +[A-Za-z][A-Za-z0-9+.-]*://)([^\s/?#*]+)"
)
_HOST_FIELD: Final = re.compile(rb"(?im)^host[ \t]*:[ \t]*([^\r\n]*)")
_AUTHORITY: Final = re.compile(r"(\[[^]]*\]|[^:]+|(?=:[0-9]))(?::(.*))?", re.DOTALL)
_PORT: Final = re.compile("[0-9]{1,5}")
_MOST_SHOWN: Final = 253


class Wanted(NamedTuple):
    """Whom a client wanted, as far as it can be told: host "" and port None where it cannot."""

    host: str
    port: int | None


class Malformed:
    """Traffic that is not HTTP, until its connection is closed and all is known of it.

    Args:
        errand: began with its first bytes, or when it was seen to be malformed.
        wanted: whom it was for.
        detail: what is wrong with it.

    Attributes:
        answer: the last one on its connection, or its bytes.
    """

    __slots__ = ("_detail", "_errand", "_wanted", "answer")

    def __init__(self, errand: Errand, wanted: Wanted, detail: str) -> None:
        self._errand = errand
        self._wanted = wanted
        self._detail = detail
        self.answer: StreamResponse | bytes = b""

    def record(self, size: int) -> Connection:
        """Make what the store keeps of it, where so many bytes of it came."""
        sent = self.answer.body_length if isinstance(self.answer, StreamResponse) else len(self.answer)
        return self._errand.record("malformed", *self._wanted, self._detail, bytes_up=size, bytes_down=sent)


def last_answer(reason: str) -> bytes:
    """Write the answer to what cannot be answered in any other way, and the last one on its connection."""
    body = f"{reason}.\n".encode()
    return (
        b"HTTP/1.1 400 Bad Request\r\nServer: telemock\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
    )


def malformed_detail(reason: str, head: bytes, last: bytes = b"") -> str:
    """Write a sentence that ends with the first bytes, and the last if it is those, escaped as in a Python literal."""
    end = f", and in its body came {_shown(last)!r}" if last else ""
    return f"{reason.rstrip('.')}. It began with {_shown(head)!r}{end}"


def _shown(seen: bytes) -> bytes:
    return _USER.sub(rb"\1...@", _PASSWORD.sub(rb"\1: ...", seen[:HEAD_BYTES]))


def wanted_by(head: bytes) -> Wanted:
    """Read whom a head names that may be damaged: in its target, or else in its first Host field.

    What is no host is given as it was said, so that it is not lost.
    """
    named = _TARGET.match(head) or _HOST_FIELD.search(head)
    if named is None:
        return Wanted("", None)
    said = named[1].decode(errors="replace").strip().rpartition("@")[2]
    split = _AUTHORITY.fullmatch(said)
    if split is None:
        return Wanted(said[:_MOST_SHOWN], None)
    port = port_number(split[2]) if _PORT.fullmatch(split[2] or "") else None
    try:
        return Wanted(host_name(split[1]) if split[1] else "", port)
    except InvalidHost:
        return Wanted(said[:_MOST_SHOWN], None)
