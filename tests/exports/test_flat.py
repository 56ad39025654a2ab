import gzip
import json
from operator import attrgetter
from typing import Any

from telemock.exchange import Exchange, compact_json
from telemock.exports.flat import FIRST, MAX_FIELDS, SOURCES, Columns, flat_line
from tests.corpus import ping
from tests.exports.hostile import HOSTILE

SENT = ping(
    id=1,
    query="v=1&a=x+y&a=%41&a",
    request_body=b'{"user":{"id":7},"tags":["a","b"]}',
    request_headers=compact_json([["Host", "h"], ["Cookie", "sid=s; theme=dark"]]),
)
FIELDS = {
    "query.v": "1",
    "query.a": ["x y", "A", ""],
    "body.$.user.id": "7",
    "body.$.tags[]": ["a", "b"],
    "header.host": "h",
    "cookie.sid": "s",
    "cookie.theme": "dark",
}


def values(exchange: Exchange) -> tuple[Any, ...]:
    given: tuple[Any, ...] = attrgetter(*FIRST, *SOURCES)(exchange)
    return given


def table(*exchanges: Exchange) -> tuple[Columns, list[dict[str, Any]]]:
    columns = Columns()
    for exchange in exchanges:
        columns.meet(values(exchange)[len(FIRST) :])
    names = (*FIRST, *columns.names)
    return columns, [dict(zip(names, columns.cells(values(exchange)), strict=True)) for exchange in exchanges]


def test_a_line_has_all_fields_of_a_request() -> None:
    line = json.loads(flat_line(values(SENT)))
    assert line["fields"] == FIELDS
    assert line == {name: getattr(SENT, name) for name in FIRST} | {"fields": FIELDS}


def test_each_field_has_a_column_and_what_repeats_is_an_array() -> None:
    columns, (row, other) = table(SENT, ping(query="w=2", request_headers="[]"))
    assert [*columns.names] == [*FIELDS, "query.w"]
    assert (row["query.v"], row["query.a"], row["query.w"]) == ("1", '["x y","A",""]', None)
    assert {name: other[name] for name in columns.names if other[name] is not None} == {"query.w": "2"}


def test_values_of_fields_beyond_the_limit_are_counted() -> None:
    body = compact_json({f"f{number}": number for number in range(MAX_FIELDS + 3)}).encode()
    columns, _ = table(ping(query="", request_headers="[]", request_body=body))
    assert (len(columns.names), columns.left_out) == (MAX_FIELDS, 3)


def test_a_name_that_repeats_very_often_has_all_its_values() -> None:
    line = json.loads(flat_line(values(ping(query="a&" * 500_000))))
    assert len(line["fields"]["query.a"]) == 500_000


def test_gzip_that_no_header_tells_of_has_the_fields_that_are_in_it() -> None:
    columns, _ = table(ping(query="", request_headers="[]", request_body=gzip.compress(b'{"a":1}')))
    assert "body.$.a" in columns.names


def test_hostile_exchanges_have_lines_and_cells() -> None:
    _, rows = table(*HOSTILE)
    assert [row["received_at"] for row in rows] == [exchange.received_at for exchange in HOSTILE]
    for exchange in HOSTILE:
        line = flat_line(values(exchange))
        assert line.count("\n") == 1
        assert json.loads(line)["fields"] is not None
