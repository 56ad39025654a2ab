"""This is how a connection's first bytes are seen while they stay where they are, for whoever reads them later.

It refuses to spin: the kernel is told how many bytes are worth waking for.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

# What is looked at before a connection is understood: a ClientHello, or the head of a CONNECT.
MAX_PEEKED_BYTES = 64 * 2**10

_Understood = TypeVar("_Understood")


class Peek:
    """Looks at what a non-blocking socket received; the caller owns the socket.

    Attributes:
        last_seen: everything received, when it was last looked at.
    """

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self.last_seen = b""

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
            return self.seen()
        finally:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)

    async def until(self, understand: Callable[[bytes], _Understood | None]) -> _Understood | None:
        """Let a function see everything received, again whenever that is more, until it gives something.

        Gives None when the other side ends before, or MAX_PEEKED_BYTES were seen.

        Raises:
            OSError: the connection broke.
        """
        seen = b""
        while len(seen) < MAX_PEEKED_BYTES and len(longer := await self.more_than(len(seen))) > len(seen):
            seen = longer
            if (understood := understand(seen)) is not None:
                return understood
        return None

    def seen(self) -> bytes:
        """Give everything received so far.

        Raises:
            OSError: the connection broke.
        """
        try:
            self.last_seen = self._client.recv(MAX_PEEKED_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            self.last_seen = b""
        return self.last_seen

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
