"""Where a chunked body ends, and the trailer fields behind it (RFC 9112 section 7.1).

aiohttp's C parser takes the last trailer field of a message for a header field of the next one on its connection,
and forgets the others. So it is shown a body without trailers, and they are read here.
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
        return data[start:end], end

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
