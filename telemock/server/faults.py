"""What is refused of a request that the parser took, and with which status."""

import re
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv6Address
from typing import Final, NamedTuple

from aiohttp import HttpVersion10, HttpVersion11, hdrs
from aiohttp.http import RawRequestMessage

from telemock.hosts import as_address
from telemock.server.target import absolute_form

# Host = uri-host [ ":" port ] (RFC 9112 section 3.2), of which names in ASCII and addresses lead anywhere. An empty
# label ends a name, and stands nowhere else (RFC 1034 section 3.1).
_AUTHORITY: Final = re.compile(r"([^][:]*|\[[^]]*\])(?::(.*))?", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*\.?")
_PORT: Final = re.compile(r"[0-9]{0,5}")
_MOST_PORT: Final = 65535


class Fault(NamedTuple):
    """Why a request is refused: status, and a sentence without its full stop."""

    status: HTTPStatus
    reason: str


def fault_of(message: RawRequestMessage) -> Fault | None:
    """Tell what is wrong with a head that the parser took; None when nothing is."""
    version, fields = message.version, message.headers
    if version is not HttpVersion11 and not HttpVersion10 <= version <= HttpVersion11:
        # The parser takes HTTP/0.9 and 2.0, whose answers look nothing like ours.
        return Fault(HTTPStatus.BAD_REQUEST, f"HTTP/{version.major}.{version.minor} is not spoken here")
    host = fields.get(hdrs.HOST)
    if host and (wrong := authority_fault(host)):
        return Fault(HTTPStatus.BAD_REQUEST, f"The Host field {wrong}")
    if (message.path[0] != "/" or message.method == hdrs.METH_CONNECT) and (wrong := _target_fault(message)):
        return Fault(HTTPStatus.BAD_REQUEST, f"The target {wrong}")
    if message.chunked:
        if version == HttpVersion10:  # RFC 9112 section 6.1: its framing is faulty
            return Fault(HTTPStatus.BAD_REQUEST, "HTTP/1.0 has no chunks")
        if fields[hdrs.TRANSFER_ENCODING].strip().lower() != "chunked":
            return Fault(HTTPStatus.NOT_IMPLEMENTED, "No transfer coding is undone here but chunked")
    return None


@lru_cache(maxsize=1024)
def authority_fault(authority: str) -> str:
    """Return what is wrong with `host[:port]`, in words that go on behind what it is; "" when it can be asked for."""
    if "@" in authority:
        return "names a user before the host, which it may not"
    read = _AUTHORITY.fullmatch(authority)
    if read is None or not read[1]:
        return "names no host"
    host, port = read[1], read[2] or ""
    if not host.isascii():
        return "is not in ASCII, as host names have to be (xn--)"
    if not (isinstance(as_address(host[1:-1]), IPv6Address) if host.startswith("[") else _NAME.fullmatch(host)):
        return "names no host"
    if not _PORT.fullmatch(port) or (port and port_number(port) is None):
        return f"names a port that is none (1 to {_MOST_PORT})"
    return ""


def connect_fault(target: str) -> str:
    """Return what is wrong with the target of a CONNECT, as `authority_fault` does."""
    wrong = authority_fault(target)
    if not wrong and not target.rpartition("]")[2].partition(":")[2]:
        wrong = "names no port"
    return wrong and f"{wrong}; CONNECT wants host:port"


def url_fault(target: str) -> str:
    """Return what is wrong with the authority of a target in absolute form, as `authority_fault` does."""
    _, authority, _ = absolute_form(target.partition("?")[0])
    return authority_fault(authority.rpartition("@")[2])


def port_number(digits: str) -> int | None:
    """Read a port; None when there is none, or none that can be."""
    return int(digits) if digits and 0 < int(digits) <= _MOST_PORT else None


def _target_fault(message: RawRequestMessage) -> str:
    """Return what is wrong with a target that is no path: it has to name a host that aiohttp can make a request of."""
    if message.method == hdrs.METH_CONNECT:
        return connect_fault(message.path)
    if "://" not in message.path:
        return ""
    wrong = url_fault(message.path)
    try:
        return wrong or ("" if message.url.host else "names no host")
    except ValueError:  # a label that is no punycode
        return "names no host"
