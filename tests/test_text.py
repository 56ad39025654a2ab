import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.text import indented_json, printable, printable_json, printable_lines, to_printable_json
from tests.steady import STEADY

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))  # with lone surrogates
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def is_obeyed(text: str) -> bool:
    """Tell whether a terminal would do anything but show the text."""
    return any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in text)


@STEADY
@given(ANY_TEXT)
def test_no_text_makes_a_terminal_do_anything(text: str) -> None:
    assert not is_obeyed(printable(text))
    assert not is_obeyed(printable_lines(text).replace("\n", "").replace("\t", ""))


@STEADY
@given(st.text(st.characters(categories=("L", "N", "P", "S"), include_characters=" ")))
def test_what_can_be_read_is_left_as_it_is(text: str) -> None:
    assert printable(text) == printable_lines(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\tb\r\nc\x7f", r"a\tb\r\nc\x7f"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\udcff\udc80", r"\xff\x80"),
    ],
)
def test_an_escape_says_what_stood_there(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_and_tabs_stay_in_text_of_many_lines() -> None:
    assert printable_lines("a\tb\r\nc\rd\n") == "a\tb\nc\\rd\n"


def without_surrogates(value: Any) -> Any:
    """Give what JSON holds of a text or of lists of texts, where any reader takes it."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return [*map(without_surrogates, value)] if isinstance(value, list) else value


@STEADY
@given(st.recursive(ANY_TEXT, st.lists))
def test_json_made_safe_to_print_is_the_same_json(value: object) -> None:
    for ensure_ascii in (False, True):
        text = printable_json(json.dumps(value, ensure_ascii=ensure_ascii))
        assert not is_obeyed(text)
        assert json.loads(text) == without_surrogates(value)


@STEADY
@given(st.lists(ANY_TEXT))
def test_any_text_can_be_json_that_is_safe_to_print(texts: list[str]) -> None:
    said = to_printable_json(texts)
    assert json.loads(said) == without_surrogates(texts)
    assert not is_obeyed(said)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (r'"caf\\udce9"', r'"caf\\udce9"'),
        (r'"caf\udce9"', r'"caf\ufffd"'),
        (r'"\\\uDCE9x\ud83d\ude00\uDE00"', r'"\\\ufffdx\ud83d\ude00\ufffd"'),
        ('"caf\udce9\x1b"', '"caf\ufffd\\u001b"'),
    ],
)
def test_a_lone_surrogate_becomes_the_replacement_character(text: str, safe: str) -> None:
    assert printable_json(text) == safe


def test_what_json_does_not_know_is_written_as_python_does() -> None:
    assert to_printable_json({"a": b"\xff"}) == '{"a":"b\'\\\\xff\'"}'


@STEADY
@given(JSON_VALUES)
def test_indented_json_is_the_same_json(value: object) -> None:
    text = indented_json(json.dumps(value, separators=(",", ":")))
    assert text == indented_json(json.dumps(value, indent=7))
    assert text is not None
    assert json.dumps(json.loads(text)) == json.dumps(value)


def test_indenting_changes_no_number_no_string_and_no_repeated_name() -> None:
    text = '{"a":1.10,"a":1e400,"b":[],"c":{},"d":["\\u00fc",{"e":"x{,}[:]\\""}]}'
    assert indented_json(text) == (
        "{\n"
        '  "a": 1.10,\n'
        '  "a": 1e400,\n'
        '  "b": [],\n'
        '  "c": {},\n'
        '  "d": [\n'
        '    "\\u00fc",\n'
        "    {\n"
        '      "e": "x{,}[:]\\""\n'
        "    }\n"
        "  ]\n"
        "}"
    )


@pytest.mark.parametrize("text", ["", "cribl", "{", '{"a":1} {"b":2}', "[" * 100_000])
def test_what_is_not_json_is_not_indented(text: str) -> None:
    assert indented_json(text) is None
