"""These are the promises of how the codings of contents and of queries are undone."""

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.codings import (
    CONTENT_CODINGS,
    SHOWN_BYTES,
    content_codings,
    decode_content,
    decode_pair,
    decode_read,
    decode_shown,
)
from telemock.errors import EventsRejected
from tests.packing import PACK, gzipped, zstd_with_large_window
from tests.steady import STEADY

TEXT = b'{"name": "started"}'
LIMIT = 1000

brotli, zstandard = PACK["br"], PACK["zstd"]


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("a=b", ("a", "b")),
        ("a=b=c%3D", ("a", "b=c=")),
        ("%C3%BC+x=1+2", ("ü x", "1 2")),
        ("a", ("a", "")),
        ("=b", ("", "b")),
        ("a=%ff", ("a", "\ufffd")),
        ("100%=%zz", ("100%", "%zz")),
    ],
)
def test_a_pair_of_a_query_is_a_name_and_a_value(text: str, pair: tuple[str, str]) -> None:
    assert decode_pair(text) == pair


def raw_deflate(content: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(content) + deflater.flush()


@pytest.mark.parametrize(
    ("content", "codings"),
    [
        (TEXT, ""),
        (TEXT, "identity"),
        (TEXT, " , "),
        (gzipped(TEXT), "gzip"),
        (gzipped(TEXT), "x-gzip"),
        (gzipped(TEXT), "GZip"),
        (zlib.compress(TEXT), "deflate"),
        (zlib.compress(TEXT, 0), "deflate"),
        (zlib.compress(TEXT, wbits=9), "deflate"),
        (raw_deflate(TEXT), "deflate"),
        (zlib.compress(gzipped(TEXT)), "gzip, deflate"),
        (gzipped(raw_deflate(TEXT)), "deflate,identity ,gzip"),
        (gzipped(TEXT[:5]) + gzipped(b"") + gzipped(TEXT[5:]), "gzip"),
        (brotli(TEXT), "br"),
        (zstandard(TEXT), "zstd"),
        (zstandard(TEXT[:5]) + zstandard(b"") + zstandard(TEXT[5:]), "zstd"),
        (brotli(zstandard(TEXT)), "ZSTD, Br"),
    ],
)
def test_a_coded_body_is_decoded_the_last_coding_first(content: bytes, codings: str) -> None:
    assert decode_content(content, codings, LIMIT) == TEXT


@pytest.mark.parametrize(
    ("content", "codings", "sentence"),
    [
        (TEXT, "lzma", r"^Content-Encoding 'lzma' is not supported; send one of gzip, deflate, br, zstd, or none\.$"),
        (gzipped(TEXT), "gzip, x-br", "'x-br' is not supported"),
        (TEXT, "gzip", "The body is not valid gzip"),
        (b"\xff" + TEXT, "deflate", "The body is not valid deflate"),
        (zlib.compress(TEXT), "gzip", "The body is not valid gzip"),
        (b"", "gzip", r"^The gzip body ends before its end\.$"),
        (b"", "deflate", r"^The deflate body ends before its end\.$"),
        (gzipped(TEXT)[:5], "gzip", r"^The gzip body ends before its end\.$"),
        (gzipped(TEXT)[:-1], "gzip", r"^The gzip body ends before its end\.$"),
        (gzipped(TEXT)[:-12], "gzip", r"^The gzip body ends before its end\.$"),
        (zlib.compress(TEXT)[:-1], "deflate", r"^The deflate body ends before its end\.$"),
        (raw_deflate(TEXT)[:-3], "deflate", r"^The deflate body ends before its end\.$"),
        (gzipped(TEXT) + b"more", "gzip", "The body is not valid gzip"),
        (zlib.compress(TEXT) + b"more", "deflate", "there is more after its end"),
        *((b"", coding, rf"^The {coding} body ends before its end\.$") for coding in ("br", "zstd")),
        (brotli(TEXT)[:-1], "br", r"^The br body ends before its end\.$"),
        (zstandard(TEXT)[:-1], "zstd", r"^The zstd body ends before its end\.$"),
        *((TEXT, coding, f"The body is not valid {coding}") for coding in ("br", "zstd")),
        (brotli(TEXT) + b"more", "br", "The body is not valid br"),
        (zstandard(TEXT) + b"more", "zstd", "The body is not valid zstd"),
        (zstd_with_large_window(TEXT), "zstd", "too much memory"),
    ],
)
def test_a_damaged_body_is_rejected_with_the_reason(content: bytes, codings: str, sentence: str) -> None:
    with pytest.raises(EventsRejected, match=sentence):
        decode_content(content, codings, LIMIT)


@pytest.mark.parametrize(
    ("bomb", "codings"),
    [
        (gzipped(bytes(50_000_000)), "gzip"),
        (zlib.compress(bytes(50_000_000)), "deflate"),
        (gzipped(gzipped(bytes(50_000_000))), "gzip, gzip"),
        (gzipped(bytes(LIMIT)) + gzipped(b"1"), "gzip"),
        (gzipped(bytes(LIMIT + 1)), "gzip"),
        (brotli(bytes(50_000_000)), "br"),
        (zstandard(bytes(50_000_000)), "zstd"),
        (zstandard(bytes(LIMIT)) + zstandard(b"1"), "zstd"),
        *((compress(bytes(LIMIT + 1)), coding) for compress, coding in ((brotli, "br"), (zstandard, "zstd"))),
    ],
)
def test_a_bomb_is_not_inflated_past_the_limit(bomb: bytes, codings: str) -> None:
    with pytest.raises(OverflowError):
        decode_content(bomb, codings, LIMIT)


def test_what_is_as_long_as_the_limit_is_decoded() -> None:
    assert decode_content(gzipped(bytes(LIMIT)), "gzip", LIMIT) == bytes(LIMIT)
    assert decode_content(zlib.compress(bytes(LIMIT)), "deflate", LIMIT) == bytes(LIMIT)
    for size in (LIMIT, 2**20):
        assert decode_content(brotli(bytes(size)), "br", size) == bytes(size)
        assert decode_content(zstandard(bytes(size)), "zstd", size) == bytes(size)


@STEADY
@given(st.binary(max_size=500), st.sampled_from([*CONTENT_CODINGS, "gzip, deflate", ""]))
def test_no_bytes_fail_otherwise_than_by_rejection(content: bytes, codings: str) -> None:
    try:
        decoded = decode_content(content, codings, LIMIT)
    except (EventsRejected, OverflowError):
        return
    assert len(decoded) <= LIMIT or not codings


@pytest.mark.parametrize(
    ("headers", "codings"),
    [
        ([], ""),
        ([["Content-Type", "text/plain"]], ""),
        ([["CONTENT-Encoding", "gzip"]], "gzip"),
        ([["Content-Encoding", "gzip"], ["X", "y"], ["content-encoding", "deflate"]], "gzip,deflate"),
        ([["X", "content-encoding"]], ""),
    ],
)
def test_codings_are_read_from_headers_in_any_case(headers: list[list[str]], codings: str) -> None:
    assert content_codings(json.dumps(headers)) == codings


def test_headers_that_somebody_edited_name_no_coding() -> None:
    assert content_codings("content-encoding") == ""
    assert content_codings('["content-encoding"]') == ""
    assert content_codings('[[0,"content-encoding"]]') == ""


def test_a_body_that_cannot_be_shown_is_none() -> None:
    headers = json.dumps([["Content-Encoding", "gzip"]])
    assert decode_shown("[]", b"abc") == b"abc"
    assert decode_shown(headers, gzipped(b"abc")) == b"abc"
    assert decode_shown(headers, b"abc") is None
    assert decode_shown(headers, gzipped(bytes(SHOWN_BYTES + 1))) is None


def test_gzip_or_zstd_that_nobody_tells_of_is_undone_for_reading() -> None:
    assert decode_read("[]", gzipped(b"abc")) == decode_read("[]", b"abc") == b"abc"
    assert decode_read("[]", zstandard(b"abc")) == b"abc"
    assert decode_read('[["content-encoding","gzip"]]', gzipped(gzipped(b"abc"))) == b"abc"
    assert decode_read("[]", gzipped(b"abc")[:-5]) is None
    assert decode_read("[]", gzipped(bytes(SHOWN_BYTES + 1))) is None
