"""aiohttp's protocol, which reads requests as `telemock.server.messages` does and keeps what is not HTTP.

Nothing malformed is repaired: it gets 400 behind the answers to what came before it, and its connection is closed.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from aiohttp import EMPTY_PAYLOAD, HttpVersion11, StreamReader, hdrs, web
from aiohttp.http import HttpRequestParser, RawRequestMessage, StreamWriter
from aiohttp.web_protocol import _ErrInfo

from telemock.exchange import Connection
from telemock.server.chunked import Fields
from telemock.server.descriptors import has_unread
from telemock.server.errand import Errand
from telemock.server.malformed import HEAD_BYTES, Malformed, Wanted, last_answer, malformed_detail, wanted_by
from telemock.server.messages import MAX_LINE_BYTES, MessageReader, Refused
from telemock.server.refusal import ENDED_HERE
from telemock.server.target import Arrival
from telemock.server.timeouts import Timeouts
from telemock.server.tls_end import HalfClosing
from telemock.server.upstream import AsGiven

_logger = logging.getLogger(__name__)

SERVER: Final = "telemock"

_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)  # of Linux

UnaskedEnd = Callable[[BaseException | None, int], None]
_Asked = tuple[RawRequestMessage, StreamReader]


class Protocol(web.RequestHandler):
    """One client connection.

    Args:
        manager: aiohttp's server, which counts and closes connections.
        on_malformed: told of traffic that is not HTTP.
        arrival: how the connection came.
        on_unasked_end: told when it ended before a request: with which error, and how many bytes came.
        timeouts: of the client.
        options: for aiohttp's RequestHandler.

    Attributes:
        is_ending: the next answer says that it is the last.
    """

    __slots__ = (
        "_awaited",
        "_begun",
        "_broken",
        "_deadline",
        "_is_malformed",
        "_malformed",
        "_on_malformed",
        "_on_unasked_end",
        "_reader",
        "_socket",
        "_timeouts",
        "_tls",
        "_unanswered",
        "arrival",
        "is_ending",
    )

    def __init__(
        self,
        manager: web.Server,
        *,
        on_malformed: Callable[[Connection], None],
        arrival: Arrival,
        on_unasked_end: UnaskedEnd | None,
        timeouts: Timeouts,
        **options: Any,
    ) -> None:
        super().__init__(manager, keepalive_timeout=timeouts.idle, **options)
        self.arrival = arrival
        self._reader = MessageReader(self._new_parser)
        self.is_ending = False
        self._on_unasked_end = on_unasked_end
        self._timeouts = timeouts
        self._deadline: asyncio.TimerHandle | None = None  # while a head or a body is not whole
        self._awaited = -1  # number of the request whose head is not whole
        self._begun: Errand | None = None  # when that began
        self._on_malformed = on_malformed
        self._is_malformed = False
        self._malformed: Malformed | None = None
        self._broken: tuple[StreamReader | None, Exception | None] = (None, None)
        self._unanswered: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None
        self._tls: HalfClosing | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember who it is, which nobody can be asked when it left."""
        super().connection_made(transport)
        self._socket = transport.get_extra_info("socket")
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        tls = transport.get_extra_info("ssl_object")
        if isinstance(tls, HalfClosing):
            self._tls = tls
            tls.transport, tls.on_end = transport, self._tls_ended
        _ = self.peername

    async def start(self) -> None:
        """Answer what comes; what fails where aiohttp catches nothing gets 400, a row and a closed connection."""
        try:
            await super().start()
        except Exception:
            _logger.exception("a request from %s failed before it could be answered", self._client)
            reason = "The request cannot be answered"
            if not self._is_malformed:
                head = b"" if self._messages else self._reader.last_head
                self._note_malformed(reason, head[:HEAD_BYTES], head)
            if self.transport is not None and self._malformed is not None:
                self._malformed.answer = last_answer(reason)
                self.transport.write(self._malformed.answer)
            self.force_close()

    @property
    def idle_since(self) -> float | None:
        """The loop's time since which no request is answered, or the next is on its way; None while one is answered."""
        if self._waiter is None or self._waiter.done() or self._messages:
            return None
        if self._begun is not None:
            return self._loop.time() - self._begun.age_ms / 1000
        return self._next_keepalive_close_time - self._keepalive_timeout

    @property
    def stalled_since(self) -> float | None:
        """The loop's time since which nothing came of a body that is not whole; None when no more of one is awaited."""
        is_awaited = not self._reader.is_between and not self._reader.is_within_head
        if self._deadline is None or self.transport is None or not is_awaited:
            return None
        return self._deadline.when() - self._timeouts.idle

    def has_unread(self) -> bool:
        """Return whether something was received that was not looked at yet."""
        return self._socket is not None and has_unread(self._socket.fileno())

    def end_soon(self) -> asyncio.Task[None] | None:
        """Say with the answer to what was asked last, or is asked next, that it is the last; give what answers."""
        self.is_ending = True
        return self._task_handler

    def end_idle(self) -> None:
        """Close the connection at once: what TLS says at its end would keep its descriptor until the client hears."""
        self._note_cut_head(f"{ENDED_HERE} in the middle of a head")
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Let requests wait for their turn as they come; after malformed traffic nothing counts."""
        reader = self._reader
        reader.receive(data)
        while reader.has_data and not self._is_malformed:
            if reader.is_between:
                if self._close or self._force_close:
                    break
                if len(self._messages) >= self._max_msg_queue_size:
                    return  # until aiohttp asks for more with no data
            try:
                arrived = reader.read()
            except Refused as refused:
                self._refuse(refused)
            else:
                if arrived is not None:
                    self._append(*arrived)
        if not reader.is_between:
            self._acknowledge()
            self._set_deadline()
        elif self._deadline is not None:
            self._set_deadline()

    def eof_received(self) -> bool:  # type: ignore[override]  # aiohttp always ends, asyncio asks
        """Answer what a client asked before it ended its side (RFC 9112 section 9.6), but for one that cut TLS off."""
        return self._hear_end() and self._tls is None

    def _hear_end(self) -> bool:
        """Take in that nothing more will be asked; tell whether there is something to answer.

        A body without its end gets no answer.
        """
        task = self._task_handler
        is_answering = self._waiter is None and self._request_count > 0 and task is not None and not task.done()
        if not is_answering and not self._messages:
            return False
        if not self._reader.body.is_eof():
            self._end_body(ConnectionResetError("the client left"))
        if not self._messages:
            self._close = True
        else:
            message, body = self._messages[-1]
            if not isinstance(message, _ErrInfo):  # after which aiohttp closes anyway
                self._messages[-1] = (message._replace(should_close=True), body)
        return True

    def _tls_ended(self) -> None:
        if not self._hear_end():
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Keep what was asked and not answered; tell whoever wants to know that nothing was asked."""
        if self._tls is not None:
            self._tls.transport = self._tls.on_end = None  # nothing is left for the collector
            self._tls = None
        if self._deadline is not None:
            self._deadline.cancel()
        asked = [(message, body) for message, body in self._messages if not isinstance(message, _ErrInfo)]
        try:
            asked += self._reader.rest() if not self._is_malformed and not self._close else ()
        except Refused as refused:
            self._note_malformed(refused.message, refused.seen, refused.wanted, refused.last)
        self._note_cut_head("The connection ended in the middle of a head")
        self._messages.clear()
        make, handler, task = self._request_factory, self._request_handler, self._task_handler
        if self._waiter is not None and task is not None:
            task.cancel()  # it would look for a message
        if not self._reader.body.is_eof():
            self._end_body(ConnectionResetError("the client left"))
        super().connection_lost(exc)
        if self._malformed is not None:
            self._on_malformed(self._malformed.record(self._reader.size))
            self._malformed = None
        if asked and make is not None and handler is not None:
            self._unanswered = self._loop.create_task(self._keep(asked, make, handler))
        if self._on_unasked_end is not None and not (self._request_count or asked or self._is_malformed):
            self._on_unasked_end(exc, self._reader.size)

    async def _keep(self, asked: list[_Asked], make: Callable[..., Any], handler: Callable[..., Any]) -> None:
        """Let requests be kept whose client left while they waited for their turn."""
        for message, body in asked:
            request = make(message, body, self, StreamWriter(self, self._loop), asyncio.current_task())
            await handler(request)

    def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> Coroutine[Any, Any, tuple[web.StreamResponse, bool]]:
        """Say what serves, and whether it is the last answer; aiohttp would say its version, and just close."""
        if (self.is_ending or self._close) and not self._messages:
            resp.force_close()
        if self._malformed is not None and (not self._messages or request.content is self._broken[0]):
            self._malformed.answer = resp
        if not resp.prepared and (type(resp) is web.Response or not isinstance(resp, AsGiven)):
            resp.headers.setdefault(hdrs.SERVER, SERVER)
        return super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what was refused before it was a request; anything else is aiohttp's to answer."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(exc, Refused):
            return super().handle_error(request, status, exc, message)
        if isinstance(exc, Refused):
            request._version = HttpVersion11  # noqa: SLF001 - aiohttp takes what it cannot read for HTTP/1.0
        response = web.Response(status=status, text=f"{message}.\n", headers={hdrs.CONNECTION: "close"})
        response.force_close()
        return response

    def pause_reading(self) -> None:
        """Pause the connection, but not the parser, which is shown a piece only once it took the one before."""
        self._reading_paused = True
        self._pause_transport_reading()

    def _set_deadline(self) -> None:
        """Wait so long for the rest: of a head from its first byte on, of a body from its last."""
        awaited = self._request_count if self._reader.is_within_head else -1
        if self._deadline is not None:
            if awaited == self._awaited >= 0:
                return
            self._deadline.cancel()
            self._deadline = None
        self._awaited = awaited
        self._begun = Errand(self._client) if awaited >= 0 else None
        if self._is_malformed or self.transport is None:
            return
        if awaited >= 0:
            self._deadline = self._loop.call_later(self._timeouts.head, self._give_up_head)
        elif not self._reader.is_between:
            self._deadline = self._loop.call_later(self._timeouts.idle, self.force_close)

    def _acknowledge(self) -> None:
        """Have what came acknowledged at once where more must come.

        A client that lets Nagle's algorithm wait sends no body before its head is acknowledged, which Linux does
        after 40 ms. It forgets the option with the next answer.
        """
        if self.transport is not None and self._socket is not None and _QUICKACK is not None:
            with suppress(OSError, ValueError):  # uvloop says the latter of one that it closed
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def trailers_of(self, request: web.BaseRequest) -> Fields:
        """Give the trailers of a request whose body was read to its end, once."""
        return self._reader.trailers.pop(request.content, ()) if self._reader.trailers else ()

    def _new_parser(self) -> HttpRequestParser:
        return HttpRequestParser(
            self,
            self._loop,
            self._read_bufsize,
            max_line_size=self.max_line_size,
            max_field_size=self.max_field_size,
            max_headers=self.max_headers,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,
        )

    def _append(self, message: RawRequestMessage | _ErrInfo, body: StreamReader) -> None:
        """Let a message wait for its turn."""
        self._request_count += 1
        self._messages.append((message, body))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if len(self._messages) >= self._max_msg_queue_size and not self._buffer_paused:
            self._pause_reading_for_buffer()

    def _refuse(self, refused: Refused) -> None:
        """Answer what is no request, behind whatever is answered still; nothing more is read."""
        self._note_malformed(refused.message, refused.seen, refused.wanted, refused.last)
        self._append(_ErrInfo(status=refused.code, exc=refused, message=refused.message), EMPTY_PAYLOAD)

    def _give_up_head(self) -> None:
        late = Refused("The head took too long", HTTPStatus.REQUEST_TIMEOUT)  # RFC 9110 section 15.5.9
        late.seen = late.wanted = self._reader.seen
        self._refuse(late)

    def _note_cut_head(self, reason: str) -> None:
        if self._reader.is_within_head and not self._is_malformed:
            self._note_malformed(reason, self._reader.seen, self._reader.seen)

    def _note_malformed(self, reason: str, seen: bytes, head: bytes, last: bytes = b"") -> None:
        self._is_malformed = True
        wanted = wanted_by(head)
        self._malformed = Malformed(
            self._begun or Errand(self._client),
            Wanted(wanted.host or self.arrival.host, wanted.port or self.arrival.port),
            malformed_detail(reason, seen, last),
        )
        if not self._reader.body.is_eof():
            self._end_body(web.RequestPayloadError(reason))

    def _end_body(self, error: Exception) -> None:
        """End a body whose rest will not come; who reads it gets what came, and asks `broken_body`."""
        self._broken = (self._reader.body, error)
        self._reader.body.feed_eof()

    def broken(self, body: StreamReader) -> Exception | None:
        """Tell why a body ended before its end; None for one that did not."""
        return self._broken[1] if body is self._broken[0] else None

    @property
    def _client(self) -> str:
        peer = self.peername
        return str(peer[0]) if isinstance(peer, tuple) else ""


def broken_body(request: web.BaseRequest) -> Exception | None:
    """Tell why the body of a request, read to its end, is not whole: a ConnectionError when the client left."""
    return request.protocol.broken(request.content) if isinstance(request.protocol, Protocol) else None


def speaking_http(
    runner: web.BaseRunner, *, on_malformed: Callable[[Connection], None], timeouts: Timeouts
) -> Callable[[Arrival, UnaskedEnd | None], Protocol]:
    """Give what makes the protocol of a connection for a runner's application; see `Protocol`."""
    if runner.server is None:
        raise RuntimeError("the runner is not set up")
    make = partial(
        Protocol,
        runner.server,
        on_malformed=on_malformed,
        timeouts=timeouts,
        loop=asyncio.get_running_loop(),
        access_log=None,
        auto_decompress=False,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
    )
    return lambda arrival, on_unasked_end: make(arrival=arrival, on_unasked_end=on_unasked_end)
