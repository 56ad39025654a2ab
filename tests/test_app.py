"""The composition root serves until it is told to stop, and gives up nothing that it took before."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemock.app import open_telemock, serve
from telemock.errors import StoreUnavailable
from telemock.journal import Journal
from telemock.means import read_means
from telemock.server.listener import bind
from telemock.server.timeouts import Timeouts
from telemock.settings import ServeSettings
from telemock.store.migration import migrate
from tests.corpus import ping
from tests.server.served import PING_BODY, PING_TARGET, served
from tests.server.wire import HANG_SECONDS, request_bytes


def stored(db: Path) -> int:
    """Count what is in a database."""
    with closing(sqlite3.connect(db)) as connection:
        return int(connection.execute("SELECT count(*) FROM exchanges").fetchone()[0])


def test_stopping_answers_and_stores_what_is_in_flight_and_refuses_what_comes_later(tmp_path: Path) -> None:
    # However slow the machine is: nothing is given up before the test has looked at it.
    with (
        served(tmp_path, timeouts=Timeouts(stop=HANG_SECONDS)) as server,
        closing(sqlite3.connect(server.db, isolation_level=None)) as other,
        server.connect() as wire,
        server.connect() as idle,
    ):
        other.execute("BEGIN IMMEDIATE")
        wire.send(request_bytes("GET", PING_TARGET))
        waiting = False
        while not waiting:  # for the lock
            idle.send(request_bytes("GET", "/metrics"))
            waiting = b"telemock_queue_exchanges 1.0" in idle.answer().body
        server.stop()
        assert idle.rest() == b""
        with pytest.raises(ConnectionRefusedError):
            server.connect()
        other.execute("ROLLBACK")
        assert wire.answer().body == PING_BODY
    assert stored(tmp_path / "telemetry.db") == 1


async def test_what_waits_is_committed_when_telemock_is_closed(tmp_path: Path) -> None:
    migrate(tmp_path / "telemetry.db")
    journal = Journal("json")
    settings = ServeSettings(db=str(tmp_path / "telemetry.db"), durability="async", ca_dir=tmp_path / "ca")
    async with open_telemock(settings, read_means(settings), journal) as telemock:
        for number in range(300):
            await telemock.writer.keep(ping(number))
        assert telemock.writer.waiting > 0
    journal.close()
    assert stored(tmp_path / "telemetry.db") == 300
    with pytest.raises(StoreUnavailable):
        await telemock.writer.keep(ping())


async def test_it_is_ready_once_it_listens_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    migrate(tmp_path / "telemetry.db")
    listening = bind("127.0.0.1", 0)
    address: tuple[str, int] = listening.getsockname()
    settings = ServeSettings(db=str(tmp_path / "telemetry.db"), port=(address[1],), ca_dir=tmp_path / "ca")
    journal, ready, stop = Journal("json"), asyncio.Event(), asyncio.Event()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(
            serve(settings, read_means(settings), [listening], journal, on_ready=ready.set, stop=stop)
        )
        await ready.wait()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request_bytes("GET", "/health", host="localhost"))
        assert (await reader.readuntil(b"}")).endswith(b'{"status": "healthy"}')
        stop.set()
        assert await reader.read() == b""
        writer.close()
    journal.close()
    assert serving.result() is None
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
