"""These are the promises of a tunnel: every byte both ways, counted, and each end heard by the other."""

import asyncio
import hashlib
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from telemock.server.tunnel import Passed, relay

Pair = tuple[socket.socket, socket.socket]
LONG = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(2**15))  # a mebibyte


@contextmanager
def connected() -> Iterator[Pair]:
    """Two ends of a connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        near = socket.create_connection(listening.getsockname())
        far, _ = listening.accept()
    with near, far:
        near.settimeout(0)
        far.settimeout(0)
        yield near, far


async def read_to_the_end(connection: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    pieces = []
    while piece := await loop.sock_recv(connection, 2**16):
        pieces.append(piece)
    return b"".join(pieces)


async def say(connection: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(connection, data)
    connection.shutdown(socket.SHUT_WR)


async def test_every_byte_passes_both_ways_at_once_and_is_counted() -> None:
    passed = Passed()
    with connected() as (client, near), connected() as (far, server):
        async with asyncio.TaskGroup() as group:
            group.create_task(relay(near, far, passed))
            group.create_task(say(client, LONG * 3))
            group.create_task(say(server, LONG[::-1] * 5))
            up, down = (group.create_task(read_to_the_end(each)) for each in (server, client))
        assert (up.result() == LONG * 3, down.result() == LONG[::-1] * 5) == (True, True)
    assert passed == Passed(3 * len(LONG), 5 * len(LONG))


@pytest.mark.parametrize("first", ["client", "server"])
async def test_a_side_that_ended_hears_the_other_out(first: str) -> None:
    passed = Passed()
    with connected() as (client, near), connected() as (far, server):
        relaying = asyncio.create_task(relay(near, far, passed))
        one, other = (client, server) if first == "client" else (server, client)
        await say(one, b"only this")
        assert await read_to_the_end(other) == b"only this"
        assert not relaying.done()
        await say(other, LONG)
        assert await read_to_the_end(one) == LONG
        await relaying
    assert sorted((passed.up, passed.down)) == [9, len(LONG)]


@pytest.mark.parametrize("first", ["client", "server"])
async def test_a_side_that_breaks_ends_the_tunnel(first: str) -> None:
    passed = Passed()
    with connected() as (client, near), connected() as (far, server):
        relaying = asyncio.create_task(relay(near, far, passed))
        one, other = (client, server) if first == "client" else (server, client)
        await asyncio.get_running_loop().sock_sendall(one, b"a")
        assert await asyncio.get_running_loop().sock_recv(other, 10) == b"a"
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()
        with pytest.raises(ConnectionResetError):
            await relaying
    assert passed.up + passed.down == 1


async def test_who_does_not_read_makes_the_other_side_wait() -> None:
    passed = Passed()
    with connected() as (client, near), connected() as (far, server):
        relaying = asyncio.create_task(relay(near, far, passed))
        sending = asyncio.create_task(say(client, LONG * 200))
        for _ in range(2000):
            await asyncio.sleep(0)
        assert passed.up < 100 * len(LONG)
        reading = asyncio.create_task(read_to_the_end(server))
        await sending
        server.shutdown(socket.SHUT_WR)
        assert len(await reading) == 200 * len(LONG)
        await relaying


async def test_a_tunnel_can_be_ended_from_outside() -> None:
    passed = Passed()
    with connected() as (client, near), connected() as (far, server):
        relaying = asyncio.create_task(relay(near, far, passed))
        await asyncio.get_running_loop().sock_sendall(client, b"abc")
        assert await asyncio.get_running_loop().sock_recv(server, 10) == b"abc"
        relaying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await relaying
    assert passed == Passed(3, 0)
