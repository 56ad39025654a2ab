import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.cli.exchanges import EXCHANGES, problem_list
from telemock.exports.records import body_value
from tests.corpus import PING_BODY, ping
from tests.steady import STEADY


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (None, None),
        (b"", ""),
        (PING_BODY, "cribl /// living the stream!\n"),
        ("grün".encode(), "grün"),
        (b"\xff", {"base64": "/w=="}),
    ],
)
def test_a_body_is_text_where_it_is_utf_8(body: bytes | None, value: object) -> None:
    assert body_value(body) == value


@STEADY
@given(st.binary())
def test_every_body_fits_into_json(body: bytes) -> None:
    assert json.loads(json.dumps(EXCHANGES.nested(ping(request_body=body))))["request_body"] == body_value(body)


def test_csv_names_the_fields_of_json() -> None:
    assert tuple(EXCHANGES.nested(ping())) == EXCHANGES.names
    assert len(EXCHANGES.flat(ping())) == len(EXCHANGES.names)


def test_problems_are_counted_and_none_are_none() -> None:
    assert problem_list(ping()) == []
    assert problem_list(ping(problems='["a","b"]')) == ["a", "b"]


def test_json_that_somebody_edited_into_text_stays_text() -> None:
    assert EXCHANGES.nested(ping(params="{oops"))["params"] == "{oops"
