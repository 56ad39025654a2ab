"""With --redact-secrets no secret that the rules know reaches a file, and equal ones can still be told."""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import pytest

from tests.cli.process import run
from tests.server.origin import answering
from tests.server.served import PING_BODY, PING_QUERY, Served, served
from tests.server.wire import request_bytes

TOKEN = "tok3nOfTheBearer42"
COOKIE = "c00kieVa1ue4711"
PASSWORD = "s3cret&Passw0rd"
BOT = "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaww"
ANSWERED = "acc3ssTokenAnswered1"
PROXY = "pr0xyPassw0rd99"
SECRETS = (TOKEN, COOKIE, PASSWORD, BOT, ANSWERED)
FINGERPRINT = r"redacted-[0-9a-f]{16}"


@pytest.fixture
def redacting(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, intercept=("*",), redact_secrets=True) as server:
        yield server


def nowhere(folder: Path, *secrets: str) -> None:
    """Look into every file beside the database, and for base64 of a secret at any place in it."""
    for file in folder.glob("telemetry.db*"):
        content = file.read_bytes()
        for secret in secrets:
            codings = [base64.b64encode(b"x" * shift + secret.encode())[4:-4] for shift in range(3)]
            assert not [each for each in (secret.encode(), *codings) if each in content], (file, secret)


def post(server: Served, body: bytes, kind: str, *fields: tuple[str, str]) -> dict[str, Any]:
    """Post a body; give the row."""
    server.ask("POST", "/in", [("Content-Type", kind), *fields], body, host="api.vendor.example")
    return server.exchanges()[-1]


def test_header_fields_cookies_and_trailers_hold_fingerprints(redacting: Served, tmp_path: Path) -> None:
    redacting.say(
        b"POST /a HTTP/1.1\r\nHost: x.example\r\nAuthorization: Bearer %b\r\nCookie: sid=%b; theme=dark\r\n"
        b"X-Note: Bearer %b\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Auth-Token: %b\r\n\r\n"
        % (TOKEN.encode(), COOKIE.encode(), TOKEN.encode(), TOKEN.encode())
    )
    row = redacting.exchange()
    fields = dict(json.loads(row["request_headers"]))
    assert re.fullmatch(f"Bearer {FINGERPRINT}", fields["Authorization"])
    assert re.fullmatch(f"sid={FINGERPRINT}; theme={FINGERPRINT}", fields["Cookie"])
    assert fields["X-Note"] == fields["Authorization"]  # the same secret is told by the same fingerprint
    assert json.loads(row["request_trailers"]) == [["X-Auth-Token", fields["Authorization"].removeprefix("Bearer ")]]
    nowhere(tmp_path, *SECRETS)


def test_query_and_path_hold_fingerprints(redacting: Served, tmp_path: Path) -> None:
    redacting.ask("GET", f"/bot123456789:{BOT}/getMe?a=1&token={TOKEN}&b=2", host="api.telegram.example")
    row = redacting.exchange()
    assert re.fullmatch(f"a=1&token={FINGERPRINT}&b=2", row["query"])
    assert re.fullmatch(FINGERPRINT, json.loads(row["params"])["token"])
    assert re.fullmatch(rf"/\S*{FINGERPRINT}/getMe", row["path"])
    nowhere(tmp_path, *SECRETS)


@pytest.mark.parametrize("name", ["X-Amz-Signature", "X-Goog-Signature"])
def test_the_signature_of_a_url_is_replaced_in_its_query(redacting: Served, tmp_path: Path, name: str) -> None:
    signature = "5f1e" * 16
    redacting.ask("GET", f"/a?a=1&{name}={signature}", host="x.example")
    assert re.fullmatch(f"a=1&{name}={FINGERPRINT}", redacting.exchange()["query"])
    nowhere(tmp_path, signature)


def test_bodies_hold_fingerprints_and_all_else_as_it_was(redacting: Served, tmp_path: Path) -> None:
    sent = {"user": {"password": PASSWORD, "n": 1}, "list": [{"api_key": TOKEN}, "plain"], "free": f"password={COOKIE}"}
    content = json.dumps(sent).encode()
    kept = json.loads(post(redacting, content, "application/json")["request_body"])
    assert kept["user"]["n"] == 1
    assert kept["list"][1] == "plain"
    for text in (kept["user"]["password"], kept["list"][0]["api_key"], kept["free"].removeprefix("password=")):
        assert re.fullmatch(FINGERPRINT, text)
    coded = post(redacting, gzip.compress(content), "application/json", ("Content-Encoding", "gzip"))
    assert json.loads(coded["request_body"]) == kept
    form = post(redacting, f"a=1&password={'s3cret%26Passw0rd'}".encode(), "application/x-www-form-urlencoded")
    assert form["request_body"].decode() == f"a=1&password={kept['user']['password']}"
    nowhere(tmp_path, *SECRETS)


def test_a_number_that_is_a_secret_becomes_a_string_and_no_other_number_changes(redacting: Served) -> None:
    content = b'{"passcode": 493021, "again": ["493021", 493021], "time": 1749302177, "x": 4930.21, "p": "n 493021"}'
    kept = json.loads(post(redacting, content, "application/json")["request_body"])
    assert re.fullmatch(FINGERPRINT, kept["passcode"])
    assert kept == {
        "passcode": kept["passcode"],
        "again": [kept["passcode"]] * 2,
        "time": 1749302177,
        "x": 4930.21,
        "p": f"n {kept['passcode']}",
    }
    lines = post(redacting, b'{"pwd": 493021}\n{"n": 4930219}\n', "application/x-ndjson")["request_body"]
    assert [json.loads(line) for line in lines.splitlines()] == [{"pwd": kept["passcode"]}, {"n": 4930219}]


def test_what_wraps_a_secret_is_replaced_whole(redacting: Served, tmp_path: Path) -> None:
    inner = base64.b64encode(json.dumps({"password": PASSWORD, "x": 1}).encode()).decode()
    kept = json.loads(post(redacting, json.dumps({"cx": inner, "n": 2}).encode(), "application/json")["request_body"])
    assert re.fullmatch(FINGERPRINT, kept["cx"])
    assert kept["n"] == 2
    redacting.ask("GET", f"/q?data={inner.replace('=', '%3D')}", host="api.vendor.example")
    assert redacting.exchanges()[-1]["query"] == f"data={kept['cx']}"
    nowhere(tmp_path, *SECRETS)


def test_urls_forms_and_json_in_values_stay_what_they_are(redacting: Served, tmp_path: Path) -> None:
    url = f"https://x.example/cb?access_token={TOKEN}&a=1"
    inner = json.dumps({"token": TOKEN, "deep": json.dumps({"x": 1, "token": TOKEN})})
    sent = {"token": TOKEN, "url": url, "form": f"a=1&token={TOKEN}", "json": inner, "otp": f"{url}&otp=482917"}
    row = post(redacting, json.dumps(sent).encode(), "application/json", ("Referer", url))
    shown = json.loads(row["request_body"])
    kept = shown["token"]
    assert re.fullmatch(FINGERPRINT, kept)
    assert ["Referer", url.replace(TOKEN, kept)] in json.loads(row["request_headers"])
    assert shown.pop("otp").startswith(f"{url.replace(TOKEN, kept)}&otp=redacted-")
    assert shown == {name: value.replace(TOKEN, kept) for name, value in sent.items() if name != "otp"}
    redacting.ask("GET", f"/q?{urlencode({'next': url})}", host="api.vendor.example")
    assert unquote(redacting.exchanges()[-1]["query"]) == f"next={url.replace(TOKEN, kept)}"
    nowhere(tmp_path, *SECRETS)


def test_what_stands_coded_beside_itself_is_replaced_whole(redacting: Served, tmp_path: Path) -> None:
    coded = base64.b64encode(json.dumps({"x": TOKEN}).encode()).decode()
    escaped = "".join(f"\\u{ord(each):04x}" for each in PASSWORD)
    for inner in (f'{{"token": "{TOKEN}", "cx": "{coded}"}}', f'{{"password": "{PASSWORD}", "x": "{escaped}"}}'):
        body = json.dumps({"d": inner, "n": 2}).encode()
        kept = json.loads(post(redacting, body, "application/json")["request_body"])
        assert re.fullmatch(FINGERPRINT, kept["d"])
    nowhere(tmp_path, *SECRETS, coded)


def test_a_binary_body_stays_as_long_as_it_was(redacting: Served, tmp_path: Path) -> None:
    text = f"password={PASSWORD}".encode()
    body = b"\x0a" + bytes([len(text)]) + text + b"\x10\x05"
    kept = post(redacting, body, "application/x-protobuf")["request_body"]
    assert len(kept) == len(body)
    assert kept[:11] == body[:11]
    assert kept[-2:] == body[-2:]
    nowhere(tmp_path, *SECRETS)


def test_what_was_no_http_holds_fingerprints(redacting: Served, tmp_path: Path) -> None:
    redacting.say(b"GET / HTTP/1.1\r\nHost: x.example\r\nAuthorization: Bearer %b\r\nbroken\r\n\r\n" % TOKEN.encode())
    (row,) = redacting.malformed()
    assert re.search(f"Authorization: Bearer {FINGERPRINT}", row["detail"])
    nowhere(tmp_path, *SECRETS)


def test_no_cookie_and_no_bare_credential_of_what_was_no_http_is_kept(redacting: Served, tmp_path: Path) -> None:
    for end in (b"\r\n", b"\n"):
        lines = (b"GET / HTTP/1.1", b"Host: x.example", b"Cookie: a=1; sid=%b", b"Cookie: %b", b"authorization: %b")
        redacting.say(end.join(lines) % ((COOKIE.encode(),) * 3) + end + b"broken" + end + end)
    rows = redacting.malformed()
    assert len(rows) == 2
    for row in rows:
        assert len(re.findall(FINGERPRINT, row["detail"])) == 4
        assert "Host: x.example" in row["detail"]
    nowhere(tmp_path, COOKIE)


def test_a_folded_field_keeps_nothing_of_its_value(redacting: Served, tmp_path: Path) -> None:
    for field in (b"Cookie: a=1;\r\n sid=%b", b"Authorization: Custom\r\n\t%b", b"Set-Cookie: a=b\r\n %b; Path=/"):
        redacting.say(b"GET / HTTP/1.1\r\nHost: x.example\r\n" + field % COOKIE.encode() + b"\r\n\r\n")
    redacting.ask("GET", "/a", [("Authorization", f"{COOKIE} rest")], host="x.example")
    assert len(redacting.malformed()) == 3
    nowhere(tmp_path, COOKIE)


def test_query_and_form_of_what_was_no_http_hold_fingerprints(redacting: Served, tmp_path: Path) -> None:
    redacting.say(b"POST /?password=swordfish HTTP/1.1\r\nHost: x.example\r\nbroken\r\n\r\na=1&passwd=swordfish")
    (row,) = redacting.malformed()
    assert len(re.findall(FINGERPRINT, row["detail"])) == 2
    nowhere(tmp_path, "swordfish")


def test_what_the_profile_read_and_found_wrong_holds_fingerprints(redacting: Served, tmp_path: Path) -> None:
    key = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
    redacting.ask("GET", f"/telemetry/index.html?guid={key}&mc={key}", host="cdn.cribl.io")
    row = redacting.exchange()
    assert re.fullmatch(FINGERPRINT, row["guid"])
    assert re.search(FINGERPRINT, row["problems"])
    nowhere(tmp_path, key)


def test_a_secret_with_half_of_a_character_in_it_holds_a_fingerprint(redacting: Served, tmp_path: Path) -> None:
    row = post(redacting, rb'{"a":"x","password":"\ud83dpa55word99"}', "application/json")
    assert re.fullmatch(rf'\{{"a":"x","password":"{FINGERPRINT}"\}}|{FINGERPRINT}', row["request_body"].decode())
    nowhere(tmp_path, "pa55word99")


def test_a_path_of_very_many_tokens_holds_none_of_them(redacting: Served, tmp_path: Path) -> None:
    tokens = [f"ghp_{number:036}" for number in range(120)]
    redacting.ask("GET", "/" + "/".join(tokens), host="api.vendor.example")
    assert re.fullmatch(rf"/{FINGERPRINT}", redacting.exchange()["path"])
    nowhere(tmp_path, *tokens)


def test_a_cookie_without_a_name_holds_a_fingerprint(redacting: Served, tmp_path: Path) -> None:
    redacting.ask("GET", "/a", [("Cookie", f"{COOKIE}; a=1")], host="x.example")
    fields = dict(json.loads(redacting.exchange()["request_headers"]))
    assert re.fullmatch(f"{FINGERPRINT}; a={FINGERPRINT}", fields["Cookie"])
    nowhere(tmp_path, COOKIE)


@pytest.mark.parametrize("kind", ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
def test_a_private_key_is_replaced_from_its_first_line_to_its_last(
    redacting: Served, tmp_path: Path, kind: str
) -> None:
    lines = "".join(f"{number:03}{COOKIE}/+\n" for number in range(400))  # longer than what is looked at together
    key = f"-----BEGIN {kind}-----\n{lines}-----END {kind}-----"
    raw = post(redacting, f"before\n{key}\nafter".encode(), "text/plain")["request_body"]
    assert re.fullmatch(rf"before\n{FINGERPRINT}\nafter", raw.decode())
    kept = json.loads(post(redacting, json.dumps({"k": f"a {key} b"}).encode(), "application/json")["request_body"])
    assert re.fullmatch(f"a {FINGERPRINT} b", kept["k"])
    nowhere(tmp_path, COOKIE)


def test_an_ordinary_ping_is_kept_as_it_was_sent(redacting: Served) -> None:
    answer = redacting.ask("GET", f"/telemetry/index.html?{PING_QUERY}", host="cdn.cribl.io")
    assert answer.body == PING_BODY
    row = redacting.exchange()
    assert row["query"] == PING_QUERY
    assert row["response_body"] == PING_BODY
    assert "redacted-" not in str(row)


def test_recording_sends_the_secret_on_and_keeps_fingerprints_of_both_sides(tmp_path: Path) -> None:
    said = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=%b; Path=/\r\nContent-Length: %d\r\n\r\n%b"
    body = json.dumps({"access_token": ANSWERED}).encode()
    with (
        answering(said % (COOKIE.encode(), len(body), body)) as real,
        served(tmp_path, intercept=("127.0.0.1",), mode=("record",), redact_secrets=True) as server,
    ):
        answer = server.say(
            request_bytes(
                "GET",
                f"http://{real.authority}/x?token={TOKEN}",
                [("Authorization", f"Bearer {TOKEN}")],
                host=real.authority,
            )
        )
        assert answer.header("Set-Cookie") == f"sid={COOKIE}; Path=/"
        assert answer.json() == {"access_token": ANSWERED}
        assert TOKEN.encode() in real.heard[0].partition(b"\r\n")[0]
        assert dict(real.heard_fields())["Authorization"] == f"Bearer {TOKEN}"
        row = server.exchange()
    assert re.fullmatch(FINGERPRINT, json.loads(row["response_body"])["access_token"])
    assert re.search(f"sid={FINGERPRINT}; Path=/", row["response_headers"])
    nowhere(tmp_path, *SECRETS)


def test_fingerprints_may_be_seen_in_every_list(redacting: Served, tmp_path: Path) -> None:
    redacting.ask("GET", "/a", [("Authorization", f"Bearer {TOKEN}")], host="x.example")
    shown = run("show", "1", "--db", tmp_path / "telemetry.db").stdout.decode()
    assert re.search(f"Authorization: Bearer {FINGERPRINT}", shown)


def test_a_server_that_starts_again_tells_the_same_secret_by_the_same_fingerprint(tmp_path: Path) -> None:
    kept = set()
    for _ in range(2):
        with served(tmp_path, redact_secrets=True) as server:
            server.ask("GET", "/a", [("Authorization", TOKEN)])
            kept.add(server.exchanges()[-1]["request_headers"])
    assert len(kept) == 1


def test_unless_asked_for_everything_is_kept_as_it_was_sent(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        server.ask("GET", f"/a?token={TOKEN}", [("Authorization", f"Bearer {TOKEN}")])
        row = server.exchange()
    assert row["query"] == f"token={TOKEN}"
    assert f"Bearer {TOKEN}" in row["request_headers"]
    assert not (tmp_path / "ca" / "redaction.key").exists()
