"""The schema in code is that of the file, its columns are the fields of the nouns, and its views tell the truth."""

import gzip
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from telemock.exchange import Connection, Exchange, compact_json
from telemock.store.schema import connections, exchanges, metadata
from tests.corpus import database, moment, ping

Rows = Sequence[tuple[Any, ...]]


def select(db: Path, sql: str) -> Rows:
    """Ask as `sqlite3` does, which takes any bytes for text."""
    with closing(sqlite3.connect(db)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogatepass")
        return connection.execute(sql).fetchall()


def structure(db: Path) -> dict[str, Rows]:
    """Give the columns of each table and each index, in order, with all that SQLite knows of them."""
    tables = select(db, "SELECT t.name, c.* FROM pragma_table_list AS t, pragma_table_xinfo(t.name) AS c ORDER BY 1, 2")
    indexes = select(
        db,
        "SELECT t.name, i.name, i.[unique], i.partial, c.* FROM pragma_table_list AS t,"
        " pragma_index_list(t.name) AS i, pragma_index_xinfo(i.name) AS c ORDER BY 1, 2, c.seqno",
    )
    wheres = select(db, "SELECT name, substr(sql, instr(sql, 'WHERE')) FROM sqlite_master WHERE sql LIKE '%WHERE%'")
    names = metadata.tables.keys()
    return {
        "tables": [row for row in tables if row[0] in names],
        "indexes": [row for row in indexes if row[0] in names],
        "wheres": sorted(row for row in wheres if row[0] in {index[1] for index in indexes}),
    }


def fields_of(db: Path, source: str) -> Rows:
    return select(db, f"SELECT name, value FROM fields WHERE source = '{source}' ORDER BY exchange_id, rowid")


def test_the_schema_in_code_is_what_the_migrations_make(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/code.db")
    metadata.create_all(engine)
    engine.dispose()
    made = structure(database(tmp_path))
    assert structure(tmp_path / "code.db") == made
    assert {row[0] for row in made["tables"]} == {*metadata.tables}
    assert len({row[1] for row in made["indexes"]}) == 13
    assert len(made["wheres"]) == 2


@pytest.mark.parametrize(("noun", "table"), [(Exchange, exchanges), (Connection, connections)])
def test_every_field_of_a_noun_is_a_column_and_the_other_way_round(noun: type, table: Any) -> None:
    assert sorted(field.name for field in fields(noun)) == sorted(table.columns.keys())


def test_telemetry_has_a_line_for_each_exchange(tmp_path: Path) -> None:
    bad = replace(ping(1), problems='["a","b"]', guid=None, outcome="unmatched", status=404)
    db = database(tmp_path, ping(), bad)
    said = select(db, "SELECT id, received_at, status, outcome, guid, problem_count FROM telemetry ORDER BY id")
    assert said == [
        (1, moment(0), 200, "mock", ping().guid, 0),
        (2, moment(1), 404, "unmatched", None, 2),
    ]


def test_instances_have_their_versions_and_when_they_were_seen(tmp_path: Path) -> None:
    db = database(
        tmp_path,
        ping(3, guid="one", version="2"),
        ping(1, guid="one", version="1"),
        ping(2, guid="one", version="2"),
        ping(4, guid="two", version="1"),
        replace(ping(5), guid=None),
    )
    said = select(db, "SELECT guid, first_seen, last_seen, exchange_count FROM instances ORDER BY guid")
    assert said == [("one", moment(1), moment(3), 3), ("two", moment(4), moment(4), 1)]
    versions = select(db, "SELECT versions FROM instances ORDER BY guid")
    assert [sorted(text.split(",")) for (text,) in versions] == [["1", "2"], ["1"]]


def test_fields_have_each_value_of_a_repeated_parameter_and_take_no_value_for_json(tmp_path: Path) -> None:
    params = {"a": ["1", "2", "1"], "b": "", "c": '["x"]', "d": '{"e":1}', "": "ü", "f": "\udcff", "g.h": "null"}
    db = database(tmp_path, ping(params=compact_json(params)))
    pairs = [(name, value) for name, values in params.items() for value in ([values], values)[type(values) is list]]
    assert sorted(fields_of(db, "query")) == sorted(pairs)


def test_fields_have_each_header_as_it_came(tmp_path: Path) -> None:
    headers = [["Host", "a"], ["X", "1"], ["x", "1"], ["X", "[1]"], ["N", "007"], ["B", "\udcff"], ["", ""]]
    db = database(tmp_path, ping(request_headers=compact_json(headers)))
    assert sorted(fields_of(db, "header")) == sorted((name, value) for name, value in headers)


def test_fields_have_each_trailer_as_it_came(tmp_path: Path) -> None:
    trailers = [["X", "1"], ["x", "[1]"], ["B", "\udcff"]]
    db = database(tmp_path, ping(request_trailers=compact_json(trailers)), ping())
    assert sorted(fields_of(db, "trailer")) == sorted((name, value) for name, value in trailers)


def test_fields_have_each_value_inside_a_json_body_by_its_path(tmp_path: Path) -> None:
    body = {"a": {"b": [1, 2.5, {"c": None}]}, "d e": "ü", "t": True, "f": False, "none": [], "at all": {}}
    lone = b'{"s":"\\udcff"}'
    db = database(tmp_path, ping(request_body=json.dumps(body).encode()), ping(request_body=lone))
    assert dict(iter(fields_of(db, "body"))) == {
        "$.a.b[0]": 1,
        "$.a.b[1]": 2.5,
        "$.a.b[2].c": None,
        '$."d e"': "ü",
        "$.t": 1,
        "$.f": 0,
        "$.s": "\udcff",
    }


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"\x00\xff\xfe",
        b"\xff" * 1000,
        b"name=value&b=[1]",
        b'{"a":1}\n{"a":2}\n',
        b'{"a":',
        b"[" * 5000 + b"]" * 5000,
        gzip.compress(b'{"a":1}', mtime=0),
    ],
)
def test_a_body_that_is_no_json_has_no_fields_and_is_in_the_way_of_no_other(tmp_path: Path, body: bytes | None) -> None:
    db = database(tmp_path, ping(request_body=body), ping(request_body=b'{"a":1}'))
    assert fields_of(db, "body") == [("$.a", 1)]
    assert len(select(db, "SELECT * FROM fields WHERE name = 'Host'")) == 2
