"""An exchange is the same after it was a row, and so is a connection."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from telemock.exchange import Connection, Exchange
from telemock.store.appender import SqliteAppender
from telemock.store.filters import Filters
from telemock.store.reader import open_reader
from telemock.store.rows import CONNECTIONS, EXCHANGES, Rows, row_to_record, table_rows
from tests.corpus import database, moment, ping

CONNECTION = Connection(
    opened_at="2026-02-05T10:55:58.090735Z",
    host="telemetry.example",
    port=443,
    client="::1",
    kind="tunnel",
    bytes_up=1,
    bytes_down=2**40,
    duration_ms=0.25,
    detail="It ended.\x00",
)


RARE: dict[str, Any] = {
    "request_body": b"\x00",
    "stub_id": "a",
    "session_id": "b",
    "problems": '["c"]',
    "request_trailers": '[["d","e"]]',
}


def values(rows: Rows) -> list[dict[str, Any]]:
    """Give each row's values by column."""
    return [dict(zip(rows.columns, (*rows.common, *own), strict=True)) for own in rows.own]


def test_a_row_and_its_id_become_the_exchange_again() -> None:
    exchange = ping(request_truncated=1, **RARE)
    rows = table_rows([exchange])
    assert (rows.table, sorted(rows.columns)) == ("exchanges", sorted(EXCHANGES.columns))
    (row,) = values(rows)
    assert row_to_record(EXCHANGES, [7, *(row[name] for name in EXCHANGES.columns)]) == replace(exchange, id=7)


@pytest.mark.parametrize("names", [names for count in range(6) for names in combinations(RARE, count)])
def test_a_batch_has_the_columns_that_any_of_it_needs(names: tuple[str, ...]) -> None:
    exchanges = [ping(), *(ping(**{name: RARE[name]}) for name in names)]
    rows = table_rows(exchanges)
    assert set(EXCHANGES.columns) - set(rows.columns) == RARE.keys() - set(names)
    for exchange, row in zip(exchanges, values(rows), strict=True):
        assert row.items() <= asdict(exchange).items()


@pytest.mark.parametrize("name", [None, *EXCHANGES.columns])
def test_a_batch_is_kept_whole_whatever_its_exchanges_have_in_common(tmp_path: Path, name: str | None) -> None:
    """The second of three differs from the others in one column, or in none."""
    first = ping(request_truncated=1, **RARE)
    changed: dict[str, Any] = {
        "received_at": moment(5),
        "latency_ms": 7.5,
        "status": 599,
        "request_truncated": 0,
        "port": 8443,
    }
    other = replace(first, **{name: changed.get(name, b"z" if "_body" in name else "z")} if name else {})
    records = [first, other, replace(first, received_at=moment(9))]
    assert [*kept_together(tmp_path, records)] == [replace(each, id=id_) for id_, each in enumerate(records, 1)]


def kept_together(folder: Path, records: list[Exchange]) -> Iterator[Exchange]:
    """Append the records as one batch, and read them back."""

    async def append() -> None:
        appender = await SqliteAppender.open(path, "commit")
        await appender.append(records)
        await appender.close()

    path = database(folder)
    asyncio.run(append())
    with open_reader(path) as reader:
        yield from reader.newest(Filters(), oldest=True)


def test_a_connection_is_the_same_after_it_was_a_row() -> None:
    rows = table_rows([CONNECTION])
    assert rows.columns == CONNECTIONS.columns
    assert row_to_record(CONNECTIONS, [7, *rows.own[0]]) == replace(CONNECTION, id=7)


def test_a_connection_has_all_its_fields_in_the_file(tmp_path: Path) -> None:
    unknown = replace(CONNECTION, port=None, duration_ms=None, kind="malformed", host="")
    with closing(sqlite3.connect(database(tmp_path, CONNECTION, ping(), unknown))) as connection:
        connection.row_factory = sqlite3.Row
        said = [dict(row) for row in connection.execute("SELECT * FROM connections ORDER BY id")]
    assert said == [asdict(replace(CONNECTION, id=1)), asdict(replace(unknown, id=2))]
