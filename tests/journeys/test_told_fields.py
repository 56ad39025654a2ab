"""What `analyze` and `diff` say of fields is true of the field, not of single values."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from telemock.exchange import Exchange
from tests.cli.process import run
from tests.corpus import GUID, VERSION, database, ping

NEWER = "4.17.0-1f2e3d4c"
OTHER = "t.vendor.example"


def fields(db: Path, *options: str) -> dict[str, dict[str, Any]]:
    """Return what is told of the fields of the only endpoint, by name."""
    done = run("analyze", "--format", "json", "--db", db, *options)
    assert done.returncode == 0, done.stderr
    (endpoint,) = json.loads(done.stdout)["endpoints"]
    return {field["name"]: field for field in endpoint["fields"] if field["source"] != "header"}


def sent(*bodies: object, host: str = OTHER, **changes: Any) -> list[Exchange]:
    """Return a request a minute with each of some JSON bodies."""
    return [
        ping(60 * number, method="POST", host=host, path="/e", query="", request_body=_written(body), **changes)
        for number, body in enumerate(bodies)
    ]


def _written(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def volumes(name: str, values: Iterable[int], first: int = 0, **changes: Any) -> list[Exchange]:
    """Return a request a minute with each of some numbers in its query."""
    return [
        ping(60 * (first + number), query=f"guid={GUID}&{name}={value}", **changes)
        for number, value in enumerate(values)
    ]


@pytest.mark.parametrize("host", ["cdn.cribl.io", OTHER])
@pytest.mark.parametrize("name", ["ib", "x"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (range(1_200_000_000, 1_500_000_000, 5_000_000), range(1_500_000_000, 1_900_000_000, 7_000_000)),
        (range(1_500_000_000, 1_700_000_000, 5_000_000), range(1_740_000_000, 1_790_000_000, 1_000_000)),
        ([1_699_000_000], [1_760_000_000]),
        ([3, 7, 5], [1_760_000_000, 1_750_000_000, 1_761_000_000, 1_753_000_000]),
    ],
)
def test_a_number_that_comes_near_the_time_of_day_is_no_change(
    tmp_path: Path, host: str, name: str, before: Iterable[int], after: Iterable[int]
) -> None:
    old = volumes(name, before, host=host)
    db = database(tmp_path, *old, *volumes(name, after, len(old), host=host, version=NEWER))
    done = run("diff", VERSION, NEWER, "--db", db, "--fail-on", "changed", "--format", "json")
    changes = [each for each in json.loads(done.stdout)["changes"] if each["aspect"] == "types"]
    assert changes == []
    assert fields(db)[name]["types"] == {"integer": 1.0}


def test_what_the_profile_knows_to_be_an_amount_is_no_time(tmp_path: Path) -> None:
    now = "1770289000"
    query = f"ib={now}&fc.new={now}&other={now}&et={now}000"
    told = fields(database(tmp_path, ping(query=query)))
    assert {name: [*field["types"]] for name, field in told.items()} == {
        "ib": ["integer"],
        "fc.new": ["integer"],
        "other": ["timestamp_s"],
        "et": ["timestamp_ms"],
    }


def test_a_clock_stays_a_clock(tmp_path: Path) -> None:
    told = fields(database(tmp_path, *volumes("x", range(1_770_288_958, 1_770_289_958, 60))))
    assert (told["x"]["types"], told["x"]["behaviour"]) == ({"timestamp_s": 1.0}, "clock")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        ("null", "text"),
        ("3.20", "text"),
        ("01234", "text"),
        (1234, "integer"),
        (3.2, "float"),
        (True, "boolean"),
        (1770288958090.565, "timestamp_ms"),
        ("1770288958090735123", "timestamp_ns"),
        (1770288958090735, "timestamp_us"),
    ],
)
def test_json_says_what_its_values_are(tmp_path: Path, value: object, expected: str) -> None:
    assert [*fields(database(tmp_path, *sent({"a": value})))["$.a"]["types"]] == [expected]


def test_what_changes_in_form_only_is_seen(tmp_path: Path) -> None:
    told = fields(database(tmp_path, *sent({"a": 7}, {"a": "7"}, {"a": 7}, {"a": "null"}, {"a": None})))
    assert told["$.a"]["types"] == {"integer": 0.4, "enum": 0.4, "null": 0.2}


def test_a_row_of_numbers_is_a_version_beside_versions(tmp_path: Path) -> None:
    modules = {"certifi": "2025.1.31", "idna": "3.20", "pip": "24.0", "urllib3": "2.2.3", "yarl": "1.9.4"}
    told = fields(database(tmp_path, *sent({"lib": "3.20", "modules": modules}, {"lib": "3.20.1"}, {"lib": "3.21"})))
    assert {*told} == {"$.lib", *(f"$.modules.{name}" for name in modules)}
    assert [field["types"] for field in told.values()] == [{"version": 1.0}] * 6


def event(number: int, **more: object) -> dict[str, object]:
    return {"messageId": f"702c0000-0000-4000-8000-{number:012}", "n": number, "type": "abc"[number % 3], **more}


def test_items_of_one_request_are_told_apart(tmp_path: Path) -> None:
    told = fields(database(tmp_path, *sent({"batch": [event(1, d=5), event(2)], "sentAt": "now"})))
    assert {name: (field["behaviour"], field["presence"]) for name, field in told.items()} == {
        "$.batch[].messageId": ("opaque", 1.0),
        "$.batch[].n": ("varying", 1.0),
        "$.batch[].type": ("varying", 1.0),
        "$.batch[].d": ("once", 0.5),
        "$.sentAt": ("once", 1.0),
    }


def test_a_batch_behaves_as_its_items_do(tmp_path: Path) -> None:
    batches = [{"batch": [event(number) for number in range(first, first + 5)]} for first in range(0, 20, 5)]
    told = fields(database(tmp_path, *sent(*batches)))
    behaviours = {name: field["behaviour"] for name, field in told.items()}
    assert behaviours == {"$.batch[].messageId": "opaque", "$.batch[].n": "counter", "$.batch[].type": "one of few"}


def test_counters_side_by_side_count_each_for_itself(tmp_path: Path) -> None:
    requests = [{"sources": [{"bytes": 900 + number}, {"bytes": 10 + 3 * number}]} for number in range(6)]
    assert fields(database(tmp_path, *sent(*requests)))["$.sources[].bytes"]["behaviour"] == "counter"


def test_an_index_that_begins_anew_in_each_request_is_no_counter(tmp_path: Path) -> None:
    requests = [{"rows": [{"index": number} for number in range(4)]}] * 3
    assert fields(database(tmp_path, *sent(*requests)))["$.rows[].index"]["behaviour"] == "one of few"


def test_an_id_that_stands_twice_in_each_request_is_none_of_few(tmp_path: Path) -> None:
    lines = [
        b'{"event_id":"%032x"}\n{"event_id":"%032x","level":"info"}\n' % (number, number)
        for number in range(10**37, 10**37 + 8)
    ]
    told = fields(database(tmp_path, *sent(*lines)))
    assert told["$.event_id"]["behaviour"] == "opaque"
    assert (told["$.event_id"]["presence"], told["$.level"]["presence"]) == (1.0, 0.5)


def test_items_without_a_common_field_are_counted_all_the_same(tmp_path: Path) -> None:
    told = fields(database(tmp_path, *sent([{"a": 1}, {"b": 2}, {"b": 3}, {}])))
    assert {name: field["presence"] for name, field in told.items() if name != "$[]"} == {"$[].a": 0.25, "$[].b": 0.5}


def test_presence_in_items_is_compared(tmp_path: Path) -> None:
    whole = [{"e": [{"a": number, "b": 1} for number in range(40)]}] * 3
    half = [{"e": [{"a": number} if number % 2 else {"a": number, "b": 1} for number in range(40)]}] * 3
    db = database(tmp_path, *sent(*whole), *sent(*half, version=NEWER))
    changes = json.loads(run("diff", VERSION, NEWER, "--db", db, "--format", "json").stdout)["changes"]
    told = [(each["name"], each["before"], each["after"]) for each in changes if each["aspect"] == "presence"]
    assert told == [("$.e[].b", "in 100%", "in 50%")]


def test_no_more_values_are_distinct_than_there_were(tmp_path: Path) -> None:
    many = [f"{number:032x}" for number in range(10**37, 10**37 + 3000)]
    told = fields(database(tmp_path, *sent({"ids": many})))["$.ids[]"]
    assert told["distinct_is_estimated"]
    assert told["distinct"] <= told["values"] == 3000


def test_all_of_a_long_name_is_looked_at_or_that_it_was_not_is_told(tmp_path: Path) -> None:
    name = "x" * 400 + " bob@corp.example"
    (tmp_path / "query").mkdir()
    in_query = database(tmp_path / "query", ping(host=OTHER, query=f"{name.replace(' ', '+')}=1"))
    in_body = database(tmp_path, *sent({name: 1}))
    told = [json.loads(run("analyze", "--format", "json", "--db", db).stdout) for db in (in_query, in_body)]
    assert [[each["class"] for each in said["sensitive"]] for said in told] == [["email"], []]
    assert [said["not_looked_at"] for said in told] == [
        [],
        ["1 value could be unwrapped in part only: too much is inside."],
    ]


def test_who_guesses_paths_now_and_then_does_not_retry(tmp_path: Path) -> None:
    hours = (0, 41, 98, 103, 190, 221, 324, 384, 410, 514, 547, 605, 670, 710)
    probes = [ping(3600 * hour, path="/wp-login.php", query="", status=404, guid=None, profile=None) for hour in hours]
    done = run("analyze", "--format", "json", "--db", database(tmp_path, *probes))
    ((cadence,),) = (each["cadences"] for each in json.loads(done.stdout)["endpoints"])
    assert (cadence["requests"], cadence["retries"], cadence["retry_s"], cadence["backoff"]) == (14, 0, None, None)
