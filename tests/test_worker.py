"""A worker serves with the settings it reads, says when it is ready, and does not outlive its parent."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from telemock.order import WORKER, Order
from telemock.server.listener import bind, listen_beside
from telemock.settings import ServeSettings
from telemock.store.migration import migrate
from tests.journeys.serving import until
from tests.server.served import PING_BODY, PING_TARGET
from tests.server.wire import HANG_SECONDS, Wire, request_bytes


@contextmanager
def started(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker as its parent does; it is ready, and killed at the end of the block if it still runs."""
    migrate(folder / "telemetry.db")
    settings = ServeSettings(
        port=(port,),
        ca_dir=folder / "ca",
        db=str(folder / "telemetry.db"),
        workers=2,
        log_format="json",
        admin_host=("telemock.test",),
    )
    reading, writing = os.pipe()
    listening = listen_beside("127.0.0.1", port)
    descriptor = listening.fileno()
    with subprocess.Popen(
        WORKER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=[writing, descriptor],
    ) as worker:
        os.close(writing)
        listening.close()
        try:
            assert worker.stdin is not None
            worker.stdin.write(Order(settings, writing, folder / "lock", (descriptor,)).line())
            worker.stdin.flush()
            with os.fdopen(reading, "rb", buffering=0) as ready:
                assert ready.read(1) == b"1"  # it goes on to say so, which nobody here hears
            yield worker
        finally:
            worker.kill()


@pytest.fixture
def held() -> Iterator[socket.socket]:
    with bind("127.0.0.1", 0, shared=True) as held:
        yield held


@pytest.mark.parametrize("ending", ["parent", "SIGTERM", "SIGINT"])
def test_a_worker_serves_until_its_parent_is_gone_or_stops_it(held: socket.socket, tmp_path: Path, ending: str) -> None:
    port: int = held.getsockname()[1]
    with started(tmp_path, port) as worker:
        with Wire("127.0.0.1", port) as wire:
            wire.send(request_bytes("GET", PING_TARGET))
            assert wire.answer().body == PING_BODY
        if ending == "parent":
            assert worker.stdin is not None
            worker.stdin.close()
            worker.stdin = None
        else:
            worker.send_signal(signal.Signals[ending])
        assert worker.wait(HANG_SECONDS) == 0
        assert worker.stdout is not None
        assert worker.stderr is not None
        assert [json.loads(line)["event"] for line in worker.stdout] == ["exchange"]
        assert worker.stderr.read() == b""
    with closing(sqlite3.connect(tmp_path / "telemetry.db")) as connection:
        assert connection.execute("SELECT count(*) FROM exchanges").fetchone() == (1,)


def test_a_request_in_flight_is_answered_and_stored_when_the_parent_goes(held: socket.socket, tmp_path: Path) -> None:
    port: int = held.getsockname()[1]
    with (
        started(tmp_path, port) as worker,
        closing(sqlite3.connect(tmp_path / "telemetry.db", isolation_level=None)) as other,
        Wire("127.0.0.1", port) as wire,
        Wire("127.0.0.1", port) as beside,
    ):
        other.execute("BEGIN IMMEDIATE")
        wire.send(request_bytes("GET", PING_TARGET))

        def is_waiting() -> bool:
            beside.send(request_bytes("GET", "/metrics"))
            return b"telemock_queue_exchanges 1.0" in beside.answer().body

        until(is_waiting)  # of two connections nobody says which is read first
        assert worker.stdin is not None
        worker.stdin.close()
        worker.stdin = None
        assert beside.rest() == b""  # by then it is stopping
        other.execute("ROLLBACK")
        assert wire.answer().body == PING_BODY
        assert worker.wait(HANG_SECONDS) == 0
        assert other.execute("SELECT count(*) FROM exchanges").fetchone() == (1,)
