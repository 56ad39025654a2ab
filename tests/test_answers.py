"""telemock's own words are one JSON object on one line, with the right status and headers."""

import json

import pytest
from aiohttp import web

from telemock.answers import json_answer, method_not_allowed, too_large


def content(response: web.Response) -> bytes:
    """Give an answer's body."""
    assert isinstance(response.body, bytes)
    return response.body


@pytest.mark.parametrize(
    "value",
    [{}, {"a": 1, "b": [None]}, {"text": "ä\n你"}, {"hostile": "</script>\x00\udcff"}, {"": {"deep": "\u2028"}}],
)
def test_an_answer_is_one_line_of_json(value: dict[str, object]) -> None:
    answer = json_answer(418, value)
    assert answer.status == 418
    assert dict(answer.headers) == {"Content-Type": "application/json"}
    assert json.loads(content(answer)) == value
    assert content(answer).count(b"\n") == 1
    assert content(answer).endswith(b"}\n")


def test_headers_come_along() -> None:
    answer = json_answer(503, {}, {"Retry-After": "5", "Content-Type": "application/problem+json"})
    assert dict(answer.headers) == {"Content-Type": "application/problem+json", "Retry-After": "5"}


def test_a_body_that_is_too_large_is_told_the_limit() -> None:
    answer = too_large(123)
    assert answer.status == 413
    assert json.loads(content(answer)) == {"status": "rejected", "error": "The body is longer than 123 bytes."}


def test_a_method_that_is_not_allowed_is_told_which_are() -> None:
    answer = method_not_allowed("PURGE", ["GET", "HEAD"])
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert json.loads(content(answer)) == {"error": "PURGE is not allowed here; GET, HEAD are."}
