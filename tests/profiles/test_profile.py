"""A profile reads what a product says: names, values, what does not fit and who speaks, and nothing fails it."""

import json
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import INCLUDE, Schema, fields

from telemock.profiles.profile import MAX_PROBLEMS, Identity, Profile, Reading, time_text
from tests.steady import STEADY


class _Schema(Schema):
    class Meta:
        unknown = INCLUDE

    count = fields.Integer()
    dotted_count = fields.Integer(data_key="dotted.count")


def thing() -> Profile:
    """Make a profile that has read nothing yet."""
    return Profile(
        "thing",
        hosts=("thing.test", "cdn.thing.test"),
        path_prefix="/thing/",
        schema=_Schema(),
        identity_names={
            "version": ("v", "version"),
            "guid": ("guid",),
            "env": ("env",),
            "session_id": ("session",),
            "client_time": ("at", "sent"),
        },
    )


# One that has read everything that other tests of this module gave it.
OLD = thing()


def grouped(query: str) -> dict[str, str | list[str]]:
    """Decode a query as the standard library does; a repeated name becomes an array."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, separator="&"):
        values.setdefault(name, []).append(value)
    return {name: each if len(each) > 1 else each[0] for name, each in values.items()}


def params(reading: Reading) -> list[tuple[str, Any]]:
    """Give the parameters with their order; a name that stands twice in the JSON text stays twice."""
    return json.loads(reading.params, object_pairs_hook=list)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("host", "path", "owned"),
    [
        ("thing.test", "/", True),
        ("cdn.thing.test", "/health", True),
        ("127.0.0.1", "/thing/", True),
        ("127.0.0.1", "/thing/deep", True),
        ("127.0.0.1", "/thing", False),
        ("127.0.0.1", "/a/thing/", False),
        ("other.thing.test", "/", False),
        ("", "", False),
    ],
)
def test_a_request_is_the_products_by_its_host_or_by_its_path(host: str, path: str, *, owned: bool) -> None:
    assert thing().owns(host, path) is owned


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        ("&", []),
        ("a=1&", [("a", "1")]),
        ("&a=1&&b=2", [("a", "1"), ("b", "2")]),
        ("a", [("a", "")]),
        ("a=", [("a", "")]),
        ("=1", [("", "1")]),
        ("=", [("", "")]),
        ("a=b=c", [("a", "b=c")]),
        ("a;b=1;2", [("a;b", "1;2")]),
        ("a+b=c+d", [("a b", "c d")]),
        ("a=%2B%26%3D", [("a", "+&=")]),
        ("a=%", [("a", "%")]),
        ("a=100%&b=%zz", [("a", "100%"), ("b", "%zz")]),
        ("a=%4", [("a", "%4")]),
        ("a=%ff", [("a", "\ufffd")]),
        ("%e4=%e4%bd", [("\ufffd", "\ufffd")]),
        ("a=%e4%bd%a0ä", [("a", "你ä")]),
        ("a=%00%0a%22", [("a", '\0\n"')]),
        ("a=1&b=2&a=3&a=", [("a", ["1", "3", ""]), ("b", "2")]),
        ("a=1&%61=1", [("a", ["1", "1"])]),
    ],
)
def test_a_query_is_decoded_the_same_at_first_sight_and_when_known(
    query: str, expected: list[tuple[str, object]]
) -> None:
    profile = thing()
    first = profile.read_query(query)
    assert params(first) == expected
    assert profile.read_query(query) == first
    assert OLD.read_query(query) == first


def test_a_value_seen_before_and_a_new_one_read_the_same() -> None:
    profile = thing()
    profile.read_query("v=1&count=2&guid=g")
    mixed = profile.read_query("v=1&count=3&guid=g&env=e&at=1000")
    assert mixed == thing().read_query("v=1&count=3&guid=g&env=e&at=1000")
    assert mixed.identity == Identity("1", "g", "e", None, "1970-01-01T00:00:01.000Z")


PIECE = st.text("abvguid%+4eE2=.é\udcff\x00", max_size=6) | st.sampled_from(
    ["v", "version", "guid", "env", "session", "at", "count", "dotted.count", "%63ount", "12", "x", "1770278291000"]
)
# Some are so long that a query is read in several pieces.
VALUE = PIECE | st.builds(str.__mul__, PIECE, st.sampled_from([20, 100]))
PAIR = st.one_of(st.just(""), PIECE, st.builds("{}={}".format, PIECE, VALUE))


@STEADY
@given(st.lists(PAIR, max_size=8))
def test_any_pairs_decode_as_the_standard_library_does_whatever_was_read_before(pairs: list[str]) -> None:
    query = "&".join(pairs)
    first = thing().read_query(query)
    assert params(first) == [*grouped(query).items()]
    assert OLD.read_query(query) == first
    assert OLD.read_query(query) == first


def test_problems_name_the_field_on_the_wire_the_reason_and_the_value() -> None:
    reading = thing().read_query("count=x&dotted.count=1&%63ount=&dotted%2Ecount=y&unknown=z")
    assert reading.problems == (
        "count: Not a valid integer. Got 'x'.",
        "count: Not a valid integer. Got ''.",
        "dotted.count: Not a valid integer. Got 'y'.",
    )
    assert thing().read_query("count=1&unknown=z").problems == ()


def test_a_misfit_is_named_every_time_it_comes() -> None:
    profile = thing()
    assert [profile.read_query("count=x").problems for _ in range(3)] == [
        ("count: Not a valid integer. Got 'x'.",),
    ] * 3


def test_a_long_misfit_is_kept_whole_but_shown_short() -> None:
    reading = thing().read_query("count=" + "x" * 10_000)
    (problem,) = reading.problems
    assert len(problem) < 150
    assert problem.endswith("xxx....")
    assert params(reading) == [("count", "x" * 10_000)]


def test_problems_are_bounded_and_the_first_are_kept() -> None:
    query = "&".join(f"count=x{number}" for number in range(MAX_PROBLEMS + 1))
    reading = thing().read_query(query)
    assert len(reading.problems) == MAX_PROBLEMS
    assert reading.problems[0].endswith("Got 'x0'.")
    events = [{"count": "x"} for _ in range(MAX_PROBLEMS)]
    assert len(thing().read_events(events, thing().read_query("count=y")).problems) == MAX_PROBLEMS
    assert thing().read_events(events, reading).problems == reading.problems


@pytest.mark.parametrize(
    ("query", "identity"),
    [
        ("v=1&version=2", Identity(version="1")),
        ("version=2&v=1", Identity(version="1")),
        ("v=&version=2", Identity(version="2")),
        ("version=2", Identity(version="2")),
        ("sent=2000", Identity(client_time="1970-01-01T00:00:02.000Z")),
        ("sent=2000&at=1000", Identity(client_time="1970-01-01T00:00:01.000Z")),
        ("at=never", Identity()),
        ("guid=a&guid=b", Identity(guid="a")),
        ("gu%69d=%61", Identity(guid="a")),
        ("v=%00&version=2", Identity(version="2")),
        ("at=never&sent=2000", Identity(client_time="1970-01-01T00:00:02.000Z")),
        ("guid=a" + "&x=1" * 100 + "&guid=b", Identity(guid="a")),
        ("guid=" + "&x=1" * 100 + "&guid=b", Identity()),
        ("guid=not+a+guid", Identity(guid="not a guid")),
        ("guid=" + "g" * 300, Identity(guid="g" * 256)),
        ("guid=%1b%5B2J", Identity()),
        ("guid=a%00", Identity()),
        ("guid=&env=&session=", Identity()),
        ("session=s&env=e", Identity(env="e", session_id="s")),
        ("a=1", Identity()),
    ],
)
def test_who_speaks_is_the_best_name_that_says_something_searchable(query: str, identity: Identity) -> None:
    profile = thing()
    assert profile.read_query(query).identity == identity
    assert profile.read_query(query).identity == identity


@pytest.mark.parametrize(
    "texts",
    [
        lambda number: [f"{pair}" for pair in (*range(number, 10_000), *range(number))],
        lambda number: [f"guid={number}{'g' * 65_000}", "env=e"],
        lambda number: [f"{'long' * 1000}{number}{place}" for place in range(16)],
    ],
)
def test_names_and_identities_without_end_do_not_fill_the_memory(texts: Callable[[int], list[str]]) -> None:
    """Queries as long as a request line may be, no two of them alike."""
    profile = thing()
    tracemalloc.start()
    try:
        for number in range(40):
            profile.read_query("&".join(texts(number)))
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 8_000_000


@pytest.mark.parametrize(("pairs", "count"), [(1, 8000), (500, 400)])
def test_usual_queries_without_end_do_not_fill_the_memory(pairs: int, count: int) -> None:
    """Queries that are short enough to be remembered, of one long value or of many names, no two of them alike."""
    profile = thing()
    tracemalloc.start()
    try:
        for number in range(count):
            profile.read_query("&".join(f"{number}.{pair}{'n' * (3000 // pairs - 6)}" for pair in range(pairs)))
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 12_000_000


@pytest.mark.parametrize("chunk", [512, 50_000])
def test_values_without_end_do_not_fill_the_memory(chunk: int) -> None:
    """12 MB of values pass through, none of them ever seen again."""
    profile = thing()
    tracemalloc.start()
    try:
        for number in range(12_000_000 // chunk // 64):
            profile.read_query("&".join(f"a{pair}={number}-{'x' * chunk}" for pair in range(64)))
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 4_000_000


def test_short_values_without_end_do_not_fill_the_memory() -> None:
    profile = thing()

    def held_after(numbers: Iterable[int]) -> int:
        for number in numbers:
            profile.read_query("&".join(f"a{pair}={number}.{pair}" for pair in range(100)))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        # The memory of values holds some ten thousand: it has been full more than once at both points.
        highest = max(held_after(range(start, start + 35)) for start in range(0, 350, 35))
        again = max(held_after(range(start, start + 35)) for start in range(350, 700, 35))
    finally:
        tracemalloc.stop()
    assert again < highest * 1.2


def test_events_add_problems_and_the_identity_that_the_query_left_out() -> None:
    said = thing().read_query("guid=from-query&count=x")
    reading = thing().read_events(
        [{"env": "e", "count": "y", "other": {}}, {"guid": "later", "v": 4.16, "env": "f", "count": 1}, {"at": 1000}],
        said,
    )
    assert reading == Reading(
        said.params,
        ("count: Not a valid integer. Got 'x'.", "event 1: count: Not a valid integer. Got 'y'."),
        Identity("4.16", "from-query", "e", None, "1970-01-01T00:00:01.000Z"),
    )


def test_values_that_are_equal_but_of_another_type_are_judged_apart() -> None:
    profile = thing()
    for _ in range(2):
        reading = profile.read_events([{"count": value} for value in (1, True, 1.0, "1")], profile.read_query(""))
        assert reading.problems == ("event 2: count: Not a valid integer. Got True.",)


@pytest.mark.parametrize("value", [None, True, [], {}, ["g"], ""])
def test_a_value_that_is_no_text_or_number_says_nobody_speaks(value: object) -> None:
    assert thing().read_events([{"guid": value}], thing().read_query("")).identity == Identity()


SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
JSON = SCALAR | st.lists(SCALAR, max_size=2) | st.dictionaries(st.just("a"), SCALAR)


@STEADY
@given(st.lists(st.dictionaries(st.sampled_from(["count", "guid", "at", "v", "x"]), JSON), max_size=2))
def test_no_event_fails_the_reading(events: list[dict[str, Any]]) -> None:
    reading = thing().read_events(events, thing().read_query(""))
    assert all(problem.startswith("event ") for problem in reading.problems)
    assert reading.params == "{}"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1770278291000", "2026-02-05T07:58:11.000Z"),
        ("0", "1970-01-01T00:00:00.000Z"),
        ("1", "1970-01-01T00:00:00.001Z"),
        ("2026-02-05T07:58:11.123456Z", "2026-02-05T07:58:11.123Z"),
        ("2026-02-05T07:58:11", "2026-02-05T07:58:11.000Z"),
        ("2026-02-05T07:58:11+02:00", "2026-02-05T05:58:11.000Z"),
        ("2026-02-05", "2026-02-05T00:00:00.000Z"),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("²", None),
        ("253402300799999", "9999-12-31T23:59:59.999Z"),
        ("253402300800000", None),
        ("9" * 30, None),
        ("9" * 5000, None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2026-02-30", None),
    ],
)
def test_a_clients_clock_is_epoch_milliseconds_or_iso_8601(value: str, text: str | None) -> None:
    assert time_text(value) == text
