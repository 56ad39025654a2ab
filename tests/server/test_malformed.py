"""These are the promises of what is kept of traffic that is not HTTP: its beginning, without a proxy's password."""

import pytest

from telemock.server.malformed import HEAD_BYTES, malformed_detail


def test_the_first_bytes_follow_the_reason() -> None:
    assert malformed_detail("Bad line.", b"\x00a") == "Bad line. It began with b'\\x00a'"
    assert malformed_detail("Bad", b"a", b"b") == "Bad. It began with b'a', and in its body came b'b'"
    assert malformed_detail("Bad", b"x" * 5000) == f"Bad. It began with {b'x' * HEAD_BYTES!r}"


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b""])
@pytest.mark.parametrize("name", [b"Proxy-Authorization:", b"proxy-authorization :", b"PROXY-AUTHORIZATION:\t"])
def test_a_proxys_password_is_left_out(name: bytes, end: bytes) -> None:
    head = b"CONNECT a:1 HTTP/9.9\r\n" + name + b" Basic c2VjcmV0" + end + b"B: c"
    detail = malformed_detail("Bad.", head)
    assert "c2VjcmV0" not in detail
    assert "CONNECT a:1" in detail
    assert "B: c" in detail or not end
