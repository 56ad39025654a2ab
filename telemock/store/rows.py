"""This is where exchanges become rows and rows become exchanges; nothing here touches a database."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import lru_cache
from itertools import compress
from operator import attrgetter
from typing import Any, NamedTuple

from telemock.exchange import Connection, Exchange, Record

# Every field is a column of the same name; the schema itself is not imported, since SQLAlchemy takes
# three times as long to import as a query to run.
EXCHANGE_COLUMNS = tuple(field.name for field in fields(Exchange) if field.name != "id")
CONNECTION_COLUMNS = tuple(field.name for field in fields(Connection) if field.name != "id")

# Most pings have none of these; Python's driver takes longer for a None than for a text.
_RARE_COLUMNS = ("request_body", "stub_id", "session_id", "problems")

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
)

_rare = attrgetter(*_RARE_COLUMNS)
_common = attrgetter(*_COMMON_COLUMNS)
_connection_to_row = attrgetter(*CONNECTION_COLUMNS)


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
        return Rows("connections", CONNECTION_COLUMNS, (), list(map(_connection_to_row, records)))
    count = len(records)
    absent = [values.count(None) == count for values in zip(*map(_rare, records), strict=True)]
    commons = [*map(_common, records)]
    common = commons[0] if commons.count(commons[0]) == count else ()
    columns, to_own = _layout(tuple(absent), bool(common))
    return Rows("exchanges", columns, common, list(map(to_own, records)))


@lru_cache
def _layout(
    absent: tuple[bool, ...],
    is_common: bool,  # noqa: FBT001 - a key of the cache
) -> tuple[tuple[str, ...], Callable[[Record], tuple[Any, ...]]]:
    first = _COMMON_COLUMNS if is_common else ()
    left_out = {*compress(_RARE_COLUMNS, absent), *first}
    own = tuple(name for name in EXCHANGE_COLUMNS if name not in left_out)
    return (*first, *own), attrgetter(*own)


def row_to_exchange(row: Sequence[Any]) -> Exchange:
    """Build the exchange from a row of the id and `EXCHANGE_COLUMNS`."""
    return Exchange(**dict(zip(("id", *EXCHANGE_COLUMNS), row, strict=True)))
