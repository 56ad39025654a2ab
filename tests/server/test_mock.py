"""These are the promises of the mock: for each path its status, headers and bytes, and 404 for all others."""

import gzip
import json
import zlib
from importlib.resources import files
from pathlib import Path

import pytest

from telemock.server.events import MAX_EVENTS
from tests.packing import packed
from tests.server.secure import by_road, target_of
from tests.server.served import MAX_BODY_BYTES, PING_BODY, PING_TARGET, Served, served
from tests.server.wire import Answer, request_bytes

ORIGIN: tuple[str, str | bytes] = ("Origin", "http://page.test")
EVENTS = "/telemetry/events"
CONFIG = "/telemetry/config"
SCRIPT = "/telemetry/cribl.js"
PAGES = ["/telemetry/index.html", "/telemetry/", PING_TARGET, "/telemetry/?v=1", "/telemetry/%69ndex.html"]
ALLOWED = {
    "/telemetry/index.html": "GET, HEAD, OPTIONS",
    "/telemetry/": "GET, HEAD, OPTIONS",
    SCRIPT: "GET, HEAD, OPTIONS",
    EVENTS: "POST, OPTIONS",
    CONFIG: "GET, OPTIONS",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "PURGE"]


def post(server: Served, body: bytes, coding: str | None = None, target: str = EVENTS) -> Answer:
    return server.ask("POST", target, [] if coding is None else [("Content-Encoding", coding)], body)


@pytest.mark.parametrize("target", PAGES)
def test_a_ping_gets_the_vendors_line(server: Served, target: str) -> None:
    answer = server.ask("GET", target)
    assert (answer.status, answer.body) == (200, b"cribl /// living the stream!\n")
    assert [header for header in answer.headers if header[0] not in ("Date", "Server")] == [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", "29"),
    ]
    assert (server.exchange()["outcome"], server.exchange()["profile"]) == ("mock", "cribl")


@pytest.mark.parametrize("target", [*PAGES, SCRIPT])
def test_head_gets_the_head_of_get_and_no_body(server: Served, target: str) -> None:
    whole = server.ask("GET", target)
    with server.connect() as wire:
        wire.send(request_bytes("HEAD", target) + request_bytes("GET", "/next", [("Connection", "close")]))
        answer = wire.answer(body=False)
        assert wire.answer().status == 404
    assert answer.status == 200
    assert without_date(answer) == without_date(whole)
    assert [row["response_body"] for row in server.exchanges()][:2] == [whole.body, None]


def without_date(answer: Answer) -> list[tuple[str, str]]:
    return [header for header in answer.headers if header[0] != "Date"]


def test_the_script_is_the_packaged_one_and_may_be_cached(server: Served) -> None:
    answer = server.ask("GET", SCRIPT)
    assert (answer.status, answer.body) == (200, files("telemock.server").joinpath("cribl.js").read_bytes())
    assert answer.header("Content-Type") == "text/javascript; charset=utf-8"
    assert answer.header("Cache-Control") == "public, max-age=300"
    etag = answer.header("ETag")
    assert etag is not None
    assert etag == server.ask("GET", SCRIPT).header("ETag")
    assert (etag[0], etag[-1]) == ('"', '"')


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("{}", 304),
        ("W/{}", 304),
        ('"other", W/"another", {}', 304),
        ("*", 304),
        ('"other"', 200),
        ('W/"other"', 200),
        ("", 200),
        ("nonsense", 200),
    ],
)
def test_a_client_that_has_the_script_is_told_so(server: Served, method: str, asked: str, status: int) -> None:
    etag = server.ask("GET", SCRIPT).header("ETag")
    assert etag is not None
    data = request_bytes(method, SCRIPT, [("If-None-Match", asked.replace("{}", etag))])
    with server.connect() as wire:
        wire.send(data + request_bytes("GET", PING_TARGET))
        answer = wire.answer(body=method != "HEAD")
        assert wire.answer().body == PING_BODY
    assert (answer.status, answer.header("ETag")) == (status, etag)
    assert answer.header("Cache-Control") == "public, max-age=300"
    if status == 304:
        assert answer.header("Content-Length") is None
        assert server.exchanges()[-2]["response_body"] is None


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b"{}", 1),
        (b'{"event": "start"}\n', 1),
        (b"[]", 0),
        (b'[{"a": 1}, {"a": 2}, {"a": 3}]', 3),
        (b'{"a": 1}\n{"a": 2}\n', 2),
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}\r\n\r\n{"a": 2}', 2),
        (b"{}\n" * MAX_EVENTS, MAX_EVENTS),
        (b"[" + b"{}," * (MAX_EVENTS - 1) + b"{}]", MAX_EVENTS),
    ],
)
@pytest.mark.parametrize(
    "coding", [None, "identity", "gzip", "x-gzip", "GZIP", "deflate", "deflate, gzip", "br", "zstd"]
)
def test_events_are_counted_in_every_form_and_coding(
    server: Served, body: bytes, count: int, coding: str | None
) -> None:
    sent = packed(body, coding or "identity")
    answer = post(server, sent, coding)
    assert (answer.status, answer.json()) == (200, {"status": "accepted", "count": count})
    assert answer.header("Content-Type") == "application/json"
    assert server.exchange()["request_body"] == sent


def test_events_in_raw_deflate_and_in_two_coding_headers_are_read(server: Served) -> None:
    raw = zlib.compressobj(wbits=-15)
    sent = gzip.compress(raw.compress(b"[{}]") + raw.flush())
    answer = server.ask("POST", EVENTS, [("Content-Encoding", "deflate"), ("content-encoding", "gzip")], sent)
    assert answer.json() == {"status": "accepted", "count": 1}


@pytest.mark.parametrize("coding", ["lzma", "gzip, compress", "identity, x"])
def test_a_coding_that_is_not_undone_is_answered_with_those_that_are(server: Served, coding: str) -> None:
    answer = post(server, gzip.compress(b"{}"), coding)
    assert (answer.status, answer.json()["status"]) == (415, "rejected")
    assert "is not supported" in answer.json()["error"]
    assert answer.header("Accept-Encoding") == "gzip, deflate, br, zstd"
    assert server.exchange()["outcome"] == "mock"


@pytest.mark.parametrize(
    ("body", "coding", "said"),
    [
        (b"", None, "line 1 column 1"),
        (b"hello", None, "line 1 column 1"),
        (b'{"a": 1}\n{"b": }', None, "line 2 column 7"),
        (b'[{},\n "text"]', None, "line 2 column 2"),
        (b'{"a": "\xff"}', None, "line 1 column 8"),
        (b" " * 70_000 + b"nonsense", None, "line 1 column 70001"),
        (b"{}", "gzip", "not valid gzip"),
        (gzip.compress(b"{}", mtime=0)[:-3], "gzip", "gzip body ends before its end"),
        (b"\xff\xff", "deflate", "not valid deflate"),
        (zlib.compress(b"{}")[:-3], "deflate", "deflate body ends before its end"),
        (b"", "gzip", "gzip body ends before its end"),
    ],
)
def test_other_bodies_are_rejected_with_what_is_wrong(
    server: Served, body: bytes, coding: str | None, said: str
) -> None:
    answer = post(server, body, coding)
    assert (answer.status, answer.json()["status"]) == (400, "rejected")
    assert said in answer.json()["error"]
    exchange = server.exchange()
    assert (exchange["outcome"], exchange["request_body"]) == ("mock", body or None)


@pytest.mark.parametrize(
    ("coding", "bomb"),
    [
        ("gzip", gzip.compress(b" " * (MAX_BODY_BYTES + 1))),
        ("gzip", gzip.compress(b" " * 50_000_000)),
        ("gzip", gzip.compress(b" " * MAX_BODY_BYTES) * 2),
        ("deflate", zlib.compress(b" " * 50_000_000)),
        ("gzip, gzip", gzip.compress(gzip.compress(b" " * 100_000_000))),
        *((coding, packed(b" " * 50_000_000, coding)) for coding in ("br", "zstd")),
    ],
)
def test_a_body_that_decodes_to_too_much_gets_413_and_is_kept_as_sent(server: Served, coding: str, bomb: bytes) -> None:
    answer = post(server, bomb, coding)
    assert answer.status == 413
    assert answer.json() == {"status": "rejected", "error": f"The body is longer than {MAX_BODY_BYTES} bytes."}
    exchange = server.exchange()
    assert (exchange["request_body"], exchange["request_truncated"]) == (bomb, 0)


@pytest.mark.parametrize("coding", [None, "gzip"])
@pytest.mark.parametrize("body", [b"{}\n" * 66_000, b"[" + b"{}," * 66_000 + b"{}]"])
def test_of_too_many_events_the_first_are_read_and_it_is_told(server: Served, body: bytes, coding: str | None) -> None:
    first = b'{"guid": "first"}'
    body = body.replace(b"{}", first, 1).ljust(MAX_BODY_BYTES)
    answer = post(server, body if coding is None else gzip.compress(body), coding)
    note = "Only the first 10000 events were read; the whole body is kept."
    assert answer.json() == {"status": "accepted", "count": MAX_EVENTS, "note": note}
    row = server.exchange()
    assert (row["guid"], json.loads(row["problems"])) == (
        "first",
        ["event 1: guid: Not a valid UUID. Got 'first'.", note],
    )
    assert (row["request_body"] if coding is None else gzip.decompress(row["request_body"])) == body


def test_a_single_event_of_very_many_values_is_counted_and_tells_who_speaks(tmp_path: Path) -> None:
    guid = "6d1f1f0e-8a53-4d0c-9c1d-000000000001"
    body = b'{"v": [' + b"0," * 2**20 + b'0], "guid": "' + guid.encode() + b'"}'
    with served(tmp_path, max_body=len(body)) as server:
        answer = post(server, body)
        assert answer.json()["count"] == 1
        row = server.exchange()
    assert (row["guid"], json.loads(row["problems"])) == (guid, [answer.json()["note"]])


def test_a_body_that_decodes_to_exactly_the_limit_is_read(server: Served) -> None:
    assert post(server, gzip.compress(b"{}".ljust(MAX_BODY_BYTES)), "gzip").json()["count"] == 1


@pytest.mark.parametrize(
    ("query", "version"),
    [
        ("", None),
        ("?version=4.16.1", "4.16.1"),
        ("?v=4.16.1-20904e45", "4.16.1-20904e45"),
        ("?version=1&v=2.0.0", "2.0.0"),
        ("?v=&version=1", "1"),
        ("?version=%22%3Cb%3E", '"<b>'),
    ],
)
def test_the_configuration_says_what_to_do_and_echoes_the_version(
    server: Served, query: str, version: str | None
) -> None:
    answer = server.ask("GET", CONFIG + query)
    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    assert answer.json() == {
        "enabled": True,
        "interval_seconds": 300,
        "endpoint": EVENTS,
        "sample_rate": 1.0,
        "version": version,
    }


NOT_ALLOWED = [
    (method, path) for path, allowed in ALLOWED.items() for method in METHODS if method not in allowed.split(", ")
]


@pytest.mark.parametrize(("method", "path"), [case for case in NOT_ALLOWED if case[0] != "CONNECT"])
@pytest.mark.parametrize("body", [None, b"{}"])
def test_another_method_gets_405_with_those_allowed(server: Served, method: str, path: str, body: bytes | None) -> None:
    answer = server.ask(method, path, body=body)
    assert (answer.status, answer.header("Allow")) == (405, ALLOWED[path])
    assert server.exchange()["request_body"] == body
    if method != "HEAD":
        assert answer.json()["error"] == f"{method} is not allowed here; {ALLOWED[path]} are."


@pytest.mark.parametrize("path", ALLOWED)
def test_a_preflight_is_told_that_any_origin_may_without_credentials(server: Served, path: str) -> None:
    headers: list[tuple[str, str | bytes]] = [
        ORIGIN,
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type, x-own"),
    ]
    answer = server.ask("OPTIONS", path, headers)
    assert (answer.status, answer.body, answer.header("Allow")) == (204, b"", ALLOWED[path])
    assert answer.header("Access-Control-Allow-Origin") == "*"
    assert answer.header("Access-Control-Allow-Methods") == ALLOWED[path]
    assert answer.header("Access-Control-Allow-Headers") == "content-type, x-own"
    assert answer.header("Access-Control-Allow-Credentials") is None
    assert server.exchange()["outcome"] == "mock"


@pytest.mark.parametrize("asked", [None, "", "a\xe9", "<b>", "a;b", "a" * 1025])
def test_a_preflight_never_gets_back_what_is_no_list_of_headers(server: Served, asked: str | None) -> None:
    headers: list[tuple[str, str | bytes]] = [ORIGIN, ("Access-Control-Request-Method", "POST")]
    if asked is not None:
        headers.append(("Access-Control-Request-Headers", asked))
    assert server.ask("OPTIONS", EVENTS, headers).header("Access-Control-Allow-Headers") == "Content-Type"


def test_options_without_a_page_only_says_what_is_allowed(server: Served) -> None:
    answer = server.ask("OPTIONS", EVENTS)
    assert (answer.status, answer.header("Allow")) == (204, "POST, OPTIONS")
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [("GET", PING_TARGET, None), ("GET", SCRIPT, None), ("GET", CONFIG, None), ("POST", EVENTS, b"{}"),
     ("POST", EVENTS, b"nonsense"), ("POST", EVENTS, b"a" * (MAX_BODY_BYTES + 1)), ("DELETE", EVENTS, None)],
)  # fmt: skip
@pytest.mark.parametrize("origin", ["http://page.test", "null", "https://cdn.cribl.io"])
def test_a_page_of_any_origin_may_read_what_telemetry_paths_answer(
    server: Served, method: str, target: str, body: bytes | None, origin: str
) -> None:
    headers: list[tuple[str, str | bytes]] = [("Origin", origin), ("Cookie", "a=b")]
    answer = server.ask(method, target, headers, body)
    assert answer.header("Access-Control-Allow-Origin") == "*"
    assert answer.header("Access-Control-Allow-Credentials") is None


@pytest.mark.parametrize("target", ["/", "/telemetry", "/telemetry/other", "/telemetry/events/", "/favicon.ico"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
def test_anything_else_gets_404_that_says_what_was_asked_and_what_answers(
    server: Served, method: str, target: str
) -> None:
    headers: list[tuple[str, str | bytes]] = [ORIGIN, ("Access-Control-Request-Method", "POST")]
    answer = server.ask(method, target + "?a=b", headers, host="Asked.test:8080")
    said = answer.json()
    assert answer.status == 404
    assert (said["method"], said["host"], said["path"]) == (method, "asked.test:8080", target)
    assert said["error"] == f"Nothing here answers {method} {target}."
    assert said["answers"] == [
        "GET|HEAD /telemetry/index.html",
        "GET|HEAD /telemetry/",
        "GET|HEAD /telemetry/cribl.js",
        "POST /telemetry/events",
        "GET /telemetry/config",
    ]
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
    assert server.exchange()["outcome"] == "unmatched"


@pytest.mark.parametrize(
    ("road", "asked", "told"),
    [
        ("direct", "asked.test", "asked.test"),
        ("direct", "asked.test:80", "asked.test"),
        ("direct", "[::1]:443", "[::1]:443"),
        ("proxy", "cdn.cribl.io:8080", "cdn.cribl.io:8080"),
        ("connect", "cdn.cribl.io:443", "cdn.cribl.io"),
        ("connect", "cdn.cribl.io:80", "cdn.cribl.io:80"),
    ],
)
def test_the_404_says_at_which_port_it_was_asked_unless_that_is_the_schemes(
    server: Served, road: str, asked: str, told: str
) -> None:
    with by_road(server, road) as wire:
        wire.send(request_bytes("GET", target_of(road, "/x", asked), host=asked))
        assert wire.answer().json()["host"] == told


def test_a_long_path_is_cut_in_the_404(server: Served) -> None:
    answer = server.ask("GET", "/" + "a" * 60_000)
    assert answer.status == 404
    assert len(answer.body) < 2000
    assert len(server.exchange()["path"]) == 60_001
