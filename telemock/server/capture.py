"""This is the one place where traffic is captured: a middleware around every answer, whatever its exit.

It refuses to answer requests itself, except to say that something below or behind it failed.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler, Middleware

from telemock.answers import json_answer
from telemock.errors import StoreUnavailable
from telemock.exchange import Exchange, compact_json, utc_text_at
from telemock.profiles.profile import Profile
from telemock.remembered import Remembered
from telemock.server.body import REFUSED, read_body
from telemock.server.gate import Gate
from telemock.server.notes import NOTES, Notes
from telemock.server.target import Target, plain_path, read_target
from telemock.store.writer import Writer

_logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = "5"
_WITHOUT_LENGTH = frozenset({204, 304, 499})
CLIENT_CLOSED_REQUEST = 499  # nginx's code, the field's custom; no RFC has one


def capture(
    *,
    gate: Gate,
    admin: Handler,
    profile: Profile,
    bare: Profile,
    writer: Writer,
    max_body: int,
    on_refused: Callable[[str, Exchange], None],
) -> Middleware:
    """Make the middleware.

    Args:
        gate: tells admin requests, which are not captured.
        admin: answers them.
        profile: the product telemock knows.
        bare: reads the queries of requests that belong to no profile.
        writer: keeps exchanges before their answers leave.
        max_body: most bytes kept of a request body.
        on_refused: told the reason and the exchange when the store did not take one in time.
    """

    def find_way(head: tuple[str, str]) -> tuple[Target, Profile | None, bool]:
        """Tell where a target without query and a Host field lead, whose that is, and if an administrator asks."""
        target = read_target(*head)
        owner = profile if profile.owns(target.host, plain_path(target.path)) else None
        return target, owner, gate.is_admin(target)

    ways = Remembered(find_way, most=1024, longest=512)

    @web.middleware
    async def captured(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        raw, _, query = request.raw_path.partition("?")
        target, owner, is_admin = ways[raw, request.headers.get(hdrs.HOST, "")]
        if is_admin:
            return await admin(request)
        received_at = utc_text_at(time.time_ns())
        notes = Notes(target, query, owner, (owner or bare).read_query(query))
        request[NOTES] = notes
        left: asyncio.CancelledError | None = None
        try:
            response = await _answer(request, handler, notes, max_body)
        except asyncio.CancelledError as error:
            left = error
            response = web.Response(status=CLIENT_CLOSED_REQUEST)
        if notes.body is REFUSED:
            response.force_close()  # what comes next would be the body, from a client that did not wait
        exchange = _exchange(request, response, notes, received_at, started)
        if left is not None:
            writer.remember(exchange)
            raise left
        try:
            await writer.keep(exchange)
        except StoreUnavailable as error:
            response = _unavailable(error)
            refused = _exchange(request, response, notes, received_at, started)
            refused.outcome = "refused"
            on_refused(error.reason, refused)
            if error.reason == "store_failed":
                writer.remember(refused)
        return response

    return captured


def expectation(max_body: int) -> Callable[[web.Request], Awaitable[None]]:
    """Make the handler that says 100 Continue to bodies that are wanted (RFC 9110 section 10.1.1).

    What it does not expect it leaves to the middleware, so that the refusal is captured as well.
    """

    async def expect(request: web.Request) -> None:
        wanted = (request.content_length or 0) <= max_body and request.version >= HttpVersion11
        if wanted and request.headers[hdrs.EXPECT].lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    return expect


async def _answer(request: web.Request, handler: Handler, notes: Notes, max_body: int) -> web.Response:
    """Get an answer from the handler, or make the one that says why there is none."""
    try:
        expectation = request.headers.get(hdrs.EXPECT)
        if expectation is not None and expectation.lower() != "100-continue":
            if request.body_exists:
                notes.body = REFUSED
            return json_answer(417, {"error": f"The expectation {expectation[:100]!r} is not supported."})
        if request.body_exists:
            notes.body = await read_body(request, max_body)
            if notes.body.gone:
                return _broken_off(request, notes)
        response = await handler(request)
    except web.HTTPException as error:
        return web.Response(status=error.status, body=error.body, headers=error.headers)
    except Exception:
        notes.outcome = "fault"
        _logger.exception("%s %s crashed", request.method, notes.target.path)
        return json_answer(500, {"error": "telemock failed to answer; its log says why."})
    if request.transport is None:
        return web.Response(status=CLIENT_CLOSED_REQUEST)
    if not isinstance(response, web.Response):
        raise TypeError(f"{handler} gave {response!r}, which cannot be captured")
    return response


def _broken_off(request: web.Request, notes: Notes) -> web.Response:
    """Answer a body without its end: to nobody when the client left, else because it was not HTTP."""
    if request.transport is None:
        return web.Response(status=CLIENT_CLOSED_REQUEST)
    notes.outcome = "refused"
    response = json_answer(400, {"error": "The body is malformed."}, {"Connection": "close"})
    response.force_close()
    return response


def _exchange(request: web.Request, response: web.Response, notes: Notes, received_at: str, started: float) -> Exchange:
    """Complete the answer with its length, so that it is stored, and make the exchange.

    What aiohttp adds while sending (Date, Server, Connection) is not stored.
    """
    target, reading, body = notes.target, notes.reading, notes.body
    method, status, headers = request.method, response.status, response.headers
    content = response.body
    if not isinstance(content, bytes):
        content = b""
    if status not in _WITHOUT_LENGTH:
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
    )


def _unavailable(error: StoreUnavailable) -> web.Response:
    return json_answer(503, {"error": str(error)}, {"Retry-After": RETRY_AFTER_SECONDS})


def _raw_headers_json(headers: tuple[tuple[bytes, bytes], ...]) -> str:
    return compact_json([[part.decode("utf-8", "surrogateescape") for part in line] for line in headers])


# A client sends the same header lines with every request, and gets the same.
_request_headers = Remembered(_raw_headers_json, most=512, longest=1024)
_response_headers: Remembered[tuple[tuple[str, str], ...], str] = Remembered(compact_json, most=512, longest=1024)
