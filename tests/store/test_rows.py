"""An exchange is the same after it was a row, and so is a connection."""

import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

from telemock.exchange import Connection
from telemock.store.rows import EXCHANGE_COLUMNS, exchange_to_row, row_to_exchange
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


def test_a_row_and_its_id_become_the_exchange_again() -> None:
    exchange = ping(request_body=b"\x00", request_truncated=True, stub_id="a", session_id="b", problems='["c"]')
    assert row_to_exchange((7, *exchange_to_row(exchange))) == replace(exchange, id=7)


def test_a_number_from_the_file_becomes_the_truth_again() -> None:
    row = dict(zip(EXCHANGE_COLUMNS, exchange_to_row(ping()), strict=True)) | {"request_truncated": 1}
    assert row_to_exchange((1, *row.values())).request_truncated is True


def test_a_connection_has_all_its_fields_in_the_file(tmp_path: Path) -> None:
    unknown = replace(CONNECTION, port=None, duration_ms=None, kind="malformed", host="")
    with closing(sqlite3.connect(database(tmp_path, CONNECTION, ping(), unknown))) as connection:
        connection.row_factory = sqlite3.Row
        said = [dict(row) for row in connection.execute("SELECT * FROM connections ORDER BY id")]
    assert said == [asdict(replace(CONNECTION, id=1)), asdict(replace(unknown, id=2))]
