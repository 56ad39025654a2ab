"""What is filled in behind the answers: the summary of fields and instances, and the ports of older exchanges.

One of the processes that serve a database does it, page by page in a thread: none reads longer than a fraction of a
second, and none writes while a commit waits. What was done is told by the table `progress`, in the same transaction.
"""

import asyncio
import logging
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from telemock.errors import StoreUnavailable
from telemock.exchange import header_pairs
from telemock.hosts import DEFAULT_PORTS, authority_port
from telemock.store.engine import LEAST_FREE_BYTES, transaction
from telemock.store.summary_store import SummaryStore

_T = TypeVar("_T")

_logger = logging.getLogger(__name__)

# Exchanges that are read together.
PAGE_ROWS = 1000

# While requests come: whoever reads takes the interpreter from them, again and again until the page is read.
_BUSY_PAGE_ROWS = 100

# How often is told how far something large is.
_TELLING_SECONDS = 10.0

# While requests come, so many times what a page took is left to them.
_SHARE = 50

# So long after an exchange was stored, more are expected.
_BUSY_SECONDS = 0.5

# How long nothing new is looked for, and after what could not be done.
_IDLE_SECONDS = 1.0
_FAILED_SECONDS = 5.0


class Runner(Protocol):
    """Runs work in a thread, with a connection for it."""

    def __call__(self, work: Callable[[sqlite3.Connection], _T]) -> Awaitable[_T]:
        """Give what the work gives; raise StoreUnavailable while the files are damaged."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is: the ids that are done, of those that there are."""

    task: str
    last_id: int
    until_id: int

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left."""
        return self.last_id >= self.until_id


class Background:
    """The work of one process; `run` is a task of its own.

    Args:
        path: of a migrated database.
        run: runs a page of the work.
        is_elected: tells whether it is for this process to do; where two do it, one finds that it is done.
        tell: given a sentence when something large begins, goes on or ends.

    Attributes:
        unfinished: a sentence while something large is under way here, else empty.
    """

    def __init__(self, path: Path, run: Runner, *, is_elected: Callable[[], bool], tell: Callable[[str], None]) -> None:
        self._path = path
        self._run = run
        self._is_elected = is_elected
        self._newest_id = 0
        self._grew_at = 0.0
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._summary = SummaryStore()
        self._told_at = 0.0
        self.unfinished = ""

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            started = time.monotonic()
            if not self._is_elected():
                await asyncio.sleep(_IDLE_SECONDS)
                continue
            try:
                is_more = await self._run(self._work)
            except (sqlite3.Error, OSError, StoreUnavailable):
                await asyncio.sleep(_FAILED_SECONDS)  # the disk is full, or somebody holds the lock
                continue
            except Exception:
                _logger.exception("The summary could not be added to")
                return
            # Under traffic, what is new comes faster than it is taken; it waits for quieter times.
            rest = _SHARE * (time.monotonic() - started) if self._is_busy else 0
            await asyncio.sleep(rest if is_more else _IDLE_SECONDS)

    def _work(self, connection: sqlite3.Connection) -> bool:
        """Do a page of what is due; tell whether there may be more."""
        connection.text_factory = bytes
        self._look(connection)
        most = _BUSY_PAGE_ROWS if self._is_busy else PAGE_ROWS
        ports = read_progress(connection, "ports")
        if not ports.is_done:
            self._say(ports)
            if shutil.disk_usage(self._path.parent).free < LEAST_FREE_BYTES:
                raise OSError(f"too little space is free beside {self._path}")
            done = fill_ports(connection, ports, most)
            self._say(done)
            return True
        return self._summary.advance(connection, most)

    @property
    def _is_busy(self) -> bool:
        """Requests come."""
        return time.monotonic() - self._grew_at < _BUSY_SECONDS

    def _look(self, connection: sqlite3.Connection) -> None:
        """Find out whether anything was stored, by whichever process."""
        (newest_id,) = connection.execute("SELECT coalesce(max(id), 0) FROM exchanges").fetchone()
        if newest_id != self._newest_id:
            self._newest_id = newest_id
            self._grew_at = time.monotonic()

    def _say(self, progress: Progress) -> None:
        """Tell of ports that are filled in, at the beginning, every ten seconds, and at the end."""
        if progress.is_done:
            if self.unfinished:
                self.unfinished = ""
                self._tell_soon(f"The ports of {progress.until_id} older exchanges are filled in.")
            return
        now = time.monotonic()
        is_first = not self.unfinished
        if is_first and progress.until_id - progress.last_id <= PAGE_ROWS:
            return
        share = 100 * progress.last_id // progress.until_id
        self.unfinished = f"The ports of {progress.until_id} older exchanges are being filled in: {share} % done."
        if is_first or now - self._told_at >= _TELLING_SECONDS:
            self._told_at = now
            self._tell_soon(self.unfinished)

    def _tell_soon(self, sentence: str) -> None:
        self._loop.call_soon_threadsafe(self._tell, sentence)


def read_progress(connection: sqlite3.Connection, task: str) -> Progress:
    """Read how far a task is; the summary is to reach the newest exchange."""
    sql = (
        "SELECT last_id, coalesce(until_id, (SELECT coalesce(max(id), 0) FROM exchanges)) FROM progress WHERE task = ?"
    )
    return Progress(task, *connection.execute(sql, (task,)).fetchone())


def fill_ports(connection: sqlite3.Connection, progress: Progress, most: int) -> Progress:
    """Fill in the ports of older exchanges, as far as their Host fields say them, and of at most so many at once.

    A connection whose `text_factory` is bytes is needed: people may have put any into the file.
    """
    rows = connection.execute(
        "SELECT id, scheme, host, request_headers, port FROM exchanges WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
        (progress.last_id, progress.until_id, most),
    ).fetchall()
    known: dict[tuple[object, ...], int | None] = {}
    found: list[tuple[int, int]] = []
    for id_, *said, port in rows:
        if port is None:
            key = tuple(said)
            if key not in known:
                known[key] = _said_port(*said)
            if (said_port := known[key]) is not None:
                found.append((said_port, id_))
    last_id = rows[-1][0] if len(rows) == most else progress.until_id
    with transaction(connection):
        connection.executemany("UPDATE exchanges SET port = ? WHERE id = ? AND port IS NULL", found)
        connection.execute("UPDATE progress SET last_id = ? WHERE task = 'ports'", (last_id,))
    return Progress("ports", last_id, progress.until_id)


def _said_port(scheme: object, host: object, headers: object) -> int | None:
    """Take the port from the Host field, if that names the host that was kept."""
    if not (isinstance(scheme, bytes) and isinstance(host, bytes) and isinstance(headers, bytes)):
        return None
    for name, value in header_pairs(headers.decode(errors="replace")):
        if name.lower() == "host":
            try:
                said = urlsplit("//" + value).hostname or ""
            except ValueError:
                return None
            is_same = said.rstrip(".") == host.decode(errors="replace")
            return authority_port(value, DEFAULT_PORTS.get(scheme.decode(errors="replace"))) if is_same else None
    return None
