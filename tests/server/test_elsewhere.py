"""These are the promises for hosts that are not answered here: let through untouched, or refused, always with a row."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.server.origin import Origin, answering, origin, read_request
from tests.server.secure import tunnelled
from tests.server.served import PING_BODY, PING_TARGET, Served, ended, served
from tests.server.wire import request_bytes

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LONG = bytes(range(256)) * 2**14  # 4 MiB


def echo(client: socket.socket) -> None:
    """Say what is heard, until the end."""
    while data := client.recv(65536):
        client.sendall(data)


def test_a_tunnel_passes_every_byte_and_leaves_a_row(gateway: Served) -> None:
    with origin(echo) as there, tunnelled(gateway, there.authority) as wire, ThreadPoolExecutor(1) as beside:
        sending = beside.submit(wire.send, LONG)
        sending.add_done_callback(lambda _: wire.end())
        assert wire.rest() == LONG
    (row,) = ended(gateway)
    assert (row["kind"], row["host"], row["port"], row["client"]) == ("tunnel", "127.0.0.1", there.port, "127.0.0.1")
    assert (row["bytes_up"], row["bytes_down"]) == (len(LONG), len(LONG))
    assert row["duration_ms"] > 0
    assert row["detail"] == "Both sides ended."


def test_what_is_said_together_with_the_question_goes_through(gateway: Served) -> None:
    with origin(echo) as there, gateway.connect() as wire:
        wire.send(request_bytes("CONNECT", there.authority) + b"\x16\x03 at once")
        assert wire.answer(body=False).status == 200
        wire.end()
        assert wire.rest() == b"\x16\x03 at once"


def test_many_tunnels_at_once_keep_to_themselves(gateway: Served) -> None:
    with origin(echo) as there, ExitStack() as stack:
        wires = [stack.enter_context(tunnelled(gateway, there.authority)) for _ in range(60)]
        for number, wire in enumerate(wires):
            wire.send(b"%d" % number * 1000)
        for number, wire in enumerate(wires):
            wire.end()
            assert wire.rest() == b"%d" % number * 1000
    assert len(ended(gateway, 60)) == 60


def test_a_client_that_dies_ends_the_other_side(gateway: Served) -> None:
    over = threading.Event()

    def speak(client: socket.socket) -> None:
        client.sendall(b"hello")
        with suppress(ConnectionError):
            assert client.recv(1) == b""
        over.set()

    with origin(speak) as there:
        wire = tunnelled(gateway, there.authority)
        assert wire.some() == b"hello"
        wire.vanish()
        assert over.wait(20)
    (row,) = ended(gateway)
    assert row["detail"].startswith("Broken off: ")
    assert row["bytes_down"] == 5


def test_tunnels_end_with_telemock_and_their_rows_say_how_far_they_came(tmp_path: Path) -> None:
    with origin(echo) as there, served(tmp_path, others="tunnel") as server:
        wire = tunnelled(server, there.authority)
        wire.send(b"abc")
        assert wire.some() == b"abc"
        server.stop()
        assert wire.rest() == b""
        wire.close()
    (row,) = server.rows("SELECT * FROM connections")
    assert (row["bytes_up"], row["bytes_down"]) == (3, 3)
    assert row["detail"] == "telemock stopped before the tunnel ended."


@pytest.mark.parametrize(
    ("authority", "status", "kind", "said"),
    [
        ("169.254.169.254:80", 403, "blocked", "is link-local"),
        ("[::ffff:169.254.169.254]:80", 403, "blocked", "is link-local"),
        ("[fd00:ec2::254]:80", 403, "blocked", "is where clouds keep credentials"),
        ("100.100.100.200:80", 403, "blocked", "is where clouds keep credentials"),
        ("192.0.0.192:80", 403, "blocked", "is where clouds keep credentials"),
        ("168.63.129.16:80", 403, "blocked", "is where clouds keep credentials"),
        ("[64:ff9b:1::a9fe:a9fe]:80", 403, "blocked", "is where clouds keep credentials"),
        ("[::a9fe:a9fe]:80", 403, "blocked", "is link-local"),
        ("255.255.255.255:80", 403, "blocked", "is reserved"),
        ("localhost:{port}", 403, "blocked", "is telemock itself"),
        ("127.0.0.1:{port}", 403, "blocked", "is telemock itself"),
        ("0.0.0.0:{port}", 403, "blocked", "is telemock itself"),
        ("host.invalid:443", 502, "tunnel", "host.invalid cannot be resolved"),
        ("127.0.0.1:{closed}", 502, "tunnel", "cannot be reached"),
    ],
)
@pytest.mark.parametrize("form", ["CONNECT", "GET"])
def test_where_nobody_gets_is_said_and_kept(  # noqa: PLR0917 - parameters
    gateway: Served, authority: str, status: int, kind: str, said: str, form: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = probe.getsockname()[1]
    authority = authority.format(port=gateway.port, closed=closed)
    answer = gateway.ask(form, authority if form == "CONNECT" else f"http://{authority}/health")
    assert answer.status == status
    assert said in answer.json()["error"] or form == "GET"
    (row,) = ended(gateway)
    assert row["kind"] == kind
    assert row["host"] in authority
    assert row["port"] == int(authority.rpartition(":")[2])
    assert row["detail"] == answer.json()["error"]
    assert {exchange["path"] for exchange in gateway.exchanges()} <= {"/barrier"}


@pytest.mark.parametrize("form", ["CONNECT", "GET"])
def test_private_addresses_are_refused_where_that_was_said(tmp_path: Path, form: str) -> None:
    with served(tmp_path, others="tunnel", dial_private=False) as server, answering(OK) as there:
        for authority in ("10.0.0.1:80", "[fd12::1]:80", "0xc0a80101:80"):
            answer = server.ask(form, authority if form == "CONNECT" else f"http://{authority}/")
            assert (answer.status, answer.json()["error"].endswith("is private (--no-dial-private).")) == (403, True)
        server.renew()
        with server.connect() as wire:  # who is on this machine reaches its loopback all the same
            wire.send(request_bytes(form, there.authority if form == "CONNECT" else f"http://{there.authority}/"))
            assert wire.answer(body=form == "GET").status == 200


@pytest.mark.parametrize("form", ["CONNECT", "GET"])
def test_nobody_is_let_through_where_others_are_blocked(tmp_path: Path, form: str) -> None:
    with served(tmp_path, others="block") as server, answering(OK) as there:
        answer = server.ask(form, there.authority if form == "CONNECT" else f"http://{there.authority}/a")
        assert answer.status == 403
        assert answer.json()["error"].endswith("is not intercepted, and nobody is let through to it (--others block).")
        (row,) = ended(server)
        assert (row["kind"], row["host"], row["port"]) == ("blocked", "127.0.0.1", there.port)
        assert there.connections == 0
        with tunnelled(server, "cdn.cribl.io:80") as wire:
            wire.send(request_bytes("GET", PING_TARGET, host="cdn.cribl.io"))
            assert wire.answer().body == PING_BODY


@pytest.mark.parametrize(("host", "open_to_all"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_unless_said_only_a_telemock_for_this_machine_lets_clients_through(
    tmp_path: Path,
    host: str,
    open_to_all: bool,  # noqa: FBT001 - a parameter
) -> None:
    with served(tmp_path, host=host) as server, answering(OK) as there:
        assert server.ask("GET", f"http://{there.authority}/a").status == (200 if open_to_all else 403)


def forwarded(gateway: Served, there: Origin, method: str = "GET", **more: object) -> list[tuple[str, str]]:
    """Ask for something elsewhere; give the fields that arrived."""
    gateway.ask(method, f"http://{there.authority}/a%20b?c=%2F", **more)  # type: ignore[arg-type]
    return there.heard_fields()


def test_a_request_is_forwarded_as_a_proxy_must(gateway: Served) -> None:
    with answering(OK) as there:
        fields = forwarded(
            gateway,
            there,
            headers=[
                ("Connection", "keep-alive, X-Mine"),
                ("X-Mine", "1"),
                ("Keep-Alive", "timeout=5"),
                ("Proxy-Connection", "keep-alive"),
                ("Proxy-Authorization", "Basic c2VjcmV0"),
                ("TE", "trailers"),
                ("Via", "1.1 before"),
                ("Accept-Encoding", "br"),
                ("X-Twice", "1"),
                ("X-Twice", "2"),
            ],
            host="another.test",
        )
        assert there.heard[0].startswith(b"GET /a%20b?c=%2F HTTP/1.1\r\n")
        assert sorted(fields) == sorted(
            [
                ("Host", there.authority),
                ("Connection", "keep-alive"),
                ("Via", "1.1 before"),
                ("Via", "1.1 telemock"),
                ("Accept-Encoding", "br"),
                ("X-Twice", "1"),
                ("X-Twice", "2"),
            ]
        )
    (row,) = ended(gateway)
    assert (row["kind"], row["host"], row["port"]) == ("tunnel", "127.0.0.1", there.port)
    assert (row["bytes_up"], row["bytes_down"], row["detail"]) == (0, 2, "GET was forwarded and answered 200.")
    assert {exchange["path"] for exchange in gateway.exchanges()} <= {"/barrier"}


@pytest.mark.parametrize("form", ["length", "chunked"])
def test_a_body_is_forwarded(gateway: Served, form: str) -> None:
    with answering(OK) as there, gateway.connect() as wire:
        if form == "length":
            wire.send(request_bytes("POST", f"http://{there.authority}/", body=LONG[:100_000]))
        else:
            wire.send(request_bytes("POST", f"http://{there.authority}/", [("Transfer-Encoding", "chunked")]))
            wire.send(b"%x\r\n%s\r\n0\r\n\r\n" % (100_000, LONG[:100_000]))
        assert wire.answer().body == b"ok"
        body = there.heard[0].partition(b"\r\n\r\n")[2]
        assert body == LONG[:100_000] if form == "length" else body.count(LONG[:1000]) > 0
    assert ended(gateway)[0]["bytes_up"] == 100_000


@pytest.mark.parametrize(
    ("method", "said", "status", "body", "fields"),
    [
        ("GET", b"HTTP/1.1 200 Fine\r\nContent-Length: 3\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nabc", 200, b"abc",
         {"Content-Length": ["3"], "Set-Cookie": ["a=1", "b=2"], "Content-Type": []}),
        ("GET", b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\nContent-Length: 0\r\n\r\n", 302, b"",
         {"Location": ["http://elsewhere.test/"]}),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nContent-Type: text/x\r\n\r\n", 200, b"",
         {"Content-Length": ["12345"], "Content-Type": ["text/x"]}),
        ("GET", b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', 304, b"", {"ETag": ['"x"'], "Content-Length": []}),
        ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", {"Content-Length": []}),
        ("GET", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, b"x", {}),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x00", 200,
         b"\x1f\x8b\x00", {"Content-Encoding": ["gzip"]}),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\r\nx", 200,
         b"x", {"X-Hop": [], "Keep-Alive": []}),
        ("GET", b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: 3\r\n\r\n", 503, b"", {"Retry-After": ["3"]}),
    ],
)  # fmt: skip
def test_an_answer_is_passed_on_as_it_is(  # noqa: PLR0917 - parameters
    gateway: Served, method: str, said: bytes, status: int, body: bytes, fields: dict[str, list[str]]
) -> None:
    with answering(said) as there:
        answer = gateway.ask(method, f"http://{there.authority}/")
    assert (answer.status, answer.body) == (status, body)
    assert answer.header("Via") == "1.1 telemock"
    for name, values in fields.items():
        assert [value for each, value in answer.headers if each == name] == values, name


def test_a_chunked_answer_comes_whole(gateway: Served) -> None:
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    with answering(said) as there, gateway.connect() as wire:
        wire.send(request_bytes("GET", f"http://{there.authority}/", [("Connection", "close")]))
        answer = wire.answer()
        assert answer.header("Transfer-Encoding") == "chunked"
        assert b"".join(wire.rest().split(b"\r\n")[1::2]) == b"abcde"


@pytest.mark.parametrize("framing", [b"Content-Length: 10", b"Transfer-Encoding: chunked"])
def test_half_an_answer_does_not_look_whole(gateway: Served, framing: bytes) -> None:
    said = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n3\r\nab"
    with answering(said) as there, gateway.connect() as wire:
        wire.send(request_bytes("GET", f"http://{there.authority}/"))
        answer = wire.answer(body=False)
        rest = wire.rest()
    assert answer.status == 200
    assert len(rest) < 10
    assert not rest.endswith(b"0\r\n\r\n")
    assert "broke off in the middle of an answer" in ended(gateway)[0]["detail"]


@pytest.mark.parametrize("said", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 2", b"\x16\x03\x01"])
def test_what_is_no_answer_becomes_502(gateway: Served, said: bytes) -> None:
    with answering(said) as there:
        answer = gateway.ask("GET", f"http://{there.authority}/")
    assert answer.status == 502
    assert f"127.0.0.1 port {there.port} did not answer: " in answer.json()["error"]
    assert ended(gateway)[0]["detail"] == answer.json()["error"]


def test_a_scheme_that_is_not_http_is_refused(gateway: Served) -> None:
    assert gateway.ask("GET", "ftp://127.0.0.1/a").status == 502


def test_a_connection_to_the_proxy_goes_on_after_a_forwarded_request(gateway: Served) -> None:
    with answering(OK) as there, gateway.connect() as wire:
        for _ in range(3):
            wire.send(request_bytes("GET", f"http://{there.authority}/"))
            assert wire.answer().body == b"ok"
        wire.send(request_bytes("GET", f"http://cdn.cribl.io{PING_TARGET}", host="cdn.cribl.io"))
        assert wire.answer().body == PING_BODY
    assert len(gateway.exchanges()) == 1


def test_a_client_that_leaves_in_the_middle_of_an_answer_ends_it(gateway: Served) -> None:
    over = threading.Event()

    def speak(client: socket.socket) -> None:
        read_request(client)
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                client.sendall(LONG)
        over.set()

    with origin(speak) as there, gateway.connect() as wire:
        wire.send(request_bytes("GET", f"http://{there.authority}/"))
        assert wire.answer(body=False).status == 200
        wire.vanish()
        assert over.wait(20)
    (row,) = ended(gateway)
    assert (row["kind"], row["detail"]) == ("tunnel", "Broken off: the client left, or telemock stopped.")
