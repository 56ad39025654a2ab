"""These are the promises of the door: one port takes every road, and what came is kept as the client meant it."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from telemock.app import loop_factory
from telemock.server.timeouts import Timeouts
from tests.server.secure import ROADS, by_road, target_of, trusting, tunnelled
from tests.server.served import PING_BODY, PING_QUERY, PING_TARGET, NewLoop, Row, Served, served
from tests.server.wire import request_bytes

HOST = "cdn.cribl.io"
EVENTS = "/telemetry/events"


@pytest.fixture(scope="module", params=[asyncio.new_event_loop, loop_factory()], ids=["asyncio", "uvloop"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One telemock for the tests of this module, on each loop."""
    new_loop: NewLoop = request.param
    options = {"intercept": ("*.example.com", "192.0.2.7", "bücher.example"), "others": "block", "max_body": 11 * 2**20}
    with served(tmp_path_factory.mktemp("served"), new_loop=new_loop, **options) as server:  # type: ignore[arg-type]
        yield server


@pytest.fixture
def server(running: Served) -> Served:
    """The same, which heard of the ends of all connections before."""
    running.renew()
    return running


def connections(server: Served, kind: str) -> list[Row]:
    """Give what was kept below HTTP; commits go in order, so a later answer has them behind it."""
    assert server.ask("GET", "/barrier").status == 404
    return [row for row in server.connections() if row["kind"] == kind]


@pytest.mark.parametrize("road", ROADS)
def test_the_real_ping_is_answered_and_kept_on_every_road(server: Served, road: str) -> None:
    with by_road(server, road) as wire:
        for _ in range(2):
            wire.send(request_bytes("GET", target_of(road, PING_TARGET), host=HOST))
            assert wire.answer().body == PING_BODY
    for exchange in server.exchanges():
        assert (exchange["via"], exchange["scheme"]) == ROADS[road]
        assert (exchange["host"], exchange["path"], exchange["query"]) == (HOST, "/telemetry/index.html", PING_QUERY)
        assert (len(json.loads(exchange["params"])), exchange["client"]) == (47, "127.0.0.1")
        assert (exchange["outcome"], exchange["profile"], exchange["problems"]) == ("mock", "cribl", None)
    assert len(server.exchanges()) == 2


@pytest.mark.parametrize("road", ROADS)
def test_http_is_the_same_on_every_road(server: Served, road: str) -> None:
    large = json.dumps({"v": "x" * (10 * 2**20 - 100)}).encode()
    events = target_of(road, EVENTS)
    with by_road(server, road) as wire:
        head = request_bytes("HEAD", target_of(road, PING_TARGET), host=HOST)
        ping = request_bytes("GET", target_of(road, PING_TARGET), host=HOST)
        wire.send(head + ping + ping)
        assert (wire.answer(body=False).status, wire.answer().body, wire.answer().body) == (200, PING_BODY, PING_BODY)
        chunked = [("Transfer-Encoding", "chunked")]
        wire.send(request_bytes("POST", events, chunked, host=HOST) + b'4\r\n{"v"\r\n8\r\n: "1.0"}\r\n0\r\n\r\n')
        assert wire.answer().json() == {"status": "accepted", "count": 1}
        wire.send(request_bytes("POST", events, [("Expect", "100-continue"), ("Content-Length", "2")], host=HOST))
        assert wire.answer().status == 100
        wire.send(b"{}")
        assert wire.answer().status == 200
        wire.send(request_bytes("POST", events, body=large, host=HOST))
        assert wire.answer().json()["count"] == 1
    kept = server.exchanges()
    assert [row["method"] for row in kept] == ["HEAD", "GET", "GET", "POST", "POST", "POST"]
    assert [row["request_body"] for row in kept[3:]] == [b'{"v": "1.0"}', b"{}", large]


@pytest.mark.parametrize("road", ["direct", "connect without TLS", "proxy"])
@pytest.mark.parametrize("count", [1, 3])
def test_who_ends_its_side_after_asking_gets_its_answers(server: Served, road: str, count: int) -> None:
    with by_road(server, road) as wire:
        wire.send(request_bytes("GET", target_of(road, PING_TARGET), host=HOST) * count)
        wire.end()
        assert [wire.answer().body for _ in range(count)] == [PING_BODY] * count
        assert wire.rest() == b""
    assert len(server.exchanges()) == count


@pytest.mark.parametrize("name", ["cdn.cribl.io", "a.example.com", "CDN.cribl.io", "192.0.2.7", None])
def test_first_words_may_come_bit_by_bit(server: Served, name: str | None) -> None:
    hello, incoming, tls = client_hello(server, name)
    with server.connect() as wire:
        for data in (request_bytes("CONNECT", "192.0.2.7:443", host="192.0.2.7:443"), hello):
            for start in range(0, len(data), 25):
                wire.send(data[start : start + 25])
                server.settle()
            if data is not hello:
                assert wire.answer(body=False).status == 200
        while True:
            incoming.write(wire.some())
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
                break
        assert names_of(tls) == {(name or "192.0.2.7").lower()}


def client_hello(server: Served, name: str | None) -> tuple[bytes, ssl.MemoryBIO, ssl.SSLObject]:
    """Begin TLS; give its first message, where answers go, and the client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = trusting(server)
    if name is None:
        context.check_hostname = False
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read(), incoming, tls


def names_of(tls: ssl.SSLObject) -> set[str]:
    """Give the names and addresses that the server's certificate is for."""
    certificate: dict[str, Any] = dict(tls.getpeercert() or {})
    return {value for _, value in certificate["subjectAltName"]}


def test_a_tunnel_and_what_goes_through_may_come_at_once(server: Served) -> None:
    hello, incoming, tls = client_hello(server, HOST)
    with server.connect() as wire:
        wire.send(request_bytes("CONNECT", f"{HOST}:443", host=HOST) + hello)
        assert wire.answer(body=False).status == 200
        incoming.write(wire.some())
        tls.do_handshake()
    with server.connect() as wire:
        ping = request_bytes("GET", PING_TARGET, host=HOST)
        wire.send(request_bytes("CONNECT", f"{HOST}:80", host=HOST) + ping)
        assert (wire.answer(body=False).status, wire.answer().body) == (200, PING_BODY)


def test_who_names_nobody_gets_the_products_certificate_which_is_for_this_address_as_well(server: Served) -> None:
    for name in (HOST, "127.0.0.1"):
        context = trusting(server)
        context.check_hostname = False
        hello, incoming, tls = client_hello(server, None)
        with server.connect() as wire:
            wire.send(hello)
            incoming.write(wire.some())
            tls.do_handshake()
        assert name in names_of(tls)


def test_a_host_that_is_not_intercepted_is_answered_where_it_leads_here(server: Served) -> None:
    with server.connect() as wire:
        wire.secure(trusting(server), "elsewhere.test")
        wire.send(request_bytes("GET", "/a", host="elsewhere.test"))
        assert wire.answer().status == 404
    assert (server.exchange()["via"], server.exchange()["host"]) == ("tls", "elsewhere.test")


def test_the_host_of_tls_or_of_a_tunnel_counts_where_the_request_names_none(server: Served) -> None:
    old = request_bytes("GET", "/a", host=None, version="HTTP/1.0")
    for road in ("tls", "connect", "connect without TLS"):
        with by_road(server, road) as wire:
            wire.send(old)
            assert wire.answer().status == 404
    assert [(row["host"], row["port"]) for row in server.exchanges()] == [(HOST, None), (HOST, 443), (HOST, 443)]


@pytest.mark.parametrize(("offered", "chosen"), [(("h2", "http/1.1"), "http/1.1"), ((), None)])
def test_only_http_1_1_is_offered(server: Served, offered: tuple[str, ...], chosen: str | None) -> None:
    with server.connect() as wire:
        wire.secure(trusting(server, alpn=offered), HOST)
        assert isinstance(wire.socket, ssl.SSLSocket)
        assert wire.socket.selected_alpn_protocol() == chosen


@pytest.mark.parametrize("road", ["tls", "connect"])
def test_no_tunnel_begins_inside_another_or_inside_tls(server: Served, road: str) -> None:
    for inner in (road, "connect without TLS"):
        with by_road(server, inner) as wire:
            wire.send(request_bytes("CONNECT", "cdn.cribl.io:443"))
            assert wire.answer().status == 501
    assert [row["method"] for row in server.exchanges()] == ["CONNECT"] * 2


@pytest.mark.parametrize("target", ["/health", "/metrics", "/__admin", "/__admin/ca.pem"])
def test_the_product_reaches_the_admin_side_on_no_road(server: Served, target: str) -> None:
    for road in ROADS:
        for host in (HOST, "127.0.0.1"):
            if road == "direct" and host != HOST:
                continue
            with by_road(server, road) as wire:
                wire.send(request_bytes("GET", target_of(road, target), host=host))
                assert wire.answer().status == 404
    assert {(row["status"], row["outcome"]) for row in server.exchanges()} == {(404, "unmatched")}


def test_an_administrator_may_come_by_tls(server: Served) -> None:
    with server.connect() as wire:
        wire.secure(trusting(server), "localhost")
        wire.send(request_bytes("GET", "/health", host="localhost"))
        assert wire.answer().status == 200
    assert server.exchanges() == []


def test_a_client_without_trust_is_kept_with_the_cause(server: Served) -> None:
    for host, wire in ((HOST, server.connect()), ("a.example.com", tunnelled(server, "a.example.com:8443"))):
        with wire, pytest.raises(ssl.SSLCertVerificationError):
            wire.secure(ssl.create_default_context(), host)
    direct, inside = connections(server, "tls_refused")
    assert (direct["host"], direct["port"], direct["client"]) == (HOST, server.port, "127.0.0.1")
    assert (inside["host"], inside["port"]) == ("a.example.com", 8443)
    for row in (direct, inside):
        assert row["detail"].startswith("unknown_ca: The client does not trust this authority; ")
        assert row["duration_ms"] > 0
    assert 'telemock_tls_refused_total{alert="unknown_ca"}' in server.ask("GET", "/metrics").body.decode()


def test_a_client_that_closes_without_a_word_after_the_handshake_is_kept(server: Served) -> None:
    with server.connect() as wire:
        wire.secure(trusting(server), HOST)
    (row,) = connections(server, "tls_refused")
    assert row["detail"].startswith("none: The client closed without saying why, as some do ")


def test_a_client_that_spoke_and_left_is_not_taken_for_a_refusal(server: Served) -> None:
    with server.connect() as wire:
        wire.secure(trusting(server), HOST)
        wire.send(request_bytes("GET", "/a", host=HOST))
        assert wire.answer().status == 404
    assert connections(server, "tls_refused") == []


@pytest.mark.parametrize("cut", [1, 5, 100, 516])
def test_a_client_that_leaves_in_its_first_message_is_kept(server: Served, cut: int) -> None:
    with server.connect() as wire:
        wire.send(client_hello(server, HOST)[0][:cut])
        server.settle()
    (row,) = connections(server, "tls_refused")
    assert row["detail"].startswith("none: ")


def test_a_client_that_leaves_in_the_middle_of_the_handshake_is_kept(server: Served) -> None:
    with server.connect() as wire:
        wire.send(client_hello(server, HOST)[0])
        assert wire.some()[:1] == b"\x16"
    server.settle()
    rows = connections(server, "tls_refused")
    assert [(row["host"], row["detail"][:6]) for row in rows] == [(HOST, "none: ")]


def test_old_versions_of_tls_are_refused_with_the_cause(server: Served) -> None:
    hello = bytearray(client_hello(server, HOST)[0])
    at = hello.index(b"\x00\x2b\x00\x05\x04\x03\x04\x03\x03")  # supported_versions: 1.3 and 1.2
    hello[at + 4 : at + 9] = b"\x04\x03\x02\x03\x01"  # 1.1 and 1.0
    with server.connect() as wire:
        wire.send(bytes(hello))
        alert = wire.rest()
    assert alert[0] == 0x15
    (row,) = connections(server, "tls_refused")
    assert row["detail"].startswith("unsupported_protocol: The client speaks no version of TLS that is spoken here")


@pytest.mark.parametrize(
    "name", ["a b.example", "-a.test", "a..test", "a/b.test", "a.1", "ä".encode().decode("latin-1")]
)
def test_a_name_that_is_no_host_gets_an_alert_and_no_certificate(server: Served, name: str) -> None:
    hello = client_hello(server, "x" * len(name) + ".test")[0]
    place = hello.index(b"x" * len(name) + b".test")
    hello = hello[:place] + (name + ".test").encode("latin-1") + hello[place + len(name) + 5 :]
    if name == "a.1":
        hello = hello.replace(b"a.1.test", b"x.test.1")
    with server.connect() as wire:
        wire.send(hello)
        assert wire.rest()[:1] == b"\x15"
    (row,) = connections(server, "tls_refused")
    assert row["detail"].startswith("unrecognized_name: ")


def test_what_only_begins_like_tls_is_kept(server: Served) -> None:
    assert server.ask("GET", "/before").status == 404
    with server.connect() as wire:
        wire.send(b"\x16GET / HTTP/1.1\r\n\r\n")
        wire.rest()
    (row,) = connections(server, "tls_refused")
    assert row["detail"] == "wrong_version_number: What came began like TLS, but is none."


SLOW = {
    "nothing": b"",
    "half a hello": b"\x16\x03\x01\x02\x00\x01",
    "half a tunnel": b"CONNECT cdn.cribl.io:443 HTTP/1.1\r\nHost: a",
    "half a method": b"CONN",
    "half a head": b"GET / HTTP/1.1\r\nHost: a\r\nA: b",
    "half a head behind a whole one": request_bytes("GET", "/a") + b"GET / HTTP/1.1\r\nHost:",
    "half a body": request_bytes("POST", EVENTS, [("Content-Length", "10")]) + b"12345",
    "nothing after a tunnel": request_bytes("CONNECT", "cdn.cribl.io:443"),
    "nothing after an answer": request_bytes("GET", "/a"),
}


@pytest.mark.parametrize("said", SLOW.values(), ids=SLOW)
def test_a_slow_client_is_closed_and_others_go_on(tmp_path: Path, said: bytes) -> None:
    with served(tmp_path, timeouts=Timeouts(head=0.2, idle=0.3)) as server, server.connect() as wire:
        wire.send(said)
        wire.rest()
        assert goes_on(server)


def goes_on(server: Served) -> bool:
    """Ask until there is an answer: on a loaded machine this client, too, may be slower than it may."""
    while True:
        with suppress(AssertionError, ConnectionError):
            return server.ask("GET", PING_TARGET).body == PING_BODY


def test_a_slow_head_is_answered_408_and_kept(tmp_path: Path) -> None:
    with served(tmp_path, timeouts=Timeouts(head=0.2, idle=20)) as server:
        for said in (SLOW["half a head"], SLOW["half a tunnel"]):
            assert server.say(said).status == 408
        details = [row["detail"] for row in connections(server, "malformed")]
        assert [detail.partition(".")[0] for detail in details] == ["The head took too long"] * 2
        with server.connect() as wire:
            wire.send(SLOW["half a head behind a whole one"])
            assert [wire.answer().status, wire.answer().status] == [404, 408]


def test_empty_lines_are_no_slow_head(tmp_path: Path) -> None:
    with served(tmp_path, timeouts=Timeouts(head=0.2, idle=0.3)) as server:
        with server.connect() as wire:
            wire.send(b"\r\n")
            assert wire.rest() == b""
        assert goes_on(server)
        assert connections(server, "malformed") == []


def test_a_client_that_took_its_time_is_no_refusal(tmp_path: Path) -> None:
    """A browser keeps spare connections; whether one ends soon is measured from its beginning."""
    with served(tmp_path, timeouts=Timeouts(head=20, idle=2.2)) as server:
        with server.connect() as wire:
            wire.secure(trusting(server), HOST)
            wire.rest()
        assert connections(server, "tls_refused") == []


def test_the_server_stops_whoever_is_at_the_door(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        wires = [server.connect() for _ in range(3)]
        wires[1].send(b"\x16\x03")
        wires[2].send(b"CONN")
        server.settle()
    for wire in wires:
        assert wire.rest() == b""
        wire.close()
