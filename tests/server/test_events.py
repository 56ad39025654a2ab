"""These are the promises of how posted events are read."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.errors import EventsRejected
from telemock.server.events import MAX_BYTES, MAX_EVENTS, parse_events
from tests.steady import STEADY


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"{}", [{}]),
        (b'{"a": 1}', [{"a": 1}]),
        (b'\xef\xbb\xbf{"a": 1}', [{"a": 1}]),
        (b' \r\n\t{"a": 1}\n\n', [{"a": 1}]),
        (b"[]", []),
        (b" [ ] ", []),
        (b'[{"a": 1}, {"b": [2]}]', [{"a": 1}, {"b": [2]}]),
        (b'[\n{"a": 1}\n,\n{"b": 2}\n]\n', [{"a": 1}, {"b": 2}]),
        (b'{"a": 1}\n{"b": 2}\n', [{"a": 1}, {"b": 2}]),
        (b'{"a": 1}\r\n\r\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        (b'{"a":\n1}\n{"b": 2}', [{"a": 1}, {"b": 2}]),
        ('{"a": "é\u2028\x85"}\n{}'.encode(), [{"a": "é\u2028\x85"}, {}]),
        (b'{"a": "x", "a": "y"}', [{"a": "y"}]),
        (b'{"a": ' + b"9" * 400 + b"}", [{"a": int("9" * 400)}]),
    ],
)
def test_an_object_an_array_and_lines_of_objects_are_events(body: bytes, events: list[object]) -> None:
    assert parse_events(body) == (events, "")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "line 1 column 1"),
        (b" \n ", "line 1 column 1"),
        (b"\xef\xbb\xbf", "line 1 column 1"),
        (b"hello", "line 1 column 1"),
        (b'{"a": }', "line 1 column 7"),
        (b'{"a": 1}\n{"b": }', "line 2 column 7"),
        (b'[{"a": 1},\n {"b" 2}]', "line 2 column 7"),
        (b"[{}", "line 1 column 4"),
        (b"1", "line 1 column 1"),
        (b'\n "text"', "line 2 column 2"),
        (b"null", "line 1 column 1"),
        (b"[1]", "line 1 column 2"),
        (b'[{},\n  {"a": [1]}, [2]]', "line 2 column 15"),
        (b"{}\n[]", "line 2 column 1"),
        (b"[]\n{}", "line 1 column 1"),
        (b"{}\n\n  7\n", "line 3 column 3"),
        (b"{} {}", "line 1 column 4"),
        (b"{}{}", "line 1 column 3"),
        (b"{},{}", "line 1 column 3"),
        (b"[{}] x", "line 1 column 1"),
        (b'{"a": NaN}', "line 1 column 1"),
        (b'{}\n{"a": -Infinity}', "line 2 column 1"),
        (b'{"a": ' + b"9" * 5000 + b"}", "line 1 column 1"),
        (b'{"a": ' + b"[" * 100_000, "line 1 column 1"),
        (b"[" * 100_000, "line 1 column 2"),
        (b'{"a": "\xff"}', "line 1 column 8"),
        (b'{"a":\n"\xc3\xa9\xff"}', "line 2 column 3"),
        (b'\xef\xbb\xbf{"a": "\xff"}', "line 1 column 8"),
        (b'{"a": "\n"}', "line 1 column 8"),
    ],
)
def test_everything_else_is_rejected_with_line_and_column(body: bytes, place: str) -> None:
    with pytest.raises(EventsRejected) as caught:
        parse_events(body)
    assert f"{place}:" in f"{caught.value}:".replace(place + " ", place + ":"), str(caught.value)


FILLER = {"text": 'é"' * 1000}


@pytest.mark.parametrize("form", ["array", "lines"])
@pytest.mark.parametrize("ending", ["", "x", "]", '{"a": }', "[1]", ', {"b" 2}', ",", " {} {}", "[", '"open'])
def test_a_long_body_is_read_as_a_short_one_is(form: str, ending: str) -> None:
    def told(count: int) -> str:
        lines = [json.dumps(FILLER)] * count
        text = "[" + ",\n".join(lines) if form == "array" else "\n".join(lines) + "\n"
        try:
            batch = parse_events((text + ending).encode())
        except EventsRejected as error:
            return re.sub("line [0-9]+ column", f"line {count} column", str(error)).replace(f"line {count} ", "line n ")
        return f"{len(batch.events) - count} more, {batch.left_out!r}"

    assert told(20) == told(2)


@pytest.mark.parametrize("start", range(0, 60, 7))
@pytest.mark.parametrize("form", ["array", "lines"])
def test_of_a_body_that_is_too_long_what_is_whole_is_read_wherever_it_is_cut(form: str, start: int) -> None:
    event = '{"é": ["\\ud83d\\ude00", 1.5e3, true, null], "text": "\\"x"}'
    between = "," if form == "array" else "\n"
    text = " " * start + ("[" if form == "array" else "") + between.join([event] * (3 * MAX_BYTES // len(event)))
    batch = parse_events(text.encode())
    assert batch.left_out
    assert batch.events == [json.loads(event)] * min(len(batch.events), MAX_EVENTS)
    whole = (MAX_BYTES - start - len("[")) // (len(event.encode()) + 1)
    assert len(batch.events) == min(whole, MAX_EVENTS)


def test_what_is_wrong_before_the_cut_is_rejected_and_what_never_ends_is_not_read() -> None:
    filler = b"x, " * MAX_BYTES
    with pytest.raises(EventsRejected, match="line 2 column 7"):
        parse_events(b'{"a": 1}\n{"b": }\n' + filler)
    with pytest.raises(EventsRejected, match="not JSON: Input data was truncated, from line 1 column 1"):
        parse_events(b'{"a": "' + filler)
    first_only = "Only the first event was read; the whole body is kept."
    assert parse_events(b'{"a": 1}\n{"b": "' + filler) == ([{"a": 1}], first_only)


VALUES = b'"v": [' + b"0," * (MAX_BYTES // 2) + b"{}]"
LONG = {
    "an object": b"{%b}",
    "an array of it": b" [{%b}]",
    "the first of an array": b"[{%b}, {}, 7]",
    "the first of lines": b'\xef\xbb\xbf{%b}\n{"guid": "other"}\n',
    "the first of objects on many lines": b'{"x": {\n},\n%b\n}\n \n{"guid":\n"other"}',
}


@pytest.mark.parametrize("body", LONG.values(), ids=LONG)
@pytest.mark.parametrize("fields", [b'"guid": "\\u0061", "env": [1], %b', b'%b, "guid": "b", "env": {}, "guid": "a"'])
def test_of_a_first_event_with_very_many_values_who_speaks_is_read(body: bytes, fields: bytes) -> None:
    batch = parse_events(body % (fields % VALUES), ("v.x", "guid", "env"))
    assert batch.events == [{"guid": "a"}]
    assert batch.left_out.startswith("Only the first event was read, and of it")


@pytest.mark.parametrize(
    "body",
    [
        b"{%b",
        b"[{%b}",
        b"[{%b} {}]",
        b"{%b}}",
        b"{%b} {}",
        b"[[{%b}]]",
        b'{%b, "guid": "\xff"}',
        b'{%b, "guid": "' + b"\\ud83d" + b'\n"}',
        b'{%b, "guid": ' + b"[" * 100_000 + b"}",
    ],
)
def test_a_first_event_with_very_many_values_that_is_damaged_is_rejected(body: bytes) -> None:
    with pytest.raises(EventsRejected, match=r"line 1 column 1\Z"):
        parse_events(body % VALUES, ("guid",))


def test_a_long_body_of_few_values_is_read_whole() -> None:
    event = {"a": "x" * MAX_BYTES, "b": ["y" * MAX_BYTES]}
    assert parse_events(json.dumps(event).encode()) == ([event], "")
    assert parse_events(b"\n".join([json.dumps(event).encode()] * 3)) == ([event] * 3, "")
    with pytest.raises(EventsRejected, match="line 1 column 7"):
        parse_events(b'{"a": x' + b"x" * MAX_BYTES)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
_EVENTS = st.lists(st.dictionaries(st.text(), _VALUES, max_size=3), min_size=1, max_size=4)


@STEADY
@given(_EVENTS, st.booleans())
def test_what_json_writes_is_read_back_as_array_and_as_lines(events: list[dict[str, object]], is_ascii: bool) -> None:  # noqa: FBT001 - drawn
    array = json.dumps(events, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    lines = "\n".join(json.dumps(event, ensure_ascii=is_ascii) for event in events).encode("utf-8", "surrogatepass")
    assert parse_events(array) == parse_events(lines) == (events, "")


@STEADY
@given(st.binary(max_size=200) | st.text(alphabet='[]{}":,1 \n\\eNa', max_size=60).map(str.encode))
def test_no_bytes_fail_otherwise_than_by_rejection(body: bytes) -> None:
    try:
        events = parse_events(body).events
    except EventsRejected as error:
        assert "line " in str(error)  # noqa: PT017 - either way is right
    else:
        assert all(isinstance(event, dict) for event in events)
