import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.fields import body_pairs, read_body
from telemock.leaves import MOST_LEAVES
from tests.steady import STEADY

SENTRY = "application/x-sentry-envelope"
HEAD = b'{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","dsn":"https://k@sentry.example/1"}\n'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":1}\n{"a":2}\n', [("$.a", "1"), ("$.a", "2")]),
        (b'{"a":1}\r\n\r\n[{"b":2}]', [("$.a", "1"), ("$[].b", "2")]),
        (b'\x1e{"a":1}\n\x1e{"a":2}\n', [("$.a", "1"), ("$.a", "2")]),
        (b'{"a":1}\n{"a":2', [("$.a", "1"), ("$", '{"a":2')]),
        (b'{"a":1}\nnull', [("$.a", "1"), ("$", "null")]),
        (b'{"a":1}\nword\n{"a":2}', [("$", '{"a":1}\nword\n{"a":2}')]),
        (b"1\nword", [("$", "1\nword")]),
    ],
)
def test_json_lines_have_the_fields_of_each_line(body: bytes, expected: list[tuple[str, str]]) -> None:
    assert [*body_pairs(body)] == expected


@pytest.mark.parametrize("kind", [SENTRY, "text/plain;charset=UTF-8", ""])
def test_an_envelope_has_its_head_and_its_items_by_type(kind: str) -> None:
    event = json.dumps({"tags": {"host": "web01"}}, indent=1).encode()
    body = HEAD + b'{"type":"event","length":%d}\n' % len(event) + event + b'\n{"type":"session"}\n{"sid":"s"}\n'
    body += b'{"type":"attachment","length":9,"filename":"a.log"}\nline\nline'
    assert [*body_pairs(body, kind)] == [
        ("envelope.event_id", "9ec79c33ec9942ab8353589fcb2e04dc"),
        ("envelope.dsn", "https://k@sentry.example/1"),
        ("event (head).type", "event"),
        ("event (head).length", str(len(event))),
        ("event.tags.host", "web01"),
        ("session (head).type", "session"),
        ("session.sid", "s"),
        ("attachment (head).type", "attachment"),
        ("attachment (head).length", "9"),
        ("attachment (head).filename", "a.log"),
        ("attachment", "line\nline"),
    ]


def test_what_only_looks_like_an_envelope_is_json_lines() -> None:
    for body in (b'{"dsn":1,"x":2}\n{"type":"a"}\n{"b":1}', b'{"dsn":1}\n{"a":2}\n', b'{"dsn":1}\n'):
        assert {name.partition(".")[0] for name, _ in body_pairs(body)} == {"$"}


def test_an_envelope_that_is_cut_or_damaged_keeps_what_is_there() -> None:
    whole = HEAD + b'{"type":"event","length":99}\n{"a":"x"'
    assert ("event", '{"a":"x"') in body_pairs(whole, SENTRY)
    assert ("$", "nonsense") in body_pairs(HEAD + b"nonsense", SENTRY)
    assert ("item", "x") in body_pairs(HEAD + b'{"type":"a b"}\nx', SENTRY)
    for length in ('"9999999999999"', "-1", "null", "1e99", '"\u0663"', "{}"):
        said = HEAD + b'{"type":"event","length":' + length.encode() + b'}\n{"a":"x"}'
        assert ("event.a", "x") in body_pairs(said, SENTRY)


@STEADY
@given(
    st.lists(st.sampled_from([b"{", b"}", b'"type":"event"', b'"length":5', b"\n", HEAD, b"x", b"\xff"]), max_size=20)
)
def test_no_lines_break_it(pieces: list[bytes]) -> None:
    assert read_body(HEAD + b"".join(pieces), SENTRY).is_whole


def test_that_there_are_more_lines_than_are_looked_at_is_told() -> None:
    found = read_body(b"{}\n" * (MOST_LEAVES + 1) + b'{"a": "b"}\n')
    assert len(found.leaves) == MOST_LEAVES
    assert not found.is_whole
