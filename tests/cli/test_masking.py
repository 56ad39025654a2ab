"""No command shows what opens doors, nor in lists of values what is sensitive, unless --values asks for it."""

import base64
import gzip
import json
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest
from pyarrow import parquet

from telemock.exchange import Exchange, compact_json
from tests.cli.process import run, run_on_terminal
from tests.corpus import connection, database, ping

COOKIE = "c00kieVa1ue4711"
SET = "setCookie0815xyz"
BEARER = "tok3nOfTheBearer42"
API_KEY = "k3yOfTheApi1234567"
PARAM = "tok3nInQuery98765"
URL = "hush99inUrl"
PASSWORD = "s3cret&Passw0rd"
IN_GZIP = "clientS3cret1234"
IN_FORM = "f0rm&Passw0rd77"
ANSWERED = "acc3ssTokenAnswered1"
AWS = "AKIAIOSFODNN7EXAMPLE"
BOT = "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaww"
IN_DETAIL = "c2VjcmV0OnNlY3JldA"
IN_LINES = ("in1stC00kie", "in2ndC00kie", "inS3tC00kie", "inF0ldedC00kie", "plainCr3dential", "inQu0tes")
NAMELESS = "namel3ssC00kie"
KEY = "MIIEpAIBAAKCAQEA0Z/xy+"
SECRETS = (
    *(COOKIE, SET, BEARER, API_KEY, PARAM, URL, PASSWORD, IN_GZIP, IN_FORM, ANSWERED, AWS, IN_DETAIL),
    *(*IN_LINES, NAMELESS, KEY),
)
BEGIN = (
    f"GET / HTTP/1.1\nCookie: theme=dark; session={IN_LINES[0]}\nCookie : a={IN_LINES[1]}\nhost: x.example\n"
    f"Set-Cookie: sid={IN_LINES[2]}; Path=/\nCookie: a=1;\n b={IN_LINES[3]}\nauthorization: {IN_LINES[4]}\n"
    f'Cookie: c="\'{IN_LINES[5]}"\nUser-Agent: curl/8\n\n'
)
MAIL = "jane.doe@example.org"
JSON_HEADERS = [["Content-Type", "application/json"]]


def pem(kind: str, end: str = "", lines: int = 3) -> str:
    block = f"{kind}PRIVATE KEY{end}-----"
    body = "".join(f"{number:03}{KEY}\n" for number in range(lines))
    return f"-----BEGIN {block}\n{body}-----END {block}\n"


def exchanges() -> list[Exchange]:
    headers = [
        ["Authorization", f"Bearer {BEARER}"],
        ["Cookie", f"sid={COOKIE}; theme={COOKIE}; {NAMELESS}"],
        ["X-Api-Key", API_KEY],
        ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
    ]
    url = f"https://ann:{URL}@db.example/x"
    form = f"user=x&password={quote(IN_FORM)}&user={quote(MAIL)}"
    return [
        ping(
            0,
            request_headers=compact_json(headers),
            request_trailers=compact_json([["X-Auth-Token", BEARER]]),
            response_headers=compact_json([["Set-Cookie", f"sid={SET}; Path=/; HttpOnly"]]),
            response_body=compact_json({"access_token": ANSWERED}).encode(),
        ),
        ping(
            1,
            query=f"v=1&token={PARAM}&url={quote(url, safe='')}",
            params=compact_json({"v": "1", "token": [PARAM, PARAM], "url": url}),
        ),
        ping(
            2,
            method="POST",
            path="/telemetry/events",
            query="",
            params="{}",
            request_headers=compact_json(JSON_HEADERS),
            request_body=compact_json(
                {"user": {"password": PASSWORD}, "note": f"see {AWS} there", "pem": pem("RSA ")}
            ).encode(),
        ),
        ping(
            3,
            query="",
            params="{}",
            request_headers=compact_json([*JSON_HEADERS, ["Content-Encoding", "gzip"]]),
            request_body=gzip.compress(compact_json({"client_secret": IN_GZIP, "n": 1}).encode(), mtime=0),
        ),
        ping(
            4,
            query="",
            params="{}",
            request_headers=compact_json([["Content-Type", "application/x-www-form-urlencoded"]]),
            request_body=form.encode(),
        ),
    ]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    malformed = f"It began with b'GET / HTTP/1.1\\r\\nAuthorization: Basic {IN_DETAIL}\\r\\nX: y'"
    lines = [f"It began with {head.encode()!r}" for head in (BEGIN, BEGIN.replace("\n", "\r\n"))]
    return database(tmp_path, *exchanges(), *(connection(detail=detail) for detail in (malformed, *lines)))


def shown(secret: str, text: str) -> bool:
    """Tell whether a secret is in a text, in any of the ways that commands write one."""
    forms = {secret, json.dumps(secret)[1:-1], quote(secret), quote(secret, safe=""), secret.replace("&", "&amp;")}
    return any(form in text for form in forms)


def written(db: Path, suffix: str, *arguments: str) -> str:
    """Export to a file; give all that it says as text."""
    path = db.with_name(f"out.{suffix}")
    assert run("export", "--db", db, "-o", path, *arguments).returncode == 0
    if suffix == "parquet":
        return str(parquet.read_table(path).to_pylist())
    if suffix == "xlsx":
        with zipfile.ZipFile(path) as book:
            return " ".join(book.read(name).decode() for name in book.namelist())
    return path.read_text()


LISTS = {
    **{f"query {form}": ("query", "--format", form) for form in ("json", "jsonl", "csv", "table")},
    "query --connections": ("query", "--connections", "--format", "jsonl"),
    **{f"show {number}": ("show", number) for number in range(1, 6)},
    **{f"show {number} --body": ("show", number, "--body") for number in range(1, 6)},
    "show 1 --response-body": ("show", 1, "--response-body"),
    **{f"export {form}": ("export", "--format", form) for form in ("jsonl", "csv", "har")},
    **{f"export flat {form}": ("export", "--format", form, "--fields", "flat") for form in ("jsonl", "csv")},
    "analyze": ("analyze",),
    "analyze json": ("analyze", "--format", "json"),
    "report": ("report", "-o", "-"),
}


@pytest.mark.parametrize("name", LISTS)
def test_no_list_shows_a_secret(db: Path, name: str) -> None:
    done = run(*LISTS[name], "--db", db)
    assert done.returncode == 0
    assert not [secret for secret in SECRETS if shown(secret, done.stdout.decode())]
    assert done.stderr in (
        b"",
        b"Secrets are masked; --values shows them.\n",
        b"What is sensitive is masked; --values shows it.\n",
    )


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "har", "xlsx", "parquet"])
def test_no_file_holds_a_secret(db: Path, suffix: str) -> None:
    said = written(db, suffix)
    assert not [secret for secret in SECRETS if shown(secret, said)]
    if suffix != "har":
        assert not [secret for secret in SECRETS if shown(secret, written(db, suffix, "--fields", "flat"))]
    raw = written(db, suffix, "--values")
    assert {secret for secret in SECRETS if shown(secret, raw)} >= {*SECRETS} - {IN_GZIP, IN_DETAIL, *IN_LINES}


def test_what_is_masked_keeps_its_form_and_what_is_no_secret_stays(db: Path) -> None:
    one, two, three, four, five = map(json.loads, run("export", "--db", db).stdout.splitlines())
    assert one["request_headers"] == [
        ["Authorization", "Bearer to**************42"],
        ["Cookie", "sid=c0***********11; theme=c0***********11; na**********ie"],
        ["X-Api-Key", "k3**************67"],
        ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
    ]
    assert one["request_trailers"] == [["X-Auth-Token", "to**************42"]]
    assert one["response_headers"] == [["Set-Cookie", "sid=se************yz; Path=/; HttpOnly"]]
    assert json.loads(one["response_body"]) == {"access_token": "ac****************d1"}
    assert one["query"] == exchanges()[0].query
    assert two["params"]["token"] == ["to*************65"] * 2
    assert two["query"].startswith("v=1&token=to*************65&url=https://ann:h********")
    assert json.loads(three["request_body"])["user"] == {"password": "s3****&******rd"}
    assert json.loads(four["request_body"]) == {"client_secret": "cl************34", "n": 1}
    assert ["(Content-Encoding undone)", "gzip"] in four["request_headers"]
    assert five["request_body"].startswith("user=x&password=f0**%26********77&user=")


def test_values_are_shown_to_who_asks_and_bodies_are_those_that_were_sent(db: Path) -> None:
    body = run("show", 4, "--body", "--values", "--db", db)
    assert (body.stdout, body.stderr) == (exchanges()[3].request_body, b"")
    for name in ("query jsonl", "export jsonl", "export flat csv", "show 1"):
        done = run(*LISTS[name], "--values", "--db", db)
        assert shown(BEARER, done.stdout.decode())
        assert done.stderr == b""
    rows = [json.loads(line) for line in run("export", "--values", "--db", db).stdout.splitlines()]
    assert rows[3]["request_body"] == {"base64": base64.b64encode(exchanges()[3].request_body or b"").decode()}
    assert shown(BEARER, run("query", "--sql", "SELECT request_headers FROM exchanges", "--db", db).stdout.decode())


def test_a_list_without_secrets_says_nothing(tmp_path: Path) -> None:
    db = database(tmp_path, ping(), ping(1))
    for command in ("query --format jsonl", "export", "show 1", "show 2 --response-body", "analyze"):
        assert run(*command.split(), "--db", db).stderr == b""
    exported = run("export", "--db", db).stdout
    assert exported == run("export", "--values", "--db", db).stdout != b""


def test_a_terminal_is_told_below_the_list(db: Path) -> None:
    code, seen = run_on_terminal("show", "1", "--db", db, columns=80)
    assert code == 0
    assert seen.endswith("\nSecrets are masked; --values shows them.\n")
    assert not shown(BEARER, seen)


@pytest.mark.parametrize("form", ["table", "json"])
def test_what_analyze_and_diff_list_is_masked_as_in_the_report(tmp_path: Path, form: str) -> None:
    old = [ping(second, version="4.15.0", query=f"v=4.15.0&gone={MAIL}") for second in range(9)]
    new = [
        ping(60 + second, query=f"v=4.16.1&host=db-07.corp.internal&b={base64.b64encode(MAIL.encode()).decode()}")
        for second in range(9)
    ]
    card = [ping(90 + second, path="/x", query="tel=%2B498912345678") for second in range(3)]
    db = database(tmp_path, *old, *new, *card)
    coded = base64.b64encode(MAIL.encode()).decode()
    for command in (("analyze",), ("diff", "4.15.0", "4.16.1")):
        masked = run(*command, "--format", form, "--db", db)
        assert masked.returncode == 0
        said = masked.stdout.decode()
        for value in (MAIL, "db-07", coded, "498912345678"):
            assert value not in said, command
        assert b"What is sensitive is masked; --values shows it.\n" in masked.stderr
    values = run("diff", "4.15.0", "4.16.1", "--format", form, "--values", "--db", db)
    assert MAIL in values.stdout.decode()
    assert b"masked" not in values.stdout + values.stderr
    assert "db-07" in run("analyze", "--format", form, "--values", "--db", db).stdout.decode()
    page = run("report", "-o", "-", "--db", db).stdout.decode()
    assert MAIL not in page
    assert coded not in page
    assert MAIL in run("report", "-o", "-", "--values", "--db", db).stdout.decode()


def test_bodies_that_cannot_be_masked_in_place_are_withheld(tmp_path: Path) -> None:
    escaped = b'{"password":"s3cr\\u0065tPassw0rd","n":1}'
    db = database(tmp_path, ping(request_body=escaped, request_headers=compact_json(JSON_HEADERS)))
    (row,) = map(json.loads, run("export", "--db", db).stdout.splitlines())
    assert row["request_body"] == "(masked, as it holds a secret)"


def test_binary_bodies_without_secrets_stay_byte_for_byte(tmp_path: Path) -> None:
    body = bytes(range(256)) * 40 + b"password"
    db = database(tmp_path, ping(request_body=body))
    assert run("show", 1, "--body", "--db", db).stdout == body


def bodies_with_keys() -> list[tuple[str, bytes]]:
    blocks = [pem("RSA "), pem(""), pem("EC "), pem("OPENSSH "), pem("PGP ", " BLOCK"), pem("", lines=400)]
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="id"\r\n\r\n%b\r\n--b--\r\n'
    return [
        *(("text/plain", f"before\n{block}after\n".encode()) for block in blocks),
        ("text/plain", b"before\n" + pem("RSA ").partition("-----END")[0].encode()),
        ("application/json", json.dumps({"note": blocks[0] + "after"}).encode()),
        ("application/json", json.dumps({"note": blocks[0] + "after"}).replace("/", r"\/").encode()),
        ("application/x-www-form-urlencoded", f"a=before&k={quote(blocks[0], safe='')}&b=after".encode()),
        ("multipart/form-data; boundary=b", part % blocks[3].encode()),
    ]


@pytest.mark.parametrize(("kind", "body"), bodies_with_keys())
def test_a_private_key_is_masked_from_its_first_line_to_its_last(tmp_path: Path, kind: str, body: bytes) -> None:
    headers = compact_json([["Content-Type", kind]])
    db = database(tmp_path, ping(method="POST", query="", params="{}", request_headers=headers, request_body=body))
    said = run("show", 1, "--body", "--db", db).stdout.decode()
    assert "MIIEpAIB" not in said
    assert "PRIVATE" not in said
    assert [word in said for word in ("before", "after")] == [word in body.decode() for word in ("before", "after")]


def test_what_says_nothing_secret_in_malformed_bytes_is_shown(db: Path) -> None:
    details = [
        json.loads(line)["detail"] for line in run(*LISTS["query --connections"], "--db", db).stdout.splitlines()
    ]
    for end, detail in zip((r"\r\n", r"\n"), details[:2], strict=True):
        assert f"{end}host: x.example{end}Set-Cookie: sid=" in detail
        assert f"; Path=/{end}" in detail
        assert f"{end}User-Agent: curl/8{end}{end}" in detail


def test_a_cookie_without_a_name_is_no_name_of_a_field(db: Path) -> None:
    said = json.loads(run("analyze", "--format", "json", "--db", db).stdout)
    names = {field["name"] for endpoint in said["endpoints"] for field in endpoint["fields"]}
    assert names >= {"sid", "theme", "(nameless)"}
