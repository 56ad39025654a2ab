"""This is what exchanges can be asked for: filters, and the SQL that SQLite finds them with.

It refuses to run anything; the reader does.
"""

import json
from dataclasses import dataclass
from functools import lru_cache

from telemock.codings import decode_shown

# Columns with an index that ends in received_at, those that leave the fewest rows first.
_INDEXED = ("guid", "version", "path")

_HAS_PARAM = """
    EXISTS (
        SELECT 1
        FROM json_each(params) AS param,
             json_each(CASE param.type WHEN 'array' THEN param.value ELSE json_array(param.value) END) AS one
        WHERE param.key = ? AND one.value = ?
    )
"""

_CONTAINS = """
    telemock_contains(
        ?,
        method || ' ' || scheme || '://' || host || path || '?' || query || char(10) || coalesce(guid, '') || char(10)
        || coalesce(version, '') || char(10) || coalesce(env, '') || char(10) || coalesce(session_id, ''),
        params || request_headers || response_headers,
        request_headers, request_body, response_headers, response_body
    )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which exchanges; all that is given must hold. Times are in the form of `Exchange.received_at`.

    Attributes:
        guid, version, env, session, path, status, outcome: equal to the field.
        method: equal to the field in any case.
        since: received at or after.
        until: received before.
        params: pairs of name and value; one of the values of that query parameter is equal.
        grep: contained, in any case, in the target, a parameter, a header, an identity field or a body;
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
    since: str | None = None
    until: str | None = None
    params: tuple[tuple[str, str], ...] = ()
    grep: str | None = None


def filter_sql(filters: Filters, *, order: str, times: bool = False) -> tuple[list[str], list[object]]:
    """Write filters as SQL, for rows in the order of a column.

    SQLite knows nothing of how telling a value is: it is told which index to use, by the unary plus that
    hides a column from it (https://sqlite.org/optoverview.html#disqualifying_where_clause_terms_using_unary_).
    """
    equal = {
        "guid": filters.guid,
        "version": filters.version,
        "path": filters.path,
        "env": filters.env,
        "session_id": filters.session,
        "method": filters.method,
        "status": filters.status,
        "outcome": filters.outcome,
    }
    given = {column: value for column, value in equal.items() if value is not None}
    driving = next((column for column in _INDEXED if column in given), None) if order == "received_at" else None
    conditions = [f"{'' if column == driving else '+'}{column} = ?" for column in given]
    conditions = [f"{each} COLLATE NOCASE" if each.startswith("+method") else each for each in conditions]
    values: list[object] = [*given.values()]
    if times:
        hidden = "" if order == "received_at" else "+"
        for condition, time in ((">= ?", filters.since), ("< ?", filters.until)):
            if time is not None:
                conditions.append(f"{hidden}received_at {condition}")
                values.append(time)
    for name, value in filters.params:
        # Parsing JSON takes far longer than seeing that the value is nowhere in it.
        spellings = _spellings(value)
        conditions.append(f"({' OR '.join(['instr(params, ?)'] * len(spellings))}) AND {_HAS_PARAM}")
        values += [*spellings, name, value]
    if filters.grep is not None:
        conditions.append(_CONTAINS)
        values.append(filters.grep.casefold())
    return conditions, values


@lru_cache(maxsize=16)
def _spellings(text: str) -> tuple[str, ...]:
    """Give the ways a text stands inside the JSON that `telemock.exchange.compact_json` writes."""
    return tuple({json.dumps(text, ensure_ascii=False)[1:-1], json.dumps(text)[1:-1]})


def contains(  # noqa: PLR0917 - SQLite calls it
    needle: str,
    plain: str,
    coded: str,
    request_headers: str,
    request_body: bytes | None,
    response_headers: str,
    response_body: bytes | None,
) -> bool:
    """Tell for a row whether it holds a text; SQLite's LIKE knows no case but ASCII's, and stops at a NUL."""
    if needle in plain.casefold():
        return True
    coded = coded.casefold()
    if any(spelling.casefold() in coded for spelling in _spellings(needle)):
        return True
    for headers, body in ((request_headers, request_body), (response_headers, response_body)):
        shown = decode_shown(headers, body) if body is not None else None
        if shown is not None and needle in shown.decode("utf-8", "replace").casefold():
            return True
    return False
