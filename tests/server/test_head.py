"""These are the promises of where a head ends, and of what is said against one."""

import pytest
from aiohttp.http_exceptions import BadHttpMessage, InvalidHeader, InvalidURLError, LineTooLong

from telemock.server.head import complaint, whole_head


@pytest.mark.parametrize(
    ("seen", "head"),
    [
        (b"", None),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r", None),
        (b"GET / HTTP/1.1\n\n", None),
        (b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"),
        (b"GET / HTTP/1.1\r\n\r\nrest\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"),
    ],
)
def test_a_head_ends_with_its_first_empty_line(seen: bytes, head: bytes | None) -> None:
    assert whole_head(seen) == head


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BadHttpMessage("Bad line:\n\n  b'\\x00'\n    ^"), "Bad line"),
        (BadHttpMessage("Too long."), "Too long"),
        (LineTooLong(b"secret" * 20, 65536), "A line is longer than 65536 bytes"),
        (InvalidHeader(b"Basic secret"), "Invalid header field"),
        (InvalidURLError("user:secret@a:b"), "'a:b' names a user before the host, which it may not"),
        (InvalidURLError("http://u:secret@a:b/"), "'a:b/' names a port that is none (1 to 65535)"),
        (InvalidURLError("a:99999"), "'a:99999' names a port that is none (1 to 65535)"),
        (InvalidURLError("*"), "'*' is not the target of a request"),
        (InvalidURLError("Invalid char in url:\n\n b''"), "Invalid char in url"),
        (ValueError("secret"), "Malformed HTTP"),
    ],
)
def test_a_complaint_is_short_and_quotes_no_secret(error: Exception, said: str) -> None:
    assert complaint(error) == said
