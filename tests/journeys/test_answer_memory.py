"""Memory for the answers of other servers is bounded as that for request bodies is."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest

from telemock.server.upstream import AHEAD_BYTES
from tests.journeys.serving import until
from tests.server.origin import Origin, origin, read_request
from tests.server.served import MAX_BODY_BYTES, Served, ended, served
from tests.server.test_body_memory import taken
from tests.server.wire import HANG_SECONDS, Wire, request_bytes

SIZE = AHEAD_BYTES * 3 // 4  # of which two are more than the least memory for answers
BODY = bytes(range(256)) * (SIZE // 256)
BEGUN = 300_000  # so that it is on its way


@contextmanager
def pausing(event: Event, head: bytes) -> Iterator[Origin]:
    """Serve an answer whose rest comes after an event where it is asked for /slow, and at once elsewhere."""

    def speak(client: socket.socket) -> None:
        heard = read_request(client)
        client.sendall(b"HTTP/1.1 200 OK\r\n" + head + BODY[:BEGUN])
        if b" /slow " in heard:
            event.wait(HANG_SECONDS)
        client.sendall(BODY[BEGUN:])

    with origin(speak) as there:
        try:
            yield there
        finally:
            event.set()


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Served]:
    """A telemock that records with the least memory."""
    with served(tmp_path, intercept=("localhost",), mode=("record",), body_memory=1) as server:
        yield server


def ask(server: Served, stack: ExitStack, there: Origin, path: str, host: str = "localhost") -> Wire:
    wire = stack.enter_context(server.connect())
    wire.send(request_bytes("GET", f"http://{host}:{there.port}{path}", version="HTTP/1.0"))
    return wire


LENGTH = b"Content-Length: %d\r\n\r\n" % len(BODY)


@pytest.mark.parametrize(("head", "held"), [(LENGTH, len(BODY)), (b"\r\n", MAX_BODY_BYTES + AHEAD_BYTES)])
def test_an_answer_has_its_memory_until_it_is_stored(recording: Served, head: bytes, held: int) -> None:
    rest_may_come = Event()
    with ExitStack() as stack, pausing(rest_may_come, head) as there:
        wire = ask(recording, stack, there, "/slow")
        until(lambda: taken(recording) == held)
        rest_may_come.set()
        assert wire.rest().endswith(BODY)
        until(lambda: taken(recording) == 0)
    assert [row["response_body"] for row in recording.exchanges()] == [BODY[:MAX_BODY_BYTES]]


def test_an_answer_waits_for_memory_and_the_slowest_is_broken_off_for_it(recording: Served) -> None:
    with ExitStack() as stack, pausing(Event(), LENGTH) as there:
        slow = ask(recording, stack, there, "/slow")
        until(lambda: taken(recording) == len(BODY))
        assert ask(recording, stack, there, "/fast").rest().endswith(BODY)
        assert len(slow.rest().partition(b"\r\n\r\n")[2]) < BEGUN
        until(lambda: taken(recording) == 0)
        broken, _ = ended(recording, 2)
    assert "--body-memory" in broken["detail"]
    assert [(row["path"], row["status"]) for row in recording.exchanges() if row["outcome"] == "recorded"] == [
        ("/slow", 200),
        ("/fast", 200),
    ]


def test_what_is_sent_on_is_read_ahead_where_there_is_memory(tmp_path: Path) -> None:
    rest_may_come = Event()
    with (
        served(tmp_path, others="tunnel", body_memory=10 * AHEAD_BYTES) as server,
        ExitStack() as stack,
        pausing(rest_may_come, LENGTH) as there,
    ):
        wires = [ask(server, stack, there, "/slow", "127.0.0.1") for _ in range(3)]
        until(lambda: there.connections == len(wires))
        until(lambda: taken(server) == AHEAD_BYTES)
        rest_may_come.set()
        assert [wire.rest().endswith(BODY) for wire in wires] == [True] * 3
        until(lambda: taken(server) == 0)
