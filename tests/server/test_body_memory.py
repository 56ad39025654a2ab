"""Memory for bodies is bounded over all clients: long bodies wait or are refused, and ordinary ones get through."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiohttp import StreamReader
from aiohttp.base_protocol import BaseProtocol

from telemock.server.body_memory import SMALL_BYTES, BodyMemory, NoRoom, Room
from tests.journeys.serving import until
from tests.server.served import Served, served
from tests.server.wire import Wire, request_bytes

LONGEST = 10 * SMALL_BYTES
TOTAL = 4 * LONGEST  # of which three fit in the share of the long ones
EVENTS = "/telemetry/events"


def head(size: int) -> bytes:
    return request_bytes("POST", "/other", [("Content-Length", str(size))])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """A telemock with memory for three bodies of the longest."""
    with served(tmp_path, max_body=LONGEST, body_memory=TOTAL * 4 // 3) as server:  # a quarter is for answers
        yield server


def taken(server: Served) -> int:
    (line,) = [
        line
        for line in server.ask("GET", "/metrics").body.decode().splitlines()
        if line.startswith("telemock_body_bytes ")
    ]
    return int(float(line.split()[1]))


def hold(server: Served, stack: ExitStack, count: int, data: bytes = b"x") -> list[Wire]:
    """Begin bodies that do not end."""
    wires = [stack.enter_context(server.connect()) for _ in range(count)]
    for wire in wires:
        wire.send(head(LONGEST) + data)
    return wires


def test_a_body_has_its_memory_until_it_is_stored(server: Served) -> None:
    with ExitStack() as stack:
        (wire,) = hold(server, stack, 1)
        until(lambda: taken(server) == LONGEST)
        wire.send(b"x" * (LONGEST - 1))
        assert wire.answer().status == 404
        assert taken(server) == 0
    assert len(server.exchanges()[0]["request_body"]) == LONGEST


def test_who_leaves_in_the_middle_gives_its_memory_back(server: Served) -> None:
    with ExitStack() as stack:
        hold(server, stack, 3, b"x" * SMALL_BYTES)
        until(lambda: taken(server) == 3 * LONGEST)
    until(lambda: taken(server) == 0)
    assert [row["status"] for row in server.exchanges()] == [499] * 3


def test_a_long_body_waits_for_memory_and_short_ones_do_not(server: Served) -> None:
    with ExitStack() as stack:
        (first, *_) = hold(server, stack, 3)
        until(lambda: taken(server) == 3 * LONGEST)
        waiting = stack.enter_context(server.connect())
        waiting.send(head(LONGEST))
        assert server.ask("POST", EVENTS, body=b"{}").json()["count"] == 1
        first.send(b"x" * (LONGEST - 1))
        assert first.answer().status == 404
        waiting.send(b"y" * LONGEST)
        assert waiting.answer().status == 404


def test_the_slowest_of_those_that_hold_all_memory_is_given_up_for_who_waits(server: Served) -> None:
    with ExitStack() as stack:
        slowest, *slow = hold(server, stack, 3)
        for wire in slow:
            wire.send(b"x" * SMALL_BYTES)
        until(lambda: taken(server) == 3 * LONGEST)
        assert server.ask("POST", "/other", body=b"y" * LONGEST).status == 404
        answer = slowest.answer()
        assert (answer.status, answer.header("Retry-After")) == (503, "5")
        assert "--body-memory" in answer.json()["error"]
    (row,) = [row for row in server.exchanges() if row["status"] == 503]
    assert (row["outcome"], row["request_body"], row["request_truncated"]) == ("refused", None, 1)


def test_bodies_that_do_not_say_how_long_they_are_have_no_more_memory_than_others(server: Served) -> None:
    chunk = b"%x\r\n" % SMALL_BYTES + b"x" * SMALL_BYTES + b"\r\n"
    with ExitStack() as stack:
        wire = stack.enter_context(server.connect())
        wire.send(b"POST /other HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
        until(lambda: taken(server) == SMALL_BYTES)
        wire.send(chunk)
        until(lambda: taken(server) == LONGEST)
        wire.send(chunk + b"0\r\n\r\n")
        assert wire.answer().status == 404
        assert taken(server) == 0
    assert server.exchange()["request_body"] == b"x" * 3 * SMALL_BYTES


def test_one_body_has_always_room_however_small_the_memory_is(tmp_path: Path) -> None:
    with served(tmp_path, max_body=LONGEST, body_memory=1) as server:
        assert server.ask("POST", "/other", body=b"x" * LONGEST).status == 404
        assert server.ask("POST", "/other", body=b"x" * (LONGEST + 1)).status == 404 + 9


def a_body() -> StreamReader:
    return StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**16)


async def take(memory: BodyMemory, size: int) -> Room:
    return await memory.room(a_body(), size, asyncio.timeout(None))


async def test_those_who_wait_are_served_in_their_order_and_not_too_many_may() -> None:
    memory = BodyMemory(TOTAL, LONGEST, lambda: None)
    rooms = [await take(memory, LONGEST) for _ in range(3)]
    waiting = [asyncio.create_task(take(memory, LONGEST)) for _ in range(128)]
    await asyncio.sleep(0)  # one turn of the loop: all of them ask
    with pytest.raises(NoRoom):
        await take(memory, LONGEST)
    waiting[0].cancel()
    for room in rooms[:2]:
        room.settle(SMALL_BYTES)
        room.settle(SMALL_BYTES)
    await asyncio.wait(waiting[:3])
    assert [task.done() for task in waiting[:5]] == [True, True, True, False, False]
    assert memory.used == 3 * LONGEST + 2 * SMALL_BYTES
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for room in (*rooms, *(task.result() for task in waiting if not task.cancelled())):
        room.release()
        room.release()
    assert memory.used == 0


async def test_what_was_freed_goes_back_to_the_system() -> None:
    trimmed = asyncio.Event()
    memory = BodyMemory(2**26, 2**25, trimmed.set)
    (await take(memory, 2**24)).release()
    await trimmed.wait()
