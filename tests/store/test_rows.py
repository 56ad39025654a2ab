"""An exchange is the same after it was a row, and so is a connection."""

import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from telemock.exchange import Connection
from telemock.store.rows import EXCHANGE_COLUMNS, row_to_exchange, table_rows
from tests.corpus import database, ping

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


RARE: dict[str, Any] = {"request_body": b"\x00", "stub_id": "a", "session_id": "b", "problems": '["c"]'}


def test_a_row_and_its_id_become_the_exchange_again() -> None:
    exchange = ping(request_truncated=1, **RARE)
    table, columns, (row,) = table_rows([exchange])
    assert (table, columns) == ("exchanges", EXCHANGE_COLUMNS)
    assert row_to_exchange((7, *row)) == replace(exchange, id=7)


@pytest.mark.parametrize("names", [names for count in range(5) for names in combinations(RARE, count)])
def test_a_batch_has_the_columns_that_any_of_it_needs(names: tuple[str, ...]) -> None:
    exchanges = [ping(), *(ping(**{name: RARE[name]}) for name in names)]
    _table, columns, rows = table_rows(exchanges)
    assert set(EXCHANGE_COLUMNS) - set(columns) == RARE.keys() - set(names)
    for exchange, row in zip(exchanges, rows, strict=True):
        assert dict(zip(columns, row, strict=True)).items() <= asdict(exchange).items()


def test_a_connection_has_all_its_fields_in_the_file(tmp_path: Path) -> None:
    unknown = replace(CONNECTION, port=None, duration_ms=None, kind="malformed", host="")
    with closing(sqlite3.connect(database(tmp_path, CONNECTION, ping(), unknown))) as connection:
        connection.row_factory = sqlite3.Row
        said = [dict(row) for row in connection.execute("SELECT * FROM connections ORDER BY id")]
    assert said == [asdict(replace(CONNECTION, id=1)), asdict(replace(unknown, id=2))]
