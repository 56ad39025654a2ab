"""What stands in place of secrets that overlap, or that are written otherwise."""

import pytest

from telemock.analysis.occurrences import replace_all, replace_secrets


@pytest.mark.parametrize(
    ("text", "replacements", "shown"),
    [
        ("a b a", [("a", "1"), ("b", "2")], "1 2 1"),
        ("xabcdey", [("abc", "1"), ("cde", "2")], "x<abcde>y"),
        ("xabcdey", [("abcde", "1"), ("bcd", "2")], "x1y"),
        ("abcdef", [("abc", "1"), ("def", "2")], "12"),
        ("abab", [("aba", "1"), ("bab", "2")], "<abab>"),
        ("none", [("abc", "1")], "none"),
    ],
)
def test_each_stretch_is_replaced_once(text: str, replacements: list[tuple[str, str]], shown: str) -> None:
    assert replace_all(text, replacements, lambda stretch: f"<{stretch}>") == shown


def test_nothing_is_left_of_secrets_that_run_together() -> None:
    text = "".join(f"ghp_{number:036}" for number in range(50))
    secrets = {text[start : start + 60] for start in range(0, len(text), 40)}
    shown = replace_secrets(text, secrets, lambda _: "*")
    assert shown is not None
    assert "ghp_" not in shown


@pytest.mark.parametrize("text", ['{"a":"p\\"w!d\\u00e9"}', "a=p%22w%21d%C3%A9", 'a=p"w!dé'])
def test_a_secret_is_found_as_json_and_queries_write_it(text: str) -> None:
    shown = replace_secrets(text, ['p"w!dé'], lambda _: "*")
    assert shown is not None
    assert "w" not in shown


def test_a_secret_that_stands_otherwise_is_told() -> None:
    assert replace_secrets("p\\u0061ss1", ["pass1"], lambda _: "*") is None


def test_what_stands_in_place_has_as_many_bytes_where_that_is_asked() -> None:
    assert replace_secrets("\0secret\0", ["secret"], lambda _: "*", keeps_length=True) == "\0-----*\0"
