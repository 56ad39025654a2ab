"""Clients that only hold connections lock nobody out, however few descriptors there are."""

from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.corpus import GUID
from tests.journeys.serving import Serving, ping_bytes, starting, until
from tests.server.wire import Wire, request_bytes

LIMIT = 256
MANY = 400


def hold(server: Serving, stack: ExitStack, said: bytes) -> list[Wire]:
    """Open more connections than there are descriptors; each says something, or nothing."""
    wires = []
    for _ in range(MANY):
        wire = stack.enter_context(server.connect())
        wire.send(said)
        wires.append(wire)
    return wires


@pytest.mark.parametrize(
    "said", [b"", ping_bytes(GUID), b"GET / HTTP/1.1\r\nHost"], ids=["nothing", "a request", "half a head"]
)
def test_idle_connections_make_room_for_new_ones_and_it_is_told(tmp_path: Path, said: bytes) -> None:
    with starting(tmp_path, before=("prlimit", f"--nofile={LIMIT}:{LIMIT}")) as server, ExitStack() as stack:
        server.wait_until_ready()
        hold(server, stack, said)
        assert server.ping(GUID) == 200
        assert server.is_healthy()
        assert server.metric("process_open_fds") < LIMIT
        assert server.metric("telemock_idle_closed_total") > MANY - LIMIT
        assert server.line("descriptors_scarce")["level"] == "warning"


def test_who_waits_for_an_answer_is_not_closed(tmp_path: Path) -> None:
    with starting(tmp_path, before=("prlimit", f"--nofile={LIMIT}:{LIMIT}")) as server, ExitStack() as stack:
        server.wait_until_ready()
        busy = stack.enter_context(server.connect())
        busy.send(request_bytes("POST", "/telemetry/events", [("Content-Length", "2")], host="cdn.cribl.io") + b"{")
        hold(server, stack, b"")
        busy.send(b"}")
        assert busy.answer().status == 200


def test_where_nobody_is_idle_new_connections_are_closed_at_once_and_counted(tmp_path: Path) -> None:
    with starting(tmp_path, before=("prlimit", f"--nofile={LIMIT}:{LIMIT}")) as server:
        server.wait_until_ready()
        unfinished = request_bytes("POST", "/telemetry/events", [("Content-Length", "2")], host="cdn.cribl.io") + b"{"
        with ExitStack() as stack:
            unanswered = 0
            while unanswered < 20:  # until then, one whose request was not read yet may have been closed for the next
                with suppress(ConnectionError):  # it was closed at once
                    stack.enter_context(server.connect()).send(unfinished)
                unanswered = 0 if answers(server) else unanswered + 1
            assert server.line("descriptors_scarce")["level"] == "warning"
        until(lambda: answers(server))
        assert server.metric("telemock_turned_away_total") > 0


def answers(server: Serving) -> bool:
    with suppress(ConnectionError, AssertionError):
        return server.is_healthy()
    return False
