"""This is the proxy behind this one, where the network asks for one: its URL, who passes it by, and its CONNECT.

It refuses proxies that are not spoken to in plain HTTP.
"""

import asyncio
import contextlib
import re
import socket
from dataclasses import dataclass
from typing import Final
from urllib.request import proxy_bypass

from telemock.errors import InvalidSetting, UpstreamError
from telemock.hosts import authority
from telemock.place import Place
from telemock.server.head import whole_head
from telemock.server.peek import Peek

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})\b")


@dataclass(frozen=True, slots=True)
class UpstreamProxy:
    """A proxy, by where it is."""

    place: Place

    @classmethod
    def read(cls, url: str) -> "UpstreamProxy":
        """Read `http://[user:password@]host[:port]`, whose user and password may be percent-encoded.

        Raises:
            InvalidSetting: it is something else; the sentence shows no password.
        """
        with contextlib.suppress(ValueError):
            place = Place.read(url)
            if place.scheme == "http" and place.rest in ("", "/"):
                return cls(place)
        raise InvalidSetting("--upstream-proxy wants a URL such as http://user:password@proxy.example:3128.")

    def is_for(self, host: str, port: int) -> bool:
        """Tell whether a host is reached through the proxy; NO_PROXY names those that are not."""
        return not proxy_bypass(f"{host}:{port}")

    async def connect(self, connection: socket.socket, host: str, port: int) -> None:
        """Ask the proxy at the other end of a connection for a tunnel.

        Raises:
            UpstreamError: it refuses.
            OSError: the connection broke.
        """
        wanted = authority(host, port)
        lines = [f"CONNECT {wanted} HTTP/1.1", f"Host: {wanted}"]
        if self.place.authorization is not None:
            lines.append(f"Proxy-Authorization: {self.place.authorization}")
        await asyncio.get_running_loop().sock_sendall(connection, "\r\n".join([*lines, "", ""]).encode())
        peek = Peek(connection)
        head = await peek.until(whole_head)
        if head is None:
            raise UpstreamError(f"The proxy {self.place} gave no answer.")
        peek.take(len(head))
        status = _STATUS.match(head)
        if status is None or not status[1].startswith(b"2"):
            said = head.split(b"\r\n")[0].decode("ascii", "backslashreplace")
            raise UpstreamError(refusal(self, host, port, said))


def refusal(proxy: UpstreamProxy, host: str, port: int, said: str) -> str:
    """Write a sentence for what a proxy said that lets nobody through."""
    return f"The proxy {proxy.place} does not let us through to {authority(host, port)}: it says {said[:100]!r}."
