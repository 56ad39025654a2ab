"""Chunked bodies are followed to their end wherever the data is cut, and their trailers are read apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.errors import MalformedRequest
from telemock.server.chunked import MAX_TRAILER_BYTES, ChunkedBody, Fields, read_trailers
from tests.steady import STEADY

BODY = b"4;a=b\r\nWiki\r\n0B\r\n0\r\nX: y\r\n\r\n\r\n000;last\r\n"
NEXT = b"GET / HTTP/1.1\r\n\r\n"


def parsed(shown: bytes) -> tuple[bytes, bytes]:
    """Read what the parser is shown, with a reader as plain as can be: the body, and what stands behind it."""
    body = b""
    while True:
        line, _, shown = shown.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if size == 0:
            return body, shown
        assert shown[size : size + 2] == b"\r\n"
        body, shown = body + shown[:size], shown[size + 2 :]


def follow(pieces: list[bytes]) -> tuple[bytes, bytes, ChunkedBody]:
    """Give what the parser is shown of a body, what is left of the data, and what was read."""
    chunks, shown, rest = ChunkedBody(), b"", b""
    for data in pieces:
        at = 0
        while at < len(data) and not chunks.is_whole and not chunks.is_lost:
            piece, at = chunks.take(data, at)
            shown += piece
        rest += data[at:]
    return shown, rest, chunks


@pytest.mark.parametrize(
    ("section", "trailers"),
    [
        (b"", ()),
        (b"A: b\r\n", ((b"A", b"b"),)),
        (b"A:b \t\r\nHost: c\r\nA:\r\n", ((b"A", b"b"), (b"Host", b"c"), (b"A", b""))),
        (b"X-\xff: \xff\xfe\r\n".replace(b"X-\xff", b"X"), ((b"X", b"\xff\xfe"),)),
    ],
)
def test_a_body_is_shown_without_its_trailers_however_it_comes(section: bytes, trailers: Fields) -> None:
    data = BODY + section + b"\r\n" + NEXT
    for cut in range(len(data)):
        shown, rest, chunks = follow([data[:cut], data[cut:]])
        assert (parsed(shown), rest, chunks.trailers) == (parsed(BODY + b"\r\n"), NEXT, trailers)
    shown, rest, chunks = follow([bytes([each]) for each in data])
    assert (shown, rest, chunks.trailers, chunks.is_whole) == (BODY + b"\r\n", NEXT, trailers, True)


@pytest.mark.parametrize("size", [1, 15, 16, 63, 64, 65])
@pytest.mark.parametrize("line", [b"%x", b"000%X", b"%x;a", b"%X;a=b"])
@pytest.mark.parametrize("cut", [0, 1, 5, 700])
def test_the_parser_is_shown_many_short_chunks_as_one(size: int, line: bytes, cut: int) -> None:
    bodies = [bytes([10, 13, 48 + n % 10, *range(60)]).ljust(size)[:size] for n in range(200)]
    data = b"".join(line % len(body) + b"\r\n" + body + b"\r\n" for body in bodies) + b"0\r\n\r\n"
    shown, rest, chunks = follow([data[:cut], data[cut:] + NEXT])
    assert (parsed(shown), rest, chunks.is_whole) == ((b"".join(bodies), b"\r\n"), NEXT, True)
    if size < 64:
        assert len(shown) < len(b"".join(bodies)) + 8 * len(line % size + b"\r\n\r\n") + size


@pytest.mark.parametrize("wrong", [b"1\r\nab\r\n", b"1\r\n\r\n", b"g\r\na\r\n", b"2\r\na\r\n", b"1;\x00\r\na\r\n"])
def test_what_is_wrong_among_short_chunks_reaches_the_parser_as_it_is(wrong: bytes) -> None:
    shown, _, _ = follow([b"1\r\na\r\n" * 9 + wrong + b"1\r\na\r\n" * 9])
    assert wrong in shown


@STEADY
@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    st.lists(st.sampled_from([(b"A", b"b"), (b"Host", b"x y"), (b"Content-Length", b"9")]), max_size=4),
    st.lists(st.integers(1, 30), max_size=40),
)
def test_any_body_ends_where_it_does(parts: list[bytes], fields: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n"
    data = body + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n" + NEXT
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(data[at : at + cut])
        at += cut
    shown, rest, chunks = follow([*pieces, data[at:]])
    assert (parsed(shown), rest, chunks.trailers) == (parsed(body + b"\r\n"), NEXT, tuple(fields))


@pytest.mark.parametrize(
    "line", [b"x\r\n", b"\r\n", b"0x2\r\n", b"-2\r\n", b"2 \r\n", b"2\n", b"f" * 17 + b"\r\n", b"2;" + b"a" * 2**16]
)
def test_what_is_no_chunk_is_left_to_the_parser(line: bytes) -> None:
    data = b"1\r\na\r\n" + line
    shown, rest, chunks = follow([data])
    assert (shown, rest, chunks.is_lost) == (data, b"", True)


@pytest.mark.parametrize(
    "line", [b"A", b" A: b", b"A : b", b": b", b"A: b\x00", b"A: b\rc", b"A: b\r\n c", b"A\xff: b"]
)
def test_what_is_no_trailer_is_refused(line: bytes) -> None:
    with pytest.raises(MalformedRequest, match="Invalid trailer field"):
        read_trailers(line)


def test_trailers_have_a_limit() -> None:
    with pytest.raises(MalformedRequest, match=f"longer than {MAX_TRAILER_BYTES} bytes"):
        follow([b"0\r\n", *[b"A: " + b"a" * 1000 + b"\r\n"] * 100])
