from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from telemock.exports.flat import FIRST
from telemock.exports.parquet import GROUP_BYTES, write_parquet
from telemock.exports.records import NAMES, exchange_values
from tests.corpus import PING_BODY, STARTED, ping
from tests.exports.hostile import FORMULA, HOSTILE, TURNED


def written(folder: Path, names: Any, rows: Any) -> Any:
    write_parquet(folder / "out.parquet", names, rows)
    return parquet.read_table(folder / "out.parquet")


def test_columns_have_their_types(tmp_path: Path) -> None:
    table = written(tmp_path, NAMES, [exchange_values(ping(id=1))])
    types = dict(zip(table.schema.names, table.schema.types, strict=True))
    assert tuple(types) == NAMES
    assert types["received_at"] == types["client_time"] == pa.timestamp("us", "UTC")
    assert (types["id"], types["status"], types["latency_ms"]) == (pa.int64(), pa.int64(), pa.float64())
    assert (types["response_body"], types["request_truncated"]) == (pa.binary(), pa.bool_())
    assert types["params"] == types["path"] == pa.string()
    (row,) = table.to_pylist()
    assert (row["id"], row["received_at"], row["request_truncated"]) == (1, STARTED, False)
    assert (row["response_body"], row["request_body"], row["env"]) == (PING_BODY, None, "prod")


def test_fields_are_text(tmp_path: Path) -> None:
    table = written(tmp_path, (*FIRST, "query.n"), [(*range(1, len(FIRST) + 1), "7")])
    assert table.column("query.n").to_pylist() == ["7"]


def test_captured_text_stays_as_it_was_and_what_does_not_fit_is_empty(tmp_path: Path) -> None:
    rows = written(tmp_path, NAMES, map(exchange_values, HOSTILE)).to_pylist()
    assert (rows[0]["guid"], rows[1]["version"]) == (FORMULA, TURNED)
    assert rows[3]["request_body"] == b"x" * 2**20
    assert rows[7]["received_at"] is None
    assert len(rows) == len(HOSTILE)


def test_what_people_made_of_the_file_fits_or_is_empty(tmp_path: Path) -> None:
    odd = ping(status="ok", latency_ms="slow", received_at=5, env=b"\xff", request_body="text", method="\udcff")
    (row,) = written(tmp_path, NAMES, [exchange_values(odd)]).to_pylist()
    assert (row["status"], row["latency_ms"], row["received_at"]) == (None, None, None)
    assert (row["env"], row["request_body"], row["method"]) == ("b'\\xff'", b"text", "\ufffd")


def test_large_rows_are_written_before_many_are_held(tmp_path: Path) -> None:
    body = bytes(GROUP_BYTES // 2 + 1)
    write_parquet(tmp_path / "out.parquet", ["id", "request_body"], ([number, body] for number in range(5)))
    assert parquet.ParquetFile(tmp_path / "out.parquet").num_row_groups == 3


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    table = written(tmp_path, NAMES, [])
    assert (tuple(table.schema.names), table.num_rows) == (NAMES, 0)
