"""What was answered is in the file, whatever ends the server or takes its disk away; and it heals by itself."""

import asyncio
import os
import random
import resource
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from telemock.store.migration import migrate
from tests.journeys.serving import Serving, ping_bytes, serving, stored, until, wait_for_end
from tests.server.wire import HANG_SECONDS

ROUNDS = int(os.environ.get("TELEMOCK_CRASH_ROUNDS", "3"))
CLIENTS = 32
UNLIMITED = resource.RLIM_INFINITY


class Crowd:
    """Clients beside each other, each on one connection, and each of their pings with a guid of its own."""

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self._sent = 0

    def ping(self, port: int, *, answers: int, then: Callable[[], None] = lambda: None, more: int | None = 0) -> None:
        """Send pings until so many answers came, do something, and go on for some more, or until nobody answers."""
        asyncio.run(self._ping(port, len(self.acknowledged) + answers, then, more))

    async def _ping(self, port: int, turn: int, then: Callable[[], None], more: int | None) -> None:
        async with asyncio.timeout(HANG_SECONDS), asyncio.TaskGroup() as clients:
            for _ in range(CLIENTS):
                clients.create_task(self._client(port, turn, then, more))

    async def _client(self, port: int, turn: int, then: Callable[[], None], more: int | None) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while more is None or len(self.acknowledged) < turn + more:
                self._sent += 1
                guid = str(UUID(int=self._sent))
                writer.write(ping_bytes(guid))
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
                await reader.readuntil(b"stream!\n")
                self.acknowledged.append(guid)
                if len(self.acknowledged) == turn:
                    then()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the server was killed
        finally:
            writer.close()

    def check(self, db: Path) -> None:
        """Make sure that each acknowledged ping is in the file, and none of any kind twice."""
        counts = Counter(stored(db))
        assert not [guid for guid in self.acknowledged if not counts[guid]]
        assert not [guid for guid, count in counts.items() if count != 1]


def test_every_acknowledged_ping_survives_kill_minus_nine_in_the_middle_of_32_clients(tmp_path: Path) -> None:
    crowd = Crowd()
    for number in range(ROUNDS + 1):
        with serving(tmp_path) as server:
            assert server.is_healthy()
            crowd.check(server.db)
            if number == ROUNDS:
                break
            answers = random.Random(number).randint(200, 800)
            crowd.ping(server.port, answers=answers, then=server.process.kill, more=None)
            assert server.ended() == -9


def test_a_killed_worker_is_replaced_a_killed_parent_takes_all_along_and_nothing_acknowledged_is_lost(
    tmp_path: Path,
) -> None:
    crowd = Crowd()
    with serving(tmp_path, "--workers", "2") as server:
        killed, other = server.workers()
        crowd.ping(server.port, answers=300, then=killed.kill, more=300)
        died = server.line("worker_died")
        assert (died["pid"], died["status"]) == (killed.pid, -9)
        until(lambda: len(server.workers()) == 2)
        (fresh,) = {*server.workers()} - {other}
        until(lambda: has_connection(fresh, psutil.CONN_LISTEN))
        crowd.check(server.db)

        def kill_the_parent() -> None:
            until(lambda: has_connection(fresh, psutil.CONN_ESTABLISHED))  # it listens before it has started
            server.process.kill()

        crowd.ping(server.port, answers=300, then=kill_the_parent, more=None)
        assert server.ended() == -9
        wait_for_end([fresh, other])
    crowd.check(server.db)


def test_a_worker_that_hangs_is_replaced_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    crowd = Crowd()
    with serving(tmp_path, "--workers", "2") as server:
        hanging, other = server.workers()
        crowd.ping(server.port, answers=100)
        hanging.suspend()
        said = server.line("worker_hangs")
        assert said["pid"] == hanging.pid
        assert "did not answer for 10 s" in said["message"]
        died = server.line("worker_died")
        assert (died["pid"], died["status"]) == (hanging.pid, -9)
        until(lambda: len(server.workers()) == 2)
        assert other in server.workers()
        crowd.ping(server.port, answers=100)
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    crowd.check(server.db)


def has_connection(process: psutil.Process, status: str) -> bool:
    return any(each.status == status for each in process.net_connections())


@contextmanager
def locked(server: Serving) -> Iterator[str]:
    """Hold the database's lock, as any other program may."""
    with closing(sqlite3.connect(server.db, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield "database is locked"


@contextmanager
def full(server: Serving) -> Iterator[str]:
    """Let no file grow, as on a full disk."""
    size = server.db.with_name("telemetry.db-wal").stat().st_size
    limit_file_size(server, size)
    yield "disk"
    limit_file_size(server, UNLIMITED)


@contextmanager
def removed(server: Serving) -> Iterator[str]:
    """Take the file away, and put it back."""
    aside = server.db.rename(server.db.with_name("aside.db"))
    yield f"while in use: its exchanges, with ids up to 1, are in {aside}; put it back, or restart telemock."
    aside.rename(server.db)


@contextmanager
def replaced(server: Serving) -> Iterator[str]:
    """Put another file in its place, and the first one back."""
    aside = server.db.rename(server.db.with_name("aside.db"))
    server.db.write_bytes(aside.read_bytes())
    yield f"while in use: its exchanges, with ids up to 1, are in {aside}; put it back, or restart telemock."
    aside.rename(server.db)


Outage = Callable[[Serving], AbstractContextManager[str]]
OUTAGES: tuple[Outage, ...] = (locked, full, removed, replaced)


def limit_file_size(server: Serving, size: int) -> None:
    pid = server.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]))


def live_through(outage: Outage, folder: Path) -> None:
    """Take away the store for longer than a client waits; the clients are told, and nothing is left to do after it."""
    with serving(folder) as server, ExitStack() as clients:
        assert server.ping("before") == 200
        wires = [clients.enter_context(server.connect()) for _ in range(3)]
        with outage(server) as reason:
            for number, wire in enumerate(wires):
                wire.send(ping_bytes(f"refused-{number}"))
            until(lambda: not server.is_healthy())
            assert reason in server.ask("/health").json()["reason"]
            assert server.metric('telemock_exchanges_total{outcome="mock",status="200",via="direct"}') == 1
            for wire in wires:
                answer = wire.answer()
                assert (answer.status, answer.header("Retry-After")) == (503, "5")
                assert reason in answer.json()["error"]
            assert not server.is_healthy()
            reasons = ("store_failed", "store_slow")  # slow is whose commit was under way when the time was up
            assert sum(server.metric(f'telemock_refused_total{{reason="{each}"}}') for each in reasons) == 3
            until(lambda: server.metric("telemock_queue_exchanges") < 3)  # a failed store is tried with one at a time
        until(server.is_healthy)
        for wire in wires:
            wire.send(ping_bytes("after"))
            assert wire.answer().status == 200
        assert stored(server.db) == ["before", "after", "after", "after"]


@pytest.fixture(scope="module")
def outages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Outage, Future[None]]]:
    """All outages beside each other, since the clients of each wait for the same five seconds."""
    folders = {outage: tmp_path_factory.mktemp("outage") for outage in OUTAGES}
    for folder in folders.values():
        migrate(folder / "telemetry.db")  # Alembic can do that in one thread only
    with ThreadPoolExecutor(len(OUTAGES)) as pool:
        yield {outage: pool.submit(live_through, outage, folder) for outage, folder in folders.items()}


@pytest.mark.parametrize("outage", OUTAGES)
def test_clients_are_told_that_the_store_takes_nothing_and_it_heals_by_itself(
    outages: dict[Outage, Future[None]], outage: Outage
) -> None:
    outages[outage].result(3 * HANG_SECONDS)


def test_a_lock_that_is_gone_in_time_only_delays_the_answer(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.connect() as wire:
        with locked(server):
            wire.send(ping_bytes("late"))
            until(lambda: server.metric("telemock_queue_exchanges") == 1)
        assert wire.answer().status == 200
        assert stored(server.db) == ["late"]


def test_a_disk_that_fills_up_under_32_clients_loses_nothing_acknowledged(tmp_path: Path) -> None:
    crowd = Crowd()
    with serving(tmp_path) as server, ThreadPoolExecutor(1) as pool:
        limit_file_size(server, 500_000)
        pinging = pool.submit(crowd.ping, server.port, answers=1000)
        until(lambda: not server.is_healthy())
        assert 0 < len(crowd.acknowledged) < 1000
        crowd.check(server.db)
        limit_file_size(server, UNLIMITED)
        pinging.result(HANG_SECONDS)
        assert server.is_healthy()
        crowd.check(server.db)
        server.process.kill()
        server.ended()
    crowd.check(server.db)
