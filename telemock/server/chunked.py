"""Where a chunked body ends, and the trailer fields behind it (RFC 9112 section 7.1).

aiohttp's C parser takes the last trailer field of a message for a header field of the next one on its connection,
and forgets the others. So it is shown a body without trailers, and they are read here. Each chunk costs it more than a
microsecond and some hundred bytes, so that it is shown many short ones as one.
"""

import re
from typing import Final

from telemock.errors import MalformedRequest

MAX_TRAILER_BYTES: Final = 64 * 2**10
_MAX_LINE_BYTES: Final = 64 * 2**10  # of a chunk's size and extensions

_LINE_END: Final = b"\r\n"
_SECTION_END: Final = b"\r\n\r\n"
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[^\r]*)?\r")
_FIELD: Final = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")

_SHORT_BYTES: Final = 64  # chunks of fewer are put together


def _chunk_of(size: int, digits: bytes) -> bytes:
    """Write the pattern of a chunk of so many bytes from the given digits of its size on."""
    return rb"%b(?:;\w{1,40}(?:=\w{1,40})?)?+\r\n[\x00-\xff]{%d}\r\n" % (digits, size)


def _digit(value: int) -> bytes:
    return b"[%x%X]" % (value, value)


# Tried from the first digit on, so that few of the alternatives are looked at.
_SHORT_CHUNK: Final = b"0{0,9}+(?:%b)" % b"|".join(
    [_chunk_of(size, _digit(size)) for size in range(1, 16)]
    + [
        b"%d(?:%b)" % (high, b"|".join(_chunk_of(16 * high + low, _digit(low)) for low in range(16)))
        for high in range(1, _SHORT_BYTES // 16)
    ]
)
_ONE_SHORT: Final = re.compile(_SHORT_CHUNK)
_SHORT_RUN: Final = re.compile(b"(?:%b)*+" % _SHORT_CHUNK)

Fields = tuple[tuple[bytes, bytes], ...]


class ChunkedBody:
    """Follows one chunked body through the data that it comes in.

    Attributes:
        trailers: the fields behind the body; complete with it.
        is_whole: everything came.
        is_lost: what came is not a chunked body; the parser says what is wrong with it.
    """

    def __init__(self) -> None:
        self.trailers: Fields = ()
        self.is_whole = False
        self.is_lost = False
        self._left = 0  # bytes of the current chunk that did not come yet, its line end included
        self._line = b""  # of a chunk's size, whose end did not come yet
        self._section: bytearray | None = None  # of trailers, once the last chunk came
        self._runs: list[tuple[int, int]] = []  # of short chunks, in the data that is looked at

    def take(self, data: bytes, start: int) -> tuple[bytes, int]:
        """Return what the parser is to see of the data from `start` on, and where the rest of the data begins.

        Raises:
            MalformedRequest: the trailers cannot be read.
        """
        if self._section is not None:
            return self._take_trailers(self._section, data, start)
        end, is_last = self._end_of_chunks(data, start)
        if is_last and data.startswith(_LINE_END, end):
            end += len(_LINE_END)
            self.is_whole = True
        elif is_last:
            self._section = bytearray(_LINE_END)  # of the last chunk
        return self._put_together(data, start, end) if self._runs else data[start:end], end

    def _end_of_chunks(self, data: bytes, at: int) -> tuple[int, bool]:
        """Tell where the last chunk ends, or else the data, and which of them."""
        while True:
            at += self._left
            if at > len(data):
                self._left = at - len(data)
                return len(data), False
            end = data.find(b"\n", at)
            line = self._line + data[at : end if end >= 0 else len(data)]
            if end < 0 and len(line) <= _MAX_LINE_BYTES:
                self._left, self._line = 0, line
                return len(data), False
            size = _SIZE.fullmatch(line)
            if size is None:
                self.is_lost = True
                return len(data), False
            at, self._line = end + 1, b""
            self._left = int(size[1], 16) + len(_LINE_END)
            if self._left == len(_LINE_END):
                return at, True
            if self._left < _SHORT_BYTES + len(_LINE_END) and at + self._left < len(data):
                at, self._left = self._run_from(data, at + self._left), 0

    def _run_from(self, data: bytes, at: int) -> int:
        """Tell where the short chunks end that follow."""
        end = _SHORT_RUN.match(data, at).end()  # type: ignore[union-attr] # it matches nothing as well
        if end > at:
            self._runs.append((at, end))
        return end

    def _put_together(self, data: bytes, at: int, end: int) -> bytes:
        """Make one chunk of each run of short ones."""
        pieces: list[bytes] = []
        for begin, over in self._runs:
            chunks = _ONE_SHORT.findall(data, begin, over)
            body = b"".join([chunk[chunk.index(b"\n") + 1 : -len(_LINE_END)] for chunk in chunks])
            pieces += (data[at:begin], b"%x\r\n" % len(body), body, _LINE_END)
            at = over
        self._runs.clear()
        return b"".join([*pieces, data[at:end]])

    def _take_trailers(self, section: bytearray, data: bytes, start: int) -> tuple[bytes, int]:
        """Hold trailers back until all of them came; the parser sees only the empty line behind them."""
        held = len(section)
        section += data[start : start + MAX_TRAILER_BYTES]
        end = section.find(_SECTION_END, max(0, held - len(_SECTION_END)))
        if end < 0 and len(section) < MAX_TRAILER_BYTES:
            return b"", len(data)
        if end < 0:
            raise MalformedRequest(f"The trailers are longer than {MAX_TRAILER_BYTES} bytes.")
        self.trailers = read_trailers(bytes(section[len(_LINE_END) : end]))
        self.is_whole = True
        return _LINE_END, start + end + len(_SECTION_END) - held


def read_trailers(section: bytes) -> Fields:
    """Read trailer fields as strictly as header fields are read; neither the last line end nor the empty line is given.

    Raises:
        MalformedRequest: a line is no field; folded ones are none (RFC 9112 section 5.2).
    """
    fields = []
    for line in section.split(_LINE_END) if section else ():
        field = _FIELD.fullmatch(line)
        if field is None:
            raise MalformedRequest("Invalid trailer field.")
        fields.append((field[1], field[2].rstrip(b" \t")))
    return tuple(fields)
