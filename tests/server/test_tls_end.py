"""Who ends TLS on its side (RFC 8446 section 6.1) is answered as who ends a plain connection on its side."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import suppress

import pytest

from telemock.app import loop_factory
from tests.server.secure import trusting, tunnelled
from tests.server.served import PING_BODY, PING_TARGET, NewLoop, Served, served
from tests.server.wire import Wire, request_bytes

HOST = "cdn.cribl.io"


@pytest.fixture(scope="module", params=[asyncio.new_event_loop, loop_factory()], ids=["asyncio", "uvloop"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One telemock for the tests of this module, on each loop."""
    new_loop: NewLoop = request.param
    with served(tmp_path_factory.mktemp("served"), new_loop=new_loop) as server:
        yield server


def said_to(wire: Wire, context: ssl.SSLContext, asked: bytes) -> bytes:
    """Ask, and end TLS and TCP in the same moment; give what comes back until the server ends TLS as well."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            wire.send(outgoing.read())
            incoming.write(wire.some())
    tls.write(asked)
    with suppress(ssl.SSLWantReadError):
        tls.unwrap()
    wire.send(outgoing.read())
    wire.end()
    incoming.write(wire.rest())
    answers = b""
    with suppress(ssl.SSLZeroReturnError):
        while more := tls.read():
            answers += more
    return answers


@pytest.mark.parametrize("road", ["tls", "connect"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("count", [1, 3])
def test_who_ends_tls_after_asking_gets_its_answers(
    server: Served, road: str, version: ssl.TLSVersion, count: int
) -> None:
    context = trusting(server)
    context.minimum_version = context.maximum_version = version
    with server.connect() if road == "tls" else tunnelled(server, f"{HOST}:443") as wire:
        answers = said_to(wire, context, request_bytes("GET", PING_TARGET, host=HOST) * count)
    assert answers.count(PING_BODY) == count
    assert [row["status"] for row in server.exchanges()] == [200] * count


def test_who_ends_tls_within_a_body_gets_no_answer(server: Served) -> None:
    asked = request_bytes("POST", "/telemetry/events", [("Content-Length", "10")], host=HOST) + b"12345"
    with server.connect() as wire:
        assert said_to(wire, trusting(server), asked) == b""
    assert server.ask("GET", "/barrier").status == 404
    assert [(row["status"], row["request_body"]) for row in server.exchanges()] == [(499, b"12345"), (404, None)]


def test_who_cuts_tls_off_behind_a_question_is_kept_and_nobody_complains(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with server.connect() as wire:
        wire.secure(trusting(server), HOST)
        wire.send(request_bytes("GET", PING_TARGET, host=HOST))
        wire.end()  # TCP alone
        wire.rest()
    assert server.ask("GET", "/barrier").status == 404
    kept, _ = server.exchanges()
    assert (kept["path"], kept["status"] in (200, 499)) == ("/telemetry/index.html", True)
    assert caplog.text == ""
