"""Trailers stay with their own request (RFC 9110 section 6.5): kept there, and nowhere else on their connection."""

import json
from collections.abc import Iterator

import pytest

from tests.server.origin import answering
from tests.server.secure import ROADS, by_road, target_of
from tests.server.served import Row, Served, header_bytes, served
from tests.server.wire import request_bytes

CHUNKED = [("Transfer-Encoding", "chunked")]
TRAILERS = b"X-Sum: 99\r\nUser-Agent: from-one\r\n"
KEPT = [["X-Sum", "99"], ["User-Agent", "from-one"]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served"), intercept=("*.example",), others="tunnel") as server:
        yield server


@pytest.fixture
def server(running: Served) -> Served:
    running.renew()
    return running


def one(target: str = "/one", trailers: bytes = TRAILERS, host: str = "a.example") -> bytes:
    return request_bytes("POST", target, CHUNKED, host=host) + b"2\r\nab\r\n0\r\n" + trailers + b"\r\n"


def two(target: str = "/two", host: str = "b.example") -> bytes:
    return request_bytes("GET", target, [("Accept", "*/*")], host=host)


def trailers_of(row: Row) -> list[list[str]] | None:
    kept: list[list[str]] | None = json.loads(row["request_trailers"] or "null")
    return kept


def assert_apart(rows: list[Row], host: str = "b.example") -> None:
    first, second = rows
    assert (first["request_body"], trailers_of(first)) == (b"ab", KEPT)
    assert [name for name, _ in header_bytes(first)] == [b"Host", b"Transfer-Encoding"]
    assert (second["path"], trailers_of(second)) == ("/two", None)
    assert header_bytes(second) == [(b"Host", host.encode()), (b"Accept", b"*/*")]


@pytest.mark.parametrize("road", ROADS)
def test_trailers_are_kept_with_their_request_and_not_with_the_next(server: Served, road: str) -> None:
    with by_road(server, road, "a.example") as wire:
        first, second = target_of(road, "/one", "a.example"), target_of(road, "/two", "a.example")
        wire.send(one(first) + two(second, host="a.example"))
        assert [wire.answer().status, wire.answer().status] == [404, 404]
    assert_apart(server.exchanges(), "a.example")


def test_they_are_wherever_the_data_is_cut(server: Served) -> None:
    data = one() + two()
    for cut in range(1, len(data)):
        with server.connect() as wire:
            wire.send(data[:cut])
            server.settle()
            wire.send(data[cut:])
            assert [wire.answer().status, wire.answer().status] == [404, 404]
    rows = server.exchanges()
    assert len(rows) == 2 * (len(data) - 1)
    for place in range(0, len(rows), 2):
        assert_apart(rows[place : place + 2])


def test_each_of_many_requests_that_wait_keeps_its_own(server: Served) -> None:
    count = 100
    with server.connect() as wire:
        wire.send(b"".join(one(f"/{number}", b"N: %d\r\n" % number) for number in range(count)) + two())
        assert [wire.answer().status for _ in range(count + 1)] == [404] * (count + 1)
    *rows, last = server.exchanges()
    assert [(row["path"], trailers_of(row)) for row in rows] == [(f"/{n}", [["N", str(n)]]) for n in range(count)]
    assert trailers_of(last) is None


@pytest.mark.parametrize("name", ["Host", "Connection", "Expect", "Content-Length", "Transfer-Encoding", "Upgrade"])
def test_a_trailer_that_would_frame_a_message_frames_none(server: Served, name: str) -> None:
    value = {"Connection": "close", "Expect": "tea", "Content-Length": "1000", "Host": "c.example"}.get(name, "chunked")
    with server.connect() as wire:
        wire.send(one(trailers=f"{name}: {value}\r\n".encode()) + two())
        assert [wire.answer().status, wire.answer().status] == [404, 404]
    first, second = server.exchanges()
    assert trailers_of(first) == [[name, value]]
    assert header_bytes(second) == [(b"Host", b"b.example"), (b"Accept", b"*/*")]


@pytest.mark.parametrize("protocol", ["websocket", "h2c", "tea"])
def test_they_are_behind_an_upgrade_that_is_declined(server: Served, protocol: str) -> None:
    asked = request_bytes("GET", "/zero", [("Connection", "Upgrade"), ("Upgrade", protocol)], host="a.example")
    with server.connect() as wire:
        wire.send(asked + one() + two())
        assert [wire.answer().status for _ in range(3)] == [404] * 3
    zero, *rows = server.exchanges()
    assert zero["path"] == "/zero"
    assert_apart(rows)


def test_a_password_for_the_proxy_is_no_trailer_that_is_kept(server: Served) -> None:
    with server.connect() as wire:
        wire.send(one(trailers=b"proxy-authorization: Basic c2VjcmV0\r\n" + TRAILERS) + two())
        assert [wire.answer().status, wire.answer().status] == [404, 404]
        wire.send(one(trailers=b"Proxy-Authorization: Basic c2VjcmV0\r\n"))
        assert wire.answer().status == 404
    *rows, last = server.exchanges()
    assert_apart(rows)
    assert trailers_of(last) is None


def test_a_credential_in_a_trailer_for_one_host_is_not_sent_to_another(server: Served) -> None:
    with answering(OK) as a, answering(OK) as b, server.connect() as wire:
        secret = b"X-Secret: for-A-only\r\nAuthorization: Bearer for-A\r\n"
        wire.send(one(f"http://{a.authority}/one", secret, a.authority))
        assert wire.answer().body == b"ok"
        wire.send(two(f"http://{b.authority}/two", b.authority))
        assert wire.answer().body == b"ok"
    assert [name for name, _ in b.heard_fields()] == ["Host", "Accept", "Via", "Connection"]
    assert b"for-A" not in b.heard[0]


@pytest.mark.parametrize("section", [b"bad trailer\r\n", b"A: b\r\n c\r\n", b"A : b\r\n", b"A: \x00\r\n", b"A: b\n"])
def test_what_is_no_trailer_is_malformed_and_names_the_host(server: Served, section: bytes) -> None:
    with server.connect() as wire:
        wire.send(one(trailers=section) + two())
        answer = wire.answer()
        assert wire.rest() == b""
    assert (answer.status, answer.header("Connection")) == (400, "close")
    (row,) = server.malformed()
    assert (row["host"], row["detail"].partition(".")[0]) == ("a.example", "Invalid trailer field")
    exchange, _barrier = server.exchanges()
    assert (exchange["path"], exchange["status"], exchange["request_truncated"]) == ("/one", 400, 1)


def test_those_of_a_body_that_is_too_long_reach_nobody(server: Served) -> None:
    chunk = b"10000\r\n" + b"a" * 2**16 + b"\r\n"
    with server.connect() as wire:
        wire.send(request_bytes("POST", "/one", CHUNKED, host="a.example") + chunk * 4)
        assert wire.answer().status == 413
        wire.send(b"0\r\n" + TRAILERS + b"\r\n" + two())
        assert wire.answer().status == 404
    first, second = server.exchanges()
    assert (first["request_truncated"], trailers_of(first), trailers_of(second)) == (1, None, None)
    assert header_bytes(second) == [(b"Host", b"b.example"), (b"Accept", b"*/*")]
