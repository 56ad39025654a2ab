"""These are the promises of looking at what came: nothing is read away, and nobody spins."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from telemock.server.peek import MAX_PEEKED_BYTES, Peek


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client, and what the server accepted of it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        client = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    accepted.settimeout(0)
    with client, accepted:
        yield client, accepted


Pair = tuple[socket.socket, socket.socket]


async def test_it_waits_for_more_than_was_seen(pair: Pair) -> None:
    client, accepted = pair
    peek = Peek(accepted)
    client.sendall(b"a")
    assert await peek.more_than(0) == b"a"
    more = asyncio.create_task(peek.more_than(1))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not more.done()
    client.sendall(b"bc")
    assert await more == b"abc"
    assert await peek.more_than(2) == b"abc"
    assert accepted.recv(10) == b"abc"


async def test_nothing_more_comes_from_a_client_that_ended(pair: Pair) -> None:
    client, accepted = pair
    client.sendall(b"ab")
    assert await Peek(accepted).more_than(0) == b"ab"
    client.shutdown(socket.SHUT_WR)
    assert await Peek(accepted).more_than(2) == b"ab"
    assert Peek(accepted).take(2) == b"ab"
    assert await Peek(accepted).more_than(0) == b""


async def test_nothing_more_comes_from_a_broken_connection(pair: Pair) -> None:
    client, accepted = pair
    client.sendall(b"ab")
    assert await Peek(accepted).more_than(1) == b"ab"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert await Peek(accepted).more_than(2) == b"ab"
    Peek(accepted).take(2)
    with pytest.raises(ConnectionResetError):
        await Peek(accepted).more_than(0)


async def test_no_more_than_a_limit_is_looked_at_and_all_of_that_is_waited_for(pair: Pair) -> None:
    client, accepted = pair
    loop = asyncio.get_running_loop()
    client.settimeout(0)
    sending = asyncio.create_task(loop.sock_sendall(client, b"x" * (2 * MAX_PEEKED_BYTES)))
    seen = b""
    while len(seen) < MAX_PEEKED_BYTES:
        seen = await Peek(accepted).more_than(len(seen))
    assert seen == b"x" * MAX_PEEKED_BYTES
    taken = 0
    while taken < 2 * MAX_PEEKED_BYTES:
        taken += len(await loop.sock_recv(accepted, 65536))
    await sending


async def test_it_can_be_given_up_and_leaves_the_socket_as_it_was(pair: Pair) -> None:
    client, accepted = pair
    client.sendall(b"a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Peek(accepted).more_than(10)
    assert await asyncio.get_running_loop().sock_recv(accepted, 10) == b"a"
    waiting = asyncio.create_task(asyncio.get_running_loop().sock_recv(accepted, 10))
    client.sendall(b"b")
    assert await waiting == b"b"


def test_what_was_not_sent_is_not_seen(pair: Pair) -> None:
    assert Peek(pair[1]).seen() == b""


async def test_what_came_is_shown_again_with_more_until_it_is_understood(pair: Pair) -> None:
    client, accepted = pair
    shown: list[bytes] = []

    def understand(seen: bytes) -> str | None:
        shown.append(seen)
        client.sendall(b"b")
        return "enough" if len(shown) == 3 else None

    client.sendall(b"a")
    assert await Peek(accepted).until(understand) == "enough"
    assert shown == [b"a", b"ab", b"abb"]


async def test_what_is_not_understood_ends_with_the_client(pair: Pair) -> None:
    client, accepted = pair
    client.sendall(b"a")
    client.shutdown(socket.SHUT_WR)
    assert await Peek(accepted).until(lambda seen: seen[1:] or None) is None
