"""The write-ahead log stays short with any number of workers, is empty when idle, and tells who keeps it long."""

import asyncio
import fcntl
import os
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from telemock.store.migration import migrate
from telemock.store.upkeep import BOUND_BYTES
from tests.journeys.serving import Serving, serving, starting, until, wait_for_end
from tests.server.wire import HANG_SECONDS, request_bytes

BODY = os.urandom(2**17)


def log_bytes(db: Path) -> int:
    log = db.with_name("telemetry.db-wal")
    return log.stat().st_size if log.exists() else 0


async def post(port: int, requests: int, db: Path) -> int:
    """Post large bodies from several clients; give the longest that the log was."""
    longest = 0

    async def client() -> None:
        nonlocal longest
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(requests // 8):
            writer.write(request_bytes("POST", "/telemetry/events", body=BODY))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 400 "), head  # not JSON, and kept all the same
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            await reader.readexactly(int(length))
            longest = max(longest, log_bytes(db))
        writer.close()

    async with asyncio.timeout(4 * HANG_SECONDS), asyncio.TaskGroup() as clients:
        for _ in range(8):
            clients.create_task(client())
    return longest


def count(db: Path) -> int:
    with closing(sqlite3.connect(db, timeout=HANG_SECONDS)) as connection:
        return int(connection.execute("SELECT count(*) FROM exchanges").fetchone()[0])


def answers(server: Serving) -> bool:
    """Tell whether a new connection is answered; one that a process had taken when it was killed is not."""
    try:
        return server.is_healthy()
    except (ConnectionError, AssertionError):
        return False


def elected(server: Serving) -> int | None:
    """Give the process that has locked the lock, as the system tells it; None while nobody has."""
    try:
        inode = server.db.with_name("telemetry.db-lock").stat().st_ino
    except FileNotFoundError:
        return None
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[1:2] == ["FLOCK"] and fields[5].endswith(f":{inode}"):
            return int(fields[4])
    return None


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_log_is_bounded_with_several_workers_and_empty_when_they_are_idle(tmp_path: Path, workers: int) -> None:
    with serving(tmp_path, "--workers", str(workers)) as server:
        assert asyncio.run(post(server.port, 1200, server.db)) <= BOUND_BYTES
        until(lambda: log_bytes(server.db) == 0)
        assert count(server.db) == 1200
        assert server.is_healthy()
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    assert {path.name for path in tmp_path.iterdir()} == {"telemetry.db", "ca"}


def test_when_the_process_that_tends_the_log_is_killed_another_does(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as server:
        workers = {worker.pid: worker for worker in server.workers()}
        killed = workers[elected(server) or 0]
        killed.kill()
        wait_for_end([killed])
        until(lambda: len(server.workers()) == 2)
        until(lambda: all(answers(server) for _ in range(8)))  # the new one answers, too
        assert asyncio.run(post(server.port, 800, server.db)) <= BOUND_BYTES
        until(lambda: elected(server) != killed.pid)
        until(lambda: log_bytes(server.db) == 0)


def test_while_the_process_that_tends_the_log_hangs_whoever_writes_does(tmp_path: Path) -> None:
    with serving(tmp_path) as first, starting(tmp_path, name="second.json") as second:
        second.wait_until_ready()
        assert elected(first) == first.process.pid
        until(lambda: log_bytes(first.db) == 0)  # nothing is locked by who has nothing to do
        first.signal(signal.SIGSTOP)
        try:
            assert asyncio.run(post(second.port, 640, second.db)) <= BOUND_BYTES
        finally:
            first.signal(signal.SIGCONT)


def test_two_telemocks_that_share_a_file_tend_one_log(tmp_path: Path) -> None:
    with serving(tmp_path) as first, starting(tmp_path, name="second.json") as second:
        second.wait_until_ready()
        assert elected(first) == first.process.pid

        async def both() -> list[int]:
            return list(await asyncio.gather(*(post(each.port, 400, first.db) for each in (first, second))))

        assert max(asyncio.run(both())) <= BOUND_BYTES
        first.signal(signal.SIGTERM)
        assert first.ended() == 0
        until(lambda: elected(second) == second.process.pid)
        until(lambda: log_bytes(first.db) == 0)
        assert second.is_healthy()


def test_a_reader_that_stays_makes_the_log_long_which_is_told_and_it_is_cut_when_it_left(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        with closing(sqlite3.connect(server.db, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM exchanges").fetchone()
            asyncio.run(post(server.port, 640, server.db))
            assert log_bytes(server.db) > BOUND_BYTES
            told = server.line("log_long")
            assert "a program keeps a read transaction open" in told["message"]
            assert server.metric("telemock_log_bytes") > BOUND_BYTES
            health = server.ask("/health")
            assert health.status == 200
            assert "a program keeps a read transaction open" in health.json()["warnings"][0]
        server.line("log_cut")
        assert log_bytes(server.db) <= BOUND_BYTES
        assert "warnings" not in server.ask("/health").json()
        assert server.metric("telemock_log_bytes") <= BOUND_BYTES


@pytest.mark.parametrize("umask", [0, 0o022])
def test_database_log_index_and_lock_are_for_their_owner_only_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with starting(tmp_path) as server:
            server.wait_until_ready()
            files = [path for path in tmp_path.iterdir() if path.name.startswith("telemetry.db")]
            assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in files} == {
                f"telemetry.db{suffix}": 0o600 for suffix in ("", "-wal", "-shm", "-lock")
            }
            server.signal(signal.SIGTERM)
            assert server.ended() == 0
            assert "database_exposed" not in server.events()
    finally:
        os.umask(before)


def test_a_database_that_others_may_read_is_told_of_with_the_command_that_mends_it(tmp_path: Path) -> None:
    db = tmp_path / "telemetry.db"
    migrate(db)
    db.chmod(0o644)
    with serving(tmp_path) as server:
        pass
    with starting(tmp_path) as server:
        told = server.line("database_exposed")["message"]
    assert "(mode 0644)" in told
    assert f"type chmod 600 {db}" in told


def test_who_may_only_read_the_folder_cannot_keep_telemock_from_starting(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with starting(tmp_path) as server:
            server.wait_until_ready()
    finally:
        os.close(descriptor)
