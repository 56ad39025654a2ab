"""This is the one way into the file: a bounded queue and a group commit.

It refuses to lose anything in silence: a record is committed, or its owner is told that it was not.
"""

import asyncio
import logging
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from telemock.errors import StoreDamaged, StoreUnavailable
from telemock.exchange import Connection, Exchange, Record
from telemock.store.daemon_thread import in_daemon_thread

_logger = logging.getLogger(__name__)

# At most this much in one transaction: a statement may hold 32,766 values, and a commit should stay short.
MAX_BATCH_RECORDS = 256
MAX_BATCH_BYTES = 8 * 2**20

# At most this much waits in memory; past it a client is told at once.
MAX_QUEUE_RECORDS = 10_000
MAX_QUEUE_BYTES = 256 * 2**20

PATIENCE_SECONDS = 5.0
RETRY_SECONDS = 0.1

# Records that are larger are made ready apart, in a thread for each size, so that no smaller one waits for them.
_LARGE_BYTES = (16 * 2**10, 512 * 2**10)

# So much of all others is made ready for one commit.
_MADE_BYTES = 64 * 2**10

# A commit that is under way when patience ends may take this much longer: a locked database says no sooner.
HANG_SECONDS = 0.6

_NEVER = float("inf")


class Appender(Protocol):
    """What the writer writes to: all of a batch or nothing of it."""

    async def append(self, records: Sequence[Record]) -> None:
        """Commit the records, which are of one kind, in order.

        Raises:
            StoreDamaged: they may be stored or lost, and must not be tried again.
            StoreUnavailable: not now; the same records may be tried again. Any other exception means
                that one of the records can never be stored.
        """

    async def check(self) -> None:
        """Raise StoreUnavailable when a write would fail now."""

    async def close(self) -> None:
        """Give everything back."""


@dataclass(slots=True)
class _Waiting:
    record: Record
    stored: asyncio.Future[None]
    deadline: float
    size: int
    kept: Record | None = None  # what is stored in place of it


class Writer:
    """Commits records in the order they came, several in one transaction when several wait.

    A large one that something else is made of comes when that is done, behind those that came meanwhile.

    One task of the running loop owns it; call everything from that loop.

    Args:
        appender: where to; closed by `close`.
        on_commit: called with the records of each commit and the seconds it took, once their answers are on their way,
            and before any request that is read later.
        wait: False lets `keep` return before the commit.
        patience: seconds a record may wait for a store that does not take it.
        make: returns what is stored in place of a record; called in threads, as it may take long.

    Attributes:
        left: how many records were neither committed nor refused at the end.
    """

    def __init__(
        self,
        appender: Appender,
        *,
        on_commit: Callable[[Sequence[Record], float], None],
        wait: bool = True,
        patience: float = PATIENCE_SECONDS,
        make: Callable[[Record], Record] | None = None,
    ) -> None:
        self._appender = appender
        self._on_commit = on_commit
        self._wait = wait
        self._patience = patience
        self._make = make
        # One at a time: each keeps the interpreter busy.
        self._apart = [asyncio.Lock() for _ in _LARGE_BYTES]
        self._making: set[asyncio.Task[None]] = set()
        self._made_since: float | None = None  # a batch is made ready
        self._made_seconds = 0.0
        self.left = 0
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Waiting] = deque()
        self._queue_bytes = 0
        self._in_flight: list[_Waiting] = []
        self._reports: deque[tuple[Sequence[Record], float]] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._no_wait = self._loop.create_future()
        self._no_wait.set_result(None)
        self._idle = asyncio.Event()
        self._idle.set()
        self._failure: str | None = None
        self._refused: deque[_Waiting] = deque(maxlen=1000)
        self._closing = False
        self._task = self._loop.create_task(self._run(), name="store writer")
        self._watch = self._loop.create_task(self._expire_forever(), name="store watch")

    @property
    def waiting(self) -> int:
        """Count of records that wait for their commit."""
        return len(self._queue) + len(self._in_flight) + len(self._making)

    def submit(self, record: Record) -> asyncio.Future[None]:
        """Queue a record; the future is done at its commit, or fails with StoreUnavailable.

        Raises:
            StoreUnavailable: the queue is full or the writer is closed; nothing was queued.
        """
        if self._closing:
            raise StoreUnavailable("telemock is stopping; try again later.", "stopping")
        size = _size_bytes(record)
        if len(self._queue) + len(self._making) >= MAX_QUEUE_RECORDS or self._queue_bytes + size > MAX_QUEUE_BYTES:
            raise StoreUnavailable("Too many exchanges wait for the database; try again later.", "queue_full")
        waiting = _Waiting(record, self._loop.create_future(), self._now() + self._patience, size)
        self._queue_bytes += size
        self._idle.clear()
        apart = 0 if self._make is None else bisect_left(_LARGE_BYTES, size + _answer_bytes(record))
        if self._make is not None and apart:
            task = self._loop.create_task(self._queue_made(waiting, self._make, self._apart[apart - 1]))
            self._making.add(task)
        else:
            self._queue.append(waiting)
            self._rouse()
        return waiting.stored

    async def _queue_made(self, waiting: _Waiting, make: Callable[[Record], Record], apart: asyncio.Lock) -> None:
        """Queue a large record once it is made; its patience begins then."""
        try:
            async with apart:
                waiting.kept = await in_daemon_thread(partial(make, waiting.record))
        except Exception as error:  # noqa: BLE001 - whatever comes of a record, only that one fails
            self._queue_bytes -= waiting.size
            _refuse(waiting, _unstorable(error))
        else:
            waiting.deadline = self._now() + self._patience
            self._queue.append(waiting)
        finally:
            if (task := asyncio.current_task(self._loop)) is not None:
                self._making.discard(task)
            self._rouse()

    def keep(self, record: Record, on_done: Callable[[asyncio.Future[None]], None] | None = None) -> Awaitable[None]:
        """Queue a record; await the result to be sure that it is committed (there is no wait when answers do not).

        Args:
            record: to be committed.
            on_done: called once it is committed or refused, unless it was not even queued.

        Raises:
            StoreUnavailable: the store did not take it in time; `reason` says why.
        """
        stored = self.submit(record)
        if on_done is not None:
            stored.add_done_callback(on_done)
        if self._wait:
            return stored
        stored.add_done_callback(_retrieve)
        return self._no_wait

    def remember(self, record: Exchange) -> None:
        """Keep a refused exchange in memory until the store takes it; the oldest of 1,000 gives way.

        It is also what the writer tries a failed store with, so that it heals when nobody asks.
        """
        if not self._closing and _size_bytes(record) <= MAX_BATCH_BYTES // 8:
            stored = self._loop.create_future()
            stored.add_done_callback(_retrieve)
            self._refused.append(_Waiting(record, stored, _NEVER, 0))
            self._rouse()

    async def drain(self) -> None:
        """Return when everything submitted so far is committed or refused."""
        await self._idle.wait()

    async def check(self) -> None:
        """Raise StoreUnavailable, with the reason in its message, when the store cannot be written."""
        failure = self._failure
        if failure is not None and (self.waiting or self._refused):
            raise StoreUnavailable(failure)
        await self._appender.check()
        if self._failure is failure:
            self._failure = None
        elif self._failure is not None:
            raise StoreUnavailable(self._failure)

    async def close(self) -> None:
        """Commit what is queued, refuse what cannot be, and close the appender, also when cancelled before that."""
        try:
            await self.drain()
            self._closing = True
            if self._failure is not None:
                self._refused.clear()
            self._rouse()
            await self._task
            self._report()
        finally:
            self.left = self.waiting
            for task in (self._task, self._watch, *self._making):
                task.cancel()
            await self._appender.close()

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _run(self) -> None:
        crowded = False
        while True:
            batch = self._take()
            if not self._making and (not batch or batch[0].deadline == _NEVER):
                self._idle.set()
            if not batch:
                if self._closing:
                    return
                self._wake = self._loop.create_future()
                await self._wake
                if crowded:
                    await asyncio.sleep(0)  # requests that were read in the same turn of the loop come along
                continue
            crowded = len(batch) > 1
            self._in_flight = batch
            try:
                await self._commit(batch)
            except StoreUnavailable as error:
                self._failure = str(error)
                self._in_flight = []
                if isinstance(error, StoreDamaged):
                    error.with_traceback(None)  # which holds the batch
                    for waiting in batch:
                        _refuse(waiting, error)
                else:
                    self._put_back(batch)
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                self._in_flight = []

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        queue = self._queue
        most_bytes = MAX_BATCH_BYTES if self._make is None else _MADE_BYTES
        while queue and len(batch) < MAX_BATCH_RECORDS:
            waiting = queue[0]
            if batch and (size + waiting.size > most_bytes or type(waiting.record) is not type(batch[0].record)):
                break
            size += waiting.size
            batch.append(queue.popleft())
        self._queue_bytes -= size
        if batch and not isinstance(batch[0].record, Exchange):
            return batch
        # A store that failed is tried with one; one that works takes all that is left over.
        most = 1 if self._failure else MAX_BATCH_RECORDS
        while self._refused and len(batch) < most and size < most_bytes:
            batch.append(self._refused.popleft())
            size += _size_bytes(batch[-1].record)
        return batch

    def _put_back(self, batch: list[_Waiting]) -> None:
        for waiting in reversed(batch):
            if waiting.deadline == _NEVER:
                if not self._closing:
                    self._refused.appendleft(waiting)
            elif not waiting.stored.done():
                self._queue.appendleft(waiting)
                self._queue_bytes += waiting.size

    async def _commit(self, batch: list[_Waiting]) -> None:
        started = time.perf_counter()
        records = [waiting.record for waiting in batch]
        try:
            await self._appender.append(await self._made(batch))
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a driver raises for a value, only that record fails
            await self._commit_apart(batch, error)
            return
        seconds = time.perf_counter() - started
        self._failure = None
        self._in_flight = self._in_flight[len(batch) :]
        for waiting in batch:
            if not waiting.stored.done():
                waiting.stored.set_result(None)
        self._reports.append((records, seconds))
        # The answers are made in the loop's next turn, and written at its end: no report keeps them waiting.
        self._loop.call_soon(self._loop.call_soon, self._report)

    async def _made(self, batch: list[_Waiting]) -> Sequence[Record]:
        """Return what is stored of a batch."""
        if self._make is None:
            return [waiting.record for waiting in batch]
        left = [waiting for waiting in batch if waiting.kept is None]
        make = self._make
        self._made_since = began = self._loop.time()
        try:
            made = await asyncio.to_thread(lambda: [make(each.record) for each in left])
        finally:
            self._made_since = None
            self._made_seconds += self._loop.time() - began
        for waiting, kept in zip(left, made, strict=True):
            waiting.kept = kept
        return [waiting.kept or waiting.record for waiting in batch]

    def _now(self) -> float:
        """Return the loop's time but for what passed while batches were made ready: that is no fault of the store."""
        return (self._loop.time() if self._made_since is None else self._made_since) - self._made_seconds

    def _report(self) -> None:
        while self._reports:
            records, seconds = self._reports.popleft()
            try:
                self._on_commit(records, seconds)
            except Exception:
                _logger.exception("A commit could not be reported")

    async def _commit_apart(self, batch: list[_Waiting], error: Exception) -> None:
        """Store a batch one by one, so that one record that no database takes spoils no other."""
        if len(batch) > 1:
            for number, waiting in enumerate(batch):
                self._in_flight = batch[number:]
                await self._commit([waiting])
        elif not batch[0].stored.done():
            batch[0].stored.set_exception(_unstorable(error))

    async def _expire_forever(self) -> None:
        """Tell clients in time, even while a commit hangs: one slow tick instead of a timer per request."""
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            now = self._now()
            reason = self._failure or "The database does not answer; check its disk."
            while self._queue and self._queue[0].deadline <= now:
                waiting = self._queue.popleft()
                self._queue_bytes -= waiting.size
                _refuse(waiting, StoreUnavailable(reason, "store_failed"))
            for waiting in self._in_flight:
                if waiting.deadline + HANG_SECONDS <= now:
                    self._failure = reason
                    _refuse(waiting, StoreUnavailable(reason, "store_slow"))


def _refuse(waiting: _Waiting, error: StoreUnavailable) -> None:
    if not waiting.stored.done():
        waiting.stored.set_exception(error)


def _unstorable(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(f"The database cannot hold this exchange ({error}).", "unstorable")


def _retrieve(stored: asyncio.Future[None]) -> None:
    """Mark a failure as seen where nobody waits; the writer's state tells it."""
    if not stored.cancelled():
        stored.exception()


def _size_bytes(record: Record) -> int:
    if isinstance(record, Connection):
        return len(record.detail)
    return 2 * len(record.query) + len(record.request_headers) + len(record.request_body or b"")


def _answer_bytes(record: Record) -> int:
    return 0 if isinstance(record, Connection) else len(record.response_body or b"")
