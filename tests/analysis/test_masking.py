import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.analysis.masking import masked_body, masked_exchange, masked_header, masked_text
from telemock.exchange import compact_json
from tests.corpus import ping

JSON = '[["Content-Type","application/json"]]'
PIECES = st.sampled_from(
    (
        *(
            "token",
            "password",
            "key",
            "=",
            "&",
            "%",
            "%3d",
            '"',
            ":",
            "{",
            "}",
            "[",
            "]",
            "\\u0065",
            "\0",
            "\udc80",
            "€",
        ),
        *("Bearer ", "AKIAIOSFODNN7EXAMPLE", "://u:hush99@h", "\r\n", "--b", "1234567890", "x" * 50),
    )
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)
HEADERS = st.sampled_from(
    (JSON, "[]", "x", '[["content-encoding","gzip"],["Authorization",""]]', '[["Cookie","a;b=c;=d"]]')
)


@given(TEXTS, HEADERS)
def test_whatever_was_captured_can_be_masked(text: str, headers: str) -> None:
    body = text.encode(errors="surrogatepass")
    shown = masked_exchange(
        ping(path=f"/{text}", query=text, params=text, request_headers=headers, request_body=body, response_body=body)
    )
    assert "hush99" not in str(shown.request_headers)
    assert masked_exchange(ping(query="", params="{}")) == ping(query="", params="{}")
    assert "AKIAIOSFODNN7EXAMPLE" not in masked_text(f"{text} AKIAIOSFODNN7EXAMPLE ")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, json.dumps({f"password{number}": {"password": f"Secr3t{number}xyz"} for number in range(5000)})),
        ("[]", "&".join(f"token=Secr3t{number}xyz" for number in range(5000))),
    ],
)
def test_a_body_of_nothing_but_secrets_is_withheld(headers: str, body: str) -> None:
    assert masked_body(headers, body.encode()) == b"(masked, as it holds a secret)"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abcdefghij1234", "Bearer ab**********34"),
        ("Authorization", "abcdefghij1234", "ab**********34"),
        ("Proxy-Authorization", "Basic", "*****"),
        ("X-Sentry-Auth", "Sentry sentry_key=abcdef123456", "Sentry se****_***=**********56"),
        ("X-Amz-Security-Token", "abcdefghij1234", "ab**********34"),
        ("DD-API-KEY", "abcdefghij1234", "ab**********34"),
        ("Cookie", "a=b; sid=abcdefghij12; flag", "a=*; sid=ab********12; ****"),
        ("Set-Cookie", "sid=abcdefghij12; Path=/", "sid=ab********12; Path=/"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Idempotency-Key", "8e03978e-40d5-43e8", "8e03978e-40d5-43e8"),
        ("Cache-Control", "no-cache", "no-cache"),
        ("WWW-Authenticate", 'Basic realm="x"', 'Basic realm="x"'),
    ],
)
def test_header_fields_are_masked_by_their_names(name: str, value: str, shown: str) -> None:
    assert masked_header(name, value) == shown


def test_a_part_without_secrets_is_the_same_object() -> None:
    exchange = ping(request_headers=compact_json([["Host", "x"], ["Authorization-Info", "none"]]))
    assert masked_exchange(exchange) is exchange
