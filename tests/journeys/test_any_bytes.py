"""These are the promises for any bytes at all: what is HTTP is kept as it was sent, what is not stops nobody."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.server.served import PING_BODY, PING_TARGET, Served, header_bytes, open_sockets, served
from tests.server.wire import request_bytes
from tests.steady import STEADY

MAX_BODY_BYTES = 1000

# What frames a message or says what becomes of its connection: an own part of each request, or left out.
FRAMING = {"host", "connection", "content-length", "transfer-encoding", "upgrade", "expect", "sec-websocket-key1"}

# A message has at most one of each (RFC 9110 section 5.3); with two it is malformed.
ONLY_ONCE = {b"content-type", b"user-agent"}

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH", "QUERY"]
KNOWN_TARGETS = [
    b"/telemetry/index.html",
    b"/telemetry/",
    b"/telemetry/cribl.js",
    b"/telemetry/events",
    b"/telemetry/config",
    b"/",
    PING_TARGET.encode(),
]
TELLING_HEADERS = [
    b"Accept-Encoding",
    b"Access-Control-Request-Headers",
    b"Access-Control-Request-Method",
    b"Content-Encoding",
    b"Content-Type",
    b"Cookie",
    b"If-Modified-Since",
    b"If-None-Match",
    b"Origin",
    b"Range",
    b"User-Agent",
]
TELLING_VALUES = [b"*", b'W/"a"', b"gzip", b"deflate, gzip", b"null", b"bytes=0-1", b"application/json; charset=\xff"]
TOKEN_BYTES = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
VALUE_BYTES = bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)])


def bytes_of(alphabet: bytes, *, min_size: int = 0, max_size: int = 60) -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(alphabet), min_size=min_size, max_size=max_size).map(bytes)


class Sent(NamedTuple):
    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    trailers: list[tuple[bytes, bytes]]
    data: bytes


TARGET_BYTES = bytes(range(0x21, 0x7F))
TARGETS = st.builds(
    bytes.__add__,
    st.sampled_from(KNOWN_TARGETS) | bytes_of(TARGET_BYTES).map(b"/".__add__),
    st.just(b"")
    | bytes_of(TARGET_BYTES).map(b"?".__add__)
    | bytes_of(b"&=%+;1aZ").map(b"?v=1&".__add__)
    | st.sampled_from(["?ä=ß&€", "日本?\u202e", "?" + "ü" * 2000]).map(str.encode),
)
VALUES = st.sampled_from(TELLING_VALUES) | bytes_of(VALUE_BYTES).map(lambda value: value.strip(b" \t"))
NAMES = st.sampled_from(TELLING_HEADERS) | bytes_of(TOKEN_BYTES, min_size=1, max_size=20).filter(
    lambda name: name.decode().lower() not in FRAMING
)
BODIES = (
    st.binary(max_size=100)
    | st.sampled_from([b"{}", b"[{}, {}]", b'{"v": "1"}\n{"guid": "\xff"}', b"a" * MAX_BODY_BYTES])
    | st.binary(min_size=1, max_size=20).map(lambda part: part * 200)
)


HOSTS = st.sampled_from([b"cdn.cribl.io", b"CDN.cribl.io.:80", b"[::1]:8080", b"a_b.test", b"192.0.2.7:1", b""])


def in_chunks(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n"


HEADERS = st.lists(
    st.tuples(NAMES, VALUES),
    max_size=8,
    unique_by=lambda header: header[0].lower() if header[0].lower() in ONLY_ONCE else object(),
)


@st.composite
def requests(draw: st.DrawFn) -> Sent:
    method = draw(st.sampled_from(METHODS))
    target = draw(TARGETS)
    headers = draw(HEADERS)
    headers.insert(draw(st.integers(0, len(headers))), (b"hOST", draw(HOSTS)))
    body = draw(st.none() | BODIES)
    coded = body or b""
    trailers: list[tuple[bytes, bytes]] = []
    if body is not None:
        framing = (b"Content-Length", b"%d" % len(body))
        if draw(st.booleans()):
            framing = (b"Transfer-Encoding", b"chunked")
            trailers = draw(st.lists(st.tuples(NAMES | st.sampled_from([b"Host", b"Connection"]), VALUES), max_size=3))
            coded = in_chunks(body, draw(st.integers(1, 300)))
            coded += b"".join(b"%b: %b\r\n" % trailer for trailer in trailers) + b"\r\n"
        headers.insert(draw(st.integers(0, len(headers))), framing)
    lines = [b"%b %b HTTP/1.1" % (method.encode(), target), *(b"%b: %b" % header for header in headers)]
    return Sent(method, target, headers, body or b"", trailers, b"\r\n".join([*lines, b"", coded]))


class Errors(logging.Handler):
    """Whatever is logged as an error, in any thread."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def no_errors_logged() -> Iterator[None]:
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(errors)
    assert errors.messages == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), max_body=MAX_BODY_BYTES) as server:
        yield server


@STEADY
@given(requests(), st.lists(st.integers(1, 2000), max_size=4))
def test_what_is_http_gets_no_5xx_and_is_kept_as_it_was_sent(server: Served, sent: Sent, cuts: list[int]) -> None:
    server.forget()
    with no_errors_logged(), server.connect() as wire:
        at = 0
        for cut in cuts:
            wire.send(sent.data[at : at + cut])
            server.settle()
            at += cut
        wire.send(sent.data[at:])
        answer = wire.answer(body=sent.method != "HEAD")
        wire.send(request_bytes("GET", PING_TARGET))
        assert wire.answer().body == PING_BODY
    exchange, ping = server.exchanges()
    path, _, query = sent.target.partition(b"?")
    assert 200 <= answer.status < 500
    assert exchange["status"] == answer.status
    assert exchange["response_body"] == (answer.body or None)
    assert (exchange["method"], exchange["path"], exchange["query"]) == (sent.method, path.decode(), query.decode())
    assert header_bytes(exchange) == sent.headers
    assert exchange["request_body"] == (sent.body[:MAX_BODY_BYTES] or None)
    assert exchange["request_truncated"] == (len(sent.body) > MAX_BODY_BYTES)
    if len(sent.body) <= MAX_BODY_BYTES:  # nobody waits for those of a body that is too long
        assert header_bytes(exchange, "request_trailers") == sent.trailers
    assert header_bytes(ping) == [(b"Host", b"telemock.test")]


FRAGMENTS = [
    b"GET / HTTP/1.1\r\n",
    b"POST /telemetry/events HTTP/1.1\r\n",
    b"OPTIONS * HTTP/1.1\r\n",
    b"CONNECT cdn.cribl.io:443 HTTP/1.1\r\n",
    b"GET http://cdn.cribl.io/ HTTP/1.0\r\n",
    b"Host: telemock.test\r\n",
    b"Host: \xff[::\r\n",
    b"GET http://xn--a.example/ HTTP/1.1\r\n",
    "GET /ü?ä HTTP/1.2\r\n".encode(),
    b"CONNECT xn--a.example:1 HTTP/1.1\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 18446744073709551615\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    b"Connection: close\r\n",
    b"Expect: 100-continue\r\n",
    b"Expect: tea\r\n",
    b"If-None-Match: \xff\r\n",
    b"\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"0\r\nHost: a\r\nA: b\r\n\r\n",
    b"hello",
    b"\x00",
    b"\r",
    b"\n",
    b" ",
    request_bytes("GET", PING_TARGET),
    request_bytes("POST", "/telemetry/events", body=b"{}"),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
]


@STEADY
@given(
    st.lists(st.binary(max_size=400) | st.lists(st.sampled_from(FRAGMENTS), max_size=12).map(b"".join), max_size=3),
    st.sampled_from(["stays", "ends", "vanishes"]),
)
def test_no_bytes_stop_the_server_or_leave_a_descriptor(server: Served, segments: list[bytes], client: str) -> None:
    server.renew()
    before = open_sockets()
    with no_errors_logged(), server.connect() as wire:
        for segment in segments:
            with suppress(ConnectionError):  # closed already, as it may be
                wire.send(segment)
            server.settle()
        if client == "vanishes":
            wire.vanish()
        elif client == "ends":
            with suppress(OSError):
                wire.end()
                wire.rest()
    server.until_no_more_descriptors_than(before)
    assert server.ask("GET", PING_TARGET).body == PING_BODY
    assert server.exchanges()[-1]["path"] == "/telemetry/index.html"
    assert [row for row in server.exchanges() if row["status"] >= 500] == []
