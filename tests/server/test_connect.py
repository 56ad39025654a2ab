"""These are the promises of how the head of a CONNECT is read: one meaning, or a sentence."""

import pytest

from telemock.errors import MalformedRequest
from telemock.server.connect import ConnectRequest, read_connect


def head(target: str, *fields: str, version: str = "HTTP/1.1") -> bytes:
    """Write a head as clients do."""
    return "\r\n".join([f"CONNECT {target} {version}", f"Host: {target}", *fields, "", ""]).encode()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (head("cdn.cribl.io:443"), ConnectRequest("cdn.cribl.io", 443, None)),
        (head("CDN.Cribl.io.:8443"), ConnectRequest("cdn.cribl.io", 8443, None)),
        (head("192.0.2.7:1"), ConnectRequest("192.0.2.7", 1, None)),
        (head("[2001:DB8::1]:65535"), ConnectRequest("2001:db8::1", 65535, None)),
        (head("a_b.test:443", "proxy-authorization: Basic eA=="), ConnectRequest("a_b.test", 443, "Basic eA==")),
        (b"CONNECT a.test:443 HTTP/1.0\r\n\r\n", ConnectRequest("a.test", 443, None)),
        (head("a.test:443", "Content-Length: 0"), ConnectRequest("a.test", 443, None)),
    ],
)
async def test_host_port_and_credentials_are_read(said: bytes, wanted: ConnectRequest) -> None:
    assert read_connect(said) == wanted


@pytest.mark.parametrize(
    "target",
    ["a.test", "a.test:", ":443", "a.test:x", "a.test:-1", "a.test:70000", "a.test:443/", "[::1:443", "[x]:1", "*"],
)
async def test_what_is_no_host_and_port_is_named(target: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_connect(head(target))
    assert target in str(caught.value)
    assert str(caught.value).endswith(".")


async def test_a_long_target_is_not_repeated_whole() -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_connect(head("a" * 5000))
    assert len(str(caught.value)) < 400
