"""This is what exchanges and connections can be asked for: filters, and the SQL that SQLite finds them with.

It refuses to run anything; the reader does.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Generic, TypeVar

from telemock.codings import decode_read
from telemock.exchange import Connection, Exchange, Record
from telemock.hosts import DEFAULT_PORTS, host_spellings
from telemock.store.rows import CONNECTIONS, EXCHANGES, Table

_R = TypeVar("_R", bound=Record)

# Filters that are not named for their column.
_COLUMNS = {"session": "session_id"}

_AUTHORITY = re.compile(r"(?:\[([^]]*)\]|([^:]*))(?::([0-9]{0,5}))?")

# Columns whose letters' case says nothing.
_ANY_CASE = ("method",)

_HAS_PARAM = """
    EXISTS (
        SELECT 1
        FROM json_each(params) AS param,
             json_each(CASE param.type WHEN 'array' THEN param.value ELSE json_array(param.value) END) AS one
        WHERE param.key = ? AND one.value = ?
    )
"""

_DEFAULT_PORT = " ".join(["CASE scheme", *(f"WHEN '{of}' THEN {port}" for of, port in DEFAULT_PORTS.items()), "END"])

_CONTAINS = f"""
    telemock_contains(
        ?,
        CAST(
            method || ' ' || scheme || '://' || host || coalesce(':' || nullif(port, {_DEFAULT_PORT}), '') || path
            || '?' || query || char(10) || coalesce(guid, '') || char(10) || coalesce(version, '') || char(10)
            || coalesce(env, '') || char(10) || coalesce(session_id, '') AS BLOB
        ),
        CAST(params || coalesce(request_trailers, '') AS BLOB),
        CAST(request_headers AS BLOB), CAST(request_body AS BLOB),
        CAST(response_headers AS BLOB), CAST(response_body AS BLOB)
    )
"""

_CONNECTION_CONTAINS = """
    telemock_contains(
        ?,
        CAST(
            host || coalesce(':' || port, '') || char(10) || client || char(10) || kind || char(10) || detail AS BLOB
        ),
        x'', x'', NULL, x'', NULL
    )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFilters(Generic[_R]):
    """Which records of a table; all that is given must hold. Times are in the form of `Exchange.received_at`.

    Attributes:
        host: equal to the field in any case, however it is spelled; `host:port` is of that port only, of the scheme's
            where none is known.
        since: received, or opened, at or after.
        until: received, or opened, before.
        grep: contained, in any case, in the record; a subclass tells where.
        table: where the records are.
        equal: the filters that a column is compared to.
        indexed: columns with an index that ends in the time, those that leave the fewest rows first.
        port: SQL that gives the port.
        contains: SQL that looks for a text.
    """

    host: str | None = None
    since: str | None = None
    until: str | None = None
    grep: str | None = None

    table: ClassVar[Table[Any]]
    equal: ClassVar[tuple[str, ...]]
    indexed: ClassVar[tuple[str, ...]] = ()
    port: ClassVar[str]
    contains: ClassVar[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters(TableFilters[Exchange]):
    """Which exchanges.

    Attributes:
        guid, version, env, session, path, status, outcome: equal to the field.
        method: equal to the field in any case.
        params: pairs of name and value; one of the values of that query parameter is equal.
        grep: contained, in any case, in the target, a parameter, a header or trailer, an identity field or a body;
            bodies are searched with their content coding undone.
    """

    guid: str | None = None
    version: str | None = None
    env: str | None = None
    session: str | None = None
    path: str | None = None
    method: str | None = None
    status: int | None = None
    outcome: str | None = None
    params: tuple[tuple[str, str], ...] = ()

    table = EXCHANGES
    equal = ("guid", "version", "path", "env", "session", "method", "status", "outcome")
    indexed = ("guid", "version", "path")
    port = f"coalesce(port, {_DEFAULT_PORT})"
    contains = _CONTAINS


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFilters(TableFilters[Connection]):
    """Which connections.

    Attributes:
        kind: equal to the field.
        grep: contained, in any case, in host and port, client, kind or detail.
    """

    kind: str | None = None

    table = CONNECTIONS
    equal = ("kind",)
    port = "port"
    contains = _CONNECTION_CONTAINS


def driving_column(filters: TableFilters[Any]) -> str | None:
    """Give the column that is compared to and whose index is used, for rows in the order of their times."""
    return next((column for column in filters.indexed if getattr(filters, column) is not None), None)


def filter_sql(filters: TableFilters[Any], *, order: str, times: bool = False) -> tuple[list[str], list[object]]:
    """Write filters as SQL, for rows in the order of a column.

    SQLite knows nothing of how telling a value is: it is told which index to use, by the unary plus that
    hides a column from it (https://sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_).
    """
    time_column = filters.table.time
    host, port = (None, None) if filters.host is None else _host_and_port(filters.host)
    equal = {name: getattr(filters, name) for name in filters.equal}
    given = {_COLUMNS.get(name, name): value for name, value in equal.items() if value is not None}
    driving = driving_column(filters) if order == time_column else None
    conditions = [
        f"{'' if column == driving else '+'}{column} = ?{' COLLATE NOCASE' if column in _ANY_CASE else ''}"
        for column in given
    ]
    values: list[object] = [*given.values()]
    if host is not None:
        names = host_spellings(host)
        conditions.append(f"+host COLLATE NOCASE IN ({', '.join(['?'] * len(names))})")
        values += names
    if port is not None:
        conditions.append(f"{filters.port} = ?")
        values.append(port)
    if times:
        hidden = "" if order == time_column else "+"
        for condition, time in ((">= ?", filters.since), ("< ?", filters.until)):
            if time is not None:
                conditions.append(f"{hidden}{time_column} {condition}")
                values.append(time)
    for name, value in filters.params if isinstance(filters, Filters) else ():
        # Parsing JSON takes far longer than seeing that the value is nowhere in it.
        spellings = _spellings(value)
        conditions.append(f"({' OR '.join(['instr(params, ?)'] * len(spellings))}) AND {_HAS_PARAM}")
        values += [*spellings, name, value]
    if filters.grep is not None:
        conditions.append(filters.contains)
        values.append(filters.grep.casefold())
    return conditions, values


def _host_and_port(text: str) -> tuple[str, int | None]:
    """Take apart `host`, `host:port`, `[IPv6]` and `[IPv6]:port`; a bare IPv6 address is a host."""
    parts = _AUTHORITY.fullmatch(text)
    return (text, None) if parts is None else (parts[1] or parts[2], int(parts[3]) if parts[3] else None)


@lru_cache(maxsize=16)
def _spellings(text: str) -> tuple[str, ...]:
    """Give the ways a text stands inside the JSON that `telemock.exchange.compact_json` writes."""
    return tuple({json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]})


def contains(  # noqa: PLR0917 - SQLite calls it
    needle: str,
    plain: bytes,
    params: bytes,
    request_headers: bytes,
    request_body: bytes | None,
    response_headers: bytes,
    response_body: bytes | None,
) -> bool:
    """Tell for a row whether it holds a text; SQLite's LIKE knows no case but ASCII's, and stops at a NUL.

    Texts come as bytes: people may have put any into the file.
    """
    if needle in _text(plain).casefold():
        return True
    headers = _text(request_headers), _text(response_headers)
    coded = (_text(params) + "".join(headers)).casefold()
    if any(spelling.casefold() in coded for spelling in _spellings(needle)):
        return True
    for coding, body in zip(headers, (request_body, response_body), strict=True):
        if body is not None and needle in _text(decode_read(coding, body) or body).casefold():
            return True
    return False


def _text(octets: bytes) -> str:
    return octets.decode(errors="replace")
