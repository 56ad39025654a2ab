import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.leaves import LONGEST_PATH, typed_leaves
from telemock.text import load_json
from tests.steady import STEADY


def leaves(value: Any) -> list[tuple[str, str]]:
    return [(path, text) for path, text, _ in typed_leaves(load_json(json.dumps(value)), Counter())]


def pairs(*said: tuple[str, Any], names: tuple[str, str] = ("key", "value")) -> list[dict[str, Any]]:
    return [dict(zip(names, each, strict=True)) for each in said]


@pytest.mark.parametrize(
    "names", [("key", "value"), ("name", "value"), ("k", "v"), ("Key", "Value"), ("Name", "Value")]
)
def test_pairs_are_fields_by_their_keys(names: tuple[str, str]) -> None:
    said = {"tags": pairs(("host.name", "web01"), ('a "b"', 7), ("sub", {"x": [True]}), names=names)}
    assert leaves(said) == [
        ('$.tags["host.name"]', "web01"),
        ('$.tags["a \\"b\\""]', "7"),
        ('$.tags["sub"].x[]', "true"),
    ]


def test_the_values_of_opentelemetry_are_taken_out_of_what_tells_their_type() -> None:
    said = pairs(
        ("host.name", {"stringValue": "lab-buildbox-7"}),
        ("pid", {"intValue": "4242"}),
        ("ok", {"boolValue": False}),
        ("args", {"arrayValue": {"values": [{"stringValue": "-x"}, {"intValue": "3"}]}}),
        ("sub", {"kvlistValue": {"values": pairs(("in", {"doubleValue": 0.5}))}}),
        ("odd", {"arrayValue": {}}),
        ("none", {}),
    )
    found = [*typed_leaves(load_json(json.dumps({"attributes": [*said, {"key": "bare"}]})), Counter())]
    assert found == [
        ('$.attributes["host.name"]', "lab-buildbox-7", "string"),
        ('$.attributes["pid"]', "4242", "number"),
        ('$.attributes["ok"]', "false", "word"),
        ('$.attributes["args"][]', "-x", "string"),
        ('$.attributes["args"][]', "3", "number"),
        ('$.attributes["sub"]["in"]', "0.5", "number"),
        ('$.attributes["odd"]', "[]", "text"),
        ('$.attributes["none"]', "{}", "text"),
        ('$.attributes["bare"]', "{}", "text"),
    ]


def test_pairs_with_more_beside_them_and_pairs_inside_of_one_name_are_pairs() -> None:
    said = [{"task": {"id": "1", "key": "cache", "value": "hit"}}, {"repo": {"id": "2", "key": "type", "value": 3}}]
    assert leaves(said) == [
        ('$.task["cache"]', "hit"),
        ("$[].task.id", "1"),
        ('$.repo["type"]', "3"),
        ("$[].repo.id", "2"),
    ]


@pytest.mark.parametrize(
    "array",
    [
        [{"key": "a", "value": 1}, {"key": "b"}, 7],
        [{"key": "a", "value": 1}, {"other": 2}],
        [{"name": "a", "value": 1, "unit": "s"}],
        [{"key": 1, "value": 2}],
        [{"key": "", "value": 2}],
        [{"key": "550e8400-e29b-41d4-a716-446655440000", "value": 2}],
        [{"key": "user 4711471", "value": 2}],
        [{"key": "x" * 129, "value": 2}],
        [{"key": "host"}],
        [{"name": "Jane"}],
        [[], {"key": "a", "value": 1}],
    ],
)
def test_other_arrays_stay_what_they_are(array: list[Any]) -> None:
    assert {path for path, _ in leaves(array)} <= {"$[]", "$[].key", "$[].value", "$[].name", "$[].unit", "$[].other"}


def test_an_object_with_a_name_twice_is_no_pair() -> None:
    value = load_json('[{"key":"a","key":"b"}]')
    assert [path for path, _, _ in typed_leaves(value, Counter())] == ["$[].key", "$[].key"]


def test_what_is_empty_is_a_value() -> None:
    assert leaves({"plugins": [], "opts": {}, "in": [[], {}]}) == [
        ("$.plugins", "[]"),
        ("$.opts", "{}"),
        ("$.in[]", "[]"),
        ("$.in[]", "{}"),
    ]
    assert leaves([]) == [("$", "[]")]


def test_long_paths_are_cut_and_stay_apart() -> None:
    long = "n" * 100_000
    found = leaves({long: {"a": 1, "b": 2}, f"{long}x": 3})
    paths = [path for path, _ in found]
    assert len({*paths}) == 3
    assert max(map(len, paths)) <= LONGEST_PATH
    assert paths == [path for path, _ in leaves({long: {"a": 1, "b": 2}, f"{long}x": 3})]


_MEMBER = st.sampled_from(
    ["key", "value", "name", "stringValue", "intValue", "arrayValue", "kvlistValue", "values", "x"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_MEMBER, inner, max_size=4),
    max_leaves=30,
)


@STEADY
@given(_JSON)
def test_every_scalar_is_found_whatever_stands_around_it(value: Any) -> None:
    def scalars(each: Any) -> list[str]:
        if isinstance(each, dict):
            return [text for inner in each.values() for text in scalars(inner)]
        if isinstance(each, list):
            return [text for inner in each for text in scalars(inner)]
        return [each if isinstance(each, str) else json.dumps(each)]

    found = leaves(value)
    said = [text for _, text in found] + [path for path, _ in found]
    for scalar in scalars(value):
        assert scalar in said or any(json.dumps(scalar, ensure_ascii=False)[1:-1] in each for each in said)
