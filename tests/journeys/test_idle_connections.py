"""Clients that only hold connections lock nobody out, however few descriptors there are."""

from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.corpus import GUID
from tests.journeys.serving import Serving, ping_bytes, starting, until
from tests.server.wire import Wire, request_bytes

LIMIT = 256
LIMITED = ("prlimit", f"--nofile={LIMIT}:{LIMIT}")
ACCEPTED = 224  # as the others are for files
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
    ("said", "kept"),
    [
        (b"", 0),
        (b"GET / HTTP/1.1\r\nHost", MANY - LIMIT),
        (b"\x16\x03\x01\x02\x00\x01", MANY - LIMIT),
    ],
    ids=["nothing", "half a head", "half a hello"],
)
def test_idle_connections_make_room_for_new_ones_and_it_is_told(tmp_path: Path, said: bytes, kept: int) -> None:
    with starting(tmp_path, before=LIMITED) as server, ExitStack() as stack:
        server.wait_until_ready()
        hold(server, stack, said)
        assert server.ping(GUID) == 200
        assert server.is_healthy()
        assert server.metric("process_open_fds") < LIMIT
        assert server.metric("telemock_idle_closed_total") > MANY - LIMIT
        assert server.line("descriptors_scarce")["level"] == "warning"
        rows = server.rows("connections", 0)
        assert len(rows) >= kept
        assert {"had hardly any descriptors left" in row["detail"] for row in rows} <= {True}


def test_whoever_asks_is_answered_and_kept_however_few_descriptors_there_are(tmp_path: Path) -> None:
    with starting(tmp_path, before=LIMITED) as server, ExitStack() as stack:
        server.wait_until_ready()
        wires = hold(server, stack, ping_bytes(GUID))
        assert {wire.answer().status for wire in wires} == {200}
        assert len(server.rows("exchanges", 0)) == MANY
        assert server.metric("telemock_idle_closed_total") == 0
        assert server.line("descriptors_scarce")["level"] == "warning"


def test_who_waits_for_an_answer_is_not_closed(tmp_path: Path) -> None:
    with starting(tmp_path, before=LIMITED) as server, ExitStack() as stack:
        server.wait_until_ready()
        busy = stack.enter_context(server.connect())
        busy.send(request_bytes("POST", "/telemetry/events", [("Content-Length", "2")], host="cdn.cribl.io") + b"{")
        hold(server, stack, b"")
        busy.send(b"}")
        assert busy.answer().status == 200


def test_whoever_stopped_in_the_middle_of_a_body_makes_room_in_the_end_and_leaves_a_row(tmp_path: Path) -> None:
    unfinished = request_bytes("POST", "/telemetry/events", [("Content-Length", "2")], host="cdn.cribl.io") + b"{"
    with starting(tmp_path, before=LIMITED) as server, ExitStack() as stack:
        server.wait_until_ready()
        hold(server, stack, unfinished)
        assert server.ping(GUID) == 200
        closed = int(server.metric("telemock_idle_closed_total"))
        assert closed > MANY - LIMIT
        until(lambda: len(server.rows("exchanges", 0)) == closed + 1)
        assert {row["status"] for row in server.rows("exchanges", 0) if row["method"] == "POST"} == {499}


def test_where_nobody_is_idle_new_connections_wait_and_it_is_told(tmp_path: Path) -> None:
    unfinished = request_bytes("POST", "/telemetry/events", [("Content-Length", "2")], host="cdn.cribl.io") + b"{"
    with starting(tmp_path, before=LIMITED) as server, ExitStack() as stack:
        server.wait_until_ready()
        busy = hold(server, stack, unfinished)
        until(lambda: psutil.Process(server.process.pid).num_fds() > ACCEPTED)
        late = stack.enter_context(server.connect())
        late.send(ping_bytes(GUID))
        for wire in busy:
            wire.send(b"}")
        assert {wire.answer().status for wire in busy} == {200}
        assert late.answer().status == 200
        assert len(server.rows("exchanges", 0)) == MANY + 1
        assert server.metric("telemock_accept_pauses_total") > 0
        assert server.metric("telemock_idle_closed_total") == 0
