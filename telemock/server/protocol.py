"""This is aiohttp's protocol with an eye on what is not HTTP: its first bytes reach the store.

It refuses to repair anything: malformed traffic gets 400 and its connection is closed, as aiohttp does.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from aiohttp import EMPTY_PAYLOAD, HttpVersion10, HttpVersion11, StreamReader, web
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError
from aiohttp.web_protocol import _ErrInfo

from telemock.exchange import Connection, utc_text_at
from telemock.server.head import HEAD_END, complaint
from telemock.server.malformed import HEAD_BYTES, malformed_detail
from telemock.server.target import Arrival

MAX_LINE_BYTES = 64 * 2**10  # request line and each header field; aiohttp's own 8 KiB is too short for some pings

SilentEnd = Callable[[BaseException | None], None]


class Patience(NamedTuple):
    """How long a client may take, in seconds.

    Attributes:
        head: from the first byte of a request, or of a TLS handshake, until it is whole.
        idle: before a request, and between two parts of a body.
    """

    head: float = 30.0
    idle: float = 75.0


class Protocol(web.RequestHandler):
    """One client connection.

    Args:
        manager: aiohttp's server, which counts and closes connections.
        on_malformed: told of traffic that is not HTTP.
        arrival: how the connection came.
        on_silent_end: told when it ended before a word, and with which error.
        patience: with a slow client.
        options: for aiohttp's RequestHandler.
    """

    __slots__ = (
        "_awaited",
        "_body",
        "_body_bytes",
        "_deadline",
        "_head",
        "_head_ended",
        "_is_malformed",
        "_is_silent",
        "_on_malformed",
        "_on_silent_end",
        "_patience",
        "arrival",
    )

    def __init__(
        self,
        manager: web.Server,
        *,
        on_malformed: Callable[[Connection], None],
        arrival: Arrival,
        on_silent_end: SilentEnd | None,
        patience: Patience,
        **options: Any,
    ) -> None:
        super().__init__(manager, keepalive_timeout=patience.idle, **options)
        self.arrival = arrival
        self._is_silent = True
        self._on_silent_end = on_silent_end
        self._patience = patience
        self._deadline: asyncio.TimerHandle | None = None  # while a head or a body is not whole
        self._awaited = -1  # number of the request whose head is not whole
        self._on_malformed = on_malformed
        self._head = b""  # first bytes of what is being parsed
        self._head_ended = False
        self._body: StreamReader = EMPTY_PAYLOAD  # of the last request
        self._body_bytes = 0  # how long it says it is; 0 when it does not
        self._is_malformed = False

    def data_received(self, data: bytes) -> None:
        """Parse message by message: the parser forgets what it read together with what is malformed."""
        start, end = 0, self._end_of_piece(data, 0)
        self._receive(data[:end], data[:HEAD_BYTES])
        while end < len(data) and not self._is_malformed:
            start, end = end, self._end_of_piece(data, end)
            self._receive(data[start:end], data[start : start + HEAD_BYTES] if self._head_ended else b"")
        self._is_silent = False
        if self._deadline is not None or not (self._head_ended and self._body.is_eof()):
            self._set_deadline()

    def eof_received(self) -> bool:  # type: ignore[override]  # aiohttp always ends, asyncio asks
        """Answer what a client asked before it ended its side (RFC 9112 section 9.6); TLS has no such end."""
        is_answering = self._waiter is None and self._request_count > 0
        asked = is_answering or self._messages
        if not asked or self.arrival.scheme == "https" or not self._body.is_eof() or self._is_malformed:
            return False
        if self._messages:
            message, body = self._messages[-1]
            if not isinstance(message, _ErrInfo):  # after which aiohttp closes anyway
                self._messages[-1] = (message._replace(should_close=True), body)
        else:
            self._close = True
        return True

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell whoever wants to know that the client ended without a word."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)
        if self._is_silent and self._on_silent_end is not None:
            self._on_silent_end(exc)

    def _set_deadline(self) -> None:
        """Wait so long for the rest: of a head from its first byte on, of a body from its last."""
        awaited = -1 if self._head_ended else self._request_count
        if self._deadline is not None:
            if awaited == self._awaited >= 0:
                return
            self._deadline.cancel()
            self._deadline = None
        self._awaited = awaited
        if self._is_malformed or self.transport is None:
            return
        if awaited >= 0:
            self._deadline = self._loop.call_later(self._patience.head, self._give_up_head)
        elif not self._body.is_eof():
            self._deadline = self._loop.call_later(self._patience.idle, self.force_close)

    def _give_up_head(self) -> None:
        """Answer 408 behind whatever is answered still (RFC 9110 section 15.5.9)."""
        reason = "The head took too long"
        self._note_malformed(reason)
        self._messages.append((_ErrInfo(status=408, exc=BadHttpMessage(reason), message=reason), EMPTY_PAYLOAD))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """Tell where the body that goes on at `start` ends, or where a head or a chunked body may end."""
        if not self._body.is_eof() and self._body_bytes > self._body.total_bytes:
            return start + self._body_bytes - self._body.total_bytes
        place = data.find(HEAD_END, start)
        return len(data) if place < 0 else place + len(HEAD_END)

    def _receive(self, data: bytes, seen: bytes) -> None:
        """Parse, and keep the first bytes of what is being parsed; after malformed traffic nothing counts."""
        if self._is_malformed:
            return
        if (self._close or self._force_close) and not self._body.is_eof():
            self._finish_body(data)
            return
        if self._head_ended and data:
            self._head = seen
            self._head_ended = False
        elif len(self._head) < HEAD_BYTES:
            self._head += seen
        in_body = not self._body.is_eof()
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._look_at_last(self._request_count - before)
        elif in_body:
            self._head_ended = True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer 400 for what the parser refused, 408 for what took too long; anything else is aiohttp's to answer."""
        if status not in (400, 408):
            return super().handle_error(request, status, exc, message)
        reason = complaint(message)
        if not self._is_malformed:  # parsed late, behind a declined upgrade
            self._note_malformed(reason)
        response = web.Response(status=status, text=f"{reason}.\n", headers={"Server": "telemock"})
        response.force_close()
        return response

    def _finish_body(self, data: bytes) -> None:
        """Take the rest of a body while the server stops: aiohttp takes nothing any more, and would wait for it."""
        if self._parser is not None:
            try:
                self._parser.feed_data(data)
            except HttpProcessingError as error:
                self._note_malformed(complaint(error.message))

    def _look_at_last(self, count: int) -> None:
        """Look at the messages that the last data completed."""
        messages = self._messages
        for index in range(len(messages) - count, len(messages)):
            message, body = messages[index]
            if isinstance(message, _ErrInfo):
                self._note_malformed(complaint(message.message))
                return
            if message.version is not HttpVersion11 and not HttpVersion10 <= message.version <= HttpVersion11:
                # The parser takes HTTP/0.9 and 2.0, whose answers look nothing like ours.
                error = BadHttpMessage(f"HTTP/{message.version.major}.{message.version.minor} is not spoken here")
                messages[index] = (_ErrInfo(status=400, exc=error, message=error.message), EMPTY_PAYLOAD)
                self._note_malformed(error.message)
                return
            self._body = body
            self._body_bytes = 0 if body.is_eof() else int(message.headers.get("Content-Length", 0))
        self._head_ended = True

    def _note_malformed(self, reason: str) -> None:
        self._is_malformed = True
        head = self._head[:HEAD_BYTES]
        peer = self.peername
        self._on_malformed(
            Connection(
                opened_at=utc_text_at(time.time_ns()),
                host="",
                port=None,
                client=str(peer[0]) if isinstance(peer, tuple) else "",
                kind="malformed",
                bytes_up=len(head),
                bytes_down=0,
                duration_ms=None,
                detail=malformed_detail(reason, head),
            )
        )
        if not self._body.is_eof():
            # The parser forgets the body it was in; who reads it would wait until the client leaves.
            self._body.set_exception(web.RequestPayloadError(reason))
            self._body.feed_eof()


def speaking_http(
    runner: web.BaseRunner, *, on_malformed: Callable[[Connection], None], patience: Patience
) -> Callable[[Arrival, SilentEnd | None], Protocol]:
    """Give what makes the protocol of a connection for a runner's application; see `Protocol`."""
    if runner.server is None:
        raise RuntimeError("the runner is not set up")
    make = partial(
        Protocol,
        runner.server,
        on_malformed=on_malformed,
        patience=patience,
        loop=asyncio.get_running_loop(),
        access_log=None,
        auto_decompress=False,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_LINE_BYTES,
    )
    return lambda arrival, on_silent_end: make(arrival=arrival, on_silent_end=on_silent_end)
