"""This is aiohttp's protocol with an eye on what is not HTTP: its first bytes reach the store.

It refuses to repair anything: malformed traffic gets 400 and its connection is closed, as aiohttp does.
"""

import time
from collections.abc import Callable
from typing import Any

from aiohttp import EMPTY_PAYLOAD, HttpVersion10, HttpVersion11, StreamReader, web
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError
from aiohttp.web_protocol import _ErrInfo

from telemock.exchange import Connection, utc_text_at

HEAD_BYTES = 1024
_HEAD_END = b"\r\n\r\n"


class Protocol(web.RequestHandler):
    """One client connection.

    Args:
        manager: aiohttp's server, which counts and closes connections.
        on_malformed: told of traffic that is not HTTP.
        options: for aiohttp's RequestHandler.
    """

    __slots__ = ("_body", "_body_bytes", "_head", "_head_ended", "_is_malformed", "_on_malformed")

    def __init__(self, manager: web.Server, *, on_malformed: Callable[[Connection], None], **options: Any) -> None:
        super().__init__(manager, **options)
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

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """Tell where the body that goes on at `start` ends, or where a head or a chunked body may end."""
        if not self._body.is_eof() and self._body_bytes > self._body.total_bytes:
            return start + self._body_bytes - self._body.total_bytes
        place = data.find(_HEAD_END, start)
        return len(data) if place < 0 else place + len(_HEAD_END)

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
        """Answer 400 for what the parser refused; anything else is aiohttp's to answer."""
        if status != 400:
            return super().handle_error(request, status, exc, message)
        reason = _first_line(message)
        if not self._is_malformed:  # parsed late, behind a declined upgrade
            self._note_malformed(reason)
        response = web.Response(status=400, text=f"{reason}.\n", headers={"Server": "telemock"})
        response.force_close()
        return response

    def _finish_body(self, data: bytes) -> None:
        """Take the rest of a body while the server stops: aiohttp takes nothing any more, and would wait for it."""
        if self._parser is not None:
            try:
                self._parser.feed_data(data)
            except HttpProcessingError as error:
                self._note_malformed(_first_line(error.message))

    def _look_at_last(self, count: int) -> None:
        """Look at the messages that the last data completed."""
        messages = self._messages
        for index in range(len(messages) - count, len(messages)):
            message, body = messages[index]
            if isinstance(message, _ErrInfo):
                self._note_malformed(_first_line(message.message))
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
                detail=f"{reason}. It began with {head!r}",
            )
        )
        if not self._body.is_eof():
            # The parser forgets the body it was in; who reads it would wait until the client leaves.
            self._body.set_exception(web.RequestPayloadError(reason))
            self._body.feed_eof()


def _first_line(message: str | None) -> str:
    return (message or "Malformed HTTP").splitlines()[0].rstrip(":. ")
