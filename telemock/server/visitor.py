"""This is one accepted connection until it is handed on: its socket, who it is, and since when.

It refuses to understand what is said; it shows it, and takes a last answer.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from http import HTTPStatus
from socket import SHUT_WR
from socket import socket as Socket  # noqa: N812 - the visitor has a socket
from typing import Final

from telemock.exchange import compact_json
from telemock.server.descriptors import has_unread
from telemock.server.errand import Errand
from telemock.server.peek import Peek
from telemock.server.protocol import SERVER

# How long a client may take to read a last answer, and what it may still say meanwhile.
_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 2**20


class Visitor(Errand):
    """An accepted, non-blocking socket, owned from now on.

    Attributes:
        client: its IP address.
        peek: shows what it said.
        port: the one it wants: where it connected to, or what it asked for with CONNECT.
        awaited_since: the monotonic time since which it has to speak, or to say the rest; None while it is answered.
        is_silent: it said nothing yet.
        is_doctor: it is `telemock doctor`, which proved that.
        bytes_up: bytes that it said before a last answer and behind it.
        bytes_down: bytes that were sent to it.
    """

    def __init__(self, connection: Socket, client: str) -> None:
        super().__init__(client)
        self._socket: Socket | None = connection
        self.peek = Peek(connection)
        self.port: int = connection.getsockname()[1]
        self.awaited_since: float | None = None
        self.awaits(client=True)
        self.is_silent = True
        self.is_doctor = False
        self.bytes_up = self.bytes_down = 0

    @property
    def socket(self) -> Socket:
        """The connection, which is still the visitor's."""
        if self._socket is None:
            raise RuntimeError("the connection was handed on")
        return self._socket

    def hand_on(self) -> Socket:
        """Give the connection away; who takes it closes it."""
        given, self._socket = self.socket, None
        return given

    def close(self) -> None:
        """Close the connection unless it was handed on."""
        if self._socket is not None:
            self._socket.close()

    def awaits(self, *, client: bool) -> None:
        """Note from now on whether the client has to speak, or is answered."""
        self.awaited_since = time.monotonic() if client else None

    def has_unread(self) -> bool:
        """Return whether it spoke for the first time, and that was not looked at yet."""
        return self._socket is not None and self.is_silent and has_unread(self._socket.fileno())

    async def say(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            OSError: the client left.
        """
        await asyncio.get_running_loop().sock_sendall(self.socket, data)
        self.bytes_down += len(data)

    async def say_last(
        self, data: bytes, *, linger_seconds: float = _LINGER_SECONDS, linger_bytes: int = _LINGER_BYTES
    ) -> None:
        """Send bytes and the end, and hear the client out for a while: to close sooner could take the bytes from it."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # the client left, or takes longer than that
            async with asyncio.timeout(linger_seconds):
                await self.say(data)
                self.socket.shutdown(SHUT_WR)
                while self.bytes_up < linger_bytes and (more := await loop.sock_recv(self.socket, 2**16)):
                    self.bytes_up += len(more)

    async def refuse(self, status: HTTPStatus, error: str, fields: Mapping[str, str] | None = None) -> None:
        """Answer a request that stands first on the connection with a JSON error, and end."""
        body = compact_json({"error": error}).encode() + b"\n"
        said = {
            "Content-Type": "application/json",
            "Content-Length": len(body),
            "Server": SERVER,
            **(fields or {}),
            "Connection": "close",
        }
        lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{name}: {value}" for name, value in said.items()), "", ""]
        await self.say_last("\r\n".join(lines).encode() + body)
