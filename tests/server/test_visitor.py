"""These are the promises of a visitor: one accepted connection, handed on once, or answered and closed."""

import asyncio
import json
import socket
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from telemock.server.visitor import Visitor


@pytest.fixture
def ends() -> Iterator[tuple[Visitor, socket.socket]]:
    """A visitor, and the client itself."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname(), timeout=20)
        accepted, (address, _) = listening.accept()
    accepted.settimeout(0)
    visitor = Visitor(accepted, address)
    with client:
        yield visitor, client
    visitor.close()


Ends = tuple[Visitor, socket.socket]


async def test_what_it_said_is_seen_and_stays(ends: Ends) -> None:
    visitor, client = ends
    client.sendall(b"hello")
    assert await visitor.peek.more_than(4) == b"hello"
    with visitor.hand_on() as connection:
        assert connection.recv(9) == b"hello"


async def test_who_was_handed_on_is_not_closed_and_not_given_again(ends: Ends) -> None:
    visitor, client = ends
    with visitor.hand_on() as connection:
        visitor.close()
        connection.sendall(b"still here")
        assert client.recv(99) == b"still here"
        for ask in (visitor.hand_on, lambda: visitor.socket):
            with pytest.raises(RuntimeError, match="handed on"):
                ask()


async def test_who_was_not_is_closed(ends: Ends) -> None:
    visitor, client = ends
    await visitor.say(b"bye")
    visitor.close()
    visitor.close()
    assert (client.recv(99), client.recv(99)) == (b"bye", b"")


async def test_a_refusal_arrives_although_the_client_said_more_than_was_heard(ends: Ends) -> None:
    visitor, client = ends
    client.sendall(b"x" * 100_000)
    refusing = asyncio.create_task(visitor.refuse(HTTPStatus.FORBIDDEN, 'No "ü".', {"X-Why": "so"}))
    client.shutdown(socket.SHUT_WR)
    await refusing
    visitor.close()
    head, _, body = client.makefile("rb").read().partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 403 Forbidden",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"Server: telemock",
        b"X-Why: so",
        b"Connection: close",
    ]
    assert json.loads(body) == {"error": 'No "ü".'}


@pytest.mark.parametrize("says", [b"", b"x"])
async def test_a_last_answer_is_not_waited_for_without_end(ends: Ends, says: bytes) -> None:
    visitor, client = ends
    client.sendall(says)
    await visitor.say_last(b"bye", linger_seconds=0.01)
    assert client.recv(99) == b"bye"


async def test_a_client_that_goes_on_and_on_is_heard_out_only_so_far(ends: Ends) -> None:
    visitor, client = ends
    client.sendall(b"x" * 100)
    await visitor.say_last(b"bye", linger_bytes=10)
    assert client.recv(99) == b"bye"


async def test_a_client_that_left_is_no_error_in_the_end(ends: Ends) -> None:
    visitor, client = ends
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    await visitor.refuse(HTTPStatus.FORBIDDEN, "No.")
    with pytest.raises(OSError, match=r"pipe|reset"):
        await visitor.say(b"x" * 10)


async def test_it_is_kept_with_its_age(ends: Ends) -> None:
    visitor, _ = ends
    first = visitor.record("blocked", "a.test", 443, "Why.", bytes_up=1, bytes_down=2)
    second = visitor.record("tunnel", "a.test", None, "Why.")
    assert (first.host, first.port, first.client, first.kind) == ("a.test", 443, "127.0.0.1", "blocked")
    assert (first.bytes_up, first.bytes_down, first.detail) == (1, 2, "Why.")
    assert (first.opened_at, second.bytes_up, second.bytes_down) == (second.opened_at, 0, 0)
    assert 0 < (first.duration_ms or 0) <= (second.duration_ms or 0)
