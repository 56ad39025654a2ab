"""This is where exchanges become rows and rows become exchanges; nothing here touches a database."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import lru_cache
from itertools import compress
from operator import attrgetter
from typing import Any

from telemock.exchange import Connection, Exchange, Record

# Every field is a column of the same name; the schema itself is not imported, since SQLAlchemy takes
# three times as long to import as a query to run.
EXCHANGE_COLUMNS = tuple(field.name for field in fields(Exchange) if field.name != "id")
CONNECTION_COLUMNS = tuple(field.name for field in fields(Connection) if field.name != "id")

# Most pings have none of these; Python's driver takes longer for a None than for a text.
_RARE_COLUMNS = ("request_body", "stub_id", "session_id", "problems")

_rare = attrgetter(*_RARE_COLUMNS)
_connection_to_row = attrgetter(*CONNECTION_COLUMNS)


def table_rows(records: Sequence[Record]) -> tuple[str, tuple[str, ...], list[tuple[Any, ...]]]:
    """Give the table of records of one kind, the columns that they need, and a row for each."""
    if isinstance(records[0], Connection):
        return "connections", CONNECTION_COLUMNS, list(map(_connection_to_row, records))
    count = len(records)
    absent = [values.count(None) == count for values in zip(*map(_rare, records), strict=True)]
    columns, to_row = _without(tuple(absent))
    return "exchanges", columns, list(map(to_row, records))


@lru_cache
def _without(absent: tuple[bool, ...]) -> tuple[tuple[str, ...], Callable[[Record], tuple[Any, ...]]]:
    left_out = set(compress(_RARE_COLUMNS, absent))
    columns = tuple(name for name in EXCHANGE_COLUMNS if name not in left_out)
    return columns, attrgetter(*columns)


def row_to_exchange(row: Sequence[Any]) -> Exchange:
    """Build the exchange from a row of the id and `EXCHANGE_COLUMNS`."""
    return Exchange(**dict(zip(("id", *EXCHANGE_COLUMNS), row, strict=True)))
