"""These are the promises of how the head of a CONNECT is read: one meaning, or a sentence."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from telemock.app import loop_factory
from telemock.authority.visit_proof import VISIT_FIELD, VISIT_PROTOCOL, visit_key, visit_proof
from telemock.errors import MalformedRequest
from telemock.server.connect import ConnectRequest, read_connect
from tests.server.secure import by_road, trusting, tunnelled
from tests.server.served import PING_TARGET, NewLoop, Served, ended, served
from tests.server.wire import request_bytes


@pytest.fixture(scope="module", params=[asyncio.new_event_loop, loop_factory()], ids=["asyncio", "uvloop"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    new_loop: NewLoop = request.param
    with served(tmp_path_factory.mktemp("served"), new_loop=new_loop, others="block") as server:
        yield server


@pytest.fixture
def server(running: Served) -> Served:
    running.renew()
    return running


def head(target: str, *fields: str, version: str = "HTTP/1.1") -> bytes:
    """Write a head as clients do."""
    return "\r\n".join([f"CONNECT {target} {version}", f"Host: {target}", *fields, "", ""]).encode()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (head("cdn.cribl.io:443"), ConnectRequest("cdn.cribl.io", 443, None)),
        (head("CDN.Cribl.io.:8443"), ConnectRequest("cdn.cribl.io", 8443, None)),
        (head("192.0.2.7:1"), ConnectRequest("192.0.2.7", 1, None)),
        (head("[2001:DB8::1]:65535"), ConnectRequest("2001:db8::1", 65535, None)),
        (head("a_b.test:443", "proxy-authorization: Basic eA=="), ConnectRequest("a_b.test", 443, "Basic eA==")),
        (b"CONNECT a.test:443 HTTP/1.0\r\n\r\n", ConnectRequest("a.test", 443, None)),
        (head("a.test:443", "Content-Length: 0"), ConnectRequest("a.test", 443, None)),
    ],
)
async def test_host_port_and_credentials_are_read(said: bytes, wanted: ConnectRequest) -> None:
    assert read_connect(said) == wanted


@pytest.mark.parametrize(
    "target",
    ["a.test", "a.test:", ":443", "a.test:x", "a.test:-1", "a.test:70000", "a.test:443/", "[::1:443", "[x]:1", "*"],
)
async def test_what_is_no_host_and_port_is_named(target: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_connect(head(target))
    assert target in str(caught.value)
    assert str(caught.value).endswith(".")


async def test_a_long_target_is_not_repeated_whole() -> None:
    with pytest.raises(MalformedRequest) as caught:
        read_connect(head("a" * 5000))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("said", "status", "kept"),
    [
        (b"CONNECT cdn.cribl.io:443 HTTP/1.1\nHost: a\r\n\r\n", 400, "Bad status line"),
        (b"CONNECT cdn.cribl.io HTTP/1.1\r\nHost: a\r\n\r\n", 400, "'cdn.cribl.io' names no port; CONNECT wants"),
        (b"CONNECT [::1] HTTP/1.1\r\nHost: a\r\n\r\n", 400, "'[::1]' names no port; CONNECT wants host:port"),
        (b"CONNECT u:p@a.test:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "'a.test:443' names a user before the host"),
        (b"CONNECT a..test:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "'a..test:443' names no host"),
        (b"CONNECT cdn.cribl.io:0 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "names a port that is none (1 to 65535)"),
        (
            b"CONNECT cdn.cribl.io:65536 HTTP/1.1\r\nHost: a\r\n\r\n",
            400,
            "cdn.cribl.io:65536' names a port that is none",
        ),
        (
            b"CONNECT cdn.cribl.io:443:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            400,
            "cdn.cribl.io:443:1' names a port that is none",
        ),
        (b"CONNECT /cdn.cribl.io:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "cdn.cribl.io:443"),
        (b"CONNECT :443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, ":443"),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "Duplicate 'Host' header found"),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", 400, "CONNECT has no body"),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "CONNECT has no body"),
        (
            b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "Transfer-Encoding can't be present with Content-Length",
        ),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\nA: \x00\r\n\r\n", 400, "Invalid header value char"),
        (b"CONNECT a:1 HTTP/2.0\r\nHost: a\r\n\r\n", 400, "CONNECT is HTTP/1.1 here"),
        (b"CONNECT a:1 HTTP/1.1\r\nA: " + b"a" * 2**16, 431, "The head is longer than 65536 bytes"),
    ],
)
def test_a_tunnel_that_cannot_be_understood_is_refused_and_kept(
    server: Served, said: bytes, status: int, kept: str
) -> None:
    answer = server.say(said)
    assert (answer.status, answer.header("Connection")) == (status, "close")
    assert kept in answer.json()["error"]
    (row,) = server.malformed()
    assert f"It began with {said[:1024].replace(b'u:p@', b'u:...@')!r}" in row["detail"]
    assert (row["client"], row["bytes_up"]) == ("127.0.0.1", len(said))
    assert row["bytes_down"] == len(answer.raw_head) + 2 + len(answer.body)
    assert row["duration_ms"] > 0


@pytest.mark.parametrize("said", [b"C", b"CONNECT", b"CONNECT cdn.cribl.io:443 HTTP/1.1\r\nHost: a"])
def test_a_client_may_leave_in_the_middle_of_asking_for_a_tunnel(server: Served, said: bytes) -> None:
    with server.connect() as wire:
        wire.send(said)
        server.settle()
    (row,) = server.malformed()
    assert row["detail"] == f"The connection ended in the middle of a head. It began with {said!r}"
    assert server.ask("GET", PING_TARGET).status == 200


@pytest.mark.parametrize("method", ["C", "COPY", "CONNECTED", "connect", "CONNEC"])
def test_other_methods_that_begin_like_a_tunnel_are_none(server: Served, method: str) -> None:
    with server.connect() as wire:
        data = request_bytes(method, "/a")
        wire.send(data[: len(method) - 1])
        server.settle()
        wire.send(data[len(method) - 1 :])
        assert wire.answer().status in (404, 400)


@pytest.mark.parametrize("road", ["direct", "connect without TLS", "tls", "connect"])
def test_one_that_comes_behind_another_request_is_declined_and_kept_with_where_it_wanted(
    server: Served, road: str
) -> None:
    with by_road(server, road) as wire:
        wire.send(request_bytes("GET", PING_TARGET, host="cdn.cribl.io"))
        assert wire.answer().status == 200
        wire.send(request_bytes("CONNECT", "c.example:8443", host="d.example"))
        assert wire.answer().status == 501
    exchange = server.exchanges()[1]
    kept = [exchange[name] for name in ("method", "host", "port", "path", "query")]
    assert kept == ["CONNECT", "c.example", 8443, "c.example:8443", ""]


@pytest.mark.parametrize("target", ["c.example", "c.example:", "/c.example:443", "*", "u:p@c.example:443", "a..b:1"])
def test_one_behind_another_request_that_is_no_host_and_port_is_malformed(server: Served, target: str) -> None:
    with server.connect() as wire:
        wire.send(request_bytes("GET", PING_TARGET, host="cdn.cribl.io") + request_bytes("CONNECT", target))
        assert (wire.answer().status, wire.answer().status) == (200, 400)
    (row,) = server.malformed()
    assert "CONNECT wants host:port. It began with b'CONNECT " in row["detail"]
    assert "u:p" not in row["detail"]


def test_a_tunnel_in_which_nothing_is_said_is_kept(server: Served) -> None:
    with tunnelled(server, "cdn.cribl.io:8443"):
        pass
    (row,) = ended(server)
    assert (row["kind"], row["host"], row["port"]) == ("tunnel", "cdn.cribl.io", 8443)
    assert row["detail"] == "Nothing was said in the tunnel before it ended."


@pytest.mark.parametrize("road", ["connect", "connect without TLS"])
def test_a_tunnel_in_which_nothing_but_empty_lines_come_is_kept(server: Served, road: str) -> None:
    with by_road(server, road) as wire:
        wire.send(b"\r\n\r\n")
        wire.send(b"\r\n")
        server.settle()
    (row,) = ended(server)
    assert (row["kind"], row["host"], row["port"], row["bytes_up"]) == ("tunnel", "cdn.cribl.io", 443, 6)
    assert row["detail"] == "Nothing was asked in the tunnel before it ended."


@pytest.mark.parametrize("data", [request_bytes("GET", PING_TARGET), b"\r\nGET /a", b"garbage\r\n\r\n"])
def test_a_tunnel_in_which_something_is_asked_has_one_row(server: Served, data: bytes) -> None:
    with by_road(server, "connect") as wire:
        wire.send(data)
        wire.end()
        wire.rest()
    server.malformed()
    assert len(server.connections()) + sum(row["path"] != "/barrier" for row in server.exchanges()) == 1
    assert [row["kind"] for row in server.connections()] in ([], ["malformed"])


def proof(server: Served, target: str = "cdn.cribl.io:443", now: float | None = None) -> str:
    """Write what the doctor says in its CONNECT."""
    return f"{VISIT_FIELD}: {bare_proof(server, target, now)}"


def bare_proof(server: Served, target: str, now: float | None = None) -> str:
    """Write a proof alone."""
    key = visit_key(server.db.parent / "ca")
    assert key is not None
    return visit_proof(key, target, time.time() if now is None else now)


def test_the_doctors_tunnel_leaves_no_row_and_what_is_asked_in_it_does(server: Served) -> None:
    for said in (b"", b"\r\n", request_bytes("GET", "/asked", host="cdn.cribl.io")):
        with server.connect() as wire:
            wire.send(head("cdn.cribl.io:443", proof(server)))
            assert wire.answer(body=False).status == 200
            wire.send(said)
            wire.end()
            wire.rest()
    server.malformed()
    assert server.connections() == []
    assert [row["path"] for row in server.exchanges() if row["path"] != "/barrier"] == ["/asked"]


@pytest.mark.parametrize("lie", ["", "other", "old", "\u00e9"])
def test_nobody_hides_by_saying_that_it_is_the_doctor(server: Served, lie: str) -> None:
    said = {"other": proof(server, "cdn.cribl.io:8443"), "old": proof(server, now=time.time() - 200)}
    with server.connect() as wire:
        wire.send(head("cdn.cribl.io:443", said.get(lie, f"{VISIT_FIELD}: {lie}")))
        assert wire.answer(body=False).status == 200
    (row,) = ended(server)
    assert (row["kind"], row["host"]) == ("tunnel", "cdn.cribl.io")


def test_tls_in_which_nothing_but_empty_lines_come_is_kept(server: Served) -> None:
    with by_road(server, "tls") as wire:
        wire.send(b"\r\n\r\n")
        wire.send(b"\r\n")
        server.settle()
    (row,) = ended(server)
    assert (row["kind"], row["host"], row["port"], row["bytes_up"]) == ("malformed", "cdn.cribl.io", server.port, 6)
    assert row["detail"] == "Nothing was asked before it ended: only empty lines came."


@pytest.mark.parametrize("whose", ["doctor", "other", "old", "nobody"])
def test_only_who_proves_to_be_the_doctor_in_tls_leaves_no_row(server: Served, whose: str) -> None:
    said = {
        "doctor": bare_proof(server, "cdn.cribl.io"),
        "other": bare_proof(server, "a.example"),
        "old": bare_proof(server, "cdn.cribl.io", time.time() - 200),
    }
    with server.connect() as wire:
        wire.secure(trusting(server, alpn=("http/1.1", VISIT_PROTOCOL + said.get(whose, "x"))), "cdn.cribl.io")
        wire.send(b"\r\n")
        wire.end()
        wire.rest()
    server.malformed()
    assert [row["kind"] for row in server.connections()] == ([] if whose == "doctor" else ["malformed"])
