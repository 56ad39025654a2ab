import json
import random
from string import ascii_letters, digits
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.analysis.masking import masked_exchange, masked_text
from telemock.exchange import compact_json, header_pairs
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


def masked_header(name: str, value: str) -> str:
    """Give the value of a request's header field as it is listed."""
    shown = masked_exchange(ping(request_headers=compact_json([[name, value]]))).request_headers
    ((_, said),) = header_pairs(shown)
    return said


def masked_body(headers: str, body: bytes) -> bytes:
    """Give a request's body as it is listed."""
    return masked_exchange(ping(request_headers=headers, request_body=body)).request_body or b""


@pytest.mark.parametrize(
    "secret",
    [
        "SK0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "AC0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "A3TX0123456789ABCDEF",
        "AKC0123456789x",
        "APA0123456789",
        "0a1b2c3d4e5f60718293a4b5c6d7e8f9-us12",
        "MTIzNDU2Nzg5MDEyMzQ1Njc4.YWJjZG.abcdefghijklmnopqrstuvwxyz1",
        "123456789:AAabcdefghijklmnopqrstuvwxyz0123456",
        "Basic dXNlcjpodW50ZXIyMzQ1",
    ],
)
def test_what_is_known_by_its_form_alone_is_masked_wherever_it_stands(secret: str) -> None:
    hidden = secret.removeprefix("Basic ")
    body = json.dumps({"x": secret}).encode()
    shown = masked_exchange(ping(query=f"x={quote(secret)}", request_headers=JSON, request_body=body))
    assert hidden not in str(shown.request_body)
    assert hidden not in shown.query
    assert hidden not in masked_text(f"x {secret}")


@pytest.mark.parametrize("begins", ["ghp_", "gho_", "glpat-", "glcbt-", "glcbt-64_", "glrt-", "GR1348941", "npm_"])
def test_of_tokens_that_begin_alike_each_is_masked_and_nothing_else(begins: str) -> None:
    first, second = (
        begins + hidden for hidden in ("a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "Z1y2X3w4V5u6T7s8R9q0P1o2N3m4L5k6J7i8")
    )
    shown = masked_text(f'see <{first}> ["{first}","{second}"] and it')
    assert first not in shown
    assert second not in shown
    assert shown.startswith("see <")
    assert shown.endswith('"] and it')


@pytest.mark.parametrize("between", [" ", "&", "\r\nCookie: "])
def test_a_text_with_very_many_secrets_is_masked_whole(between: str) -> None:
    shown = masked_text("visible " + between.join(f"token=Secr3t{number}xyz" for number in range(5000)))
    assert len(shown) < 100
    assert "isible" not in shown
    assert "Secr3t" not in shown


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
    ("body", "shown"),
    [
        ('{"pwd": 4930, "n": 49301, "at": "4930"}', {"pwd": "****", "n": 49301, "at": "****"}),
        ('{"pwd": 4930, "password": "a4930b", "n": 4930}', {"pwd": "****", "password": "a****b", "n": "****"}),
        ('{"d": "{\\"pwd\\": 4930, \\"n\\": 49301}"}', {"d": '{"pwd": "****", "n": 49301}'}),
        ('{"d": "[{\\"pwd\\": 4930, \\"e\\": \\"[4930]\\"}]"}', {"d": '[{"pwd": "****", "e": "[\\"****\\"]"}]'}),
    ],
)
def test_numbers_that_are_masked_leave_json(body: str, shown: object) -> None:
    assert json.loads(masked_body(JSON, body.encode())) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Authorization", "Bearer abcdefghij1234", "Bearer ab**********34"),
        ("Authorization", "abcdefghij1234", "ab**********34"),
        ("Authorization", "abcdefghij1234 rest", "ab************ **st"),
        ("authorization", "aws4-hmac-sha256 Credential=a", "aws4-hmac-sha256 Cr********=a"),
        ("Proxy-Authorization", "Basic", "*****"),
        ("X-Sentry-Auth", "Sentry sentry_key=abcdef123456", "Sentry se****_***=**********56"),
        ("X-Amz-Security-Token", "abcdefghij1234", "ab**********34"),
        ("DD-API-KEY", "abcdefghij1234", "ab**********34"),
        ("Cookie", "a=b; sid=abcdefghij12; flag", "a=*; sid=ab********12; ****"),
        ("Set-Cookie", "sid=abcdefghij12; Path=/", "sid=ab********12; Path=/"),
        ("Set-Cookie", "a=b; Path=/, sid=abcdefghij12; Secure", "a=*; Path=/, ***=**********12; Secure"),
        ("Set-Cookie", "a=b; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "a=*; Expires=Wed, 21 Oct 2026 07:28:00 GMT"),
        ("X-Ratelimit-Remaining-Tokens", "149984", "149984"),
        ("X-Has-Password", "true", "true"),
        ("X-Session-Token", "false", "false"),
        ("X-Reset-Token", "abcdefghij1234", "ab**********34"),
        ("X-Max-Tokens", "128000", "128000"),
        ("X-Primary-Key", "users.id1", "users.id1"),
        ("X-Key", "theme.color", "theme.color"),
        ("X-Pwd", "/home/x", "/home/x"),
        ("X-Xsrf-Token", "abcdefghij1234", "ab**********34"),
        ("X-Otp", "482917", "4****7"),
        ("X-ApiKey", "abcdefghij1234", "ab**********34"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Idempotency-Key", "8e03978e-40d5-43e8", "8e03978e-40d5-43e8"),
        ("Cache-Control", "no-cache", "no-cache"),
        ("WWW-Authenticate", 'Basic realm="x"', 'Basic realm="x"'),
    ],
)
def test_header_fields_are_masked_by_their_names(name: str, value: str, shown: str) -> None:
    assert masked_header(name, value) == shown


@pytest.mark.parametrize(
    "name",
    [
        *("sig", "signature", "X-Amz-Signature", "X-Amz-Security-Token", "X-Goog-Signature", "AWSAccessKeyId"),
        *("client_secret", "refresh_token", "id_token", "assertion", "client_assertion", "SAMLResponse", "passwd"),
        *("pwd", "apikey", "api-key", "dd-api-key", "x-honeycomb-team", "sentry_key", "write_key", "private_key"),
        *("key", "team_key", "account_key", "csrf", "SAMLRequest", "codeVerifier", "device_code", "activation_key"),
        *("code_verifier", "subscription-key", "oauth_signature", "password_confirmation", "hapikey", "jwt"),
    ],
)
def test_a_secret_is_known_by_the_name_of_its_parameter(name: str) -> None:
    query = f"a=1&{name}=a1B2c3D4e5F6g7H8i9J0a1B2c3D4&b=2"
    assert masked_exchange(ping(query=query, params="{}")).query == f"a=1&{name}=a1{24 * '*'}D4&b=2"


@pytest.mark.parametrize(
    "query",
    [
        *("sig=build", "sig=3", "signature=f(int)", "code=404", "code=ERR_MODULE_NOT_FOUND", "state=a1b2c3d4"),
        *("max_tokens=4096", "nextPageToken=CAEQAA1234567890", "public_key=abcdEFGH12345678", "assertion=passed"),
        *("token_type=bearer", "password_policy=strong2", "cookies=enabled", "author=a1b2c3d4e5", "keyboard=qwerty123"),
        *("key=theme.color1", "key=uploads/2024/05/img1.png", "app_key=com.example.app2", "hotkey=Ctrl%2BShift%2BF12"),
        *("server_key=eu-west-1", "feature_key=new-checkout-v2", "total_tokens=12345678", "mfa_type=totp-sha1"),
        *("code=ERR_CONNECTION_RESET_104", "PWD=/home/app2", "private_key=/etc/ssl/a2.pem", "pwd=C:%5CUsers%5Cjo2%5Cx"),
    ],
)
def test_what_is_only_called_alike_is_no_secret(query: str) -> None:
    assert masked_exchange(ping(query=query, params="{}")).query == query


@pytest.mark.parametrize(
    "said",
    [
        {"token": {"type": "bearer1x", "expires_at": 1770278520000, "scope": "read:a1 write:b2"}},
        {"password": {"policy": "strong 12 chars", "changedAt": "2026-02-05T10:55:58Z", "length": 12}},
        {"credentials": {"provider": "github-2", "region": "eu-west-1", "user": {"name": "joe1990"}}},
        {"headers": {"Accept": "*/*;q=0.8", "User-Agent": "curl/8.5.0", "Sec-WebSocket-Key": "dGhlIHNhbXBsZQ=="}},
        {"cookies": {"enabled": "no1", "count": 12}},
        {"token": {"model": "claude-3-5-sonnet-20241022", "tool": "search-web-2024"}},
        {"password": None, "token": True, "api_key": "", "secret": 3, "pin": 4, "otp": False},
        {"error": {"code": "a1B2c3D4e5F6g7H8i9J0a1B2c3D4"}, "tokens": ["hello1", "w0rld"]},
    ],
)
def test_what_only_tells_of_a_secret_that_it_stands_in_is_none(said: object) -> None:
    body = json.dumps(said).encode()
    assert masked_body(JSON, body) == body


def test_a_short_password_is_masked_in_its_url_and_nowhere_else() -> None:
    body = json.dumps({"x": "p!", "url": "postgresql://u:p!@h/p!", "xs": ["x", "https://u:x@h.example/x"]}).encode()
    shown = json.loads(masked_body(JSON, body))
    assert shown == {"x": "p!", "url": "postgresql://u:*!@h/p!", "xs": ["x", "https://u:*@h.example/x"]}


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("AccountName=a;AccountKey=Zm9vYmFyYmF6cXV4MTIzNDU2==;EndpointSuffix=x", "Zm9vYmFyYmF6cXV4MTIzNDU2=="),
        ("Server=h;User Id=u;Password=letmein;Encrypt=yes", "letmein"),
        ("Server=h; User Id=u; Pwd=letmein", "letmein"),
        ("jdbc:mysql://h/db?user=u&password=letmein", "letmein"),
        ("login with otp: 482917 was right", "482917"),
        (
            '{"a": "{\\"license_key\\": \\"b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec\\"',
            "b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec",
        ),
        ("x " * 3000 + "write_key=a1b2c3d4e5f6" + "a1b2" * 300 + " y", "a1b2c3d4e5f6" + "a1b2" * 300),
    ],
)
def test_in_a_text_a_name_tells_of_the_value_behind_it(text: str, hidden: str) -> None:
    shown = masked_body(JSON, json.dumps({"log": text}).encode()).decode()
    before, _, after = json.dumps(text)[1:-1].partition(hidden)
    assert hidden not in shown
    assert before in shown
    assert after in shown


@pytest.mark.parametrize(
    "text",
    [
        *("cursor_token=CAEQ1234xyz and more", "pwd=/data/jobs/42", "has_token: yes1", "app_key=editor.main1"),
        *("password: incorrect", "the key: theme.color2", "max_tokens=4096", "status code: 404", "spin=12345"),
    ],
)
def test_in_a_text_words_about_secrets_are_none(text: str) -> None:
    body = json.dumps({"log": text}).encode()
    assert masked_body(JSON, body) == body


def test_a_code_is_a_secret_beside_what_makes_it_one_of_oauth() -> None:
    for query, shown in (("code=abc123&state=1", "code=a****3&state=1"), ("code=abc123&line=1", "code=abc123&line=1")):
        assert masked_exchange(ping(query=query, params="{}")).query == shown
    query = "code=SplxlOBeZQ&state=af0ifjsldkj12"
    assert masked_exchange(ping(query=query, params="{}")).query == "code=S********Q&state=af*********12"
    assert masked_header("Referer", f"https://a.example/x?{query}") == (
        "https://a.example/x?code=S********Q&state=af*********12"
    )
    token_request = {"grant_type": "authorization_code", "code": "abc123"}
    assert json.loads(masked_body(JSON, json.dumps(token_request).encode()))["code"] == "a****3"
    error = b'{"code":"E1234x9","state":"failed"}'
    assert masked_body(JSON, error) == error
    form = '[["Content-Type","application/x-www-form-urlencoded"]]'
    assert b"abc123" not in masked_body(form, b"grant_type=authorization_code&code=abc123")


def test_what_the_profile_read_and_what_it_found_wrong_is_masked() -> None:
    key = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
    said = ping(guid=key, version=key, problems=compact_json([f"mc: Not a valid integer. Got '{key}'."]))
    shown = masked_exchange(said)
    assert key not in str((shown.guid, shown.version, shown.problems))
    cut = ping(problems=compact_json(["v: Not a valid string. Got 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIi...."]))
    assert "eyJhbGci" not in str(masked_exchange(cut).problems)
    plain = ping(problems=compact_json(["mc: Not a valid integer. Got 'x'."]))
    assert masked_exchange(plain) is plain


def test_a_part_without_secrets_is_the_same_object() -> None:
    exchange = ping(request_headers=compact_json([["Host", "x"], ["Authorization-Info", "none"]]))
    assert masked_exchange(exchange) is exchange


def test_of_tokens_that_run_together_none_stays_readable() -> None:
    some = random.Random(3)
    tokens = ["ghp_" + "".join(some.choices(ascii_letters + digits, k=36)) for _ in range(150)]
    shown = masked_text("".join(tokens))
    assert not [token for token in tokens if token[:24] in shown]
