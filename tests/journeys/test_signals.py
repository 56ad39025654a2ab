"""SIGINT and SIGTERM end the server in order, at any moment; a second one ends it at once."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from threading import Timer

import psutil
import pytest

from telemock.store.migration import migrate
from tests.journeys.serving import WORKERS, Serving, ping_bytes, serving, starting, stored, until, wait_for_end
from tests.server.wire import HANG_SECONDS, Wire, request_bytes

EVENT = b'{"name": "late", "guid": "late"}'
CUT_OFF = (0, 130, -SIGINT)  # a shell says 130 as well for who died of SIGINT


def begin_request(wire: Wire) -> None:
    """Send a request up to the middle of its body; the server has begun with it when this returns."""
    headers: list[tuple[str, str | bytes]] = [("Expect", "100-continue"), ("Content-Length", str(len(EVENT)))]
    wire.send(request_bytes("POST", "/telemetry/events", headers))
    assert wire.answer().status == 100
    wire.send(EVENT[:9])


def check_left_nothing(server: Serving, workers: list[psutil.Process]) -> None:
    wait_for_end(workers)
    assert server.complaints() == ""
    assert not server.ready_file.exists()
    assert not server.is_open()


@pytest.mark.parametrize(("number", "options"), [(SIGINT, ()), (SIGTERM, ()), (SIGTERM, WORKERS)])
def test_a_signal_ends_it_with_0_after_what_is_in_flight_is_answered_and_stored(
    tmp_path: Path, number: Signals, options: tuple[str, ...]
) -> None:
    with serving(tmp_path, *options) as server, server.connect() as idle, server.connect() as wire:
        workers = server.workers()
        idle.send(ping_bytes("early"))
        assert idle.answer().status == 200
        begin_request(wire)
        server.signal(number)
        until(lambda: not server.is_open())
        wire.send(EVENT[9:])
        answer = wire.answer()
        assert (answer.json(), answer.header("Connection")) == ({"status": "accepted", "count": 1}, "close")
        assert (wire.rest(), idle.rest()) == (b"", b"")
        server.line("stopped")
        assert server.ended() == 0
        check_left_nothing(server, workers)
    assert stored(server.db) == ["early", "late"]


@pytest.mark.parametrize("options", [(), WORKERS])
def test_each_client_that_keeps_its_connection_is_told_with_its_last_answer_that_it_is_the_last(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    answered: list[str] = []

    async def client(server: Serving, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = b""
        for turn in count():
            if b"\r\nconnection: close\r\n" in head.lower():
                break
            guid = f"{number}-{turn}"
            writer.write(ping_bytes(guid))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"stream!\n")
            answered.append(guid)
            if len(answered) == 300:
                server.signal(SIGTERM)
        assert await reader.read() == b""
        writer.close()

    async def clients(server: Serving) -> None:
        async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as group:
            for number in range(16):
                group.create_task(client(server, number))

    with serving(tmp_path, *options) as server:
        asyncio.run(clients(server))
        assert server.ended() == 0
    assert sorted(stored(server.db)) == sorted(answered)


@pytest.mark.parametrize(("number", "options"), [(SIGINT, ()), (SIGTERM, WORKERS)])
def test_a_second_signal_ends_it_at_once(tmp_path: Path, number: Signals, options: tuple[str, ...]) -> None:
    with serving(tmp_path, *options) as server, server.connect() as wire:
        workers = server.workers()
        assert server.ping("early") == 200
        begin_request(wire)
        server.signal(number)
        until(lambda: not server.is_open())
        server.signal(number)
        assert server.ended() == 128 + number
        assert wire.rest() == b""
        wait_for_end(workers)
    assert stored(server.db) == ["early"]


def test_a_client_that_never_ends_its_request_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.connect() as wire:
        begin_request(wire)
        server.signal(SIGTERM)
        assert server.ended() == 0
        check_left_nothing(server, [])
    assert stored(server.db) == []


@pytest.mark.parametrize("module", ["click", "alembic", "telemock.app"])
def test_ctrl_c_while_it_loads_what_it_needs_ends_it_quietly(tmp_path: Path, module: str) -> None:
    db, ready_file = tmp_path / "telemetry.db", tmp_path / "ready.json"
    command = [sys.executable, "-X", "importtime", "-m", "telemock", "serve", "--port", "0"]
    with subprocess.Popen(
        [*command, "--db", db, "--ready-file", ready_file], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        too_late = Timer(HANG_SECONDS, process.kill)
        too_late.start()
        try:
            assert process.stderr is not None
            while (line := process.stderr.readline()).split("|")[-1].strip() != module:
                assert line, f"it never loaded {module}"
            process.send_signal(SIGINT)
            said = process.communicate(timeout=HANG_SECONDS)[1].splitlines()
        finally:
            too_late.cancel()
            process.kill()
    assert process.returncode in CUT_OFF
    assert [line for line in said if not line.startswith("import time:")] == []
    assert not ready_file.exists()
    migrate(db)
    assert stored(db) == []


def said_where(server: Serving) -> None:
    server.line("starting")


def has_workers(server: Serving) -> None:
    until(server.workers)


@pytest.mark.parametrize(("options", "moment"), [((), said_where), (WORKERS, said_where), (WORKERS, has_workers)])
def test_ctrl_c_before_it_answers_ends_it_quietly(
    tmp_path: Path, options: tuple[str, ...], moment: Callable[[Serving], None]
) -> None:
    with starting(tmp_path, *options) as server:
        moment(server)
        workers = server.workers()
        server.signal(SIGINT)
        assert server.ended() in CUT_OFF
        wait_for_end(workers)
        assert server.complaints() == ""
        assert not server.ready_file.exists()
    assert stored(server.db) == []
