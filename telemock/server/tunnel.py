"""This is the tunnel: bytes pass between a client and another server, untouched and counted.

It refuses to hold more than a buffer of them: who does not read makes the other side wait.
"""

import asyncio
import socket
from dataclasses import dataclass
from typing import Final

_BUFFER_BYTES: Final = 64 * 2**10


@dataclass(slots=True)
class Passed:
    """Bytes that passed so far: `up` from the client, `down` to it."""

    up: int = 0
    down: int = 0


async def relay(client: socket.socket, server: socket.socket, passed: Passed) -> None:
    """Pass bytes both ways until both sides ended; each may end alone (half-close), and hears the other out.

    Args:
        client: connected and non-blocking; the caller closes it.
        server: the same.
        passed: counts while it goes on.

    Raises:
        OSError: a side broke, and the rest is lost.
    """
    loop = asyncio.get_running_loop()

    async def up() -> None:
        while data := await loop.sock_recv(client, _BUFFER_BYTES):
            await loop.sock_sendall(server, data)
            passed.up += len(data)
        server.shutdown(socket.SHUT_WR)

    async def down() -> None:
        while data := await loop.sock_recv(server, _BUFFER_BYTES):
            await loop.sock_sendall(client, data)
            passed.down += len(data)
        client.shutdown(socket.SHUT_WR)

    for each in (client, server):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # finds out that a silent side is gone
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(up())
            group.create_task(down())
    except BaseExceptionGroup as broken:
        raise broken.exceptions[0] from None
