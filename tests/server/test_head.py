"""These are the promises of where a head ends, and of what is said against one."""

import pytest

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
    ("message", "said"),
    [("Bad line:\n\n  b'\\x00'\n    ^", "Bad line"), ("Too long.", "Too long"), (None, "Malformed HTTP")],
)
def test_only_the_first_line_of_a_complaint_is_kept(message: str | None, said: str) -> None:
    assert complaint(message) == said
