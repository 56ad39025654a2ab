"""What is refused before it is a request: 400 behind the answers before it, a row that names whom it wanted, and a
closed connection."""

import asyncio
import socket
import ssl
from asyncio.trsock import TransportSocket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from telemock.app import loop_factory
from tests.server.capturing import capturing
from tests.server.origin import answering
from tests.server.secure import by_road, trusting, tunnelled
from tests.server.served import PING_BODY, PING_TARGET, NewLoop, Row, Served, header_bytes, open_sockets, served
from tests.server.wire import HANG_SECONDS, request_bytes

SECRET = b"c2VjcmV0"
PING = request_bytes("GET", PING_TARGET, host="cdn.cribl.io")
GARBAGE = b"GET / HTTP/1.1\r\nFoo : b\r\n\r\n"
NO_PORT = "names a port that is none (1 to 65535)"
A_USER = "names a user before the host, which it may not"
NO_ASCII = "is not in ASCII, as host names have to be (xn--)"
NO_IDNA = b"GET http://xn--a.example/ HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module", params=[asyncio.new_event_loop, loop_factory()], ids=["asyncio", "uvloop"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    new_loop: NewLoop = request.param
    with served(tmp_path_factory.mktemp("served"), new_loop=new_loop, intercept=("*.example",)) as server:
        yield server


@pytest.fixture
def server(running: Served) -> Served:
    running.renew()
    return running


def the_row(server: Served) -> Row:
    (row,) = server.malformed()
    return row


def descriptors(server: Served) -> int:
    server.settle()
    return open_sockets()


@pytest.mark.parametrize(
    ("host", "wanted", "wrong"),
    [
        ("cdn.cribl.io, evil.example", ("cdn.cribl.io, evil.example", None), "names no host"),
        ("cdn cribl/io", ("cdn cribl/io", None), "names no host"),
        ("[::1", ("[::1", None), "names no host"),
        ("::1", ("::1", None), "names no host"),
        ("cdn.cribl.io/evil", ("cdn.cribl.io/evil", None), "names no host"),
        ("a%2eb", ("a%2eb", None), "names no host"),
        ("a..b", ("a..b", None), "names no host"),
        ("a.b..:80", ("a.b..:80", None), "names no host"),
        (":80", ("", 80), "names no host"),
        ("cdn.cribl.io:443:80", ("cdn.cribl.io", None), NO_PORT),
        ("cdn.cribl.io:99999", ("cdn.cribl.io", None), NO_PORT),
        ("cdn.cribl.io:0", ("cdn.cribl.io", None), NO_PORT),
        ("cdn.cribl.io:http", ("cdn.cribl.io", None), NO_PORT),
        ("[::1]:-1", ("::1", None), NO_PORT),
        ("user:hush@cdn.cribl.io:8443", ("cdn.cribl.io", 8443), A_USER),
        ("user@cdn.cribl.io", ("cdn.cribl.io", None), A_USER),
        ("bücher.example:8443", ("xn--bcher-kva.example", 8443), NO_ASCII),
        ("\u0441dn.cribl.io", ("xn--dn-nmc.cribl.io", None), NO_ASCII),
    ],
)
def test_a_host_that_is_none_gets_400_and_a_row_that_names_it_and_what_is_wrong(
    server: Served, host: str, wanted: tuple[str, int | None], wrong: str
) -> None:
    data = f"GET {PING_TARGET} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with server.connect() as wire:
        wire.send(data)
        answer = wire.answer()
        assert wire.rest() == b""
    assert (answer.status, answer.body.decode()) == (400, f"The Host field {wrong}.\n")
    row = the_row(server)
    assert (row["host"], row["port"]) == wanted
    assert row["detail"].startswith(f"The Host field {wrong}. It began with ")
    assert "hush" not in row["detail"]
    assert len(server.exchanges()) == 1


@pytest.mark.parametrize(
    "host", ["", "cdn.cribl.io", "a_b.test.", "[::1]:8080", "127.0.0.1:1", "xn--a", "a:", "a~b", "a.b."]
)
def test_a_host_that_is_one_is_answered(server: Served, host: str) -> None:
    assert server.ask("GET", "/telemetry/", host=host).status in (200, 404)
    assert server.malformed() == []


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"GET / HTTP/9.9\r\nHost: a.example:81\r\n\r\n", ("a.example", 81)),
        (b"GET http://b.example:82/ HTTP/9.9\r\nHost: a.example\r\n\r\n", ("b.example", 82)),
        (b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n", ("a.example", None)),
        (b"GET / HTTP/1.1\r\nFoo : b\r\nhOST:a.example\r\n\r\n", ("a.example", None)),
        (NO_IDNA, ("xn--a.example", None)),
        ("GET http://bücher.example/ HTTP/1.1\r\nHost: x\r\n\r\n".encode(), ("xn--bcher-kva.example", None)),
        (b"GET http://u:hush@a.example:x/ HTTP/1.1\r\nHost: x\r\n\r\n", ("a.example", None)),
        (b"CONNECT http://a.example:81/ HTTP/1.1\r\nHost: x\r\n\r\n", ("a.example", 81)),
        (b"CONNECT * HTTP/1.1\r\nHost: a.example\r\n\r\n", ("a.example", None)),
        (b"CONNECT a.example:0 HTTP/1.1\r\nHost: x\r\n\r\n", ("a.example", None)),
        (b"CONNECT u:hush@a.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", ("a.example", 443)),
        (b"CONNECT :443 HTTP/1.1\r\nHost: x\r\n\r\n", ("", 443)),
        (b"\x00\x01\r\n\r\n", ("", None)),
    ],
)
def test_what_cannot_be_read_names_whom_it_wanted(server: Served, data: bytes, wanted: tuple[str, int | None]) -> None:
    assert server.say(data).status == 400
    row = the_row(server)
    assert (row["host"], row["port"]) == wanted
    assert "hush" not in row["detail"]


@pytest.mark.parametrize("road", ["tls", "connect", "connect without TLS"])
def test_what_cannot_be_read_names_whom_its_connection_wanted(server: Served, road: str) -> None:
    with by_road(server, road, "a.example") as wire:
        wire.send(GARBAGE)
        assert wire.answer().status == 400
    row = the_row(server)
    assert (row["host"], row["port"]) == ("a.example", None if road == "tls" else 443)


@pytest.mark.parametrize(
    "field",
    [
        b"Proxy-Authorization: Basic " + SECRET,
        b"Proxy-Authorization:\r\n Basic " + SECRET,
        b"proxy-authorization: Basic\r\n\t" + SECRET + b"\r\n " + SECRET,
        b"X: y\r\n Proxy-Authorization: Basic " + SECRET,
        b"PROXY-AUTHORIZATION : Basic " + SECRET,
        b"Proxy-Authorization: Basic " + SECRET + b"\x00",
        b"Proxy-Authorization: Basic " + SECRET * 9000,
    ],
)
@pytest.mark.parametrize("method", [b"CONNECT a.example:443", b"GET http://a.example/"])
def test_a_password_for_the_proxy_is_never_kept(
    server: Served, capsys: pytest.CaptureFixture[str], method: bytes, field: bytes
) -> None:
    with server.connect() as wire:
        wire.send(method + b" HTTP/1.1\r\nHost: a.example\r\nA : b\r\n" + field + b"\r\n\r\n")
        said = wire.rest()
    row = the_row(server)
    assert row["host"] == "a.example"
    assert SECRET.decode() not in row["detail"]
    assert SECRET not in said
    assert SECRET.decode() not in capsys.readouterr().out


@pytest.mark.parametrize("road", ["direct", "tls", "connect", "connect without TLS"])
def test_user_and_password_in_a_connect_are_never_kept(server: Served, road: str) -> None:
    with by_road(server, road, "a.example") as wire:
        wire.send(b"CONNECT user:hush@a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n")
        answer = wire.answer()
    assert answer.status == 400
    assert b"hush" not in answer.body
    assert "hush" not in the_row(server)["detail"]
    assert len(server.exchanges()) == 1


def test_a_target_without_idna_gets_400_a_row_and_a_closed_connection(server: Served) -> None:
    before = descriptors(server)
    for _ in range(30):
        with server.connect() as wire:
            wire.send(PING + NO_IDNA + PING)
            wire.end()
            assert (wire.answer().body, wire.answer().status, wire.rest()) == (PING_BODY, 400, b"")
    rows = server.malformed()
    assert [(row["host"], row["detail"].partition(".")[0]) for row in rows] == [
        ("xn--a.example", "The target names no host")
    ] * 30
    server.until_no_more_descriptors_than(before)


@pytest.mark.parametrize("garbage", [GARBAGE, b"\x00\x01\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", NO_IDNA])
@pytest.mark.parametrize("count", [0, 1, 20])
def test_good_requests_before_it_are_answered_though_their_client_ended_its_side(
    server: Served, garbage: bytes, count: int
) -> None:
    with server.connect() as wire:
        wire.send(PING * count + garbage)
        wire.end()
        assert [wire.answer().body for _ in range(count)] == [PING_BODY] * count
        assert wire.answer().status == 400
        assert wire.rest() == b""
    assert len(server.malformed()) == 1
    assert [row["status"] for row in server.exchanges()[:-1]] == [200] * count


@pytest.mark.parametrize(
    "cut", [b"GET / HT", request_bytes("POST", "/a", [("Content-Length", "9")]) + b"abc"], ids=["head", "body"]
)
def test_good_requests_before_one_that_was_cut_off_are_answered(server: Served, cut: bytes) -> None:
    with server.connect() as wire:
        wire.send(PING * 3 + cut)
        wire.end()
        assert [wire.answer().body for _ in range(3)] == [PING_BODY] * 3
        assert wire.rest() == b""
    assert [row["detail"] for row in server.malformed()] == (
        [f"The connection ended in the middle of a head. It began with {cut!r}"] if cut.startswith(b"GET") else []
    )
    kept = [row for row in server.exchanges() if row["path"] != "/barrier"]
    cut_off = [(row["status"], row["request_body"], row["request_truncated"]) for row in kept[3:]]
    assert [row["status"] for row in kept[:3]] == [200] * 3
    assert cut_off == ([] if cut.startswith(b"GET") else [(499, b"abc", 1)])


def test_who_leaves_tls_before_the_answer_is_kept_as_a_client_that_left(tmp_path: Path) -> None:
    async def endless(request: web.Request) -> web.Response:
        assert request.path == "/0"
        async with asyncio.timeout(HANG_SECONDS):
            await asyncio.Event().wait()
        return web.Response(text="late")

    with capturing(tmp_path, endless, is_cancelled=True) as server, by_road(server, "tls") as wire:
        wire.send(b"".join(request_bytes("GET", f"/{n}") for n in range(3)))
        server.settle()
        wire.vanish()
        while len(server.exchanges()) < 3:
            server.settle()
    assert sorted((row["path"], row["status"]) for row in server.exchanges()) == [("/0", 499), ("/1", 499), ("/2", 499)]


def test_what_fails_before_anybody_looked_at_it_gets_400_a_row_and_a_closed_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Stands for any fault of aiohttp behind its parser; those that were found are refused before."""
    make = web.Application._make_request

    def failing(app: web.Application, message: Any, *rest: Any) -> web.Request:
        if message.path == "/fails":
            raise LookupError
        return make(app, message, *rest)

    monkeypatch.setattr(web.Application, "_make_request", failing)
    with served(tmp_path) as server:
        before = descriptors(server)
        with server.connect() as wire:
            wire.send(PING + request_bytes("GET", "/fails", host="a.example"))
            wire.end()
            assert wire.answer().body == PING_BODY
            answer = wire.answer()
            assert wire.rest() == b""
        assert (answer.status, answer.header("Connection")) == (400, "close")
        row = the_row(server)
        assert (row["host"], row["detail"].partition(".")[0]) == ("a.example", "The request cannot be answered")
        server.until_no_more_descriptors_than(before)
    assert "failed before it could be answered" in caplog.text


def test_what_came_is_acknowledged_at_once_where_more_must_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client with Nagle's algorithm on sends no body before, and Linux would wait for 40 ms."""
    asked: list[tuple[int, ...]] = []

    def hear(_socket: TransportSocket, *option: int) -> None:
        asked.append(option)

    monkeypatch.setattr(TransportSocket, "setsockopt", hear)
    at_once = (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    with served(tmp_path, new_loop=asyncio.new_event_loop) as server, server.connect() as wire:
        whole = request_bytes("POST", "/telemetry/events", body=b"{}")
        wire.send(whole + PING)
        assert [wire.answer().status, wire.answer().status] == [200, 200]
        assert at_once not in asked
        wire.send(whole[:-2])
        server.settle()
        assert asked.count(at_once) == 1
        wire.send(whole[-2:])
        assert wire.answer().status == 200
        assert asked.count(at_once) == 1


def test_requests_that_waited_when_their_client_left_are_kept(tmp_path: Path) -> None:
    entered: list[str] = []
    go = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def answer(request: web.Request) -> web.Response:
        entered.append(request.path)
        loops.append(asyncio.get_running_loop())
        await go.wait()
        return web.Response(text="late")

    with capturing(tmp_path, answer) as server:
        wire = server.connect()
        wire.send(b"".join(request_bytes("GET", f"/{n}", [("N", str(n))]) for n in range(5)))
        while not entered:
            server.settle()
        wire.vanish()
        while len(server.exchanges()) < 4:
            server.settle()
        loops[0].call_soon_threadsafe(go.set)
        while len(server.exchanges()) < 5:
            server.settle()
    kept = sorted((row["path"], row["status"], row["client"]) for row in server.exchanges())
    assert kept == [(f"/{n}", 499, "127.0.0.1") for n in range(5)]
    assert entered == ["/0"]


@pytest.mark.parametrize("target", ["/telemetry/index.html?v=1&city=Köln", "/é", "/日本?=&ü=€#ö"])
@pytest.mark.parametrize("is_cut", [False, True], ids=["at once", "byte by byte"])
def test_raw_utf8_in_a_target_is_kept_as_received(server: Served, target: str, is_cut: bool) -> None:  # noqa: FBT001
    data = request_bytes("GET", target.encode(), [("A", "b")], host="cdn.cribl.io")
    with server.connect() as wire:
        for piece in [data[n : n + 1] for n in range(len(data))] if is_cut else [data]:
            wire.send(piece)
            if is_cut:
                server.settle()
        wire.send(PING)
        status = wire.answer().status
        assert wire.answer().body == PING_BODY
    row = server.exchanges()[0]
    assert status == row["status"] != 400
    assert row["path"] + ("?" + row["query"] if row["query"] else "") == target
    assert header_bytes(row) == [(b"Host", b"cdn.cribl.io"), (b"A", b"b")]
    assert server.malformed() == []


@pytest.mark.parametrize("target", [b"/\xff", b"/\xc3", b"/\xc3\xa9\x01", b"/a?\xc3\x28", b"/\xc3\xa9 b", b"\xc3\xa9"])
def test_a_target_that_is_no_utf8_is_malformed(server: Served, target: bytes) -> None:
    assert server.say(request_bytes("GET", target)).status == 400
    assert the_row(server)["host"] == "telemock.test"


@pytest.mark.parametrize(
    "data",
    [
        GARBAGE,
        NO_IDNA,
        PING,
        request_bytes("GET", "/x"),
        request_bytes("GET", "/health"),
        b"CONNECT / HTTP/1.1\r\n\r\n",
    ],
)
def test_no_answer_says_which_version_serves(server: Served, data: bytes) -> None:
    assert server.say(data).header("Server") == "telemock"


def test_an_answer_of_another_server_says_what_that_says(tmp_path: Path) -> None:
    with served(tmp_path, others="tunnel") as server:
        for fields, said in ((b"Server: nginx\r\n", "nginx"), (b"", None)):
            with answering(b"HTTP/1.1 200 OK\r\n" + fields + b"Content-Length: 0\r\n\r\n") as there:
                assert server.ask("GET", f"http://{there.authority}/").header("Server") == said


@pytest.mark.parametrize("codings", ["gzip, chunked", "identity, chunked", "gzip,chunked"])
def test_a_transfer_coding_that_is_not_undone_is_refused(server: Served, codings: str) -> None:
    answer = server.say(request_bytes("POST", "/a", [("Transfer-Encoding", codings)]) + b"0\r\n\r\n")
    assert (answer.status, answer.header("Connection")) == (501, "close")
    assert the_row(server)["detail"].startswith("No transfer coding is undone here but chunked. ")


def test_http2_is_named(server: Served) -> None:
    context = trusting(server, alpn=("h2",))
    with pytest.raises(ssl.SSLError, match="no application protocol"), server.connect() as wire:
        wire.secure(context, "grpc.example")
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    for wire in (by_road(server, "tls", "grpc.example"), tunnelled(server, "grpc.example:443")):
        with wire:
            wire.send(preface)
            assert wire.answer().status == 400
    assert server.say(preface).status == 400
    server.malformed()
    refused, *rows = server.connections()
    assert (refused["kind"], refused["host"]) == ("tls_refused", "grpc.example")
    assert refused["detail"].startswith("no_application_protocol: The client offers HTTP/2 only")
    assert [row["host"] for row in rows] == ["grpc.example", "grpc.example", ""]
    assert {row["detail"].partition(";")[0] for row in rows} == {"It speaks HTTP/2 only, which telemock does not"}


@pytest.mark.parametrize("offered", [("h2", "http/1.1"), ("http/1.1",), ("http/1.0", "h2"), ("mqtt",), ()])
def test_who_may_speak_http1_is_served(server: Served, offered: tuple[str, ...]) -> None:
    with server.connect() as wire:
        wire.secure(trusting(server, alpn=offered), "cdn.cribl.io")
        wire.send(PING)
        assert wire.answer().body == PING_BODY


@pytest.mark.parametrize(("protocol", "name"), [("websocket", "WebSocket"), ("h2c", "HTTP/2"), ("tea", "'tea'")])
def test_another_protocol_that_is_asked_for_is_named(server: Served, protocol: str, name: str) -> None:
    fields: list[tuple[str, str | bytes]] = [("Connection", "Upgrade"), ("Upgrade", protocol)]
    assert server.ask("GET", PING_TARGET, fields, host="cdn.cribl.io").body == PING_BODY
    assert server.exchange()["problems"] == (
        f'["The client asks for {name}, which telemock does not speak; it was answered in HTTP/1.1."]'
    )
