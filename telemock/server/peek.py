"""This is how a connection's first bytes are seen while they stay where they are, for whoever reads them later.

It refuses to spin: the kernel is told how many bytes are worth waking for.
"""

import asyncio
import socket

# What is looked at before a connection is understood: a ClientHello, or the head of a CONNECT.
MAX_PEEKED_BYTES = 64 * 2**10


class Peek:
    """Looks at what a non-blocking socket received; the caller owns the socket."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    async def more_than(self, count: int) -> bytes:
        """Give everything received, once it is more than `count` bytes; no more than that when nothing else comes.

        Raises:
            OSError: the connection broke.
        """
        if len(seen := self.seen()) > count:
            return seen
        # What is there already would wake the loop without end.
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count + 1)
        try:
            await _readable(self._client)
            return self._client.recv(MAX_PEEKED_BYTES, socket.MSG_PEEK)
        finally:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)

    def seen(self) -> bytes:
        """Give everything received so far.

        Raises:
            OSError: the connection broke.
        """
        try:
            return self._client.recv(MAX_PEEKED_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return b""

    def take(self, count: int) -> bytes:
        """Read so many of the bytes seen."""
        return self._client.recv(count)


async def _readable(client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def hear() -> None:
        loop.remove_reader(client)
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(client, hear)
    try:
        await ready
    finally:
        loop.remove_reader(client)
