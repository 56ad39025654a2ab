"""This is one accepted connection until it is handed on: its socket, who it is, and since when.

It refuses to understand what is said; it shows it, and takes a last answer.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from socket import SHUT_WR
from socket import socket as Socket  # noqa: N812 - the visitor has a socket
from typing import Final

from telemock.exchange import Connection, ConnectionKind, utc_text_at
from telemock.server.peek import Peek

# How long a client may take to read a last answer, and what it may still say meanwhile.
_LINGER_SECONDS: Final = 2.0
_LINGER_BYTES: Final = 2**20


class Visitor:
    """An accepted, non-blocking socket, owned from now on.

    Attributes:
        client: its IP address.
        peek: shows what it said.
        port: the one it wants: where it connected to, or what it asked for with CONNECT.
    """

    def __init__(self, connection: Socket, client: str) -> None:
        self._socket: Socket | None = connection
        self.peek = Peek(connection)
        self.client = client
        self.port: int = connection.getsockname()[1]
        self._opened_ns = time.time_ns()
        self._started = time.perf_counter()

    @property
    def socket(self) -> Socket:
        """The connection, which is still the visitor's."""
        if self._socket is None:
            raise RuntimeError("the connection was handed on")
        return self._socket

    @property
    def age_ms(self) -> float:
        """Milliseconds since the connection was accepted."""
        return int((time.perf_counter() - self._started) * 1e6) / 1000

    def hand_on(self) -> Socket:
        """Give the connection away; who takes it closes it."""
        given, self._socket = self.socket, None
        return given

    def close(self) -> None:
        """Close the connection unless it was handed on."""
        if self._socket is not None:
            self._socket.close()

    async def say(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            OSError: the client left.
        """
        await asyncio.get_running_loop().sock_sendall(self.socket, data)

    async def say_last(self, data: bytes) -> None:
        """Send bytes and the end, and hear the client out for a while: to close sooner could take the bytes from it."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):  # the client left, or takes longer than that
            async with asyncio.timeout(_LINGER_SECONDS):
                await self.say(data)
                self.socket.shutdown(SHUT_WR)
                heard = 0
                while heard < _LINGER_BYTES and (more := await loop.sock_recv(self.socket, 2**16)):
                    heard += len(more)

    async def refuse(self, status: HTTPStatus, error: str, fields: Mapping[str, str] | None = None) -> None:
        """Answer a request that stands first on the connection with a JSON error, and end."""
        body = json.dumps({"error": error}).encode() + b"\n"
        said = {
            "Content-Type": "application/json",
            "Content-Length": len(body),
            **(fields or {}),
            "Connection": "close",
        }
        lines = [f"HTTP/1.1 {status} {status.phrase}", *(f"{name}: {value}" for name, value in said.items()), "", ""]
        await self.say_last("\r\n".join(lines).encode() + body)

    def record(
        self,
        kind: ConnectionKind,
        host: str,
        port: int | None,
        detail: str,
        *,
        bytes_up: int = 0,
        bytes_down: int = 0,
    ) -> Connection:
        """Make what the store keeps of this connection, as long as it lasted until now."""
        return Connection(
            opened_at=utc_text_at(self._opened_ns),
            host=host,
            port=port,
            client=self.client,
            kind=kind,
            bytes_up=bytes_up,
            bytes_down=bytes_down,
            duration_ms=self.age_ms,
            detail=detail,
        )
