"""These are the promises of a request that is sent on: as it came, but for what is about one connection."""

import asyncio
import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from telemock.errors import UpstreamError
from telemock.server.upstream import http_url
from tests.server.origin import Origin, answering, origin, read_request
from tests.server.served import Served, ended, served
from tests.server.wire import request_bytes

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LONG = bytes(range(256)) * 400


def forwarded(gateway: Served, there: Origin, method: str = "GET", **more: object) -> list[tuple[str, str]]:
    """Ask for something elsewhere; give the fields that arrived."""
    gateway.ask(method, f"http://{there.authority}/a%20b?c=%2F", **more)  # type: ignore[arg-type]
    return there.heard_fields()


@pytest.mark.parametrize("said", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 2", b"\x16\x03\x01"])
def test_what_is_no_answer_becomes_502(gateway: Served, said: bytes) -> None:
    with answering(said) as there:
        answer = gateway.ask("GET", f"http://{there.authority}/")
    assert answer.status == 502
    assert f"127.0.0.1 port {there.port} did not answer: " in answer.json()["error"]
    assert ended(gateway)[0]["detail"] == answer.json()["error"]


@pytest.mark.parametrize(
    "target",
    ["ftp://127.0.0.1/a", "ws://127.0.0.1/"],
)
def test_what_is_no_url_of_http_is_refused_and_kept(gateway: Served, target: str) -> None:
    answer = gateway.ask("GET", target)
    assert (answer.status, answer.json()["error"].partition("' ")[2]) == (
        502,
        "is not the URL of a server that speaks HTTP.",
    )
    assert ended(gateway)[0]["detail"] == answer.json()["error"]


def test_a_name_is_resolved_once_for_a_request_as_well(tmp_path: Path, rebinding: list[str]) -> None:
    with served(tmp_path, others="tunnel", new_loop=asyncio.new_event_loop) as server, answering(OK) as there:
        url = f"http://rebinding.test:{there.port}/"
        assert server.ask("GET", url).body == b"ok"
        assert rebinding == ["rebinding.test"]
        assert server.ask("GET", url).status == 403
        assert there.connections == 1


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "2852039166", "0251.0376.0251.0376", "0xa9fea9fe", "169.16689662", "[64:ff9b::a9fe:a9fe]"],
)
def test_no_spelling_of_an_address_leads_a_request_where_nobody_gets(gateway: Served, host: str) -> None:
    answer = gateway.ask("GET", f"http://{host}/latest/meta-data/")
    assert (answer.status, "is link-local" in answer.json()["error"]) == (403, True)
    assert ended(gateway)[0]["kind"] == "blocked"


def test_a_password_in_the_url_goes_no_further(gateway: Served) -> None:
    with answering(OK) as there:
        assert gateway.ask("GET", f"http://user:secret@{there.authority}/").body == b"ok"
        assert set(dict(there.heard_fields())) == {"Host", "Connection", "Via"}
    assert "secret" not in str(ended(gateway))


@pytest.mark.parametrize("target", ["/a/../b", "//a", "/%2e%2E/%zz?x=%&y#z", "/a;b=c|d?", "?q"])
def test_path_and_query_are_sent_as_received(gateway: Served, target: str) -> None:
    with answering(OK) as there:
        gateway.ask("GET", f"http://{there.authority}{target}")
        sent = target.removesuffix("?") if target.startswith("/") else f"/{target}"
        assert there.heard[0].split(b"\r\n")[0] == f"GET {sent} HTTP/1.1".encode()


def test_protocols_are_not_switched(gateway: Served) -> None:
    with answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n") as there:
        answer = gateway.ask("GET", f"http://{there.authority}/", [("Connection", "upgrade"), ("Upgrade", "x")])
        assert "Upgrade" not in dict(there.heard_fields())
    assert (answer.status, "switched protocols" in answer.json()["error"]) == (502, True)


@pytest.mark.parametrize(
    ("parts", "url"),
    [
        (("http", "A.test", "/a/../b", ""), "http://a.test/a/../b"),
        (("https", "u:p@a.test.:8443", "/", "q=%zz#"), "https://a.test:8443/?q=%zz#"),
        (("http", "[2001:DB8::1]:8080", "//x", ""), "http://[2001:db8::1]:8080//x"),
    ],
)
def test_a_url_is_written_from_its_parts(parts: tuple[str, str, str, str], url: str) -> None:
    assert str(http_url(*parts)) == url


@pytest.mark.parametrize(
    "parts",
    [
        ("ftp", "a.test", "/", ""),
        ("http", "", "/", ""),
        ("http", "a b", "/", ""),
        ("http", "a.test:0", "/", ""),
        ("http", "a.test:99999", "/", ""),
        ("http", "a.test:b", "/", ""),
        ("http", "[a", "/", ""),
        ("http", "a.test", "*", ""),
        ("http", "a\\b", "/", ""),
    ],
)
def test_what_can_be_no_url_is_said(parts: tuple[str, str, str, str]) -> None:
    with pytest.raises(UpstreamError, match=r"is not the URL of a server that speaks HTTP\.$"):
        http_url(*parts)


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
def test_what_is_forwarded_only_so_often_is_counted_down(gateway: Served, method: str) -> None:
    with answering(OK) as there:
        fields = forwarded(gateway, there, method, headers=[("Max-Forwards", "7")])
        assert ("Max-Forwards", "6") in fields
        assert ("Max-Forwards", "7") in forwarded(gateway, there, "GET", headers=[("Max-Forwards", "7")])


def test_each_request_has_a_connection_of_its_own(gateway: Served) -> None:
    """What is sent on a connection that the other side is giving up may be lost, or done twice."""

    def speak(client: socket.socket) -> None:
        while read_request(client).strip():
            client.sendall(OK)

    with origin(speak) as there, gateway.connect() as wire:
        for _ in range(2):
            wire.send(request_bytes("POST", f"http://{there.authority}/", body=b"a"))
            assert wire.answer().body == b"ok"
        assert there.connections == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nothing_is_lost_when_a_server_ends_long_before_a_slow_client(tmp_path: Path, scheme: str) -> None:
    """uvloop drops what was not read of a TLS connection when its end comes."""
    body = bytes(range(256)) * 2**15
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "other.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    over = threading.Event()

    def speak(client: socket.socket) -> None:
        read_request(client)
        client.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + body)
        if isinstance(client, ssl.SSLSocket):
            client.unwrap()
        over.set()

    with (
        served(tmp_path, others="tunnel", upstream_ca=tmp_path / "other.pem") as server,
        origin(speak, context if scheme == "https" else None) as there,
        server.connect() as wire,
    ):
        wire.send(request_bytes("GET", f"{scheme}://localhost:{there.port}/", [("Connection", "close")]))
        assert over.wait(20)
        assert wire.answer(body=False).status == 200
        assert unchunked(wire.rest()) == body


def unchunked(data: bytes) -> bytes:
    """Take the chunks off a body; one that is not whole fails."""
    body = b""
    while (size := int(data.partition(b"\r\n")[0], 16)) > 0:
        data = data.partition(b"\r\n")[2]
        body, data = body + data[:size], data[size + 2 :]
    assert data == b"0\r\n\r\n"
    return body
