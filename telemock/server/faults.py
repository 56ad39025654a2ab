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

# Host = uri-host [ ":" port ] (RFC 9112 section 3.2), of which names in ASCII and addresses lead anywhere.
_HOST: Final = re.compile(r"(?:[A-Za-z0-9._~-]+|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{0,5}))?")
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
    if host and not is_host(host):
        return Fault(HTTPStatus.BAD_REQUEST, "The Host field names no host")
    if message.path[0] != "/" and not _is_target(message):
        return Fault(HTTPStatus.BAD_REQUEST, "The target names no host")
    if message.chunked:
        if version == HttpVersion10:  # RFC 9112 section 6.1: its framing is faulty
            return Fault(HTTPStatus.BAD_REQUEST, "HTTP/1.0 has no chunks")
        if fields[hdrs.TRANSFER_ENCODING].strip().lower() != "chunked":
            return Fault(HTTPStatus.NOT_IMPLEMENTED, "No transfer coding is undone here but chunked")
    return None


@lru_cache(maxsize=1024)
def is_host(authority: str) -> bool:
    """Tell whether `host[:port]` names a host that can be asked for, without user and password."""
    read = _HOST.fullmatch(authority)
    if read is None or int(read[2] or 0) > _MOST_PORT:
        return False
    return read[1] is None or isinstance(as_address(read[1]), IPv6Address)


def port_number(digits: str) -> int | None:
    """Read a port; None when there is none, or none that can be."""
    return int(digits) if digits and 0 < int(digits) <= _MOST_PORT else None


def _is_target(message: RawRequestMessage) -> bool:
    """Tell whether a target that is no path names a host, in words that aiohttp can make a request of."""
    if message.method == hdrs.METH_CONNECT:
        return is_host(message.path)
    if "://" not in message.path:
        return True
    _, authority, _ = absolute_form(message.path.partition("?")[0])
    try:
        return is_host(authority.rpartition("@")[2]) and bool(message.url.host)
    except ValueError:  # a label that is no punycode
        return False
