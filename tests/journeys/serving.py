"""This is `telemock serve` as a process of its own, for journeys that kill it, signal it or take its disk away.

It refuses to leave a process behind, its workers included.
"""

import json
import os
import queue
import re
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Any

import psutil

from telemock.store.migration import migrate
from tests.cli.process import TELEMOCK
from tests.corpus import GUID, PING_QUERY
from tests.server.wire import HANG_SECONDS, Answer, Wire, request_bytes

Line = dict[str, Any]
Row = dict[str, Any]
WORKERS = ("--workers", "2")
_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("TELEMOCK_")}


def ping_bytes(guid: str) -> bytes:
    """Write the request of the real ping, from another installation."""
    return request_bytes("GET", f"/telemetry/index.html?{PING_QUERY.replace(GUID, guid)}", host="cdn.cribl.io")


def until(condition: Callable[[], object]) -> None:
    """Ask until the answer is yes; who never says yes fails the test."""
    deadline = time.monotonic() + HANG_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"it never came to {condition}"


def stored(db: Path) -> list[str]:
    """Give the installations whose pings were answered with 200, oldest first; the whole file must be sound."""
    with closing(sqlite3.connect(db, timeout=HANG_SECONDS)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [guid for (guid,) in connection.execute("SELECT guid FROM exchanges WHERE status = 200 ORDER BY id")]


class Serving:
    """A started `telemock serve`, which may not answer yet."""

    def __init__(self, process: subprocess.Popen[bytes], db: Path, ready_file: Path, complaints: IO[bytes]) -> None:
        self.process = process
        self.db = db
        self.ready_file = ready_file
        self.port = 0
        self._complaints = complaints
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._seen: set[psutil.Process] = set()
        self._reading = Thread(target=self._read_lines, daemon=True)
        self._reading.start()

    def line(self, event: str) -> Line:
        """Wait for a line of the server's own life on its standard output."""
        while True:
            raw = self._lines.get(timeout=HANG_SECONDS)
            assert raw, f"it ended before it said {event}: {self.complaints()}"
            line: Line = json.loads(raw)
            if line["event"] == event:
                return line

    def events(self) -> list[str]:
        """Give the events of its life that were not waited for, once it has ended."""
        self._reading.join(HANG_SECONDS)
        return [json.loads(raw)["event"] for raw in iter(self._lines.get_nowait, b"")]

    def wait_until_ready(self) -> None:
        """Return once it said that it answers."""
        self.line("ready")
        self.port = json.loads(self.ready_file.read_text())["port"]

    def complaints(self) -> str:
        """Give what it wrote to standard error so far."""
        return os.pread(self._complaints.fileno(), 65536, 0).decode()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process that was started."""
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end; give the exit code, which is negative for a signal."""
        return self.process.wait(HANG_SECONDS)

    def workers(self) -> list[psutil.Process]:
        """Give the worker processes that run now."""
        running = [each for each in psutil.Process(self.process.pid).children() if _runs(each)]
        self._seen.update(running)
        return running

    @property
    def certificate(self) -> Path:
        """What clients have to trust."""
        return self.db.parent / "ca" / "public" / "telemock-ca-cert.pem"

    def last_id(self, table: str) -> int:
        """Give the id of the last row of a table."""
        (row,) = self._ask(f"SELECT coalesce(max(id), 0) AS id FROM {table}")
        return int(row["id"])

    def rows(self, table: str, after: int) -> list[Row]:
        """Give the rows of a table behind an id, oldest first."""
        return self._ask(f"SELECT * FROM {table} WHERE id > ? ORDER BY id", after)

    def _ask(self, sql: str, *values: object) -> list[Row]:
        with closing(sqlite3.connect(self.db, timeout=HANG_SECONDS)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    def connect(self) -> Wire:
        """Open a connection; the caller closes it."""
        return Wire("127.0.0.1", self.port)

    def ask(self, path: str) -> Answer:
        """Ask the admin side on a connection of its own."""
        with self.connect() as wire:
            wire.send(request_bytes("GET", path))
            return wire.answer()

    def ping(self, guid: str) -> int:
        """Send one ping on a connection of its own; give the status it got."""
        with self.connect() as wire:
            wire.send(ping_bytes(guid))
            return wire.answer().status

    def is_healthy(self) -> bool:
        """Tell whether it says that it can keep exchanges."""
        return self.ask("/health").status == 200

    def is_open(self) -> bool:
        """Tell whether it takes new connections."""
        try:
            self.connect().close()
        except ConnectionError:
            return False
        return True

    def metric(self, name: str) -> float:
        """Give the value of one line of /metrics."""
        match = re.search(rf"^{re.escape(name)} (\S+)$", self.ask("/metrics").body.decode(), re.MULTILINE)
        return float(match[1]) if match else 0.0

    def end(self) -> None:
        """Kill it and its workers, if they still run."""
        if self.process.poll() is None:
            self.workers()
            self.process.kill()
            self.process.wait(HANG_SECONDS)
        for worker in self._seen:
            if _runs(worker):
                worker.kill()
        self._reading.join(HANG_SECONDS)

    def _read_lines(self) -> None:
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            self._lines.put(raw)
        self.process.stdout.close()
        self._lines.put(b"")


def wait_for_end(processes: Iterable[psutil.Process]) -> None:
    """Return once none of the processes runs; who inherits an orphan may be slow to bury it."""
    until(lambda: not any(map(_runs, processes)))


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def starting(
    folder: Path, *options: str, port: int = 0, name: str = "ready.json", before: tuple[str, ...] = ()
) -> Iterator[Serving]:
    """Start to serve telemetry.db of a folder, run by `before`; killed at the end of the block if it still runs."""
    db, ready_file = folder / "telemetry.db", folder / name
    command = [
        *before,
        *TELEMOCK,
        "serve",
        "--port",
        str(port),
        "--db",
        str(db),
        "--ready-file",
        str(ready_file),
        "--admin-host",
        "telemock.test",
    ]
    with tempfile.TemporaryFile() as complaints:
        server = Serving(
            subprocess.Popen(
                [*command, "--log-format", "json", *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env={
                    **_ENVIRONMENT,
                    "TMPDIR": str(folder),  # who is killed leaves files there
                    "TELEMOCK_CA_DIR": str(folder / "ca"),
                },
            ),
            db,
            ready_file,
            complaints,
        )
        try:
            yield server
        finally:
            server.end()


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Serving]:
    """Serve telemetry.db of a folder until the end of the block, or until it is ended."""
    migrate(folder / "telemetry.db")  # here the migration is loaded already
    with starting(folder, *options) as server:
        server.wait_until_ready()
        yield server
