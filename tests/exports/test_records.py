import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.exchange import compact_json
from telemock.exports.records import NAMES, body_value, cells, exchange_values, json_line, nested
from telemock.text import printable_lines
from tests.corpus import PING_BODY, ping
from tests.exports.hostile import HOSTILE
from tests.steady import STEADY

# Headers may hold any bytes, those that are no UTF-8 as surrogates.
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def refuse(constant: str) -> None:
    raise AssertionError(constant)


def read(line: str) -> dict[str, Any]:
    assert line.count("\n") == 1
    assert line.endswith("\n")
    record: dict[str, Any] = json.loads(line, parse_constant=refuse)
    return record


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (None, None),
        (b"", ""),
        (PING_BODY, "cribl /// living the stream!\n"),
        ("grün".encode(), "grün"),
        (b"\xff", {"base64": "/w=="}),
        ("text in the file", "text in the file"),
    ],
)
def test_a_body_is_text_where_it_is_utf_8(body: bytes | str | None, value: object) -> None:
    assert body_value(body) == value


@STEADY
@given(st.binary())
def test_every_body_fits_into_json(body: bytes) -> None:
    values = exchange_values(ping(request_body=body))
    assert read(json_line(values, is_sound=True))["request_body"] == body_value(body)
    assert read(json_line(values, is_sound=False))["request_body"] == body_value(body)


@STEADY
@given(st.text(), ANY_TEXT, st.lists(st.tuples(ANY_TEXT, ANY_TEXT)))
def test_a_line_is_the_same_whether_its_json_was_taken_apart(path: str, value: str, headers: list[Any]) -> None:
    values = exchange_values(
        ping(
            path=path,
            params=compact_json({path: value}),
            request_headers=compact_json(headers),
            problems=compact_json([value]),
        )
    )
    line = json_line(values, is_sound=True)
    assert line == json_line(values, is_sound=False)
    assert read(line) == json.loads(json.dumps(nested(values)))
    assert line == printable_lines(line)


def test_escapes_that_one_byte_made_needful_are_undone_elsewhere() -> None:
    values = exchange_values(ping(request_headers=compact_json([["X-Byte", "\udcff"], ["X-Name", "é"]])))
    assert '[["X-Byte","�"],["X-Name","é"]]' in json_line(values, is_sound=True)


@pytest.mark.parametrize("space", ["\n", "\r", "\t", "\r\n\t"])
def test_json_that_people_laid_out_is_one_line(space: str) -> None:
    line = json_line(exchange_values(ping(params=f'{{{space}"a":1}}')), is_sound=True)
    assert '"params":{"a":1}' in line
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("params", ["{", "NaN", '{"a":1e999}', "[" * 100_000, "9" * 5000, ""])
def test_what_json_cannot_hold_is_text(params: str) -> None:
    assert read(json_line(exchange_values(ping(params=params)), is_sound=False))["params"] == params


@pytest.mark.parametrize("exchange", HOSTILE)
def test_every_line_is_json(exchange: Any) -> None:
    record = read(json_line(exchange_values(exchange), is_sound=False))
    assert tuple(record) == NAMES


def test_a_number_that_json_does_not_know_is_none() -> None:
    values = exchange_values(ping(latency_ms=float("nan")))
    assert read(json_line(values, is_sound=True))["latency_ms"] is None
    assert read(json_line(values, is_sound=False))["latency_ms"] is None


def test_bytes_in_place_of_text_are_text() -> None:
    values = exchange_values(ping(env=b"prod"))
    assert read(json_line(values, is_sound=True))["env"] == "prod"
    assert read(json_line(values, is_sound=False))["env"] == "prod"


def test_a_cell_holds_a_body_that_is_no_text_as_json() -> None:
    row = dict(zip(NAMES, cells(exchange_values(ping(request_body=b"\xff"))), strict=True))
    assert (row["request_body"], row["response_body"]) == ('{"base64":"/w=="}', PING_BODY.decode())
