"""This is telemock served for a test: in this process, on a thread, a port and a database of its own.

It refuses to wait for the store: an answer is there after its commit, and so is its row.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from telemock.app import loop_factory, serve
from telemock.authority.folder import utc_now
from telemock.journal import Journal
from telemock.means import read_means
from telemock.server.listener import bind
from telemock.server.timeouts import Timeouts
from telemock.settings import Others, ServeSettings
from telemock.store.migration import migrate
from tests.server.wire import HANG_SECONDS, Answer, Wire, request_bytes

PING_QUERY = (Path(__file__).parents[1] / "data" / "cribl-ping.query").read_text().strip()
PING_TARGET = f"/telemetry/index.html?{PING_QUERY}"
PING_BODY = b"cribl /// living the stream!\n"
MAX_BODY_BYTES = 200_000

Row = dict[str, Any]
NewLoop = Callable[[], asyncio.AbstractEventLoop]
Serving = Callable[[Callable[[], None], asyncio.Event], Awaitable[None]]


@contextmanager
def beside(serving: Serving, new_loop: NewLoop | None = None) -> Iterator[Callable[[], None]]:
    """Run a server on a thread until the block ends.

    Args:
        serving: takes what to call when it serves, and the event that stops it.
        new_loop: makes its loop; else as telemock does.

    Yields:
        What stops it earlier.
    """
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        await serving(lambda: started.set_result((loop, stop)), stop)

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=new_loop or loop_factory()) as runner:
                runner.run(main())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(run)
        loop, stop = started.result(HANG_SECONDS)

        def stop_it() -> None:
            if not done.done():
                loop.call_soon_threadsafe(stop.set)

        try:
            yield stop_it
        finally:
            stop_it()
            done.result(HANG_SECONDS)


def open_sockets() -> int:
    """Count the sockets of this process; files are opened when they are needed first."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            count += str(descriptor.readlink()).startswith("socket:")
    return count


class Served:
    """A served telemock, and what it kept since `forget` was last called."""

    def __init__(self, host: str, port: int, db: Path, stop: Callable[[], None]) -> None:
        self.host = host
        self.port = port
        self.db = db
        self.url = f"http://{host}:{port}"
        self.stop = stop
        self._seen = {"exchanges": 0, "connections": 0}

    def forget(self) -> None:
        """Give only what is stored from now on; other tests share the database."""
        self._seen = {
            table: int(self.rows(f"SELECT coalesce(max(id), 0) AS last FROM {table}")[0]["last"])
            for table in self._seen
        }

    def renew(self) -> None:
        """Forget also what became of connections that ended a moment ago."""
        for _ in range(2):
            assert self.ask("GET", "/barrier").status == 404
        self.forget()

    def connect(self) -> Wire:
        """Open a connection; the caller closes it."""
        return Wire(self.host, self.port)

    def ask(
        self,
        method: str,
        target: str | bytes,
        headers: list[tuple[str, str | bytes]] | None = None,
        body: bytes | None = None,
        *,
        host: str | None = "telemock.test",
    ) -> Answer:
        """Send one request on a connection of its own; give the answer."""
        return self.say(request_bytes(method, target, headers, body, host=host), body=method != "HEAD")

    def say(self, data: bytes, *, body: bool = True) -> Answer:
        """Send bytes on a connection of their own; give the answer."""
        with self.connect() as wire:
            wire.send(data)
            return wire.answer(body=body)

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Ask the database."""
        with closing(sqlite3.connect(self.db)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    def exchanges(self) -> list[Row]:
        """Give what was captured, oldest first."""
        return self.rows("SELECT * FROM exchanges WHERE id > ? ORDER BY id", self._seen["exchanges"])

    def exchange(self) -> Row:
        """Give the only exchange that was captured."""
        (row,) = self.exchanges()
        return row

    def connections(self) -> list[Row]:
        """Give what was kept below HTTP, oldest first."""
        return self.rows("SELECT * FROM connections WHERE id > ? ORDER BY id", self._seen["connections"])

    def malformed(self) -> list[Row]:
        """Give what was not HTTP; nobody waits for its commit, but commits go in order: a later answer will do."""
        assert self.ask("GET", "/barrier").status == 404
        return [row for row in self.connections() if row["kind"] == "malformed"]

    def until_no_more_descriptors_than(self, count: int) -> None:
        """Return when connections that ended are closed on both sides; fail when they never are."""
        late = time.monotonic() + HANG_SECONDS
        while open_sockets() > count:
            assert time.monotonic() < late, "a descriptor is left"
            self.settle()

    def settle(self) -> None:
        """Return when the server has read everything sent so far; one loop reads all sockets in turn."""
        assert self.ask("GET", "/health", host=self.host).status == 200


@contextmanager
def served(
    folder: Path,
    *,
    max_body: int = MAX_BODY_BYTES,
    host: str = "127.0.0.1",
    intercept: tuple[str, ...] = (),
    others: Others | None = None,
    answer: int | None = None,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - it cannot change
    new_loop: NewLoop | None = None,
    now: Callable[[], datetime] = utc_now,
    **settings: Any,
) -> Iterator[Served]:
    """Serve a new database in a folder until the block ends."""
    db = folder / "telemetry.db"
    migrate(db)
    listening = bind(host, 0)
    port: int = listening.getsockname()[1]
    given = ServeSettings(
        host=host,
        port=(port,),
        db=str(db),
        max_body=max_body,
        log_format="json",
        ca_dir=folder / "ca",
        intercept=intercept,
        admin_host=("telemock.test",),
        others=others,
        **settings,
        answer=answer,
    )
    journal = Journal("json")

    async def serving(ready: Callable[[], None], stop: asyncio.Event) -> None:
        means = read_means(given)
        await serve(given, means, [listening], journal, on_ready=ready, stop=stop, timeouts=timeouts, now=now)

    try:
        with beside(serving, new_loop) as stop:
            yield Served(host, port, db, stop)
    finally:
        journal.close()


def ended(server: Served, count: int = 1) -> list[Row]:
    """Give what is kept below HTTP, once it is so much; each question goes through the loop that has to note it."""
    while len(server.connections()) < count:
        assert server.ask("GET", "/barrier").status == 404
    return server.connections()


def header_bytes(row: Row, column: str = "request_headers") -> list[tuple[bytes, bytes]]:
    """Give stored headers as the bytes they were on the wire."""
    return [
        (name.encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
        for name, value in json.loads(row[column] or "[]")
    ]
