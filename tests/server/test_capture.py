"""These are the promises of capture: whatever the exit, one exchange, equal to what was sent and answered."""

import asyncio
import gzip
import json
import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest
from aiohttp import web

from tests.server.capturing import capturing
from tests.server.served import MAX_BODY_BYTES, PING_BODY, PING_TARGET, Served, header_bytes
from tests.server.wire import HANG_SECONDS, Wire, request_bytes

EVENTS = "/telemetry/events"
LONG = b"a" * (MAX_BODY_BYTES + 1)
CHUNKED: list[tuple[str, str | bytes]] = [("Transfer-Encoding", "chunked")]
NOT_KEPT = ("Date", "Server", "Connection")


EXITS = {
    "an answer": (request_bytes("GET", PING_TARGET), 200, "mock"),
    "HEAD": (request_bytes("HEAD", PING_TARGET), 200, "mock"),
    "an answer to a proxy's form": (request_bytes("GET", f"http://cdn.cribl.io{PING_TARGET}"), 200, "mock"),
    "an answer to HTTP/1.0": (request_bytes("GET", PING_TARGET, version="HTTP/1.0", host=None), 200, "mock"),
    "a preflight": (request_bytes("OPTIONS", EVENTS, [("Origin", "http://page.test")]), 204, "mock"),
    "not modified": (request_bytes("GET", "/telemetry/cribl.js", [("If-None-Match", "*")]), 304, "mock"),
    "rejected events": (request_bytes("POST", EVENTS, body=b"nonsense"), 400, "mock"),
    "a method not allowed": (request_bytes("DELETE", "/telemetry/cribl.js"), 405, "mock"),
    "nothing there": (request_bytes("GET", "/nothing"), 404, "unmatched"),
    "nothing there for HEAD": (request_bytes("HEAD", "/nothing"), 404, "unmatched"),
    "no path": (request_bytes("OPTIONS", "*"), 404, "unmatched"),
    "an unknown expectation": (request_bytes("POST", EVENTS, [("Expect", "tea")], b"{}"), 417, "unmatched"),
    "an unknown expectation without path": (request_bytes("OPTIONS", "*", [("Expect", "tea")]), 417, "unmatched"),
    "a body too long": (request_bytes("POST", EVENTS, body=LONG), 413, "mock"),
    "a body too long for nothing": (request_bytes("POST", "/nothing", body=LONG), 413, "unmatched"),
}


@pytest.mark.parametrize(("data", "status", "outcome"), EXITS.values(), ids=EXITS)
def test_every_exit_is_captured_as_it_was_answered(server: Served, data: bytes, status: int, outcome: str) -> None:
    before = datetime.now(UTC)
    answer = server.say(data, body=not data.startswith(b"HEAD"))
    exchange = server.exchange()
    assert (answer.status, exchange["status"], exchange["outcome"]) == (status, status, outcome)
    kept = [[name, value] for name, value in answer.headers if name not in NOT_KEPT]
    assert json.loads(exchange["response_headers"]) == kept
    assert exchange["response_body"] == (answer.body or None)
    assert (exchange["method"], exchange["client"]) == (data.split()[0].decode(), "127.0.0.1")
    assert status != 404 or not answer.body or answer.json()["answers"]
    assert 0 < exchange["latency_ms"] < HANG_SECONDS * 1000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", exchange["received_at"])
    assert before <= datetime.fromisoformat(exchange["received_at"]) <= datetime.now(UTC)


@pytest.mark.parametrize("target", [EVENTS, "/nothing"])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_of_a_body_too_long_the_limit_is_kept_and_the_connection_lives(
    server: Served,
    target: str,
    is_chunked: bool,  # noqa: FBT001 - a case
) -> None:
    data = (
        request_bytes("POST", target, CHUNKED) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(LONG), LONG)
        if is_chunked
        else request_bytes("POST", target, body=LONG)
    )
    with server.connect() as wire:
        wire.send(data + request_bytes("GET", PING_TARGET))
        refused = wire.answer()
        assert wire.answer().body == PING_BODY
    first, _ping = server.exchanges()
    assert refused.status == 413
    assert refused.json() == {"status": "rejected", "error": "The body is longer than 200000 bytes."}
    assert (first["request_body"], first["request_truncated"]) == (LONG[:MAX_BODY_BYTES], 1)


def test_a_body_of_exactly_the_limit_is_kept_whole(server: Served) -> None:
    body = LONG[:MAX_BODY_BYTES]
    assert server.ask("POST", "/nothing", body=body).status == 404
    exchange = server.exchange()
    assert (exchange["request_body"], exchange["request_truncated"]) == (body, 0)


HEADERS: list[tuple[str, str | bytes]] = [
    ("x-Lower", "1"),
    ("HOST", "CDN.Cribl.io:8080"),
    ("X-Twice", "b"),
    ("x-lower", "2"),
    ("x-twice", "a, b"),
    ("X-Empty", ""),
    ("X-Latin", b"caf\xe9 \xff\x80"),
    ("X-Text", "café ∆"),
    ("X-Inner", "a \t b"),
    ("!#$%&'*+-.^_`|~", '"\\'),
]


@pytest.mark.parametrize("more", [[], [("X-Long", "v" * 5000)]])
def test_headers_keep_their_order_case_duplicates_and_bytes(
    server: Served, more: list[tuple[str, str | bytes]]
) -> None:
    sent = [*HEADERS, *more]
    for _ in range(2):
        assert server.ask("GET", "/nothing", sent, host=None).status == 404
    for exchange in server.exchanges():
        assert header_bytes(exchange) == [
            (name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in sent
        ]
        assert (exchange["host"], exchange["port"]) == ("cdn.cribl.io", 8080)
        assert exchange["request_headers"].isascii()  # a lone surrogate forces JSON's escapes


@pytest.mark.parametrize(
    ("target", "path", "query", "params"),
    [
        ("/a?n=1&m=2&n=&n", "/a", "n=1&m=2&n=&n", {"n": ["1", "", ""], "m": "2"}),
        ("/a?n=1&n=1", "/a", "n=1&n=1", {"n": ["1", "1"]}),
        ("/%2F%00%ff?%C3%A9=%FF&a+b=c+d", "/%2F%00%ff", "%C3%A9=%FF&a+b=c+d", {"é": "\ufffd", "a b": "c d"}),
        ("/a?&&=&%&x=%zz", "/a", "&&=&%&x=%zz", {"": "", "%": "", "x": "%zz"}),
        ("/a?b?c=d?e#f", "/a", "b?c=d?e#f", {"b?c": "d?e#f"}),
        ("/a?", "/a", "", {}),
        ("//a//./../b", "//a//./../b", "", {}),
        ("/a;b=c\\\"<>[]{}|^`'", "/a;b=c\\\"<>[]{}|^`'", "", {}),
        ("/http://b.test/?c", "/http://b.test/", "c", {"c": ""}),
        ("/" + "p" * 600 + "?a=b", "/" + "p" * 600, "a=b", {"a": "b"}),
    ],
)
def test_path_and_query_are_kept_as_received_and_params_decoded(
    server: Served, target: str, path: str, query: str, params: dict[str, object]
) -> None:
    for _ in range(2):
        assert server.ask("GET", target).status == 404
    for exchange in server.exchanges():
        assert (exchange["path"], exchange["query"], json.loads(exchange["params"])) == (path, query, params)
        assert (exchange["scheme"], exchange["via"], exchange["host"]) == ("http", "direct", "telemock.test")


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("http://CDN.cribl.io/telemetry/?v=1", ("http", "cdn.cribl.io", 80, "/telemetry/", "v=1", "cribl")),
        ("https://other.test:8443/a%20b", ("https", "other.test", 8443, "/a%20b", "", None)),
        ("http://user:pass@other.test", ("http", "other.test", 80, "/", "", None)),
        ("HTTP://[2001:DB8::1]:80?a=http://b/", ("http", "2001:db8::1", 80, "/", "a=http://b/", None)),
    ],
)
def test_a_target_in_absolute_form_came_by_proxy_and_its_host_counts(
    server: Served, target: str, kept: tuple[str | int | None, ...]
) -> None:
    server.ask("GET", target)
    exchange = server.exchange()
    assert exchange["via"] == "proxy"
    assert tuple(exchange[name] for name in ("scheme", "host", "port", "path", "query", "profile")) == kept


def test_a_chunked_body_is_kept_without_its_chunks(server: Served) -> None:
    with server.connect() as wire:
        for part in (
            request_bytes("POST", "/a", CHUNKED),
            b"3;x=y\r\na\r\n\r\n",
            b"2\r\n\x00\xff\r\n0\r\nA: b\r\n\r\n",
        ):
            wire.send(part)
            server.settle()
        assert wire.answer().status == 404
    exchange = server.exchange()
    assert (exchange["request_body"], exchange["request_truncated"]) == (b"a\r\n\x00\xff", 0)


@pytest.mark.parametrize("target", [EVENTS, "/nothing"])
def test_a_gzip_body_is_stored_as_it_was_sent(server: Served, target: str) -> None:
    body = gzip.compress(b'{"event": "start"}')
    server.ask("POST", target, [("Content-Encoding", "gzip")], body)
    assert server.exchange()["request_body"] == body


@pytest.mark.parametrize("expected", ["100-continue", "100-Continue"])
def test_a_client_that_expects_100_continue_gets_it_before_its_body(server: Served, expected: str) -> None:
    with server.connect() as wire:
        wire.send(request_bytes("POST", EVENTS, [("Expect", expected), ("Content-Length", "2")]))
        assert wire.answer().status == 100
        wire.send(b"{}")
        assert wire.answer().status == 200
    assert server.exchange()["request_body"] == b"{}"


@pytest.mark.parametrize(("expected", "status"), [("100-continue", 413), ("tea", 417)])
def test_a_client_whose_expectation_is_refused_is_told_before_its_body_and_to_keep_it(
    server: Served, expected: str, status: int
) -> None:
    with server.connect() as wire:
        wire.send(request_bytes("POST", EVENTS, [("Expect", expected), ("Content-Length", str(len(LONG)))]))
        answer = wire.answer()
        assert (answer.status, answer.header("Connection")) == (status, "close")
    exchange = server.exchange()
    assert (exchange["status"], exchange["request_body"], exchange["request_truncated"]) == (status, None, 1)


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (request_bytes("POST", EVENTS, [("Content-Length", "10")]), None),
        (request_bytes("POST", EVENTS, [("Content-Length", "10")]) + b"{}", b"{}"),
        (request_bytes("POST", "/nothing", CHUNKED) + b"3\r\nabc\r\n", b"abc"),
        (request_bytes("POST", "/nothing", CHUNKED) + b"3\r\nab", b"ab"),
    ],
)
def test_a_client_that_leaves_within_its_body_is_captured_as_far_as_it_came(
    server: Served, data: bytes, body: bytes | None
) -> None:
    with server.connect() as wire:
        wire.send(data)
        server.settle()
    server.settle()
    assert server.malformed() == []
    exchange = server.exchanges()[0]
    assert (exchange["status"], exchange["outcome"]) == (499, "refused")
    assert (exchange["request_body"], exchange["request_truncated"]) == (body, 1)
    assert (exchange["response_headers"], exchange["response_body"]) == ("[]", None)


def test_a_crash_is_told_captured_and_logged_and_the_connection_lives(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def crash(_request: web.Request) -> NoReturn:
        raise ZeroDivisionError("on purpose")

    with capturing(tmp_path, crash) as server, server.connect() as wire:
        for _ in range(2):
            wire.send(request_bytes("POST", PING_TARGET, body=b"{}"))
            answer = wire.answer()
            assert (answer.status, answer.json()) == (500, {"error": "telemock failed to answer; its log says why."})
        for exchange in server.exchanges():
            assert (exchange["status"], exchange["outcome"]) == (500, "fault")
            assert (exchange["request_body"], exchange["response_body"]) == (b"{}", answer.body)
            assert (exchange["profile"], exchange["env"]) == ("cribl", "prod")
        assert len(server.exchanges()) == 2
    assert caplog.text.count("Traceback") == caplog.text.count("ZeroDivisionError: on purpose") == 2


def test_an_http_error_that_a_handler_raises_is_captured_as_answered(tmp_path: Path) -> None:
    async def teapot(_request: web.Request) -> NoReturn:
        raise web.HTTPUnavailableForLegalReasons(link="http://law.test/", headers={"X-Why": "law"})

    with capturing(tmp_path, teapot) as server:
        answer = server.ask("GET", "/a")
        exchange = server.exchange()
    assert (answer.status, answer.header("X-Why")) == (451, "law")
    assert exchange["status"] == 451
    assert ["X-Why", "law"] in json.loads(exchange["response_headers"])
    assert exchange["response_body"] == answer.body


def leave_before_the_answer(server: Served, wire: Wire, entered: threading.Event) -> None:
    wire.send(request_bytes("POST", PING_TARGET, body=b"{}"))
    assert entered.wait(HANG_SECONDS)
    wire.vanish()
    server.settle()


def test_a_client_gone_before_its_answer_is_captured_with_status_499(tmp_path: Path) -> None:
    entered, left = threading.Event(), threading.Event()

    async def slow(_request: web.Request) -> web.Response:
        entered.set()
        assert await asyncio.to_thread(left.wait, HANG_SECONDS)
        return web.Response(text="nobody reads this")

    with capturing(tmp_path, slow) as server:
        leave_before_the_answer(server, server.connect(), entered)
        left.set()
    assert_left(server)


def test_a_request_cancelled_before_its_answer_is_captured_with_status_499(tmp_path: Path) -> None:
    entered = threading.Event()

    async def endless(_request: web.Request) -> web.Response:
        entered.set()
        async with asyncio.timeout(HANG_SECONDS):
            await asyncio.Event().wait()
        return web.Response()

    with capturing(tmp_path, endless, is_cancelled=True) as server:
        leave_before_the_answer(server, server.connect(), entered)
    assert_left(server)


def assert_left(server: Served) -> None:
    exchange = server.exchange()
    assert (exchange["status"], exchange["outcome"]) == (499, "refused")
    assert (exchange["request_body"], exchange["request_truncated"]) == (b"{}", 0)
    assert (exchange["response_headers"], exchange["response_body"]) == ("[]", None)
