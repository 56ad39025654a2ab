"""This is the one place where traffic is captured: a middleware around every answer, whatever its exit.

It refuses to answer requests itself, except to say that something below or behind it failed.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler

from telemock.analysis.masking import masked_path
from telemock.answers import json_answer, try_later
from telemock.errors import StoreUnavailable
from telemock.exchange import Exchange, compact_json, utc_text_at
from telemock.profiles.profile import Profile, Reading
from telemock.remembered import Remembered
from telemock.server.body import NO_BODY, NO_MEMORY, REFUSED, read_body
from telemock.server.body_memory import BodyMemory, queued
from telemock.server.chunked import Fields
from telemock.server.gate import Gate
from telemock.server.notes import NOTES, Notes
from telemock.server.protocol import Protocol
from telemock.server.record import LongAnswer
from telemock.server.target import DIRECT, Arrival, Target, plain_path, read_target
from telemock.server.upstream import AsGiven
from telemock.store.writer import Writer

_NO_MEMORY_SAID = "Request bodies take all the memory they may (--body-memory); try again later."

_logger = logging.getLogger(__name__)

REMEMBERED_BODY_BYTES = 32 * 2**10
_WITHOUT_LENGTH = frozenset({204, 304, 499})
_PROTOCOLS = {"websocket": "WebSocket", "h2c": "HTTP/2"}
CLIENT_CLOSED_REQUEST = 499  # nginx's code, the field's custom; no RFC has one


class Capture:
    """The middleware, as `middleware`.

    Args:
        gate: tells who answers what is not captured, and who may use the proxy.
        profile: the product telemock knows.
        bare: reads the queries of requests that belong to no profile.
        writer: keeps exchanges before their answers leave.
        max_body: most bytes kept of a request body.
        memory: what request bodies may take, from their first bytes until they are stored.
        on_refused: told the reason and the exchange when the store did not take one in time.
    """

    def __init__(
        self,
        *,
        gate: Gate,
        profile: Profile,
        bare: Profile,
        writer: Writer,
        max_body: int,
        memory: BodyMemory,
        on_refused: Callable[[str, Exchange], None],
    ) -> None:
        self._gate = gate
        self._profile = profile
        self._bare = bare
        self._writer = writer
        self._max_body = max_body
        self._memory = memory
        self._on_refused = on_refused
        self._ways = Remembered(self._find_way, most=1024, longest=512)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer through the handler, and keep the exchange before the end of its answer leaves."""
        started = time.perf_counter()
        raw, _, query = request.raw_path.partition("?")
        protocol = request.protocol
        arrival = protocol.arrival if isinstance(protocol, Protocol) else DIRECT
        target, owner, way_round = self._ways[raw, request.headers.get(hdrs.HOST, ""), arrival]
        if way_round is not None:
            if request.transport is None:
                return web.Response(status=CLIENT_CLOSED_REQUEST)
            return await way_round(request)
        if target.via == "proxy" and (refusal := await self._gate.refusal(request)) is not None:
            handler = refusal.answer
        received_at = utc_text_at(time.time_ns())
        notes = Notes(target, query, owner, (owner or self._bare).read_query(query))
        if request._message.upgrade:  # noqa: SLF001 - cheaper than two fields
            notes.reading = _told_of_upgrade(request, notes.reading)
        request[NOTES] = notes
        try:
            return await self._keep(request, handler, notes, received_at, started)
        finally:
            rooms, notes.body, notes.answer_room = (notes.body.room, notes.answer_room), NO_BODY, None
            for room in rooms:
                if room is not None and not room.is_queued:
                    room.release()

    async def _keep(
        self, request: web.Request, handler: Handler, notes: Notes, received_at: str, started: float
    ) -> web.StreamResponse:
        """Answer a request that is captured, and keep the exchange."""
        try:
            response = await _answer(request, handler, notes, self._max_body, self._memory)
        except asyncio.CancelledError:
            left = web.Response(status=CLIENT_CLOSED_REQUEST)
            self._remember(_exchange(request, left, notes, received_at, started))
            raise
        if notes.body is REFUSED or notes.body is NO_MEMORY:
            response.force_close()  # what comes next would be the body, from a client that did not wait
        rooms = [room for room in (notes.body.room, notes.answer_room) if room is not None]
        try:
            exchange = _exchange(request, response, notes, received_at, started)
            await self._writer.keep(exchange, queued(rooms) if rooms else None)
        except StoreUnavailable as error:
            for room in rooms:
                room.release()
            unavailable = try_later(str(error))
            refused = _exchange(request, unavailable, notes, received_at, started)
            self._refuse(refused, error)
            if not isinstance(response, LongAnswer):
                return unavailable
            response.broken = str(error)
        if type(response) is not web.Response and isinstance(response, LongAnswer):  # the first is far cheaper
            await response.finish(request)
        return response

    def _find_way(self, head: tuple[str, str, Arrival]) -> tuple[Target, Profile | None, Handler | None]:
        """Tell where target, Host field and connection lead, whose that is, and who answers if it is not captured."""
        target = read_target(*head)
        owner = self._profile if self._profile.owns(target.host, plain_path(target.path)) else None
        return target, owner, self._gate.way_round(target, *head[1:])

    def _refuse(self, refused: Exchange, error: StoreUnavailable) -> None:
        refused.outcome = "refused"
        self._on_refused(error.reason, refused)
        if error.reason == "store_failed":
            self._remember(refused)

    def _remember(self, refused: Exchange) -> None:
        """Keep an exchange that was not stored in time for later, and so much of its body that a thousand fit."""
        body = refused.request_body
        if body is not None and len(body) > REMEMBERED_BODY_BYTES:
            refused.request_body = body[:REMEMBERED_BODY_BYTES]
            refused.request_truncated = 1
        self._writer.remember(refused)


def expectation(max_body: int) -> Callable[[web.Request], Awaitable[None]]:
    """Make the handler that says 100 Continue to bodies that are wanted (RFC 9110 section 10.1.1).

    What it does not expect it leaves to the middleware, so that the refusal is captured as well.
    """

    async def expect(request: web.Request) -> None:
        wanted = (request.content_length or 0) <= max_body and request.version >= HttpVersion11
        if wanted and request.headers[hdrs.EXPECT].lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    return expect


def _told_of_upgrade(request: web.Request, reading: Reading) -> Reading:
    """Say of a request that it asked for another protocol (RFC 9110 section 7.8), which it does not get."""
    wanted = request.headers.get(hdrs.UPGRADE, "")
    if not wanted:
        return reading  # a CONNECT
    name = _PROTOCOLS.get(wanted.lower(), repr(wanted[:100]))
    problem = f"The client asks for {name}, which telemock does not speak; it was answered in HTTP/1.1."
    return replace(reading, problems=(*reading.problems, problem))


async def _answer(
    request: web.Request, handler: Handler, notes: Notes, max_body: int, memory: BodyMemory
) -> web.Response | LongAnswer:
    """Get an answer from the handler, or make the one that says why there is none."""
    try:
        response: web.StreamResponse | None = await _read(request, notes, max_body, memory)
        if response is None and request.transport is not None:
            response = await handler(request)
    except web.HTTPException as error:
        return web.Response(status=error.status, body=error.body, headers=error.headers)
    except Exception as error:
        if request.transport is None and isinstance(error, ConnectionError):
            return web.Response(status=CLIENT_CLOSED_REQUEST)
        notes.outcome = "fault"
        _logger.exception("%s %s crashed", request.method, masked_path(notes.target.path))
        return json_answer(500, {"error": "telemock failed to answer; its log says why."})
    if response is None or request.transport is None:
        return web.Response(status=CLIENT_CLOSED_REQUEST)
    if not isinstance(response, web.Response | LongAnswer):
        raise TypeError(f"{handler} gave {response!r}, which cannot be captured")
    return response


async def _read(request: web.Request, notes: Notes, max_body: int, memory: BodyMemory) -> web.Response | None:
    """Read the body; gives the answer where no handler is needed for one."""
    expectation = request.headers.get(hdrs.EXPECT)
    if expectation is not None and expectation.lower() != "100-continue":
        if request.body_exists:
            notes.body = REFUSED
        return json_answer(417, {"error": f"The expectation {expectation[:100]!r} is not supported."})
    if request.body_exists:
        notes.body = await read_body(request, max_body, memory)
        if notes.body is NO_MEMORY:
            notes.outcome = "refused"
            return try_later(_NO_MEMORY_SAID)
        if isinstance(request.protocol, Protocol) and (trailers := request.protocol.trailers_of(request)):
            notes.trailers = _trailers_json(trailers)
        if notes.body.gone:
            return _broken_off(request, notes)
    return None


def _broken_off(request: web.Request, notes: Notes) -> web.Response:
    """Answer a body without its end: to nobody when the client left, else because it was not HTTP."""
    if notes.body.left:
        request.protocol.force_close()
    if request.transport is None:
        return web.Response(status=CLIENT_CLOSED_REQUEST)
    notes.outcome = "refused"
    response = json_answer(400, {"error": "The body is malformed."}, {"Connection": "close"})
    response.force_close()
    return response


def _exchange(
    request: web.Request, response: web.Response | LongAnswer, notes: Notes, received_at: str, started: float
) -> Exchange:
    """Complete the answer with its length, so that it is stored, and make the exchange.

    What aiohttp adds while sending (Date, Server, Connection) is not stored.
    """
    target, reading, body = notes.target, notes.reading, notes.body
    method, status = request.method, response.status
    if isinstance(response, LongAnswer):
        content, headers = response.kept, response.given
    else:
        content = response.body if isinstance(response.body, bytes) else b""
        headers = response.headers
        # How long an answer to HEAD would have been, only who gives it knows.
        is_known = method != "HEAD" or not isinstance(response, AsGiven)
        if is_known and status not in _WITHOUT_LENGTH and hdrs.CONTENT_LENGTH not in headers:
            headers[hdrs.CONTENT_LENGTH] = str(len(content))
    if method == "HEAD":
        content = b""
    # Positions instead of keywords, which would take four times as long.
    return Exchange(
        received_at,
        target.scheme,
        method,
        target.host,
        target.path,
        notes.query,
        reading.params,
        _request_headers[request.raw_headers],
        body.content or None,
        int(body.too_large or body.gone),  # request_truncated
        request.remote or "",
        target.via,
        status,
        _response_headers[tuple(headers.items())],
        content or None,
        int((time.perf_counter() - started) * 1e6) / 1000,  # latency_ms
        "refused" if status == CLIENT_CLOSED_REQUEST else notes.outcome,
        notes.profile.name if notes.profile is not None else None,
        None,  # stub_id
        *reading.identity,
        compact_json(reading.problems) if reading.problems else None,
        target.port,
        notes.trailers,
    )


def _raw_headers_json(headers: Fields) -> str:
    kept = (line for line in headers if line[0].lower() != b"proxy-authorization")
    return compact_json([[part.decode("utf-8", "surrogateescape") for part in line] for line in kept])


def _trailers_json(trailers: Fields) -> str | None:
    kept = _raw_headers_json(trailers)
    return None if kept == "[]" else kept


# A client sends the same header lines with every request, and gets the same.
_request_headers = Remembered(_raw_headers_json, most=512, longest=1024)
_response_headers: Remembered[tuple[tuple[str, str], ...], str] = Remembered(compact_json, most=512, longest=1024)
