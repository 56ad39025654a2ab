"""Several workers serve one port and one file as one telemock would, and the parent sees to it that they live."""

import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Condition, Thread
from typing import Any

import psutil
import pytest

from tests.cli.process import HANG_SECONDS, TELEMOCK, without_root_rights
from tests.server.served import PING_BODY, PING_TARGET

Line = dict[str, Any]


class Client:
    """One connection that stays open, and the worker at its other end."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=HANG_SECONDS)

    def send(self, target: str) -> None:
        """Ask without waiting for the answer."""
        self._http.request("GET", target)

    def answer(self) -> bytes:
        """Give the body of the answer."""
        return self._http.getresponse().read()

    def ask(self, target: str) -> bytes:
        """Ask, and give the body of the answer."""
        self.send(target)
        return self.answer()

    def sample(self, name: str) -> float:
        """Ask for a metric; its series are added up."""
        return sum(map(float, re.findall(rf"^{name}(?:{{.*}})? (\S+)$", self.ask("/metrics").decode(), re.MULTILINE)))

    def local_port(self) -> int:
        """Give the port at this end."""
        return int(self._http.sock.getsockname()[1])

    def close(self) -> None:
        """Leave."""
        self._http.close()


class Workers:
    """A telemock with two workers, all that it printed, and where it keeps exchanges."""

    def __init__(self, folder: Path) -> None:
        self.db, self._ready_file = folder / "telemetry.db", folder / "ready.json"
        options = ["--workers", "2", "--port", "0", "--log-format", "json"]
        options += ["--db", str(self.db), "--ready-file", str(self._ready_file)]
        self.process = subprocess.Popen([*TELEMOCK, "serve", *options], stdout=subprocess.PIPE)
        self.printed: list[bytes] = []
        self._news = Condition()
        self._clients: list[Client] = []
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.until("ready")
        self.said: Line = json.loads(self._ready_file.read_text())
        self.port = int(self.said["port"])

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as printed:
            for line in printed:
                with self._news:
                    self.printed.append(line)
                    self._news.notify_all()

    def stop(self) -> int:
        """Stop; return the exit code once all that was printed is heard."""
        self.process.terminate()
        code = self.process.wait(HANG_SECONDS)
        self._listener.join(HANG_SECONDS)
        return code

    def until(self, event: str) -> Line:
        """Wait for an event's line."""
        mark = f'"event":"{event}"'.encode()

        def found() -> list[bytes]:
            return [line for line in self.printed if mark in line]

        with self._news:
            assert self._news.wait_for(found, HANG_SECONDS), f"{event} was not said"
        line: Line = json.loads(found()[-1])
        return line

    def pids(self) -> set[int]:
        """Give the workers that live."""
        return {child.pid for child in psutil.Process(self.process.pid).children()}

    def serving(self) -> dict[int, Client]:
        """Connect until both workers have answered; give one connection to each."""
        late = time.monotonic() + HANG_SECONDS
        clients: dict[int, Client] = {}
        while len(clients) < 2:
            assert time.monotonic() < late, f"only {[*clients]} answer"
            client = Client(self.port)
            self._clients.append(client)
            client.ask("/health")
            clients.setdefault(self._at_other_end(client), client)
        return clients

    def hang_up(self) -> None:
        """Close all connections."""
        while self._clients:
            self._clients.pop().close()

    def _at_other_end(self, client: Client) -> int:
        port = client.local_port()
        for pid in self.pids():
            if any(each.raddr and each.raddr.port == port for each in psutil.Process(pid).net_connections("tcp")):
                return pid
        raise AssertionError("no worker has the connection")

    def until_refused(self) -> None:
        """Connect until nobody listens any more."""
        late = time.monotonic() + HANG_SECONDS
        while time.monotonic() < late:
            try:
                socket.create_connection(("127.0.0.1", self.port), HANG_SECONDS).close()
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                pass  # it came while the port was closed
        raise AssertionError("somebody still listens")

    def rows(self) -> int:
        """Count what is stored."""
        with closing(sqlite3.connect(self.db)) as connection:
            return int(connection.execute("SELECT count(*) FROM exchanges").fetchone()[0])


@contextmanager
def running(folder: Path) -> Iterator[Workers]:
    """Run a telemock with two workers until the end of the block."""
    workers = Workers(folder)
    try:
        yield workers
    finally:
        workers.hang_up()
        workers.stop()


@pytest.fixture
def workers(shared: Workers) -> Iterator[Workers]:
    yield shared
    shared.hang_up()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with running(tmp_path_factory.mktemp("workers")) as workers:
        yield workers


def test_the_ready_file_says_where_telemock_answers_and_who_the_parent_is(workers: Workers) -> None:
    assert workers.said == {
        "host": "127.0.0.1",
        "port": workers.port,
        "ports": [workers.port],
        "pid": workers.process.pid,
        "db": str(workers.db),
    }
    assert workers.process.pid not in workers.pids()
    assert len(workers.pids()) == 2


def test_both_workers_serve_and_every_one_knows_the_numbers_of_all(workers: Workers) -> None:
    clients = workers.serving()
    for count, client in enumerate(clients.values(), 3):
        for _ in range(count):
            assert client.ask(PING_TARGET) == PING_BODY
        client.sample("telemock_exchanges_total")  # a worker reports a commit before it reads another request
    stored = workers.rows()
    assert stored >= 7
    for client in clients.values():
        assert client.sample("telemock_exchanges_total") == stored
        assert client.sample("telemock_request_duration_seconds_count") == stored
        assert client.sample("telemock_commit_batch_exchanges_sum") == stored
        assert client.sample("telemock_build_info") == 1
        assert client.sample("telemock_queue_exchanges") == 0
        exposition = client.ask("/metrics")
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=exposition, capture_output=True, timeout=HANG_SECONDS, check=False
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_process_metrics_are_those_of_all_workers(workers: Workers) -> None:
    for client in workers.serving().values():
        memory = {pid: psutil.Process(pid).memory_info().rss for pid in workers.pids()}
        assert client.sample("process_resident_memory_bytes") > max(memory.values()) * 1.2
        started = min(psutil.Process(pid).create_time() for pid in workers.pids())
        assert abs(client.sample("process_start_time_seconds") - started) < 60


def test_a_worker_that_is_killed_is_replaced_and_no_number_goes_back(workers: Workers) -> None:
    clients = workers.serving()
    (killed, victim), (_, survivor) = clients.items()
    for _ in range(4):
        victim.ask(PING_TARGET)
    victim.sample("telemock_exchanges_total")  # as above
    beside = workers.serving()[killed]
    with closing(sqlite3.connect(workers.db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        victim.send(PING_TARGET)
        while beside.sample("telemock_queue_exchanges") != 1:
            assert workers.process.poll() is None
        psutil.Process(killed).kill()
        assert workers.until("worker_died")["pid"] == killed
        other.execute("ROLLBACK")
    stored = workers.rows()
    assert survivor.sample("telemock_exchanges_total") == stored
    assert survivor.sample("telemock_queue_exchanges") == 0
    again = workers.serving()
    assert killed not in again
    for client in again.values():
        client.ask(PING_TARGET)
        client.sample("telemock_exchanges_total")  # as above
    for client in again.values():
        assert client.sample("telemock_exchanges_total") == workers.rows() == stored + 2
        assert client.sample("telemock_queue_exchanges") == 0
    died = workers.until("worker_died")
    assert (died["level"], died["status"]) == ("error", -signal.SIGKILL)


def test_who_waits_in_the_queue_of_a_worker_that_dies_is_answered_by_the_next(tmp_path: Path) -> None:
    with running(tmp_path) as workers:
        stopped = psutil.Process(min(workers.pids()))
        stopped.suspend()
        clients = [Client(workers.port) for _ in range(40)]  # of which the kernel gives it some
        for client in clients:
            client.send(PING_TARGET)
        stopped.kill()
        assert [client.answer() for client in clients] == [PING_BODY] * len(clients)
        assert workers.rows() == len(clients)
        for client in clients:
            client.close()


def test_the_lines_of_two_workers_never_mix_and_stopping_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as workers:
        children = [psutil.Process(pid) for pid in workers.pids()]

        def ping(client: Client) -> None:
            for number in range(40):
                client.ask(f"/telemetry/index.html?number={number}&long={'x' * 6000}")

        clients = [*workers.serving().values(), *workers.serving().values()]
        with ThreadPoolExecutor(len(clients)) as pool:
            for done in [pool.submit(ping, client) for client in clients]:
                done.result(HANG_SECONDS)
        assert workers.stop() == 0
        lines = [json.loads(line) for line in workers.printed]
        assert [line["event"] for line in lines].count("exchange") == workers.rows() == 160
        assert psutil.wait_procs(children, HANG_SECONDS)[1] == []
        assert not (tmp_path / "ready.json").exists()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", workers.port), HANG_SECONDS).close()


def test_a_signal_to_every_process_lets_what_is_in_flight_be_answered_and_stored(tmp_path: Path) -> None:
    with running(tmp_path) as workers, closing(sqlite3.connect(workers.db, isolation_level=None)) as other:
        clients, beside = workers.serving().values(), workers.serving().values()
        pids = (*workers.pids(), workers.process.pid)
        other.execute("BEGIN IMMEDIATE")  # the store and the end wait some seconds for it, so that all is at hand
        for client in clients:
            client.send(PING_TARGET)
        while sum(client.sample("telemock_queue_exchanges") == 2 for client in beside) < 2:
            assert workers.process.poll() is None
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        workers.until_refused()
        other.execute("ROLLBACK")
        assert [client.answer() for client in clients] == [PING_BODY, PING_BODY]
        assert workers.process.wait(HANG_SECONDS) == 0
        assert workers.rows() == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--port {port}", r"Port \d+ on 127\.0\.0\.1 is in use; .*"),
        ("--port 0 --host 192.0.2.1", r"192\.0\.2\.1 is not an address of this machine; .*"),
        ("--port 0 --db {folder}/none/telemetry.db", "There is no folder .*"),
        ("--port 0 --db {folder}/telemetry.db", r"The database .*telemetry\.db cannot be written .*"),
        ("--port 0 --log-dir {folder}", r"The folder .* is not writable; .*"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_sentence(
    workers: Workers, tmp_path: Path, options: str, sentence: str
) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir(0o500)
    given = options.format(port=workers.port, folder=folder).split()
    command = [*TELEMOCK, "serve", "--workers", "2", "--db", str(tmp_path / "telemetry.db"), *given]
    done = subprocess.run(
        without_root_rights(command), capture_output=True, timeout=HANG_SECONDS, check=False, text=True
    )
    assert done.returncode == 1
    assert re.fullmatch(rf"Error: {sentence}\.\n", done.stderr), done.stderr
    assert done.stdout == ""


def test_no_worker_takes_a_file_of_the_folder_for_a_module(tmp_path: Path) -> None:
    (tmp_path / "aiohttp.py").write_text("raise SystemExit('the wrong one')")
    command = [str(Path(sys.executable).with_name("telemock")), "serve", "--port", "0", "--workers", "2"]
    with subprocess.Popen(
        [*command, "--ca-dir", "ca", "--log-format", "json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            assert [json.loads(process.stdout.readline())["event"] for _ in range(2)] == ["starting", "ready"]
            process.terminate()
            assert process.communicate(timeout=HANG_SECONDS)[1] == b""
        finally:
            process.kill()
    assert process.returncode == 0
