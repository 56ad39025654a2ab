from collections.abc import Iterable

import pytest

from telemock.analysis.field import COUNTED_VALUES, Behaviour, Field
from telemock.analysis.series import Series
from telemock.analysis.sketches import DISTINCT_ERROR
from tests.corpus import STARTED, moment

RECEIVED_S = STARTED.timestamp()


def learnt(*instances: Iterable[object], name: str = "n") -> Field:
    """Let each instance send its values, one a request."""
    field = Field("query", name)
    for values in instances:
        series = Series[tuple[str, str]](lambda _: field, lambda _: None, lambda item: item)
        for second, value in enumerate(values):
            series.take([(name, str(value))], moment(second), RECEIVED_S)
        series.close(RECEIVED_S)
    return field


@pytest.mark.parametrize(
    ("instances", "expected"),
    [
        ([["x"]], "once"),
        ([["x", "x"], ["x"]], "constant"),
        ([["a", "a"], ["b", "b"]], "constant per instance"),
        ([[1, 2, 2, 5], [0, 0, 3]], "counter"),
        ([[1, 2, 5, 4], [0, 1, 2, 3]], "varying"),
        ([range(99, 0, -1)], "varying"),
        ([[1770278520000 + 60000 * beat for beat in range(20)]], "clock"),
        ([["on", "off", "on", "off"]], "one of few"),
        ([[f"{number:032x}" for number in range(10**35, 10**35 + 40)]], "opaque"),
        ([[f"word {number}" for number in range(40)]], "varying"),
        ([range(4), [*range(3), "3", "?", "?"]], "one of few"),
    ],
)
def test_a_field_behaves_as_its_instances_make_it(instances: list[list[object]], expected: Behaviour) -> None:
    assert learnt(*instances).behaviour == expected


def test_values_are_counted_bounded_and_shown() -> None:
    field = learnt(["7", "7", "-3", "x", "7"])
    assert (field.count, field.exchanges, field.distinct, field.is_estimated) == (5, 5, 3, False)
    assert (field.least, field.most, field.shortest, field.longest) == (-3, 7, 1, 2)
    assert field.types == [("integer", 0.8), ("text", 0.2)]
    assert field.examples() == ["7", "-3", "x"]
    assert (field.first_seen, field.last_seen) == (moment(0), moment(4))


def test_bounds_are_of_numbers_that_are_finite() -> None:
    field = Field("query", "x")
    for value in ("NaN", "1.5", "1e999", "-Infinity", "1770288958.25"):
        field.add(value, 1, 1770288958)
    assert (field.least, field.most) == (1.5, 1770288958.25)


def test_texts_that_repeat_are_an_enum_and_one_text_is_text() -> None:
    assert learnt(["dev", "prod", "dev", "prod"]).types == [("enum", 1.0)]
    assert learnt(["prod", "prod"]).types == [("text", 1.0)]
    assert learnt(["dev", "prod", "test"]).types == [("text", 1.0)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("yyn", {"boolean": 3}),
        ("nesnw", {"text": 5}),
        (["NO", "no", "SE", "dk"], {"text": 4}),
        (["y", "n", "se", "7", "true"], {"boolean": 3, "text": 1, "integer": 1}),
        (["true", "auto", "false"], {"boolean": 2, "text": 1}),
        (["", "f", "m", "f"], {"empty": 1, "text": 3}),
        (["yes", "no", "NA"], {"boolean": 2, "text": 1}),
        (["y", "n", "-"], {"boolean": 2, "text": 1}),
        (["y", "n", "NA"], {"boolean": 2, "text": 1}),
        ("yn" * 10 + "u", {"boolean": 20, "text": 1}),
        ("yn" * 10 + "uuu", {"text": 23}),
    ],
)
def test_abbreviations_are_no_truth_values(values: Iterable[str], expected: dict[str, int]) -> None:
    assert learnt(values).kinds == expected
    assert learnt([*values][::-1]).kinds == expected


def test_types_do_not_depend_on_which_of_many_values_came_first() -> None:
    codes = [first + second for first in "abcdefghi" for second in "jklmpqr"] + ["zz", "zy"]
    early, late = learnt(["no"] * 20 + codes), learnt(codes + ["no"] * 20)
    assert early.kinds == late.kinds == {"text": 20 + len(codes)}


@pytest.mark.parametrize("count", [COUNTED_VALUES, COUNTED_VALUES + 1, 1000, 50_000])
def test_distinct_values_are_counted_and_then_estimated(count: int) -> None:
    field = learnt(range(count))
    assert field.is_estimated == (count > COUNTED_VALUES)
    assert abs(field.distinct - count) <= 4 * DISTINCT_ERROR * count
    assert len(field.values) == COUNTED_VALUES


def test_long_values_are_told_apart_but_not_kept() -> None:
    field = learnt(["a" * 1_000_000 + str(number) for number in range(5)])
    assert (field.distinct, field.longest) == (5, 1_000_001)
    assert sum(map(len, field.values)) < 50_000
    assert all(len(example) <= 200 for example in field.examples())


def test_what_is_wrapped_in_an_example_is_shown_as_a_chain() -> None:
    field = learnt(["bGljZW5zZS1mcmVlLTQuMTYuMS0yMDkwNGU0NQ=="])
    assert list(field.decoded()) == ["base64 → license-free-4.16.1-20904e45"]


def test_any_text_can_be_counted() -> None:
    field = learnt(["\udcff", "\0", "9" * 5000, "1e999", *map(chr, range(0xD800, 0xD880))])
    assert field.distinct > COUNTED_VALUES
