"""These are the promises of how the first message of TLS is read: its name, or why it cannot be answered."""

import ssl
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.server.hello import Hello, HelloReader
from tests.steady import STEADY

UNRECOGNIZED_NAME = b"\x15\x03\x03\x00\x02\x02\x70"  # a fatal alert (RFC 8446 section 6)


def client_hello(name: str | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """Give what a client says first."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.maximum_version = version
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
@pytest.mark.parametrize("name", ["cdn.cribl.io", "a" * 60 + ".test", None])
def test_the_name_is_read_and_an_alert_is_ready_for_who_has_no_certificate_for_it(
    name: str | None, version: ssl.TLSVersion
) -> None:
    assert HelloReader().read(client_hello(name, version)) == Hello(name, "", UNRECOGNIZED_NAME)


def test_nothing_is_said_before_the_message_is_whole() -> None:
    data = client_hello("cdn.cribl.io")
    reader = HelloReader()
    assert [reader.read(data[:length]) for length in range(1, len(data))] == [None] * (len(data) - 1)
    hello = reader.read(data)
    assert hello is not None
    assert hello.name == "cdn.cribl.io"


def test_a_name_that_is_not_ascii_is_refused_without_a_complaint(capsys: pytest.CaptureFixture[str]) -> None:
    hook = sys.unraisablehook
    hello = HelloReader().read(client_hello("cdn.cribl.io").replace(b"cdn", b"\xff\x00\xfe"))
    assert hello is not None
    assert (hello.name, hello.alert[:1]) == (None, b"\x15")
    assert hello.refusal
    assert sys.unraisablehook is hook
    assert capsys.readouterr().err == ""


@STEADY
@given(st.binary(), st.integers(0, 600), st.integers(0, 255))
def test_no_bytes_break_it(data: bytes, place: int, value: int) -> None:
    HelloReader().read(b"\x16" + data)
    hello = bytearray(client_hello("cdn.cribl.io"))
    hello[place % len(hello)] = value
    said = HelloReader().read(bytes(hello))
    assert said is None or said.refusal or said.name is None or isinstance(said.name, str)
