"""These are the promises of recording: the real host is asked, its certificate checked, and what it says is kept."""

import json
import socket
import sqlite3
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import trustme

from tests.server.behind import proxying
from tests.server.origin import answering, origin, read_request
from tests.server.secure import trusting, tunnelled
from tests.server.served import MAX_BODY_BYTES, PING_BODY, PING_TARGET, Served, served
from tests.server.wire import Wire, request_bytes

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LONG = bytes(range(256)) * 2**14  # 4 MiB
ROADS = ["direct", "tls", "proxy", "connect", "connect without TLS"]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """The authority that the real host's certificate is of."""
    return trustme.CA()


@pytest.fixture(scope="module")
def context(authority: trustme.CA) -> ssl.SSLContext:
    """The real host's TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Served]:
    """One telemock that records, and takes localhost for a product."""
    folder = tmp_path_factory.mktemp("served")
    authority.cert_pem.write_to_path(folder / "other.pem")
    with served(folder, intercept=("localhost",), mode=("record",), upstream_ca=folder / "other.pem") as server:
        yield server


def by_road(server: Served, road: str, port: int) -> Wire:
    """Connect by a road; the caller closes the connection."""
    wire = tunnelled(server, f"localhost:{port}") if road.startswith("connect") else server.connect()
    if road in ("tls", "connect"):
        wire.secure(trusting(server), "localhost")
    return wire


def record(server: Served, port: int, method: str = "GET", path: str = "/a") -> bytes:
    """Ask for something on the real host, as by a proxy; give all that comes back."""
    with server.connect() as wire:
        wire.send(request_bytes(method, f"http://localhost:{port}{path}", [("Connection", "close")]))
        return wire.rest()


@pytest.mark.parametrize("road", ROADS)
def test_the_real_host_is_asked_by_every_road_and_both_are_kept(
    server: Served, context: ssl.SSLContext, road: str
) -> None:
    is_secure = road in ("tls", "connect")
    said = b"HTTP/1.1 201 Made\r\nx-Mine: 1\r\nX-Twice: a\r\nX-Twice: b\r\nContent-Length: 2\r\n\r\nok"
    with answering(said, context if is_secure else None) as there, by_road(server, road, there.port) as wire:
        path = "/a%20b/../c?d=%2F"
        target = f"http://localhost:{there.port}{path}" if road == "proxy" else path
        wire.send(request_bytes("POST", target, [("x-Your", "2")], b"body", host=f"localhost:{there.port}"))
        answer = wire.answer()
    assert (answer.status, answer.body) == (201, b"ok")
    assert there.heard[0].startswith(f"POST {path} HTTP/1.1\r\nHost: localhost:{there.port}\r\nx-Your: 2\r\n".encode())
    assert there.heard[0].endswith(b"\r\n\r\nbody")
    exchange = server.exchange()
    kept = {name: exchange[name] for name in ("host", "path", "query", "status", "outcome", "request_body")}
    assert kept == {
        "host": "localhost",
        "path": "/a%20b/../c",
        "query": "d=%2F",
        "status": 201,
        "outcome": "recorded",
        "request_body": b"body",
    }
    assert exchange["response_body"] == b"ok"
    assert json.loads(exchange["response_headers"]) == [
        ["x-Mine", "1"],
        ["X-Twice", "a"],
        ["X-Twice", "b"],
        ["Content-Length", "2"],
        ["Via", "1.1 telemock"],
    ]
    (row,) = server.connections()
    assert (row["kind"], row["host"], row["port"], exchange["port"]) == (
        "upstream",
        "localhost",
        there.port,
        there.port,
    )
    assert (row["bytes_up"], row["bytes_down"], row["detail"]) == (4, 2, "POST was answered 201.")


@pytest.mark.parametrize(
    ("method", "fields", "length"),
    [
        ("HEAD", b"Content-Length: 12345\r\n", "12345"),
        ("HEAD", b"", None),
        ("HEAD", b"Transfer-Encoding: chunked\r\n", None),
        ("GET", b"Content-Length: 0\r\n", "0"),
    ],
)
def test_the_length_is_the_real_hosts(server: Served, method: str, fields: bytes, length: str | None) -> None:
    with answering(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n") as there:
        answer = server.ask(method, "/a", host=f"localhost:{there.port}")
    assert answer.header("Content-Length") == length
    assert dict(json.loads(server.exchange()["response_headers"])).get("Content-Length") == length


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified", b"302 Found\r\nContent-Length: 0"])
def test_an_answer_without_a_body_stays_one(server: Served, status: bytes) -> None:
    with answering(b"HTTP/1.1 " + status + b"\r\nLocation: http://elsewhere.test/\r\n\r\n") as there:
        answer = server.ask("GET", "/a", host=f"localhost:{there.port}")
    assert (str(answer.status), answer.body) == (status[:3].decode(), b"")
    assert answer.header("Location") == "http://elsewhere.test/"
    assert server.exchange()["response_body"] is None


@pytest.mark.parametrize("size", [200_000, 262_145, len(LONG)])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_an_answer_of_any_length_arrives_whole_and_is_kept_as_far_as_bodies_are(
    server: Served,
    size: int,
    is_chunked: bool,  # noqa: FBT001 - a parameter
) -> None:
    body = LONG[:size]
    said = b"Content-Length: %d\r\n\r\n%b" % (size, body)
    if is_chunked:
        said = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, body)
    with answering(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n" + said) as there:
        head, _, rest = record(server, there.port).partition(b"\r\n\r\n")
    assert whole(head, rest) == body
    exchange = server.exchange()
    assert exchange["outcome"] == "recorded"
    is_long = size > 256 * 1024
    assert exchange["response_body"] == (body[:MAX_BODY_BYTES] if is_long else body)
    names = [name for name, _ in json.loads(exchange["response_headers"])]
    assert names == ["Content-Encoding", *(["Content-Length"] * (not is_chunked or not is_long)), "Via"] or names == [
        "Content-Encoding",
        "Via",
        "Content-Length",
    ]
    assert server.connections()[0]["bytes_down"] == size


def whole(head: bytes, rest: bytes) -> bytes:
    """Take the chunks off a body that has them; one that is not whole fails."""
    if b"Transfer-Encoding: chunked" not in head:
        return rest
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            assert rest == b"\r\n"
            return body
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


def test_the_last_piece_of_a_long_answer_waits_until_the_exchange_is_stored(server: Served) -> None:
    with (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(LONG), LONG)) as there,
        closing(sqlite3.connect(server.db, isolation_level=None)) as other,
        server.connect() as wire,
    ):
        other.execute("BEGIN IMMEDIATE")
        wire.send(request_bytes("GET", f"http://localhost:{there.port}/a", [("Connection", "close")]))
        assert wire.answer(body=False).status == 200
        body = b""
        while len(body) < len(LONG) // 2:
            body += wire.some()
        assert server.exchanges() == []
        other.execute("ROLLBACK")
        assert body + wire.rest() == LONG
    assert server.exchange()["status"] == 200


def test_who_asked_gets_no_whole_answer_when_the_store_cannot_keep_it(tmp_path: Path) -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
    with (
        served(tmp_path, intercept=("localhost",), mode=("record",)) as server,
        answering(said % (2, b"ok")) as short,
        answering(said % (len(LONG), LONG)) as long,
        ThreadPoolExecutor(2) as beside,
    ):
        with closing(sqlite3.connect(server.db)) as other:
            other.execute("ALTER TABLE exchanges RENAME TO gone")
            other.commit()
        refused, broken = beside.map(partial(record, server), (short.port, long.port))
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert broken.startswith(b"HTTP/1.1 200 ")
    assert len(broken.partition(b"\r\n\r\n")[2]) < len(LONG)


@pytest.mark.parametrize("framing", [b"Content-Length: %d" % (2 * len(LONG)), b"Transfer-Encoding: chunked"])
def test_a_long_answer_that_breaks_off_does_not_look_whole_and_is_kept(server: Served, framing: bytes) -> None:
    said = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n%x\r\n" % (2 * len(LONG)) + LONG
    with answering(said) as there:
        _, _, rest = record(server, there.port).partition(b"\r\n\r\n")
    assert len(rest) < 2 * len(LONG)
    assert not rest.endswith(b"\r\n0\r\n\r\n")
    assert (server.exchange()["status"], server.exchange()["outcome"]) == (200, "recorded")
    assert "broke off in the middle of an answer" in server.connections()[0]["detail"]


@pytest.mark.parametrize(
    "said",
    [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", b"HTTP/1.1 101 Other\r\n\r\n"],
)
def test_what_is_no_whole_answer_becomes_502(server: Served, said: bytes) -> None:
    with answering(said) as there:
        answer = server.ask("GET", "/a", host=f"localhost:{there.port}")
    assert_is_502(server, answer.status, answer.json()["error"])
    assert "localhost" in answer.json()["error"]


def assert_is_502(server: Served, status: int, error: str) -> None:
    assert status == 502
    assert error.endswith(".")
    exchange = server.exchange()
    assert (exchange["status"], exchange["outcome"]) == (502, "recorded")
    assert json.loads(exchange["response_body"]) == {"error": error}
    assert [(row["kind"], row["detail"]) for row in server.connections()] == [("upstream", error)]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("localhost:{own}", "is telemock itself"),
        ("localhost:{closed}", "cannot be reached"),
    ],
)
def test_a_host_that_cannot_be_asked_is_said_and_kept(server: Served, where: str, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = probe.getsockname()[1]
    answer = server.ask("GET", "/a", host=where.format(own=server.port, closed=closed))
    assert said in answer.json()["error"]
    assert_is_502(server, answer.status, answer.json()["error"])


@pytest.mark.parametrize(("names", "said"), [(["other.test"], "is not trusted"), ([], "is not trusted")])
def test_a_certificate_that_is_not_the_hosts_is_refused(
    server: Served, authority: trustme.CA, names: list[str], said: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (authority if names else trustme.CA()).issue_cert(*(names or ["localhost"])).configure_cert(context)
    with answering(OK, context) as there, by_road(server, "connect", there.port) as wire:
        wire.send(request_bytes("GET", "/a", host=f"localhost:{there.port}"))
        answer = wire.answer()
    assert f"The certificate of localhost port {there.port} {said}: " in answer.json()["error"]
    assert "--upstream-ca" in answer.json()["error"]
    assert_is_502(server, answer.status, answer.json()["error"])
    assert there.heard == []


def test_a_host_that_speaks_no_tls_is_said(server: Served) -> None:
    with origin(lambda client: client.sendall(OK)) as there, by_road(server, "connect", there.port) as wire:
        wire.send(request_bytes("GET", "/a", host=f"localhost:{there.port}"))
        answer = wire.answer()
    assert f"TLS with localhost port {there.port} failed: " in answer.json()["error"]
    assert_is_502(server, answer.status, answer.json()["error"])


def test_a_body_longer_than_is_kept_is_not_sent_on(server: Served) -> None:
    with answering(OK) as there:
        answer = server.ask("POST", "/a", body=LONG[: MAX_BODY_BYTES + 1], host=f"localhost:{there.port}")
        assert there.connections == 0
    assert (answer.status, server.exchange()["outcome"]) == (413, "recorded")
    assert server.connections() == []


def test_a_large_body_is_sent_on(tmp_path: Path) -> None:
    with (
        served(tmp_path, intercept=("localhost",), mode=("record",), max_body=2 * len(LONG)) as server,
        answering(OK) as there,
    ):
        assert server.ask("POST", "/a", body=LONG, host=f"localhost:{there.port}").body == b"ok"
        assert there.heard[0].endswith(b"\r\n\r\n" + LONG)
        assert server.exchange()["request_body"] == LONG


def test_a_request_of_a_client_that_left_meanwhile_is_kept(server: Served) -> None:
    has_left = threading.Event()

    def speak(client: socket.socket) -> None:
        read_request(client)
        assert has_left.wait(20)
        client.sendall(OK)

    with origin(speak) as there, server.connect() as wire:
        wire.send(request_bytes("GET", f"http://localhost:{there.port}/left"))
        while not there.connections:
            server.settle()
        wire.vanish()
        server.settle()
        has_left.set()
        while not server.exchanges():
            server.settle()
    assert (server.exchange()["path"], server.exchange()["status"]) == ("/left", 499)
    assert server.connections()[0]["detail"] == "GET was answered 200."


def test_what_names_no_host_but_telemock_goes_to_its_products(tmp_path: Path) -> None:
    with (
        proxying(b"HTTP/1.1 403 Not this one\r\n\r\n") as proxy,
        served(tmp_path, mode=("record",), upstream_proxy=f"http://u:secret@{proxy.authority}") as server,
    ):
        answers = [
            server.ask("GET", PING_TARGET, host=host)
            for host in ("127.0.0.1:8080", "cdn.cribl.io", "CDN.cribl.io:8443")
        ]
        assert [answer.status for answer in answers] == [502, 403, 403]
        assert "it says '403 Not this one'" in answers[0].json()["error"]
        assert server.ask("GET", "/nothing", host="127.0.0.1:8080").status == 404
    assert [asked.split(b" HTTP/")[0] for asked in proxy.heard] == [
        b"CONNECT cdn.cribl.io:443",
        f"GET http://cdn.cribl.io{PING_TARGET}".encode(),
        f"GET http://cdn.cribl.io:8443{PING_TARGET}".encode(),
    ]
    assert "c2VjcmV0" not in str(server.exchanges() + server.connections())


def test_one_profile_may_be_recorded_alone(tmp_path: Path) -> None:
    with (
        proxying(OK) as proxy,
        served(
            tmp_path, intercept=("other.test",), mode=("cribl=record",), upstream_proxy=f"http://{proxy.authority}"
        ) as server,
    ):
        assert server.ask("GET", PING_TARGET, host="cdn.cribl.io").body == b"ok"
        assert server.ask("GET", "/a", host="other.test").status == 404
        assert len(proxy.heard) == 1
    outcomes = [exchange["outcome"] for exchange in server.exchanges()]
    assert outcomes == ["recorded", "unmatched"]


def test_unless_told_to_record_nobody_is_asked(tmp_path: Path) -> None:
    with proxying(OK) as proxy, served(tmp_path, upstream_proxy=f"http://{proxy.authority}") as server:
        assert server.ask("GET", PING_TARGET, host="cdn.cribl.io").body == PING_BODY
        assert proxy.connections == 0
    assert server.connections() == []


def test_the_real_host_is_reached_through_the_proxy_and_its_certificate_checked(
    tmp_path: Path, authority: trustme.CA, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    authority.cert_pem.write_to_path(tmp_path / "other.pem")
    with (
        proxying() as proxy,
        answering(OK, context) as there,
        served(
            tmp_path,
            intercept=("localhost",),
            mode=("record",),
            upstream_ca=tmp_path / "other.pem",
            upstream_proxy=f"http://u:secret@{proxy.authority}",
        ) as server,
    ):
        with by_road(server, "connect", there.port) as wire:
            wire.send(request_bytes("GET", "/a", host=f"localhost:{there.port}"))
            assert wire.answer().body == b"ok"
        assert proxy.heard[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % there.port)
        assert b"Proxy-Authorization" not in there.heard[0]


def test_where_all_hosts_are_recorded_an_address_is_one_to_a_proxy_and_telemock_itself_to_others(
    tmp_path: Path,
) -> None:
    with answering(OK) as there, served(tmp_path, intercept=("*",), mode=("record",)) as server:
        assert server.ask("GET", f"http://{there.authority}/a").body == b"ok"
        with tunnelled(server, there.authority) as wire:
            wire.send(request_bytes("GET", "/a", host=there.authority))
            assert wire.answer().body == b"ok"
        assert server.ask("GET", "/a", host=there.authority).status == 404
        assert len(there.heard) == 2
    outcomes = [exchange["outcome"] for exchange in server.exchanges()]
    assert outcomes == ["recorded", "recorded", "unmatched"]


def test_a_tunnel_to_a_recorded_host_leads_to_no_other(server: Served) -> None:
    with answering(OK) as there, tunnelled(server, "localhost:80") as wire:
        wire.send(request_bytes("GET", "/a", host=there.authority))
        assert wire.answer().status == 404
        assert there.connections == 0
    assert server.connections() == []
