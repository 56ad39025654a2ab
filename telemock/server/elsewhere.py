"""This is what becomes of hosts that are not answered here: clients are let through to them, or told that they are not.

It refuses to let anything pass without a row for it.
"""

from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from telemock.answers import json_answer
from telemock.errors import UpstreamError, UpstreamForbidden
from telemock.exchange import Connection, ConnectionKind
from telemock.server.body_memory import BodyMemory
from telemock.server.connect import ConnectRequest
from telemock.server.credentials import Credentials
from telemock.server.dial import Dialer
from telemock.server.errand import BROKEN_OFF, Errand
from telemock.server.protocol import broken_body
from telemock.server.target import absolute_form, host_name
from telemock.server.tunnel import Passed, relay
from telemock.server.upstream import AHEAD_BYTES, PassedOn, Upstream, http_url, pieces, read_ahead
from telemock.server.visitor import Visitor

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Elsewhere:
    """Every host that is not intercepted.

    Args:
        dialer: the way out.
        upstream: the way out for requests; closed by its owner.
        credentials: who may use the proxy for requests; whoever asks with CONNECT was asked already.
        is_open: clients are let through; else they are told that they are not.
        memory: what may be read ahead of slow clients.
        note: keeps what became of a connection.
    """

    def __init__(
        self,
        dialer: Dialer,
        upstream: Upstream,
        note: Callable[[Connection], None],
        *,
        credentials: Credentials,
        is_open: bool,
        memory: BodyMemory,
    ) -> None:
        self._dialer = dialer
        self._upstream = upstream
        self._note = note
        self._credentials = credentials
        self._is_open = is_open
        self._memory = memory

    async def connect(self, visitor: Visitor, wanted: ConnectRequest) -> None:
        """Let a client through that asked with CONNECT; returns when the tunnel ended."""
        host, port = wanted.host, wanted.port
        passed = Passed()
        kind: ConnectionKind = "tunnel"
        detail = "telemock stopped before the tunnel ended."
        try:
            self._check_open(host)
            server = await self._dialer.dial(host, port, visitor.client)
            try:
                await visitor.say(ESTABLISHED)
                await relay(visitor.socket, server, passed)
                detail = "Both sides ended."
            finally:
                server.close()
        except UpstreamError as error:
            kind, detail = _kind(error), str(error)
            await visitor.refuse(_status(error), detail)
        except OSError as error:
            detail = f"Broken off: {error.strerror or error}."
        finally:
            self._note(visitor.record(kind, host, port, detail, bytes_up=passed.up, bytes_down=passed.down))

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Send a request on that names another host in its target, and give its answer, both as they come."""
        errand = Errand(request.remote or "")
        passed = Passed()
        kind: ConnectionKind = "tunnel"
        detail = BROKEN_OFF
        response: PassedOn | None = None
        raw, _, query = request.raw_path.partition("?")
        scheme, authority, path = absolute_form(raw)
        host, port = host_name(authority), None
        try:
            url = http_url(scheme, authority, path, query)
            port = url.port
            refusal = await self._credentials.refusal(request.headers.get(hdrs.PROXY_AUTHORIZATION), errand.client)
            if refusal is not None:
                kind, detail = "blocked", refusal.detail
                return await refusal.answer(request)
            self._check_open(host)
            body = _counted(request, passed) if request.body_exists else None
            async with self._upstream.send(request, url, body) as answer:
                response = PassedOn(answer)
                with self._memory.spared(AHEAD_BYTES) as ahead:
                    read_ahead(answer, ahead)
                    await response.prepare(request)
                    async for piece in pieces(answer):
                        await response.write(piece)
                        passed.down += len(piece)
                    await response.write_eof()
                detail = f"{request.method} was forwarded and answered {answer.status}."
                return response
        except UpstreamError as error:
            kind, detail = _kind(error), str(error)
            if response is not None:
                response.break_off(request)
                return response
            return json_answer(_status(error), {"error": detail})
        finally:
            if detail:  # who only did not know that a password is wanted leaves no row
                self._note(errand.record(kind, host, port, detail, bytes_up=passed.up, bytes_down=passed.down))

    def _check_open(self, host: str) -> None:
        if not self._is_open:
            raise UpstreamForbidden(f"{host} is not intercepted, and nobody is let through to it (--others block).")


async def _counted(request: web.Request, passed: Passed) -> AsyncIterator[bytes]:
    async for piece in request.content.iter_any():
        passed.up += len(piece)
        yield piece
    if (broken := broken_body(request)) is not None:
        raise broken


def _kind(error: UpstreamError) -> ConnectionKind:
    return "blocked" if isinstance(error, UpstreamForbidden) else "tunnel"


def _status(error: UpstreamError) -> HTTPStatus:
    return HTTPStatus.FORBIDDEN if isinstance(error, UpstreamForbidden) else HTTPStatus.BAD_GATEWAY
