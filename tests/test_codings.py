import gzip
import json
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.codings import SHOWN_BYTES, content_codings, decode_content, decode_shown
from telemock.errors import EventsRejected
from tests.steady import STEADY


def raw_deflate(content: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(content) + coder.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}


@STEADY
@given(st.binary(), st.lists(st.sampled_from(sorted(ENCODERS)), max_size=3))
def test_codings_are_undone_in_the_reverse_order(content: bytes, codings: list[str]) -> None:
    coded = content
    for coding in codings:
        coded = ENCODERS[coding](coded)
    assert decode_content(coded, " , ".join(codings).upper(), len(content) + 100) == content


def test_deflate_without_its_wrapper_is_understood() -> None:
    assert decode_content(raw_deflate(b"telemock" * 9), "deflate", 100) == b"telemock" * 9


def test_more_than_the_limit_is_refused_without_being_made() -> None:
    for coding in ("gzip", "deflate"):
        coded = ENCODERS[coding](bytes(100))
        assert decode_content(coded, coding, 100) == bytes(100)
        with pytest.raises(OverflowError):
            decode_content(coded, coding, 99)


@pytest.mark.parametrize(
    ("content", "coding", "complaint"),
    [
        (b"abc", "br", "Content-Encoding 'br' is not supported"),
        (b"abc", "gzip", "is not valid gzip"),
        (b"", "gzip", "ends before its end"),
        (gzip.compress(b"abc")[:-1], "gzip", "ends before its end"),
        (zlib.compress(b"abc")[:-1], "deflate", "ends before its end"),
        (zlib.compress(b"abc") + b"x", "deflate", "there is more after its end"),
        (b"\xff\xff", "deflate", "is not valid deflate"),
    ],
)
def test_what_cannot_be_undone_is_named(content: bytes, coding: str, complaint: str) -> None:
    with pytest.raises(EventsRejected, match=complaint):
        decode_content(content, coding, 1000)


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


def test_a_body_that_cannot_be_shown_is_none() -> None:
    headers = json.dumps([["Content-Encoding", "gzip"]])
    assert decode_shown("[]", b"abc") == b"abc"
    assert decode_shown(headers, gzip.compress(b"abc")) == b"abc"
    assert decode_shown(headers, b"abc") is None
    assert decode_shown(headers, gzip.compress(bytes(SHOWN_BYTES + 1))) is None
