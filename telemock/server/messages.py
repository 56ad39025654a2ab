"""Requests read one after the other from what a connection receives, so that nothing of one reaches another.

aiohttp's C parser is shown pieces that end where a head or a body ends. Of its own it would take trailers for fields
of the next request, stop at an upgrade, and forget what it read together with what is malformed.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Final

from aiohttp import EMPTY_PAYLOAD, StreamReader, hdrs
from aiohttp.http import HttpRequestParser, RawRequestMessage
from aiohttp.http_exceptions import BadHttpMessage

from telemock.errors import MalformedRequest
from telemock.server.chunked import ChunkedBody, Fields
from telemock.server.faults import fault_of
from telemock.server.head import HEAD_END, complaint, end_of_head, head_of, is_unusual, plain_head
from telemock.server.malformed import HEAD_BYTES

MAX_LINE_BYTES: Final = 64 * 2**10  # request line and each field; aiohttp's own 8 KiB is too short for some pings
MAX_HEAD_BYTES: Final = 4 * MAX_LINE_BYTES
_MAX_EMPTY_BYTES: Final = 4 * 2**10  # of empty lines before a request; one must be ignored (RFC 9112 section 2.2)
_HTTP2_PREFACE: Final = b"PRI * HTTP/2"  # RFC 9113 section 3.4
_MOST_TRAILERS: Final = 64  # requests wait for their turn in smaller numbers


class Refused(BadHttpMessage):
    """What is refused before it is a request.

    Attributes:
        code: the status that says so.
        seen: how the message began.
        last: what came last of its body, which is what is refused; empty where it is the head.
        wanted: a head that tells whom it is for.
    """

    def __init__(self, reason: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(reason)
        self.code = status
        self.seen = b""
        self.last = b""
        self.wanted = b""


class MessageReader:
    """Reads the requests of one connection.

    Args:
        make_parser: makes a parser for one connection.

    Attributes:
        has_data: some data was not read yet.
        is_between: the last request is whole, and no other began.
        body: of the last request; EMPTY_PAYLOAD when it has none.
        trailers: of requests that had some, by their body; who answers a request takes them out.
    """

    __slots__ = (
        "_at",
        "_begun_at",
        "_body_bytes",
        "_chunks",
        "_complaint",
        "_data",
        "_empty",
        "_head",
        "_make_parser",
        "_message",
        "_parser",
        "_received",
        "_start",
        "_whole_head",
        "body",
        "has_data",
        "is_between",
        "trailers",
    )

    def __init__(self, make_parser: Callable[[], HttpRequestParser]) -> None:
        self.has_data = False
        self.is_between = True
        self.body: StreamReader = EMPTY_PAYLOAD
        self.trailers: dict[StreamReader, Fields] = {}
        self._parser = make_parser()
        self._make_parser = make_parser
        self._data = b""
        self._at = 0  # of the data was read
        self._start = 0  # where the body that is read begins in the data
        self._received = 0  # bytes of the connection
        self._begun_at = 0  # of these the last message began
        self._head: bytes | bytearray = b""  # what came of a head that is not whole
        self._whole_head: bytes | bytearray = b""  # the one whose body is read
        self._empty = 0  # bytes of empty lines before a head
        self._complaint = ""  # about a head that is read in other words once it is whole
        self._message: RawRequestMessage | None = None  # the last one
        self._body_bytes = 0  # how long its body says it is
        self._chunks: ChunkedBody | None = None  # when its body comes in chunks

    @property
    def is_within_head(self) -> bool:
        """A head began and is not whole; empty lines before it are no part of it."""
        return bool(self._head) and not self._head.isspace()

    @property
    def seen(self) -> bytes:
        """How the head began that is not whole."""
        return bytes(self._head[:HEAD_BYTES])

    @property
    def size(self) -> int:
        """How many bytes came since the last message began."""
        return self._received - self._begun_at

    @property
    def last_head(self) -> bytes:
        """The head of the last request; nothing before the first."""
        return b"" if self._message is None else head_of(self._message)

    def receive(self, data: bytes) -> None:
        """Take data, behind what was not read yet."""
        self._received += len(data)
        self._data = self._data[self._at :] + data if self.has_data else data
        self._at = self._start = 0
        self.has_data = bool(self._data)

    def read(self) -> tuple[RawRequestMessage, StreamReader] | None:
        """Read on to the end of the head, the body or the data, whichever comes first; give a request that began.

        Raises:
            Refused: it is no request; nothing behind it can be read.
        """
        arrived = None
        is_body = not self.is_between and not self._head
        try:
            if is_body:
                self._read_body()
            else:
                arrived = self._read_head()
        except Refused as refused:
            seen = self._whole_head if is_body else self.seen + self._data[self._at :]
            refused.seen = bytes(seen[:HEAD_BYTES])
            refused.last = self._data[self._start :][:HEAD_BYTES] if is_body else b""
            if seen.startswith(_HTTP2_PREFACE):
                refused.message = "It speaks HTTP/2 only, which telemock does not; let it speak HTTP/1.1"
            refused.wanted = self.last_head if is_body else refused.seen
            raise
        self.is_between = not self._head and self.body.is_eof()
        if self.is_between:
            self._whole_head = b""
        if self._at >= len(self._data):
            self._data, self._at, self.has_data = b"", 0, False  # a connection that waits holds nothing
        return arrived

    def rest(self) -> Iterator[tuple[RawRequestMessage, StreamReader]]:
        """Return the requests that begin in the data which was not read yet.

        Raises:
            Refused: as `read` does.
        """
        while self.has_data:
            if (arrived := self.read()) is not None:
                yield arrived

    def _read_body(self) -> None:
        body, chunks, data, at = self.body, self._chunks, self._data, self._at
        if chunks is None:
            self._at = min(at + self._body_bytes - body.total_bytes, len(data))
            piece = data[at : self._at]
        else:
            try:
                piece, self._at = chunks.take(data, at)
            except MalformedRequest as error:
                raise Refused(str(error).rstrip(".")) from error
            if chunks.trailers:
                self._keep_trailers(chunks.trailers)
        if piece:
            self._show(piece)
        if chunks is not None and (chunks.is_lost or chunks.is_whole is not body.is_eof()):
            raise Refused("The chunks can be read in two ways")

    def _keep_trailers(self, trailers: Fields) -> None:
        """Keep trailers for who answers the request; nobody takes those of a body that was answered before its end."""
        self.trailers[self.body] = trailers
        if len(self.trailers) > _MOST_TRAILERS:
            del self.trailers[next(iter(self.trailers))]

    def _read_head(self) -> tuple[RawRequestMessage, StreamReader] | None:
        end = end_of_head(self._head, self._data, self._at)
        piece = self._data[self._at : end]
        if not self._head:
            self._head = piece
            if not self._empty:
                self._begun_at = self._received - len(self._data) + self._at
        else:
            self._head = bytearray(self._head) if isinstance(self._head, bytes) else self._head
            self._head += piece
        self._at = end
        if len(self._head) > MAX_HEAD_BYTES:
            reason = f"The head is longer than {MAX_HEAD_BYTES} bytes"
            raise Refused(reason, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        arrived = None if self._complaint else self._show(piece)
        if self._head.endswith(HEAD_END):
            if self._complaint:
                arrived = self._show_in_other_words(bytes(self._head))
            if arrived is None:
                self._ignore_empty_lines()
            else:
                self._empty = 0
            self._whole_head, self._head, self._start = self._head, b"", end
        return arrived

    def _ignore_empty_lines(self) -> None:
        """Ignore what came in place of a head, if that was empty lines, and not too many."""
        if self._head.strip(b"\r\n"):
            raise Refused("The head can be read in two ways")
        self._empty += len(self._head)
        if self._empty > _MAX_EMPTY_BYTES:
            raise Refused(f"More than {_MAX_EMPTY_BYTES} bytes of empty lines came before a request")

    def _show_in_other_words(self, head: bytes) -> tuple[RawRequestMessage, StreamReader] | None:
        """Show a new parser what the last one did not take, where that can be said in other words."""
        plain = plain_head(head)
        if plain is None:
            raise Refused(self._complaint)
        self._complaint = ""
        self._parser = self._make_parser()
        return self._show(plain.head, plain.target)

    def _show(self, piece: bytes, target: str | None = None) -> tuple[RawRequestMessage, StreamReader] | None:
        """Show a piece of one head or one body to the parser; give the request that it makes of it.

        Args:
            piece: the bytes.
            target: of a head that is shown in other words.
        """
        try:
            messages, is_upgrade, _ = self._parser.feed_data(piece)
        except Exception as error:
            if target is not None or not self._head or not is_unusual(self._head):
                raise Refused(complaint(error)) from error
            self._complaint = complaint(error)
            return None
        if is_upgrade:  # which is declined, and what follows is HTTP
            self._parser.set_upgraded(False)
        if not messages:
            return None
        message, body = messages[0]
        if target is not None:
            message = message._replace(path=target)
        fault = fault_of(message)
        if fault is not None:
            raise Refused(fault.reason, fault.status)
        self._message, self.body = message, body
        self._chunks = ChunkedBody() if message.chunked else None
        self._body_bytes = 0 if body.is_eof() else int(message.headers.get(hdrs.CONTENT_LENGTH, 0))
        return message, body
