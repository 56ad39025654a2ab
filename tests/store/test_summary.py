"""The summary says of fields and instances what the view `fields` and the exchanges do, whatever was sent and when."""

import json
import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telemock.exchange import Exchange, compact_json
from telemock.profiles.profile import _params_with_arrays
from telemock.store.summary import FURTHER, MAX_FIELDS
from telemock.store.summary_store import MAX_BODY_BYTES
from tests.corpus import database, ping
from tests.exports.hostile import HOSTILE
from tests.store.summing import sum_up

Rows = list[tuple[Any, ...]]

INVENTORY = """
    SELECT source, field(name), count(DISTINCT exchange_id), count(DISTINCT CAST(value AS TEXT)), min(received_at),
           max(received_at), min(CAST(value AS TEXT)), max(CAST(value AS TEXT))
    FROM fields JOIN exchanges ON id = exchange_id GROUP BY 1, 2 ORDER BY 1, 2
"""
SUMMARY = """
    SELECT source, name, exchange_count, value_count, first_seen, last_seen, least, most
    FROM field_summary ORDER BY source, name
"""
VERSIONS = """
    SELECT DISTINCT source, field(name), version FROM fields JOIN exchanges ON id = exchange_id
    WHERE version IS NOT NULL
    ORDER BY 1, 2, 3
"""
CONSTANT = """
    SELECT source, name FROM (
        SELECT source, field(name) AS name, guid, count(DISTINCT CAST(value AS TEXT)) AS own
        FROM fields JOIN exchanges ON id = exchange_id WHERE guid IS NOT NULL GROUP BY 1, 2, 3
    ) GROUP BY source, name HAVING max(own) > 1 ORDER BY 1, 2
"""
INSTANCES = """
    SELECT guid, min(received_at), max(received_at), count(*) FROM exchanges WHERE guid IS NOT NULL
    GROUP BY guid ORDER BY guid
"""


def ask(db: Path, sql: str) -> Rows:
    with closing(sqlite3.connect(db)) as connection:
        connection.create_function("field", 1, lambda name: re.sub(r"\[\d+\]", "[]", name))
        return connection.execute(sql).fetchall()


def assert_true(db: Path) -> None:
    """Hold the summary against what it sums up."""
    assert ask(db, SUMMARY) == ask(db, INVENTORY)
    assert ask(db, "SELECT source, name, version FROM field_versions ORDER BY 1, 2, 3") == ask(db, VERSIONS)
    assert ask(db, "SELECT source, name FROM field_summary WHERE varies_per_instance ORDER BY 1, 2") == ask(
        db, CONSTANT
    )
    kept = ask(db, "SELECT DISTINCT source, name, value FROM field_values ORDER BY 1, 2, 3")
    assert kept == ask(
        db, "SELECT DISTINCT source, field(name), CAST(value AS TEXT) FROM fields WHERE value NOTNULL ORDER BY 1, 2, 3"
    )
    instances = "SELECT guid, first_seen, last_seen, exchange_count FROM instances ORDER BY guid"
    assert ask(db, instances) == ask(db, INSTANCES)
    last_id, count = ask(db, "SELECT last_id, exchange_count FROM progress WHERE task = 'summary'")[0]
    assert (last_id, count) == ask(db, "SELECT max(id), count(*) FROM exchanges")[0]


def asked(number: int, query: str, **changes: Any) -> Exchange:
    return ping(number, query=query, params=_params_with_arrays(query), **changes)


def fleet(seed: int, count: int) -> list[Exchange]:
    """Send from a few installations of two versions, in no order of time, all that queries and bodies can be."""
    rng = random.Random(seed)
    queries = (
        "a={n}&b=1&c={g}",
        "b=1&a={n}&c={g}",
        "a={n}&&b=%C3%A9+{n}&c={g}",
        "a={n}&a={g}&c={g}",
        "a&b=&=x&{g}={n}",
        "a=%&b=%FF&c=a=b",
        "",
    )
    bodies = (None, None, b'{"x":{n},"y":[1,{n},null],"z":{"t":true,"f":1.5}}', b"{", b"\xff", b"[]")
    made = []
    for number in range(count):
        guid = rng.choice(["one", "two", "three", None])
        said = {"n": str(rng.randrange(5)), "g": str(guid)}
        query = rng.choice(queries)
        body = rng.choice(bodies)
        for name, value in said.items():
            query = query.replace(f"{{{name}}}", value)
            body = body and body.replace(f"{{{name}}}".encode(), value.encode())
        headers = [["Host", "h"], *([["X", said["n"]], ["X", "b"]] if number % 3 else [["x", said["g"]]])]
        trailers = compact_json([["X-Sum", said["n"]], ["x", "1"]]) if number % 4 == 1 else None
        changes = {"guid": guid, "version": rng.choice(["1", "2", None]), "request_headers": compact_json(headers)}
        changes["request_trailers"] = trailers
        made.append(asked(rng.randrange(count), query, request_body=body, **changes))
    return made


@pytest.mark.parametrize("page", [1, 7, 1000])
@pytest.mark.parametrize("seed", [1, 2])
def test_it_says_what_the_exchanges_say_page_by_page(tmp_path: Path, seed: int, page: int) -> None:
    db = database(tmp_path, *fleet(seed, 60))
    sum_up(db, page=page)
    assert_true(db)


def test_it_says_what_queries_say_that_are_mostly_alike_whatever_of_them_changes(tmp_path: Path) -> None:
    made = []
    for number in range(600):
        guid = ("one", "two", None)[number % 3] if number < 500 else f"late-{number % 2}"
        said = f"n={number}&g={guid}&v={number // 250}&same=1&same=2&c%20d=x+y&e=%C3%A9&u=%25{number % 7}"
        said += "&once=2" if number == 450 else "&once=1"
        said += "&late=2" if number == 598 else "&late=1"
        said += "&more=a=b" if number % 50 == 7 else ""
        made.append(asked(number, said, guid=guid, version=str(number // 250)))
    db = database(tmp_path, *made)
    sum_up(db, page=100)
    assert_true(db)


def test_it_goes_on_where_it_was_and_another_process_where_that_was(tmp_path: Path) -> None:
    db = database(tmp_path, *fleet(3, 30))
    one = sum_up(db)
    database(tmp_path, *fleet(4, 30))
    other = sum_up(db)
    assert_true(db)
    database(tmp_path, *fleet(5, 30))
    sum_up(db, one)
    database(tmp_path, *fleet(6, 30))
    sum_up(db, other)
    assert_true(db)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM exchanges WHERE id = 5",
        "UPDATE exchanges SET query = 'b=2' WHERE id = 5",
        """UPDATE exchanges SET request_trailers = '[["y","2"]]' WHERE id = 5""",
    ],
)
def test_what_was_changed_by_hand_is_summed_up_anew(tmp_path: Path, change: str) -> None:
    db = database(tmp_path, *fleet(7, 30))
    store = sum_up(db)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(change)
        connection.execute("UPDATE exchanges SET params = '{\"b\":\"2\"}' WHERE query = 'b=2'")
    assert ask(db, "SELECT last_id FROM progress WHERE task = 'summary'") == [(0,)]
    assert ask(db, "SELECT count(*) FROM field_summary") == [(0,)]
    sum_up(db, store)
    assert_true(db)


def test_instances_are_right_before_anything_was_summed_up_and_in_between(tmp_path: Path) -> None:
    db = database(tmp_path, *fleet(8, 30))
    instances = "SELECT guid, first_seen, last_seen, exchange_count FROM instances ORDER BY guid"
    assert ask(db, instances) == ask(db, INSTANCES)
    sum_up(db)
    database(tmp_path, *fleet(9, 30))
    assert ask(db, instances) == ask(db, INSTANCES)


def test_of_many_values_some_are_kept_and_how_many_there_are_is_estimated(tmp_path: Path) -> None:
    numbers = [*range(5000), *range(5000)]
    db = database(tmp_path, *(asked(number % 100, f"n={number}&long={'x' * 2000}") for number in numbers))
    sum_up(db, page=1000)
    (known,) = ask(db, "SELECT value_count, exchange_count, varies_per_instance FROM field_summary WHERE name = 'n'")
    assert known[1:] == (10_000, 1)
    assert known[0] == pytest.approx(5000, rel=0.15)
    assert ask(db, "SELECT count(*) FROM field_values WHERE name = 'n'") == [(1000,)]
    assert ask(db, "SELECT value_count FROM field_summary WHERE name = 'long'") == [(1,)]
    assert ask(db, "SELECT count(*) FROM field_values WHERE name = 'long'") == [(0,)]


def test_nothing_that_was_sent_or_written_by_hand_stops_it(tmp_path: Path) -> None:
    db = database(tmp_path, *HOSTILE)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE exchanges SET received_at = x'00ff', guid = 7, version = x'ff' WHERE id = 1")
        connection.execute("UPDATE exchanges SET request_headers = 5, query = x'ff3d' WHERE id = 2")
    sum_up(db)
    assert ask(db, "SELECT last_id FROM progress WHERE task = 'summary'") == [(len(HOSTILE),)]
    assert json.loads(ask(db, "SELECT json_group_array(name) FROM field_summary")[0][0])


def test_fields_beyond_a_limit_are_told_together_and_long_bodies_take_no_room(tmp_path: Path) -> None:
    names = [compact_json({f"f{number}-{each}": 1 for each in range(900)}).encode() for number in range(13)]
    long = b"[" + b"1," * MAX_BODY_BYTES + b"1]"
    db = database(tmp_path, *(ping(number, request_body=body) for number, body in enumerate([*names, long])))
    sum_up(db, page=1000)
    assert ask(db, "SELECT count(*) FROM field_summary") == [(MAX_FIELDS + 1,)]
    ((exchanges, values),) = ask(db, f"SELECT exchange_count, value_count FROM field_summary WHERE name = '{FURTHER}'")
    assert (exchanges > 0, values) == (True, 1)
    assert ask(db, "SELECT count(*) FROM field_summary WHERE name = '$[]'") == [(0,)]
