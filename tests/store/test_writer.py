"""The writer commits what it is given, in order and together, and tells everyone whose record it cannot keep."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from telemock.errors import StoreUnavailable
from telemock.exchange import Exchange, Record
from telemock.store.writer import MAX_BATCH_BYTES, MAX_BATCH_RECORDS, MAX_QUEUE_RECORDS, Writer
from tests.corpus import CONNECTION, ping
from tests.server.wire import HANG_SECONDS

SHORT_SECONDS = 0.05


class Gated:
    """An appender that takes a batch when the test lets it, or fails as the test says."""

    def __init__(self) -> None:
        self.stored: list[Record] = []
        self.batches: list[int] = []
        self.open = asyncio.Event()
        self.open.set()
        self.begun = asyncio.Event()
        self.failing = False
        self.hates: Record | None = None
        self.is_closed = False

    async def append(self, records: Sequence[Record]) -> None:
        self.begun.set()
        await self.open.wait()
        if self.failing:
            raise StoreUnavailable("the disk is full")
        if self.hates in records:
            raise ValueError("not in this database")
        self.stored += records
        self.batches.append(len(records))

    async def check(self) -> None:
        if self.failing:
            raise StoreUnavailable("the disk is full")

    async def close(self) -> None:
        self.is_closed = True


@asynccontextmanager
async def writing(
    appender: Gated,
    *,
    on_commit: Callable[[Sequence[Record], float], None] = lambda _records, _seconds: None,
    wait: bool = True,
    patience: float = HANG_SECONDS,
    make: Callable[[Record], Record] | None = None,
) -> AsyncIterator[Writer]:
    async with asyncio.timeout(HANG_SECONDS):
        writer = Writer(appender, on_commit=on_commit, wait=wait, patience=patience, make=make)
        try:
            yield writer
        finally:
            appender.open.set()
            appender.failing = False
            await writer.close()


def pings(count: int) -> list[Exchange]:
    return [ping(number) for number in range(count)]


async def reason_of(stored: "asyncio.Future[None]") -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await stored
    return caught.value.reason


async def test_an_answer_waits_for_its_commit_and_what_waits_is_committed_together_in_order() -> None:
    appender = Gated()
    async with writing(appender) as writer:
        appender.open.clear()
        first, *others = pings(10)
        answers = [asyncio.ensure_future(writer.keep(first))]
        await appender.begun.wait()
        answers += [asyncio.ensure_future(writer.keep(record)) for record in others]
        done, _ = await asyncio.wait(answers, timeout=0)
        assert (done, appender.stored) == (set(), [])
        appender.open.set()
        await asyncio.gather(*answers)
        assert (appender.stored, appender.batches) == ([first, *others], [1, 9])


@pytest.mark.parametrize(
    ("records", "sizes"),
    [
        (pings(2 * MAX_BATCH_RECORDS + 1), [MAX_BATCH_RECORDS, MAX_BATCH_RECORDS, 1]),
        ([ping(request_body=bytes(MAX_BATCH_BYTES // 2))] * 3, [1, 1, 1]),
        ([ping(request_body=bytes(MAX_BATCH_BYTES * 2)), ping()], [1, 1]),
    ],
)
async def test_a_commit_stays_short(records: list[Exchange], sizes: list[int]) -> None:
    appender = Gated()
    async with writing(appender) as writer:
        await asyncio.gather(*(writer.submit(record) for record in records))
    assert appender.batches == sizes


async def test_records_of_two_kinds_are_committed_in_order_but_never_together() -> None:
    appender = Gated()
    records: list[Record] = [ping(0), ping(1), CONNECTION, CONNECTION, ping(2), CONNECTION]
    async with writing(appender) as writer:
        await asyncio.gather(*(writer.submit(record) for record in records))
    assert (appender.stored, appender.batches) == (records, [2, 2, 1, 1])


async def test_a_full_queue_refuses_at_once_and_queues_nothing() -> None:
    appender = Gated()
    async with writing(appender) as writer:
        appender.open.clear()
        blocking = writer.submit(ping())
        await appender.begun.wait()
        waiting = [writer.submit(ping()) for _ in range(MAX_QUEUE_RECORDS)]
        with pytest.raises(StoreUnavailable) as caught:
            await writer.keep(ping())
        assert (caught.value.reason, writer.waiting) == ("queue_full", MAX_QUEUE_RECORDS + 1)
        appender.open.set()
        await asyncio.gather(blocking, *waiting)
    assert len(appender.stored) == MAX_QUEUE_RECORDS + 1


async def test_many_bytes_fill_the_queue_as_well() -> None:
    appender = Gated()
    async with writing(appender) as writer:
        appender.open.clear()
        large = ping(request_body=bytes(100 * 2**20))
        taken = [writer.submit(large)]
        await appender.begun.wait()
        taken += [writer.submit(large), writer.submit(large)]
        with pytest.raises(StoreUnavailable, match="Too many"):
            writer.submit(large)
        appender.open.set()
        await asyncio.gather(*taken)


async def test_a_store_that_fails_for_a_while_delays_and_loses_nothing() -> None:
    appender = Gated()
    async with writing(appender) as writer:
        appender.failing = True
        answers = [writer.submit(record) for record in pings(5)]
        await appender.begun.wait()
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            await writer.check()
        assert writer.waiting == 5
        appender.failing = False
        await asyncio.gather(*answers)
        await writer.check()
    assert appender.stored == pings(5)


async def test_patience_ends_with_a_reason_and_what_was_refused_is_remembered_until_the_store_takes_it() -> None:
    appender = Gated()
    async with writing(appender, patience=SHORT_SECONDS) as writer:
        appender.failing = True
        assert await reason_of(writer.submit(ping(0))) == "store_failed"
        await writer.drain()
        assert writer.waiting == 0
        refused = ping(1, status=503, outcome="refused")
        writer.remember(refused)
        with pytest.raises(StoreUnavailable):
            await writer.check()
        appender.failing = False
        await writer.keep(ping(2))
        await writer.check()
    assert sorted(record.received_at for record in appender.stored if isinstance(record, Exchange)) == [
        refused.received_at,
        ping(2).received_at,
    ]


async def test_a_commit_that_hangs_holds_nobody_for_ever() -> None:
    appender = Gated()
    async with writing(appender, patience=SHORT_SECONDS) as writer:
        appender.open.clear()
        hanging = writer.submit(ping(0))
        await appender.begun.wait()
        queued = writer.submit(ping(1))
        assert await reason_of(queued) == "store_failed"
        assert await reason_of(hanging) == "store_slow"


async def test_of_many_remembered_the_oldest_give_way() -> None:
    appender = Gated()
    async with writing(appender) as writer:
        appender.open.clear()
        blocking = writer.submit(ping(0))
        await appender.begun.wait()
        for number in range(1, 1003):
            writer.remember(ping(number))
        appender.open.set()
        await blocking
    assert [record for record in appender.stored if record != ping(0)] == [ping(number) for number in range(3, 1003)]


async def test_one_record_that_no_database_takes_spoils_no_other() -> None:
    appender = Gated()
    async with writing(appender) as writer:
        records = pings(5)
        appender.hates = records[2]
        answers = [writer.submit(record) for record in records]
        assert await reason_of(answers[2]) == "unstorable"
        await asyncio.gather(*answers[:2], *answers[3:])
        assert writer.waiting == 0
    assert appender.stored == [*records[:2], *records[3:]]


async def test_answers_may_go_first_and_drain_waits_for_all() -> None:
    appender = Gated()
    async with writing(appender, wait=False) as writer:
        appender.open.clear()
        for record in pings(3):
            await writer.keep(record)
        draining = asyncio.ensure_future(writer.drain())
        await appender.begun.wait()
        assert (appender.stored, draining.done()) == ([], False)
        appender.open.set()
        await draining
        assert appender.stored == pings(3)


async def test_a_client_that_left_while_it_waited_stops_nobody() -> None:
    appender = Gated()
    async with writing(appender) as writer:
        appender.open.clear()
        answers = [asyncio.ensure_future(writer.keep(record)) for record in pings(3)]
        await appender.begun.wait()
        answers[1].cancel()
        appender.open.set()
        await asyncio.gather(answers[0], answers[2])
    assert appender.stored == pings(3)


async def test_each_commit_is_reported_and_a_report_that_fails_stops_nobody() -> None:
    appender = Gated()
    reports: list[int] = []

    def report(records: Sequence[Record], seconds: float) -> None:
        assert seconds >= 0
        reports.append(len(records))
        raise ZeroDivisionError("on purpose")

    async with writing(appender, on_commit=report) as writer:
        await writer.keep(ping(0))
        await asyncio.gather(*(writer.submit(record) for record in pings(3)))
    assert reports == [1, 3]


async def test_no_answer_waits_for_a_report() -> None:
    order: list[str] = []
    async with writing(Gated(), on_commit=lambda _records, _seconds: order.append("report")) as writer:
        await writer.keep(ping(0))
        order.append("answer")
    assert order == ["answer", "report"]


async def test_closing_commits_what_is_queued_and_refuses_what_comes_after() -> None:
    appender = Gated()
    async with writing(appender) as writer:
        queued = [writer.submit(record) for record in pings(3)]
    assert appender.stored == pings(3)
    assert appender.is_closed
    assert all(stored.done() for stored in queued)
    with pytest.raises(StoreUnavailable) as caught:
        writer.submit(ping())
    assert caught.value.reason == "stopping"


def without_query(record: Record) -> Record:
    assert isinstance(record, Exchange)
    return replace(record, query="")


def made_once(is_open: threading.Event, only: Record | None = None) -> Callable[[Record], Record]:
    """Give what makes nothing of a record, or of only one, before something is open."""

    def make(record: Record) -> Record:
        if only is None or record is only:
            is_open.wait(HANG_SECONDS)
        return record

    return make


async def test_what_is_made_of_records_is_stored_in_their_place_in_order() -> None:
    appender = Gated()
    async with writing(appender, make=without_query) as writer:
        await asyncio.gather(*map(writer.submit, pings(3)))
    assert appender.stored == [*map(without_query, pings(3))]


@pytest.mark.parametrize("body", [b"", bytes(100_000)])
async def test_a_record_of_which_nothing_can_be_made_spoils_no_other(body: bytes) -> None:
    broken = replace(ping(1), request_body=body)

    def make(record: Record) -> Record:
        if record is broken:
            raise ValueError
        return record

    appender = Gated()
    async with writing(appender, make=make) as writer:
        first, second, third = map(writer.submit, (ping(0), broken, ping(2)))
        assert await reason_of(second) == "unstorable"
        await first
        await third
        await writer.drain()
        assert writer.waiting == 0
    assert appender.stored == [ping(0), ping(2)]


@pytest.mark.parametrize(
    "large", [replace(ping(0), request_body=bytes(100_000)), replace(ping(0), response_body=bytes(100_000))]
)
async def test_nobody_waits_until_something_is_made_of_a_large_record(large: Exchange) -> None:
    is_open = threading.Event()

    def make(record: Record) -> Record:
        if record == large:
            is_open.wait(HANG_SECONDS)
        return without_query(record)

    appender = Gated()
    async with writing(appender, make=make) as writer:
        last = writer.submit(large)
        await writer.submit(ping(1))
        assert not last.done()
        assert writer.waiting == 1
        is_open.set()
        await last
    assert appender.stored == [without_query(ping(1)), without_query(large)]


async def test_no_larger_record_keeps_a_smaller_one_waiting() -> None:
    large = replace(ping(0), request_body=bytes(2**20))
    middle = replace(ping(1), request_body=bytes(2**16))
    large_is_open, middle_is_open, appender = threading.Event(), threading.Event(), Gated()
    make_large, make_middle = made_once(large_is_open, large), made_once(middle_is_open, middle)
    async with writing(appender, make=lambda record: make_large(make_middle(record))) as writer:
        stored = [writer.submit(record) for record in (large, middle, ping(2))]
        await stored[2]
        middle_is_open.set()
        await stored[1]
        assert not stored[0].done()
        large_is_open.set()
    assert appender.stored == [ping(2), middle, large]


async def test_the_store_is_not_blamed_for_the_time_that_making_takes() -> None:
    is_open = threading.Event()
    hanging = Gated()
    hanging.open.clear()
    async with writing(Gated(), make=made_once(is_open), patience=SHORT_SECONDS) as writer:
        made = [*map(writer.submit, pings(2))]
        async with writing(hanging, patience=SHORT_SECONDS) as other:
            assert await reason_of(other.submit(ping())) == "store_slow"
            hanging.open.set()
        is_open.set()
        await asyncio.gather(*made)


async def test_an_end_that_does_not_wait_for_what_is_made_closes_the_store() -> None:
    is_open = threading.Event()
    appender = Gated()
    writer = Writer(appender, on_commit=lambda _records, _seconds: None, make=made_once(is_open))
    stored = [writer.submit(replace(each, request_body=bytes(2**20))) for each in pings(3)]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SHORT_SECONDS):
            await writer.close()
    assert (appender.is_closed, writer.left, any(each.done() for each in stored)) == (True, 3, False)
    is_open.set()


async def test_little_is_made_for_one_commit() -> None:
    records = [replace(each, request_body=bytes(10_000)) for each in pings(20)]
    appender = Gated()
    async with writing(appender, make=lambda record: record) as writer:
        for record in records[10:]:
            writer.remember(record)
        await asyncio.gather(*map(writer.submit, records[:10]))
    assert len(appender.stored) == len(records)
    assert max(appender.batches) <= 7


async def test_the_end_waits_for_what_is_made_of_a_large_record() -> None:
    appender = Gated()
    async with writing(appender, make=without_query) as writer:
        stored = writer.submit(replace(ping(0), request_body=bytes(100_000)))
    assert stored.done()
    assert len(appender.stored) == 1
