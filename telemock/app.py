"""This is the composition root: the only place that wires rooms together, and where one process serves.

It refuses to know of options and terminals; the CLI hands it settings and a bound socket.
"""

import asyncio
import contextlib
import dataclasses
import gc
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from aiohttp import web
from marshmallow import Schema

from telemock.admin.metrics import Metrics
from telemock.admin.routes import admin_handler
from telemock.analysis.masking import masked_path
from telemock.analysis.redaction import redaction
from telemock.authority.folder import utc_now
from telemock.authority.leaves import Leaves
from telemock.errors import StoreDamaged, StoreUnavailable
from telemock.exchange import Connection, Exchange, Record
from telemock.journal import Journal, JournalHandler
from telemock.malloc import keep_little, trim
from telemock.means import Means
from telemock.profiles.cribl import CRIBL
from telemock.profiles.profile import Profile
from telemock.server.addresses import read_address
from telemock.server.body_memory import BodyMemory
from telemock.server.capture import Capture, expectation
from telemock.server.dial import Dialer
from telemock.server.door import Door
from telemock.server.elsewhere import Elsewhere
from telemock.server.gate import Gate
from telemock.server.interception import Interception, names_of_this_machine
from telemock.server.listener import Site, end_connections
from telemock.server.mock import Mock
from telemock.server.protocol import speaking_http
from telemock.server.record import Recorder
from telemock.server.router import application
from telemock.server.timeouts import Timeouts
from telemock.server.upstream import AHEAD_BYTES, Upstream
from telemock.settings import ServeSettings
from telemock.store.appender import SqliteAppender
from telemock.store.background import Background
from telemock.store.engine import locate
from telemock.store.writer import Writer

# What the store may take to stop, after the requests in flight (`Timeouts.stop`).
_STORE_SECONDS = 4.0

# How often the journal is told, at most, that descriptors are scarce.
_IDLE_TOLD_SECONDS = 60.0

# The writer's thread must not wait 5 ms for the interpreter lock while the loop is busy.
_SWITCH_SECONDS = 0.0005

# Reads queries that belong to no product: decoded, but nothing is expected of them.
_NO_PROFILE = Profile("", hosts=(), path_prefix="\0", schema=Schema(), identity_names={})


class Telemock:
    """One process's telemock: its application, its store and its counters; made by `open_telemock`."""

    def __init__(
        self,
        settings: ServeSettings,
        means: Means,
        journal: Journal,
        appender: SqliteAppender,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._means = means
        self._now = now
        self._idle_told_at = -_IDLE_TOLD_SECONDS
        # Of its own: no handshake waits until passwords are checked, names resolved or bodies read.
        self._signing = ThreadPoolExecutor(2, "leaf")
        self._journal = journal
        self._appender = appender
        self.background = Background(
            locate(settings.db),
            appender.in_background,
            is_elected=lambda: appender.is_elected,
            tell=partial(journal.event, "background"),
        )
        self.writer = Writer(
            appender,
            on_commit=self._committed,
            wait=settings.durability != "async",
            make=redaction(means.redaction_key) if means.redaction_key else None,
        )
        self._interception = Interception(
            (*CRIBL.hosts, *settings.intercept), (*names_of_this_machine(), *settings.admin_host)
        )
        dialer = Dialer(settings.port, means.proxy, may_be_private=settings.dial_private)
        self.upstream = Upstream(dialer, trusted=means.trusted)
        limit = settings.body_memory // settings.workers
        for_answers = limit // (2 if "record" in means.modes.values() else 4)
        memory = BodyMemory(limit - for_answers, settings.max_body, trim)
        answer_memory = BodyMemory(for_answers, settings.max_body + AHEAD_BYTES, trim)
        self._elsewhere = Elsewhere(
            dialer,
            self.upstream,
            self._connection,
            credentials=means.credentials,
            is_open=settings.others == "tunnel",
            memory=answer_memory,
        )
        self.metrics = Metrics(
            lambda: self.writer.waiting,
            self._authority_seconds,
            lambda: memory.used + answer_memory.used,
            lambda: appender.log_bytes,
        )
        recorder = Recorder(
            self.upstream,
            settings.max_body,
            self._connection,
            memory=answer_memory,
            hosts=self._interception,
            is_recorded=means.is_recorded,
            otherwise=Mock(settings.max_body, means.unmatched).answer,
        )
        self.app = application(
            Capture(
                gate=Gate(
                    self._interception,
                    admin_handler(self._check_store, self.metrics, means.authority, now),
                    self._elsewhere.forward,
                    means.credentials,
                ),
                profile=CRIBL,
                bare=_NO_PROFILE,
                writer=self.writer,
                max_body=settings.max_body,
                memory=memory,
                on_refused=self._refused,
            ).middleware,
            recorder.answer,
            expectation(settings.max_body),
        )

    def door(self, runner: web.BaseRunner, timeouts: Timeouts) -> Door:
        """Make what takes new connections where they belong.

        Args:
            runner: of the application, set up.
            timeouts: of clients.
        """
        return Door(
            speaking_http(runner, on_malformed=partial(self._connection, reason="malformed"), timeouts=timeouts),
            interception=self._interception,
            default_host=CRIBL.hosts[0],
            leaves=Leaves(self._means.authority, now=self._now, pool=self._signing),
            elsewhere=self._elsewhere,
            credentials=self._means.credentials,
            note=self._connection,
            timeouts=timeouts,
            visit_key=self._means.visit_key,
        )

    def _connection(self, connection: Connection, reason: str = "") -> None:
        """Note what happened below HTTP, with a short word for why."""
        self.metrics.connection(connection, reason)
        try:
            self.writer.submit(connection).add_done_callback(lambda stored: stored.exception())
        except StoreUnavailable:
            self._journal.records([connection])

    def descriptors_scarce(self, closed: int, is_full: bool) -> None:  # noqa: FBT001 - see `Site`
        """Report that descriptors are scarce; the journal hears of it once a minute."""
        self.metrics.descriptors_scarce(closed, is_full=is_full)
        now = time.monotonic()
        if now >= self._idle_told_at + _IDLE_TOLD_SECONDS:
            self._idle_told_at = now
            self._journal.event(
                "descriptors_scarce",
                "Idle connections are closed, others with their next answer, and new ones may have to wait, as "
                "this process has hardly any descriptors left; raise its limit with ulimit -n or LimitNOFILE=.",
                level="warning",
            )

    def close_pools(self) -> None:
        """Begin nothing more in threads."""
        self._signing.shutdown(wait=False, cancel_futures=True)
        self._means.credentials.close()

    def _authority_seconds(self) -> float:
        return (self._means.authority.valid_until - self._now()).total_seconds()

    async def _check_store(self) -> Sequence[str]:
        """Give warnings; raise StoreUnavailable when exchanges cannot be kept."""
        try:
            async with asyncio.timeout(2):
                await self.writer.check()
        except TimeoutError as error:
            raise StoreUnavailable("The database does not answer; check its disk.") from error
        return [*self._appender.warnings(), self.background.unfinished]

    def _committed(self, records: Sequence[Record], seconds: float) -> None:
        self.metrics.committed(records, seconds)
        self._journal.records(records)

    def _refused(self, reason: str, exchange: Exchange) -> None:
        self.metrics.refused(reason)
        self._journal.event(
            "refused",
            f"{exchange.method} {masked_path(exchange.path)} was refused: the store did not take it ({reason}).",
            level="error",
            reason=reason,
            guid=exchange.guid,
        )


@contextlib.asynccontextmanager
async def open_telemock(
    settings: ServeSettings, means: Means, journal: Journal, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Telemock]:
    """Open the migrated store and build the application; at the end, commit what waits."""
    appender = await SqliteAppender.open(locate(settings.db), settings.durability, journal.event)
    telemock = Telemock(settings, means, journal, appender, now)
    try:
        yield telemock
    finally:
        await telemock.upstream.close()
        telemock.close_pools()
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                await telemock.writer.close()
        except TimeoutError:
            journal.event(
                "store_stuck",
                f"{telemock.writer.left} exchanges could not be stored before the end.",
                level="error",
            )
        except StoreDamaged as error:
            journal.event("store_damaged", str(error), level="error")
            raise


async def serve(
    settings: ServeSettings,
    means: Means,
    listening: Sequence[socket.socket],
    journal: Journal,
    *,
    on_ready: Callable[[], None],
    stop: asyncio.Event,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - it cannot change
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Serve until `stop`; then answer what is in flight, commit, and return within 10 seconds.

    Args:
        settings: the database must be migrated.
        means: what the settings name.
        listening: bound sockets; owned from now on.
        journal: gets a line per exchange; owned by the caller.
        on_ready: called once requests are answered.
        stop: set by the caller's signal handlers.
        timeouts: of clients.
        now: the clock that certificates go by, UTC.
    """
    addresses = [each.getsockname()[:2] for each in listening]
    others = settings.others or ("tunnel" if all(read_address(host).is_loopback for host, _ in addresses) else "block")
    settings = dataclasses.replace(settings, port=tuple(port for _, port in addresses), others=others)
    async with open_telemock(settings, means, journal, now) as telemock:
        runner = web.AppRunner(telemock.app, shutdown_timeout=timeouts.stop)
        await runner.setup()
        try:
            door = telemock.door(runner, timeouts)
            for each in listening:
                await Site(runner, each, door, telemock.descriptors_scarce).start()
            # What lives until the end need not be looked at again, and requests die without the collector's help.
            gc.freeze()
            gc.set_threshold(10_000, 20, 50)
            on_ready()
            behind = asyncio.create_task(telemock.background.run(), name="background")
            try:
                await stop.wait()
            finally:
                behind.cancel()
            await end_connections(runner)
        finally:
            await runner.cleanup()


def run(
    settings: ServeSettings,
    means: Means,
    listening: Sequence[socket.socket],
    journal: Journal,
    *,
    on_ready: Callable[[], None],
    parent: int | None = None,
) -> None:
    """Run `serve` on a loop of its own; SIGINT and SIGTERM stop it, a second one ends the process at once.

    Args:
        settings: see `serve`.
        means: see `serve`.
        listening: see `serve`.
        journal: see `serve`.
        on_ready: see `serve`.
        parent: descriptor that reads as ended when the process that started this one is gone.
    """
    logging.getLogger().addHandler(JournalHandler(journal))
    keep_little()
    sys.setswitchinterval(_SWITCH_SECONDS)
    # Two descriptors a tunnel: the 1024 that systems begin with are soon gone.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS has a lower limit than it tells
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    async def main() -> None:
        stop = stop_event(end_at_once if parent is None else _leave_it_to_the_parent)
        if parent is not None:
            asyncio.get_running_loop().add_reader(parent, stop.set)
        await serve(settings, means, listening, journal, on_ready=on_ready, stop=stop)

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())


def end_at_once(number: int) -> None:
    """End the process as the signal of that number would."""
    os._exit(128 + number)


def _leave_it_to_the_parent(_number: int) -> None:
    """Do nothing: who signals a whole group of processes signals a worker twice, itself and through its parent."""


def stop_event(at_second: Callable[[int], None]) -> asyncio.Event:
    """Give an event that SIGINT and SIGTERM set; each further signal calls `at_second` with its number."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hear(number: int) -> None:
        if stop.is_set():
            at_second(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, hear, number)
    return stop


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Give uvloop's loop where it is installed."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
