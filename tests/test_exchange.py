"""An exchange's times and JSON texts: written fast, and always the same."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.exchange import compact_json, encodable, json_object, utc_text, utc_text_at
from tests.steady import STEADY

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_SECOND = 253_402_300_799  # of the year 9999


@STEADY
@given(st.integers(0, (LAST_SECOND + 1) * 10**9 - 1))
def test_nanoseconds_since_the_epoch_are_written_as_their_moment_is(epoch_ns: int) -> None:
    assert utc_text_at(epoch_ns) == utc_text(EPOCH + timedelta(microseconds=epoch_ns // 1000))


@STEADY
@given(st.lists(st.integers(0, 10) | st.integers(0, LAST_SECOND), max_size=6), st.integers(0, 10**9 - 1))
def test_a_second_written_before_does_not_change_another(seconds: list[int], rest: int) -> None:
    for second in seconds:
        text = utc_text_at(second * 10**9 + rest)
        assert datetime.fromisoformat(text) == EPOCH + timedelta(seconds=second, microseconds=rest // 1000)


MOMENT = st.builds(
    lambda microseconds, hours: (EPOCH + timedelta(microseconds=microseconds)).astimezone(
        timezone(timedelta(hours=hours))
    ),
    st.integers(0, (LAST_SECOND - 86_400) * 10**6),
    st.sampled_from([0, 2, -9.5]),
)


@STEADY
@given(MOMENT, MOMENT)
def test_a_moment_is_written_in_utc_and_sorts_as_it_passes(one: datetime, other: datetime) -> None:
    assert datetime.fromisoformat(utc_text(one)) == one
    assert (utc_text(one) < utc_text(other)) is (one < other)
    assert len(utc_text(one)) == len("2026-02-05T10:55:58.090735Z")


def test_a_whole_second_has_its_microseconds_too() -> None:
    assert utc_text(datetime(2026, 2, 5, 12, tzinfo=timezone(timedelta(hours=2)))) == "2026-02-05T10:00:00.000000Z"
    assert utc_text_at(0) == "1970-01-01T00:00:00.000000Z"
    assert utc_text_at(999) == "1970-01-01T00:00:00.000000Z"


TEXT = st.text(max_size=8) | st.text("a\udcff\x1b\n\u2028ä", max_size=3)


@STEADY
@given(
    st.recursive(
        TEXT | st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=5
    )
)
def test_json_text_comes_back_and_any_file_can_hold_it(value: object) -> None:
    text = compact_json(value)
    assert json.loads(text) == value
    assert json.loads(text.encode()) == value
    assert encodable(text)
    assert "\n" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, None, True], "b": "ä你"}, '{"a":[1,null,true],"b":"ä你"}'),
        (["ä\udcff"], r'["\u00e4\udcff"]'),
        ("\x1b\n", r'"\u001b\n"'),
    ],
)
def test_json_is_compact_and_readable_unless_a_surrogate_forbids_it(value: object, text: str) -> None:
    assert compact_json(value) == text


@pytest.mark.parametrize(("text", "can"), [("", True), ("a", True), ("ä你\U0001f600", True), ("a\udcff", False)])
def test_utf_8_holds_all_but_lone_surrogates(text: str, *, can: bool) -> None:
    assert encodable(text) is can


@pytest.mark.parametrize(
    ("content", "value"),
    [(b'{"a": 1}', {"a": 1}), (b"[1]", {}), (b"null", {}), (b"", {}), (b"\xff", {}), (b"[" * 100_000, {})],
)
def test_what_is_no_object_is_an_empty_one(content: bytes, value: dict[str, int]) -> None:
    assert json_object(content) == value
