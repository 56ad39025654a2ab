"""This is the recorder: captured requests go on to the host they were meant for, and its answers come back.

It refuses to answer in a host's place: where there is none to reach, it says so with 502.
"""

import asyncio
from collections.abc import Callable
from io import BytesIO
from typing import Final

from aiohttp import ClientResponse, web
from aiohttp.typedefs import Handler

from telemock.answers import json_answer, too_large, try_later
from telemock.errors import UpstreamError
from telemock.exchange import Connection
from telemock.hosts import url_authority
from telemock.server.body_memory import SMALL_BYTES, BodyMemory, NoRoom
from telemock.server.errand import BROKEN_OFF, Errand
from telemock.server.interception import Interception
from telemock.server.notes import NOTES, Notes
from telemock.server.target import absolute_form
from telemock.server.tunnel import Passed
from telemock.server.upstream import AHEAD_BYTES, PassedOn, Upstream, Whole, http_url, pieces, read_ahead

# A longer answer is on its way to the client before its end is known.
_WHOLE_BYTES: Final = 256 * 2**10

# How much of it at most waits until the exchange is stored.
_LAST_BYTES: Final = 64 * 2**10

_NO_MEMORY_SAID: Final = "Answers of other servers take all the memory they may (--body-memory); try again later."


class LongAnswer(PassedOn):
    """An answer that left but for its last piece, which waits until the exchange is stored.

    Args:
        answer: of the other server.
        most: most bytes kept of the body.
    """

    def __init__(self, answer: ClientResponse, most: int) -> None:
        super().__init__(answer)
        self._room = most
        self._last = b""
        self._kept = BytesIO()
        self.broken = ""  # why it has no end

    async def feed(self, piece: bytes) -> None:
        """Send everything before the end of this piece."""
        await self.write(self._last)
        await self.write(piece[:-_LAST_BYTES])
        self._last = piece[-_LAST_BYTES:]
        self._kept.write(piece[: self._room - self._kept.tell()])

    @property
    def kept(self) -> bytes:
        """What the store gets of the body; no copy of it."""
        return self._kept.getvalue()

    async def finish(self, request: web.Request) -> None:
        """Send the last piece, unless the other server broke off."""
        if self.broken:
            self.break_off(request)
        else:
            await self.write(self._last)
            await self.write_eof()


class Recorder:
    """Gets answers from real hosts.

    Args:
        upstream: the way to them; closed by its owner.
        max_body: most bytes of a body that are kept.
        memory: what answers may take, from their first bytes until they are stored.
        note: keeps that another server was asked.
        hosts: that are answered in place of real ones.
        is_recorded: tells the profiles whose requests go to the real host; None is of no profile.
        otherwise: answers the other requests, and those that name no host but telemock.
    """

    def __init__(
        self,
        upstream: Upstream,
        max_body: int,
        note: Callable[[Connection], None],
        *,
        memory: BodyMemory,
        hosts: Interception,
        is_recorded: Callable[[str | None], bool],
        otherwise: Handler,
    ) -> None:
        self._upstream = upstream
        self._max_body = max_body
        self._longest = max_body + AHEAD_BYTES  # kept or read ahead
        self._note = note
        self._memory = memory
        self._hosts = hosts
        self._is_recorded = is_recorded
        self._otherwise = otherwise

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a captured request; the outcome is `recorded` also when the real host cannot be reached."""
        notes = request[NOTES]
        is_recorded = self._is_recorded(notes.profile.name if notes.profile is not None else None)
        server = self._real_server(request, notes) if is_recorded else None
        return await (self._otherwise(request) if server is None else self._ask(request, notes, *server))

    def _real_server(self, request: web.Request, notes: Notes) -> tuple[str, str] | None:
        """Give scheme and authority of the server a request names, or else of its product's; None if there is none."""
        target = notes.target
        if not target.path.startswith("/"):
            return None
        if target.via in ("proxy", "connect"):
            is_named = self._hosts.covers(target.host)
        else:  # an address may be what the client calls telemock
            is_named = self._hosts.is_product(target.host)
        if not is_named:
            return None if notes.profile is None else ("https", notes.profile.hosts[0])
        if request.raw_path.startswith("/"):
            return target.scheme, url_authority(target.scheme, target.host, target.port)
        return target.scheme, absolute_form(request.raw_path.partition("?")[0])[1]

    async def _ask(self, request: web.Request, notes: Notes, scheme: str, authority: str) -> web.Response | LongAnswer:
        """Ask the real server."""
        notes.outcome = "recorded"
        if notes.body.too_large:
            return too_large(self._max_body)
        errand = Errand(request.remote or "")
        passed = Passed(up=len(notes.body.content))
        detail = BROKEN_OFF
        host, port = notes.target.host, None
        try:
            url = http_url(scheme, authority, notes.target.path, notes.query)
            host, port = url.raw_host or "", url.port
            body = BytesIO(notes.body.content) if notes.body.content else None
            async with self._upstream.send(request, url, body) as answer:
                response = await self._receive(request, notes, answer, passed)
                detail = f"{request.method} was answered {answer.status}."
                if isinstance(response, LongAnswer) and response.broken:
                    detail = response.broken
                return response
        except UpstreamError as error:
            detail = str(error)
            return json_answer(502, {"error": detail})
        except NoRoom:
            notes.outcome, detail = "refused", _NO_MEMORY_SAID
            return try_later(detail)
        finally:
            self._note(errand.record("upstream", host, port, detail, bytes_up=passed.up, bytes_down=passed.down))

    async def _receive(
        self, request: web.Request, notes: Notes, answer: ClientResponse, passed: Passed
    ) -> web.Response | LongAnswer:
        """Read an answer; a long one is on its way to the client before its end is known.

        Raises:
            NoRoom: there is no memory for it, or others waited for what it had.
            UpstreamError: it broke off before any of it was on its way.
        """
        long: LongAnswer | None = None
        held = bytearray()
        content = answer.content
        length = content.total_bytes if content.is_eof() else answer.content_length
        try:
            async with asyncio.timeout(None) as deadline:
                await self._take_room(notes, answer, SMALL_BYTES if length is None else length, deadline)
                async for piece in pieces(answer):
                    passed.down += len(piece)
                    if length is None and passed.down > SMALL_BYTES:  # it did not say how long it is
                        length = self._longest
                        await self._take_room(notes, answer, length, deadline)
                    if long is not None:
                        await long.feed(piece)
                        continue
                    held += piece
                    if len(held) > _WHOLE_BYTES:
                        long = LongAnswer(answer, self._max_body)
                        await long.prepare(request)
                        await long.feed(bytes(held))
                        held.clear()
        except UpstreamError as error:
            if long is None:
                raise
            long.broken = str(error)
        except TimeoutError as error:
            if long is None:
                raise NoRoom from error
            long.broken = _NO_MEMORY_SAID
        if notes.answer_room is not None:
            notes.answer_room.settle(min(passed.down, self._max_body))
        return Whole(answer, bytes(held)) if long is None else long

    async def _take_room(self, notes: Notes, answer: ClientResponse, size: int, deadline: asyncio.Timeout) -> None:
        """Take memory for what is kept of an answer and what is read ahead of the client, in place of what it had."""
        if notes.answer_room is not None:
            notes.answer_room.release()
            notes.answer_room = None
        size = min(size, self._longest)
        notes.answer_room = await self._memory.room(answer.content, size, deadline)
        read_ahead(answer, size)
