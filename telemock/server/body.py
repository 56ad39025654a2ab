"""This is how a request body is read whole and kept short: chunks in, at most a limit of bytes out.

It refuses to undo content codings; what is stored is what was sent.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from aiohttp import StreamReader, web

from telemock.server.body_memory import SMALL_BYTES, BodyMemory, NoRoom, Room
from telemock.server.protocol import broken_body


@dataclass(frozen=True, slots=True)
class Body:
    """What came after the head.

    Attributes:
        content: bytes as received after transfer decoding, at most the limit.
        too_large: there was, or was going to be, more than the limit.
        gone: the end never came: the client left, or went on with what is not HTTP.
        left: it was the client that left.
        room: the memory that it has.
    """

    content: bytes
    too_large: bool = False
    gone: bool = False
    left: bool = False
    room: Room | None = None


NO_BODY: Final = Body(b"")
REFUSED: Final = Body(b"", too_large=True)  # its sender was told not to send it
NO_MEMORY: Final = Body(b"", too_large=True)  # there was none for it, or others waited for what it had

# Shorter pieces are put together: each takes some 40 bytes besides what is in it.
_PIECE_BYTES: Final = 2**14


async def read_body(request: web.Request, limit: int, memory: BodyMemory) -> Body:
    """Read up to `limit` bytes of the body that a request has; never raises for what a client does."""
    if "Expect" in request.headers and (request.content_length or 0) > limit:
        return REFUSED
    whole = None if broken_body(request) else _came_whole(request.content, min(limit, SMALL_BYTES), memory)
    if whole is not None:
        return whole
    received = _Received()
    gone = False
    try:
        await received.read(request, limit, memory)
    except (NoRoom, TimeoutError):
        received.forget()
        return NO_MEMORY
    except (web.PayloadAccessError, web.RequestPayloadError, ConnectionError, OSError) as error:
        gone = True
        # aiohttp keeps it, and it would keep these frames with the body in them until cycles are collected.
        error.__traceback__ = None
    except BaseException:
        received.forget()
        raise
    broken = broken_body(request)
    content = received.joined()
    too_large = len(content) > limit
    if received.room is not None:
        received.room.settle(min(len(content), limit))
    return Body(
        content[:limit], too_large, gone or broken is not None, isinstance(broken, ConnectionError), received.room
    )


def _came_whole(content: StreamReader, limit: int, memory: BodyMemory) -> Body | None:
    """Return a body that came together with its head, as short ones do; None for any other, or when it has to wait."""
    size = content.total_bytes
    if not content.is_eof() or size > limit or content.exception() is not None:
        return None
    room = memory.room_at_once(size)
    return None if room is None else Body(content.read_nowait(), room=room)


class _Received:
    """What came of a body so far, and the memory that it has."""

    def __init__(self) -> None:
        self.room: Room | None = None
        self._whole: list[bytes] = []
        self._short = bytearray()

    async def read(self, request: web.Request, limit: int, memory: BodyMemory) -> None:
        """Read to the end, or beyond the limit.

        Raises:
            NoRoom: there is no memory for it.
            TimeoutError: it was given up, as others wait for memory.
        """
        content, length = request.content, request.content_length
        is_small = length is None
        size = 0
        async with asyncio.timeout(None) as deadline:
            self.room = await memory.room(content, SMALL_BYTES if length is None else length, deadline)
            async for piece in content.iter_any():
                self._add(piece)
                size += len(piece)
                if size > limit:
                    return
                if is_small and size > SMALL_BYTES:  # it did not say how long it is
                    is_small = False
                    self.room.release()
                    self.room = await memory.room(content, limit, deadline)

    def _add(self, piece: bytes) -> None:
        if len(piece) >= _PIECE_BYTES and not self._short:
            self._whole.append(piece)
            return
        self._short += piece
        if len(self._short) >= _PIECE_BYTES:
            self._whole.append(bytes(self._short))
            self._short.clear()

    def joined(self) -> bytes:
        """Put everything together; one piece is as it came."""
        if len(self._whole) == 1 and not self._short:
            return self._whole[0]
        return b"".join([*self._whole, self._short])

    def forget(self) -> None:
        """Give all memory back."""
        self._whole.clear()
        if self.room is not None:
            self.room.release()
