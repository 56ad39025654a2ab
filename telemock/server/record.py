"""This is the recorder: captured requests go on to the host they were meant for, and its answers come back.

It refuses to answer in a host's place: where there is none to reach, it says so with 502.
"""

from collections.abc import Callable
from typing import Final

from aiohttp import ClientResponse, hdrs, web
from aiohttp.typedefs import Handler
from yarl import URL

from telemock.answers import json_answer, too_large
from telemock.errors import UpstreamError
from telemock.exchange import Connection
from telemock.server.errand import Errand
from telemock.server.interception import Interception
from telemock.server.notes import NOTES, Notes
from telemock.server.tunnel import Passed
from telemock.server.upstream import PassedOn, Upstream, Whole, pieces

# A longer answer is on its way to the client before its end is known.
_WHOLE_BYTES: Final = 256 * 2**10


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
        self.kept = bytearray()  # for the store
        self.is_whole = False

    async def feed(self, piece: bytes) -> None:
        """Send the piece before this one."""
        await self.write(self._last)
        self._last = piece
        self.kept += piece[: self._room - len(self.kept)]

    async def finish(self) -> None:
        """Send the last piece.

        Raises:
            ConnectionResetError: the other server broke off; nobody must take what it gave for whole.
        """
        if not self.is_whole:
            raise ConnectionResetError("the other server broke off")
        await self.write(self._last)
        await self.write_eof()


class Recorder:
    """Gets answers from real hosts.

    Args:
        upstream: the way to them; closed by its owner.
        max_body: most bytes of a body that are kept.
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
        hosts: Interception,
        is_recorded: Callable[[str | None], bool],
        otherwise: Handler,
    ) -> None:
        self._upstream = upstream
        self._max_body = max_body
        self._note = note
        self._hosts = hosts
        self._is_recorded = is_recorded
        self._otherwise = otherwise

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a captured request; the outcome is `recorded` also when the real host cannot be reached."""
        notes = request[NOTES]
        url = None
        if self._is_recorded(notes.profile.name if notes.profile is not None else None):
            url = _real_url(request, notes, self._hosts)
        return await (self._otherwise(request) if url is None else self._ask(request, notes, url))

    async def _ask(self, request: web.Request, notes: Notes, url: URL) -> web.Response | LongAnswer:
        """Ask the real host at a URL."""
        notes.outcome = "recorded"
        if notes.body.too_large:
            return too_large(self._max_body)
        errand = Errand(request.remote or "")
        passed = Passed(up=len(notes.body.content))
        detail = "The client left."
        try:
            async with self._upstream.send(request, url, notes.body.content or None) as answer:
                detail = f"{request.method} was answered {answer.status}."
                return await self._receive(request, answer, passed)
        except UpstreamError as error:
            detail = str(error)
            return json_answer(502, {"error": detail})
        finally:
            self._note(
                errand.record(
                    "upstream", url.raw_host or "", url.port, detail, bytes_up=passed.up, bytes_down=passed.down
                )
            )

    async def _receive(self, request: web.Request, answer: ClientResponse, passed: Passed) -> web.Response | LongAnswer:
        """Read an answer; a long one is on its way to the client before its end is known."""
        long: LongAnswer | None = None
        held = bytearray()
        try:
            async for piece in pieces(answer):
                passed.down += len(piece)
                if long is not None:
                    await long.feed(piece)
                    continue
                held += piece
                if len(held) > _WHOLE_BYTES:
                    long = LongAnswer(answer, self._max_body)
                    await long.prepare(request)
                    await long.feed(bytes(held))
        except UpstreamError:
            if long is None:
                raise
            return long
        if long is None:
            return Whole(answer, bytes(held))
        long.is_whole = True
        return long


def _real_url(request: web.Request, notes: Notes, hosts: Interception) -> URL | None:
    """Tell where a request was meant to go: to the host it names, or else to its product's; None if nowhere."""
    target = notes.target
    if not target.path.startswith("/"):
        return None
    if request.raw_path.startswith("/"):
        authority = request.headers.get(hdrs.HOST) or target.host
    else:
        authority = request.raw_path.partition("://")[2].partition("/")[0].partition("?")[0]
    scheme = target.scheme
    if not hosts.is_product(target.host):
        if notes.profile is None:
            return None
        scheme, authority = "https", notes.profile.hosts[0]
    query = f"?{notes.query}" if notes.query else ""
    return URL(f"{scheme}://{authority.rpartition('@')[2]}{target.path}{query}", encoded=True)
