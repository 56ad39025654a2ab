"""Memory for bodies, bounded over all clients: a body has it before it is read, or waits, or is refused."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from aiohttp import StreamReader

# Bodies up to this size have an eighth of the memory for themselves: long ones never keep ordinary telemetry waiting.
SMALL_BYTES: Final = 64 * 2**10
_SMALL_SHARE: Final = 8

WAIT_SECONDS: Final = 10.0
# Who waits is held by aiohttp together with what was read ahead, so that not too many may.
_MOST_WAITING: Final = 128

# While others wait, of the bodies that take longer than this the slowest is given up, one each time that is looked.
_SLOW_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.5

# Less than this is not worth asking the system to take it back.
_TRIM_BYTES: Final = 8 * 2**20
_TRIM_SECONDS: Final = 1.0


class NoRoom(Exception):
    """There is no memory for a body in time."""


class Room:
    """Memory that one body has; `release` gives it back, once.

    Attributes:
        is_queued: the store has the body, and releases its memory.
    """

    __slots__ = ("_share", "_size", "is_queued")

    def __init__(self, share: "_Share", size: int) -> None:
        self._share = share
        self._size = size
        self.is_queued = False

    def settle(self, size: int) -> None:
        """Note that the body is whole: it is given up no more, and takes so many bytes."""
        freed, self._size = max(self._size - size, 0), min(self._size, size)
        self._share.give_back(self, freed)

    def release(self) -> None:
        """Give the memory back: nobody holds the body any more."""
        freed, self._size = self._size, 0
        self._share.give_back(self, freed)


class _Arriving(NamedTuple):
    """A body that is not whole yet: since when it is read, what came of it, and what ends when it is given up."""

    since: float
    content: StreamReader
    deadline: asyncio.Timeout

    def pace(self, now: float) -> float | None:
        """Tell how many bytes a second came; None while it is too soon to say."""
        seconds = now - self.since
        return self.content.total_bytes / seconds if seconds > _SLOW_SECONDS else None


def queued(rooms: Sequence[Room]) -> Callable[[object], None]:
    """Give what is to be called once the store has done with bodies, which it has from now on."""
    for room in rooms:
        room.is_queued = True

    def release(_stored: object) -> None:
        for room in rooms:
            room.release()

    return release


class BodyMemory:
    """The memory for bodies of one process; one loop uses it.

    Args:
        total: bytes.
        longest: bytes of the longest body, for which there is always memory.
        trim: gives what was freed back to the system.
    """

    def __init__(self, total: int, longest: int, trim: Callable[[], None]) -> None:
        self._longest = longest
        self._small = _Share(max(total // _SMALL_SHARE, SMALL_BYTES), trim)
        self._large = _Share(max(total - total // _SMALL_SHARE, longest), trim)

    @property
    def used(self) -> int:
        """Bytes that are taken."""
        return self._small.used + self._large.used

    async def room(self, content: StreamReader, size: int, deadline: asyncio.Timeout) -> Room:
        """Take memory for a body, at most for the longest.

        Args:
            content: the body, as it comes.
            size: bytes that it may have.
            deadline: that of whoever reads it; it is over when the body is given up, because others wait.

        Raises:
            NoRoom: there is none in time.
        """
        size = min(size, self._longest)
        return await (self._small if size <= SMALL_BYTES else self._large).room(content, size, deadline)

    def room_at_once(self, size: int) -> Room | None:
        """Take memory for a short body that is whole already; None when it would have to wait."""
        return self._small.room_at_once(size)

    @contextlib.contextmanager
    def spared(self, size: int) -> Iterator[int]:
        """Take memory while nobody needs it, without waiting, and give it back at the end.

        Yields:
            How many bytes there are: all, or none.
        """
        granted = self._large.spare(size, keep=self._longest)
        try:
            yield granted
        finally:
            self._large.give_back(None, granted)


class _Share:
    """Memory for bodies of one class, first come, first served.

    Attributes:
        used: bytes that are taken.
        arriving: bodies that are not whole yet, by their rooms.
    """

    def __init__(self, total: int, trim: Callable[[], None]) -> None:
        self._total = total
        self._trim = trim
        self.used = 0
        self.arriving: dict[Room, _Arriving] = {}
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._looking: asyncio.TimerHandle | None = None
        self._freed = 0  # bytes since it was trimmed
        self._trimming: asyncio.TimerHandle | None = None

    async def room(self, content: StreamReader, size: int, deadline: asyncio.Timeout) -> Room:
        """Take memory; see `BodyMemory.room`."""
        room = self.room_at_once(size)
        if room is None:
            await self._wait(size)
            room = Room(self, size)
        self.arriving[room] = _Arriving(asyncio.get_running_loop().time(), content, deadline)
        return room

    def room_at_once(self, size: int) -> Room | None:
        """Take memory that nobody waits for."""
        if self._waiting or self.used + size > self._total:
            return None
        self.used += size
        return Room(self, size)

    def spare(self, size: int, keep: int) -> int:
        """Take memory so long as half of all, and so many bytes, stay for those who may wait; give what was taken."""
        is_spare = not self._waiting and self.used + size <= min(self._total // 2, self._total - keep)
        granted = size if is_spare else 0
        self.used += granted
        return granted

    def give_back(self, room: Room | None, size: int) -> None:
        """Take memory back of a body that nobody reads any more, and give it to those who wait."""
        if room is not None:
            self.arriving.pop(room, None)
        self.used -= size
        self._grant()
        self._freed += size
        if self._freed >= _TRIM_BYTES and self._trimming is None:
            self._trimming = asyncio.get_running_loop().call_later(_TRIM_SECONDS, self._trim_now)

    async def _wait(self, size: int) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            raise NoRoom
        loop = asyncio.get_running_loop()
        granted = loop.create_future()
        self._waiting.append((size, granted))
        if self._looking is None:
            self._looking = loop.call_later(_LOOK_SECONDS, self._look)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await granted
        except BaseException as error:
            if granted.done() and not granted.cancelled():
                self.give_back(None, size)  # in the same moment
            else:
                with contextlib.suppress(ValueError):
                    self._waiting.remove((size, granted))
                self._grant()  # who asks for less may stand behind it
            if isinstance(error, TimeoutError):
                raise NoRoom from error
            raise

    def _grant(self) -> None:
        while self._waiting and self.used + self._waiting[0][0] <= self._total:
            size, granted = self._waiting.popleft()
            if not granted.done():  # else who waited had enough, in the same moment
                self.used += size
                granted.set_result(None)

    def _look(self) -> None:
        """Give up the slowest body, and look again as long as somebody waits."""
        self._looking = None
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        slow = {room: pace for room, each in self.arriving.items() if (pace := each.pace(now)) is not None}
        if slow:
            self.arriving.pop(min(slow, key=slow.__getitem__)).deadline.reschedule(now)
        self._looking = loop.call_later(_LOOK_SECONDS, self._look)

    def _trim_now(self) -> None:
        self._trimming = None
        self._freed = 0
        self._trim()
