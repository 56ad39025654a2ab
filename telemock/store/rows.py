"""This is where records become rows and rows become records again; nothing here touches a database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import compress
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

from telemock.exchange import Connection, Exchange, Record

_R = TypeVar("_R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[_R]):
    """A table and the records in it; every field of a record is a column of the same name.

    The schema itself is not imported, since SQLAlchemy takes three times as long to import as a query to run.

    Attributes:
        name: what SQL calls it.
        record: what its rows become.
        columns: all but the id.
        time: the one that tells when; it has an index.
        large: those that may hold much.
        later: those that a file of an older schema may not have.
    """

    name: str
    record: type[_R]
    columns: tuple[str, ...]
    time: str
    large: tuple[str, ...]
    later: tuple[str, ...] = ()

    @property
    def typed_columns(self) -> list[str]:
        """Give the columns as SQL that `typed` writes, to build records from."""
        return [*map(typed, self.columns)]

    @property
    def large_places(self) -> list[int]:
        """Give the places of the large ones among the columns."""
        return [*map(self.columns.index, self.large)]


def _columns(record: type[Record]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record) if field.name != "id")


EXCHANGES = Table(
    name="exchanges",
    record=Exchange,
    columns=_columns(Exchange),
    time="received_at",
    large=("request_body", "response_body"),
    later=("port", "request_trailers"),
)
CONNECTIONS = Table(
    name="connections", record=Connection, columns=_columns(Connection), time="opened_at", large=("detail",)
)

_TYPES = {
    "request_body": "BLOB",
    "response_body": "BLOB",
    "request_truncated": "INTEGER",
    "status": "INTEGER",
    "latency_ms": "REAL",
    "port": "INTEGER",
    "bytes_up": "INTEGER",
    "bytes_down": "INTEGER",
    "duration_ms": "REAL",
}


def typed(column: str) -> str:
    """Write a column of either table as SQL that gives what the column is for, whatever people put there; NULL stays.

    A blob where text should be is written as SQL writes it: `x'00FF'`.
    """
    if column in _TYPES:
        return f"CAST({column} AS {_TYPES[column]})"
    # All blobs, and nothing else, are at least as large as an empty one; this takes half the time of `typeof`.
    return f"CASE WHEN {column} >= x'' THEN 'x' || quote(hex({column})) ELSE {column} END"


# Most pings have none of these; Python's driver takes longer for a None than for a text.
_RARE_COLUMNS = ("request_body", "stub_id", "session_id", "problems", "request_trailers")

# The pings of a product have these in common.
_COMMON_COLUMNS = (
    "scheme",
    "method",
    "host",
    "path",
    "request_headers",
    "request_truncated",
    "via",
    "status",
    "response_headers",
    "response_body",
    "outcome",
    "profile",
    "port",
)

_rare = attrgetter(*_RARE_COLUMNS)
_common = attrgetter(*_COMMON_COLUMNS)
_connection_to_row = attrgetter(*CONNECTIONS.columns)


class Rows(NamedTuple):
    """Rows of one table.

    Attributes:
        table: its name.
        columns: those that the rows need; first those whose values all rows have in common.
        common: the common values, none when the rows differ.
        own: for each row the values of the other columns.
    """

    table: str
    columns: tuple[str, ...]
    common: tuple[Any, ...]
    own: list[tuple[Any, ...]]


def table_rows(records: Sequence[Record]) -> Rows:
    """Give the rows of records of one kind."""
    if isinstance(records[0], Connection):
        return Rows(CONNECTIONS.name, CONNECTIONS.columns, (), list(map(_connection_to_row, records)))
    count = len(records)
    absent = [values.count(None) == count for values in zip(*map(_rare, records), strict=True)]
    commons = [*map(_common, records)]
    common = commons[0] if commons.count(commons[0]) == count else ()
    columns, to_own = _layout(tuple(absent), bool(common))
    return Rows(EXCHANGES.name, columns, common, list(map(to_own, records)))


@lru_cache
def _layout(
    absent: tuple[bool, ...],
    is_common: bool,  # noqa: FBT001 - a key of the cache
) -> tuple[tuple[str, ...], Callable[[Record], tuple[Any, ...]]]:
    first = _COMMON_COLUMNS if is_common else ()
    left_out = {*compress(_RARE_COLUMNS, absent), *first}
    own = tuple(name for name in EXCHANGES.columns if name not in left_out)
    return (*first, *own), attrgetter(*own)


def row_to_record(table: Table[_R], row: Sequence[Any]) -> _R:
    """Build the record from a row of the id and the table's columns."""
    return table.record(**dict(zip(("id", *table.columns), row, strict=True)))
