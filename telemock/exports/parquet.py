"""This is Apache Parquet, for who has pyarrow: typed columns, compressed, a group of rows at a time.

It refuses to be needed: nothing else imports pyarrow.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from telemock.errors import ExportError
from telemock.exports.records import BODY_FIELDS, JSON_FIELDS, TIME_FIELDS
from telemock.text import printable_json, whole_characters

# What is held until it is written together; more of it makes a file that reads faster.
GROUP_CELLS = 500_000
GROUP_BYTES = 16 * 2**20


def write_parquet(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table.

    Args:
        path: where it is written.
        names: of the columns; those of an exchange have its types, all others are text.
        rows: of the values that an exchange has; what people made of them in the file is empty where it does not fit.

    Raises:
        ExportError: there is no pyarrow.
        OSError: it cannot be written.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - only this format needs it
        from pyarrow import parquet  # noqa: PLC0415 - see above
    except ImportError as error:
        raise ExportError("Parquet needs pyarrow; install it with: pip install 'telemock[parquet]'.") from error
    kinds: dict[Callable[[Any], Any], Any] = {
        _whole: pa.int64(),
        _decimal: pa.float64(),
        _flag: pa.bool_(),
        _moment: pa.timestamp("us", "UTC"),
        _octets: pa.binary(),
        _text: pa.string(),
        _json: pa.string(),
    }
    fitting: list[Callable[[Any], Any]] = [_FITTING.get(name, _text) for name in names]
    schema = pa.schema([(str(_text(name)), kinds[fit]) for name, fit in zip(names, fitting, strict=True)])
    with parquet.ParquetWriter(str(path), schema, compression="zstd") as file:
        for group in _groups(rows, max(GROUP_CELLS // len(names), 1)):
            columns = [
                pa.array([None if value is None else fit(value) for value in values], field.type)
                for values, fit, field in zip(zip(*group, strict=True), fitting, schema, strict=True)
            ]
            file.write_table(pa.Table.from_arrays(columns, schema=schema))


def _groups(rows: Iterable[Sequence[Any]], most: int) -> Iterator[list[Sequence[Any]]]:
    group: list[Sequence[Any]] = []
    size = 0
    for row in rows:
        group.append(row)
        size += sum([len(value) for value in row if isinstance(value, str | bytes)])
        if len(group) == most or size > GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _decimal(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _flag(value: Any) -> bool:
    return bool(value)


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(value))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "backslashreplace")


def _text(value: Any) -> str:
    return whole_characters(str(value))


def _json(value: Any) -> str:
    return printable_json(_text(value))


_FITTING: dict[str, Callable[[Any], Any]] = {
    "id": _whole,
    "status": _whole,
    "latency_ms": _decimal,
    "request_truncated": _flag,
    **dict.fromkeys(TIME_FIELDS, _moment),
    **dict.fromkeys(BODY_FIELDS, _octets),
    **dict.fromkeys(JSON_FIELDS, _json),
}
