"""This is the head of a CONNECT request: where the client wants a tunnel to (RFC 9110 section 9.3.6).

It refuses what could be read in two ways, with a sentence for the client.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import HttpVersion10, HttpVersion11, hdrs
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpProcessingError, HttpRequestParser

from telemock.authority.visit_proof import VISIT_FIELD
from telemock.errors import MalformedRequest
from telemock.hosts import authority_port
from telemock.server.faults import connect_fault
from telemock.server.head import complaint
from telemock.server.peek import MAX_PEEKED_BYTES
from telemock.server.target import host_name

METHOD: Final = b"CONNECT "


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """Where to, with which Proxy-Authorization field (RFC 9110 section 11.7.2), and with which proof of a visit.

    Each is None without one; see `telemock.authority.visit_proof`.
    """

    host: str
    port: int
    authorization: str | None
    visit: str | None = None


def read_connect(head: bytes) -> ConnectRequest:
    """Read a whole head, its empty line included, as strictly as any other request is read.

    Raises:
        MalformedRequest: it is not HTTP, or not a host and a port.
    """
    loop = asyncio.get_running_loop()
    parser = HttpRequestParser(
        BaseProtocol(loop), loop, MAX_PEEKED_BYTES, max_line_size=MAX_PEEKED_BYTES, max_field_size=MAX_PEEKED_BYTES
    )
    try:
        messages, _, rest = parser.feed_data(head)
    except HttpProcessingError as error:
        raise MalformedRequest(complaint(error) + ".") from error
    message = messages[0][0]
    if len(messages) != 1 or rest:
        raise MalformedRequest("More than one request came where one CONNECT was expected.")
    fields = message.headers
    if not HttpVersion10 <= message.version <= HttpVersion11:
        raise MalformedRequest("CONNECT is HTTP/1.1 here.")
    if hdrs.TRANSFER_ENCODING in fields or fields.get(hdrs.CONTENT_LENGTH, "0") != "0":
        raise MalformedRequest("CONNECT has no body.")
    target = message.path
    port = authority_port(target, None)
    if (wrong := connect_fault(target)) or port is None:
        raise MalformedRequest(f"{target.rpartition('@')[2][:300]!r} {wrong}.")
    return ConnectRequest(host_name(target), port, fields.get(hdrs.PROXY_AUTHORIZATION), fields.get(VISIT_FIELD))
