"""What is made of records is stored in their place, in order, and never a record itself."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from telemock.errors import StoreUnavailable
from telemock.exchange import Connection, Exchange, Record
from telemock.store.redacting import RedactingAppender
from tests.corpus import ping


class Kept:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.is_open = True

    async def append(self, records: Sequence[Record]) -> None:
        self.records += records

    async def check(self) -> None:
        raise StoreUnavailable("It is full.")

    async def close(self) -> None:
        self.is_open = False


def without_query(record: Record) -> Record:
    assert not isinstance(record, Connection)
    return replace(record, query="")


async def test_records_are_stored_in_order_as_they_were_made() -> None:
    kept = Kept()
    await RedactingAppender(kept, without_query).append([ping(0), ping(1)])
    assert [each.received_at for each in kept.records if isinstance(each, Exchange)] == [
        ping(0).received_at,
        ping(1).received_at,
    ]
    assert all(isinstance(each, Exchange) and not each.query for each in kept.records)


async def test_nothing_is_stored_where_a_record_cannot_be_made() -> None:
    def fail(_record: Record) -> Record:
        raise ValueError

    kept = Kept()
    with pytest.raises(ValueError, match=r"^$"):
        await RedactingAppender(kept, fail).append([ping()])
    assert kept.records == []


async def test_health_and_the_end_are_those_of_the_store() -> None:
    kept = Kept()
    appender = RedactingAppender(kept, without_query)
    with pytest.raises(StoreUnavailable, match=r"It is full\."):
        await appender.check()
    await appender.close()
    assert not kept.is_open
