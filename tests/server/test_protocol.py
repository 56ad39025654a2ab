"""These are the promises for what is not HTTP: refused, kept and counted, and nobody else notices."""

import ast
import re
from contextlib import suppress
from typing import Any

import pytest

from tests.server.served import PING_BODY, PING_TARGET, Served, ended
from tests.server.wire import request_bytes

HEAD_BYTES = 1024
UNMATCHED = request_bytes("GET", "/before")
UPGRADE = request_bytes("GET", "/before", [("Connection", "Upgrade"), ("Upgrade", "websocket")])
GARBAGE = b"\x00\x01 not HTTP\r\n\r\n"


def head(*lines: bytes, start: bytes = b"GET / HTTP/1.1") -> bytes:
    return b"\r\n".join([start, b"Host: telemock.test", *lines, b"", b""])


def post(*lines: bytes, body: bytes = b"ab") -> bytes:
    return head(*lines, start=b"POST / HTTP/1.1") + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


NOT_HTTP = {
    "every byte there is": bytes(range(256)),
    "bytes that are not ASCII": b"\x80\x81\xfe\xff\r\n\r\n",
    "an SSH banner": b"SSH-2.0-OpenSSH_9.6\r\n",
    "a SOCKS5 greeting": b"\x05\x01\x00",
    "a PROXY protocol line": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + UNMATCHED,
    "a JSON line": b'{"event": "start"}\n',
    "an answer instead of a request": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "a method that is no token": head(start=b"GE(T / HTTP/1.1"),
    "no method": head(start=b" / HTTP/1.1"),
    "a tab after the method": head(start=b"GET\t/ HTTP/1.1"),
    "no version": head(start=b"GET /"),
    "version 0.9": head(start=b"GET / HTTP/0.9"),
    "version 1": head(start=b"GET / HTTP/1"),
    "version 2.0": head(start=b"GET / HTTP/2.0"),
    "version 9.9": head(start=b"GET / HTTP/9.9"),
    "a version in lower case": head(start=b"GET / http/1.1"),
    "a space in the target": head(start=b"GET /a b HTTP/1.1"),
    "a control character in the target": head(start=b"GET /a\x01b HTTP/1.1"),
    "NUL in the target": head(start=b"GET /a\x00b HTTP/1.1"),
    "DEL in the target": head(start=b"GET /a\x7fb HTTP/1.1"),
    "a target without slash": head(start=b"GET index.html HTTP/1.1"),
    "a target that is only a query": head(start=b"GET ?v=1 HTTP/1.1"),
    "an absolute target without host": head(start=b"GET http:///x HTTP/1.1"),
    "an absolute target with half an address": head(start=b"GET http://[::1/ HTTP/1.1"),
    "an absolute target with a port of words": head(start=b"GET http://a:b/ HTTP/1.1"),
    "an absolute target with too high a port": head(start=b"GET http://a:99999999/ HTTP/1.1"),
    "line ends of LF alone": b"GET / HTTP/1.1\nHost: a\n\n",
    "line ends of CR alone": b"GET / HTTP/1.1\rHost: a\r\r",
    "one header ended by LF alone": head(b"A: b\nC: d"),
    "a head ended by LF alone": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    "CR in a header": head(b"A: b\rc"),
    "NUL in a header": head(b"A: b\x00c"),
    "a control character in a header": head(b"A: b\x01c"),
    "DEL in a header": head(b"A: b\x7fc"),
    "NUL in a header's name": head(b"A\x00: b"),
    "a header without colon": head(b"Foo"),
    "a header without name": head(b": b"),
    "a space before the colon": head(b"Foo : b"),
    "a folded header": head(b"A: b", b" c"),
    "a fold before any header": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "more headers than anybody sends": head(*[b"A: b"] * 200),
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": head(b"Host: cdn.cribl.io"),
    "a Host that is a list": request_bytes("GET", "/", host="cdn.cribl.io, evil.example"),
    "empty lines without end": b"\r\n" * 100_000,
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two content types": head(b"Content-Type: text/plain", b"content-type: application/json"),
    "two user agents": head(b"User-Agent: a", b"User-Agent: a"),
    "two different lengths": post(b"Content-Length: 1", b"Content-Length: 2"),
    "two equal lengths": post(b"Content-Length: 2", b"Content-Length: 2"),
    "a list of lengths": post(b"Content-Length: 2, 2"),
    "a negative length": post(b"Content-Length: -1"),
    "a length with a sign": post(b"Content-Length: +2"),
    "a length in words": post(b"Content-Length: two"),
    "a length in hexadecimal": post(b"Content-Length: 0x2"),
    "an empty length": post(b"Content-Length:"),
    "a length without end": post(b"Content-Length: " + b"9" * 30),
    "a length, then a transfer coding": post(b"Content-Length: 2", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "a transfer coding, then a length": post(b"Transfer-Encoding: chunked", b"Content-Length: 2", body=b"0\r\n\r\n"),
    "an unknown transfer coding": post(b"Transfer-Encoding: zip"),
    "a transfer coding almost chunked": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "chunked not last": post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"),
    "chunked twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
}

BROKEN_BODIES = {
    "a chunk size in words": chunked(b"xyz\r\nab\r\n0\r\n\r\n"),
    "a negative chunk size": chunked(b"-2\r\nab\r\n0\r\n\r\n"),
    "a chunk size with 0x": chunked(b"0x2\r\nab\r\n0\r\n\r\n"),
    "a chunk size without end": chunked(b"f" * 20 + b"\r\nab\r\n0\r\n\r\n"),
    "a chunk longer than its size": chunked(b"2\r\nabc\r\n0\r\n\r\n"),
    "chunks with line ends of LF alone": chunked(b"2\nab\n0\n\n"),
    "a malformed trailer": chunked(b"0\r\nbad trailer\r\n\r\n"),
}

HUGE = {
    "a request line": head(start=b"GET /" + b"a" * 70_000 + b" HTTP/1.1"),
    "a request line without end": b"GET /" + b"a" * 300_000,
    "a header": head(b"A: " + b"a" * 70_000),
    "a header's name": head(b"A" * 70_000 + b": a"),
    "a method": head(start=b"A" * 70_000 + b" / HTTP/1.1"),
    "garbage": b"\xff" * 300_000,
}

ODD_BUT_LEGAL = {
    "empty lines before it (RFC 9112 2.2)": b"\r\n\r\n" + UNMATCHED,
    "some empty lines before it": b"\r\n" * 2000 + UNMATCHED,
    "HTTP/1.0 without Host": b"GET / HTTP/1.0\r\n\r\n",
    "an empty Host": request_bytes("GET", "/", host=""),
    "an empty header": head(b"A:"),
    "tabs around a value": head(b"A:\t \tb\t \t"),
    "bytes that are not UTF-8 in a header": head(b"A: \xff\xfe"),
    "any token as a header's name": head(b"!#$%&'*+-.^_`|~09aZ: b"),
    "a chunk extension": chunked(b'2;a="b";c\r\nab\r\n0\r\n\r\n'),
    "a trailer": chunked(b"2\r\nab\r\n0\r\nA: b\r\n\r\n"),
    "a transfer coding in upper case": post(b"Transfer-Encoding: CHUNKED", body=b"0\r\n\r\n"),
    "a later minor version (RFC 9110 2.5)": head(start=b"GET / HTTP/1.2"),
    "a request line almost too long": head(start=b"GET /" + b"a" * 65_000 + b" HTTP/1.1"),
    "a header almost too long": head(b"A: " + b"a" * 65_000),
}


def refused_count(server: Served) -> int:
    found = re.search(
        rb'^telemock_refused_total\{reason="malformed"\} (\d+)', server.ask("GET", "/metrics").body, re.MULTILINE
    )
    return int(float(found[1])) if found else 0


def first_bytes(row: dict[str, Any]) -> bytes:
    literal = ast.literal_eval(row["detail"].partition(" It began with ")[2].partition(", and in its body came ")[0])
    assert isinstance(literal, bytes)
    return literal


def refusal_of(server: Served, data: bytes) -> dict[str, Any]:
    """Send what gets 400 and a closed connection; give its row, after which the count stands at one more."""
    before = refused_count(server)
    with server.connect() as wire:
        wire.send(data)
        answer = wire.answer()
        assert answer.status == 400
        assert wire.rest() == b""
    (row,) = server.malformed()
    assert refused_count(server) == before + 1
    assert (row["bytes_up"], row["bytes_down"]) == (len(data), len(answer.raw_head) + 2 + len(answer.body))
    assert row["duration_ms"] > 0
    return row


def goes_on(server: Served) -> bool:
    answered = server.ask("GET", PING_TARGET).body == PING_BODY
    return answered and bool(server.exchanges()[-1]["path"] == "/telemetry/index.html")


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=NOT_HTTP)
def test_what_is_not_http_gets_400_is_kept_and_counted_and_the_server_goes_on(server: Served, data: bytes) -> None:
    row = refusal_of(server, data)
    assert first_bytes(row) == data[:HEAD_BYTES]
    assert (row["port"] or 0, row["client"]) == (0, "127.0.0.1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", row["opened_at"])
    assert [exchange["path"] for exchange in server.exchanges()] == ["/barrier"]
    assert goes_on(server)


@pytest.mark.parametrize("data", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_a_body_that_is_malformed_gets_400_is_kept_and_counted_and_the_server_goes_on(
    server: Served, data: bytes
) -> None:
    row = refusal_of(server, data)
    head, between, body = data.partition(b"\r\n\r\n")
    assert first_bytes(row) in (data, head + between)
    assert first_bytes(row) == data or row["detail"].endswith(f", and in its body came {body!r}")
    assert {exchange["status"] for exchange in server.exchanges()[:-1]} <= {400}
    assert goes_on(server)


@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE)
def test_of_what_is_huge_and_malformed_the_first_kib_is_kept(server: Served, data: bytes) -> None:
    before = refused_count(server)
    with server.connect() as wire:
        with suppress(ConnectionError):  # refused before its end
            wire.send(data)
        assert wire.rest().partition(b" ")[2][:3] in (b"400", b"")
    (row,) = server.malformed()
    assert first_bytes(row) == data[:HEAD_BYTES]
    assert len(row["detail"]) < 4 * HEAD_BYTES + 500
    assert refused_count(server) == before + 1
    assert goes_on(server)


@pytest.mark.parametrize("data", ODD_BUT_LEGAL.values(), ids=ODD_BUT_LEGAL)
def test_what_is_odd_but_legal_is_answered_and_captured(server: Served, data: bytes) -> None:
    assert server.say(data).status == 404
    assert server.exchange()["status"] == 404
    assert server.malformed() == []


@pytest.mark.parametrize("data", [b"", b"\r\n", UNMATCHED + b"\r\n"])
def test_a_client_that_leaves_before_a_head_leaves_nothing(server: Served, data: bytes) -> None:
    with server.connect() as wire:
        wire.send(data)
    assert server.malformed() == []
    assert goes_on(server)


@pytest.mark.parametrize("before", [b"", UNMATCHED])
@pytest.mark.parametrize("data", [b"G", b"GET / HT", b"GET / HTTP/1.1\r\n", head()[:-2], head(b"A: b")[:-1]])
def test_a_head_whose_client_leaves_is_kept_as_far_as_it_came(server: Served, data: bytes, before: bytes) -> None:
    with server.connect() as wire:
        wire.send(before + data)
        assert not before or wire.answer().status == 404
    (row,) = server.malformed()
    assert row["detail"] == f"The connection ended in the middle of a head. It began with {data!r}"
    assert (row["bytes_up"], row["bytes_down"], row["host"]) == (len(data), 0, "telemock.test" * (len(data) > 20))
    assert goes_on(server)


@pytest.mark.parametrize(
    ("segments", "malformed"),
    [
        pytest.param([UNMATCHED, GARBAGE], GARBAGE, id="in a segment of its own"),
        pytest.param([UNMATCHED + GARBAGE], GARBAGE, id="in the same segment"),
        pytest.param(
            [UNMATCHED, b"GET / HTTP/1.1\r\nFo", b"o : b\r\n\r\n"], b"GET / HTTP/1.1\r\nFoo : b\r\n\r\n", id="apart"
        ),
        pytest.param(
            [UNMATCHED + b"GET / HT", b"TP/9.9\r\n\r\n"], b"GET / HTTP/9.9\r\n\r\n", id="half in the same segment"
        ),
        pytest.param([request_bytes("GET", "/before", body=b"body") + GARBAGE], GARBAGE, id="after a body"),
        pytest.param(
            [request_bytes("GET", "/before", body=b"body")[:-2], b"dy" + GARBAGE], GARBAGE, id="after the end of a body"
        ),
        pytest.param([UPGRADE, GARBAGE], GARBAGE, id="after a declined upgrade"),
        pytest.param([UPGRADE + GARBAGE], GARBAGE, id="in the segment of a declined upgrade"),
    ],
)
def test_a_valid_request_before_it_is_answered_and_captured_and_no_part_of_what_is_kept(
    server: Served, segments: list[bytes], malformed: bytes
) -> None:
    before = refused_count(server)
    with server.connect() as wire:
        for segment in segments:
            wire.send(segment)
            server.settle()
        answers = re.findall(rb"^HTTP/1\.\d (\d+)", wire.rest(), re.MULTILINE)
    (row,) = server.malformed()
    assert [exchange["path"] for exchange in server.exchanges()] == ["/before", "/barrier"]
    assert answers == [b"404", b"400"]
    assert first_bytes(row) == malformed
    assert refused_count(server) == before + 1


def test_what_follows_malformed_bytes_on_their_connection_is_not_looked_at(server: Served) -> None:
    with server.connect() as wire:
        wire.send(GARBAGE + UNMATCHED)
        assert wire.answer().status == 400
        assert wire.rest() == b""
    assert len(server.malformed()) == 1
    assert [exchange["path"] for exchange in server.exchanges()] == ["/barrier"]


def test_a_body_that_turns_out_malformed_is_captured_as_far_as_it_came(server: Served) -> None:
    with server.connect() as wire:
        wire.send(chunked(b"3\r\nabc\r\n"))
        server.settle()
        wire.send(b"zz\r\n")
        answer = wire.answer()
        assert wire.rest() == b""
    assert (answer.status, answer.header("Connection")) == (400, "close")
    assert answer.json() == {"error": "The body is malformed."}
    (row,) = server.malformed()
    exchange = server.exchanges()[0]
    assert row["detail"].endswith(", and in its body came b'zz\\r\\n'")
    assert (exchange["status"], exchange["outcome"]) == (400, "refused")
    assert (exchange["request_body"], exchange["request_truncated"]) == (b"abc", 1)


def test_a_malformed_answer_says_what_is_wrong_and_not_what_serves(server: Served) -> None:
    answer = server.say(head(b"Foo : b"))
    assert answer.body == b"Invalid header token.\n"
    assert answer.raw_head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.header("Connection") == "close"
    assert answer.header("Content-Type") == "text/plain; charset=utf-8"
    assert answer.header("Server") == "telemock"


def test_what_was_asked_by_a_client_that_left_is_kept_however_much_it_is(server: Served) -> None:
    count = 300  # more than wait for their turn
    with server.connect() as wire:
        wire.send(b"".join(request_bytes("GET", f"/{number}") for number in range(count)) + GARBAGE)
        assert wire.answer().status == 404
        wire.vanish()
    (row,) = ended(server)
    assert row["detail"].endswith(f"It began with {GARBAGE!r}")
    until_kept(server, count)
    kept = [row for row in server.exchanges() if row["path"] != "/barrier"]
    assert [row["path"] for row in kept] == [f"/{number}" for number in range(count)]
    assert {row["status"] for row in kept} == {404, 499}


def until_kept(server: Served, count: int) -> None:
    """Ask until so many others are kept; each question goes through the loop that has to keep them."""
    while len([row for row in server.exchanges() if row["path"] != "/barrier"]) < count:
        assert server.ask("GET", "/barrier").status == 404
