"""These are the promises of the proxy behind this one: asked as it wants, or not at all, and its refusals in words."""

import asyncio
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemock.errors import InvalidSetting, UpstreamError
from telemock.server.upstream_proxy import UpstreamProxy
from tests.server.behind import proxying
from tests.server.origin import Origin, answering
from tests.server.secure import tunnelled
from tests.server.served import Served, ended, served
from tests.server.wire import request_bytes

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SECRET = "Basic " + b64encode(b"us er:p@ss").decode()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment of the tests passes by the proxy."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("http://proxy.test:3128", ("proxy.test", 3128, None)),
        ("proxy.test:3128", ("proxy.test", 3128, None)),
        ("http://proxy.test/", ("proxy.test", 80, None)),
        ("http://[2001:db8::1]:3128", ("2001:db8::1", 3128, None)),
        ("http://us%20er:p%40ss@proxy.test", ("proxy.test", 80, SECRET)),
        ("http://us%20er:p@ss@proxy.test", ("proxy.test", 80, SECRET)),
        ("http://user@proxy.test", ("proxy.test", 80, "Basic " + b64encode(b"user:").decode())),
        ("http://u:%E9@proxy.test", ("proxy.test", 80, "Basic " + b64encode(b"u:\xe9").decode())),
    ],
)
def test_a_url_is_read(url: str, read: tuple[str, int, str | None]) -> None:
    proxy = UpstreamProxy.read(url)
    assert proxy.place[1:4] == read


@pytest.mark.parametrize(
    "url",
    [
        "https://u:secret@proxy.test",
        "socks5://u:secret@proxy.test",
        "http://",
        "http://u:secret@proxy.test:0",
        "http://u:secret@proxy.test:99999",
        "http://u:secret@proxy.test/path",
        "http://u:secret@proxy.test?query",
        "http://u:sec/ret@proxy.test",
        "http://[u:secret@proxy.test",
    ],
)
def test_what_is_no_url_of_a_proxy_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^--upstream-proxy wants a URL such as http://") as caught:
        UpstreamProxy.read(url)
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize(
    ("no_proxy", "host", "is_for"),
    [
        ("", "a.test", True),
        ("a.test", "a.test", False),
        ("a.test", "sub.a.test", False),
        (".a.test", "sub.a.test", False),
        ("a.test", "ba.test", True),
        ("b.test, a.test:443", "a.test", False),
        ("a.test:80", "a.test", True),
        ("2001:db8::1", "2001:db8::1", False),
        ("*", "a.test", False),
    ],
)
def test_no_proxy_names_who_is_reached_without(
    monkeypatch: pytest.MonkeyPatch,
    no_proxy: str,
    host: str,
    is_for: bool,  # noqa: FBT001 - a parameter
) -> None:
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert UpstreamProxy.read("http://proxy.test").is_for(host, 443) is is_for


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end of a connection to a proxy, and the proxy's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
    with ours, theirs:
        ours.settimeout(0)
        theirs.settimeout(20)
        yield ours, theirs


@pytest.mark.parametrize(("host", "authority"), [("a.test", b"a.test:443"), ("2001:db8::1", b"[2001:db8::1]:443")])
async def test_a_tunnel_is_asked_for_and_what_comes_after_is_left(
    ends: tuple[socket.socket, socket.socket], host: str, authority: bytes
) -> None:
    ours, theirs = ends
    theirs.sendall(b"HTTP/1.0 200 Fine\r\nX-Proxy: 1\r\n\r\n\x16\x03")
    await UpstreamProxy.read("http://us%20er:p%40ss@proxy.test").connect(ours, host, 443)
    assert ours.recv(10) == b"\x16\x03"
    assert theirs.recv(1000) == (
        b"CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Authorization: %s\r\n\r\n" % (authority, authority, SECRET.encode())
    )


async def test_an_answer_in_pieces_is_waited_for(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    connecting = asyncio.create_task(UpstreamProxy.read("http://proxy.test").connect(ours, "a.test", 443))
    for part in (b"HTTP/1.1 2", b"00 OK\r\n", b"\r", b"\n"):
        for _ in range(5):
            await asyncio.sleep(0)
        assert not connecting.done()
        theirs.sendall(part)
    await connecting


REFUSALS = {
    b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n": "says 'HTTP/1.1 407 Proxy Authentication Required'.",
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nnever": "says 'HTTP/1.1 403 Forbidden'.",
    b"SSH-2.0-\xff\r\n\r\n": r"says 'SSH-2.0-\\xff'.",
    b"HTTP/1.1 2000 OK\r\n\r\n": "says 'HTTP/1.1 2000 OK'.",
    b"": "gave no answer.",
    b"HTTP/1.1 200 OK\r\n": "gave no answer.",
    b"x" * 70_000: "gave no answer.",
}


@pytest.mark.parametrize(("said", "told"), REFUSALS.items(), ids=range(len(REFUSALS)))
async def test_a_refusal_is_told_in_one_sentence(said: bytes, told: str) -> None:
    with answering(said) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as ours:
        ours.settimeout(0)
        with pytest.raises(UpstreamError) as caught:
            await UpstreamProxy.read("http://u:secret@proxy.test").connect(ours, "a.test", 443)
    assert str(caught.value).startswith("The proxy http://proxy.test:80 ")
    assert str(caught.value).endswith(told)
    assert "secret" not in str(caught.value)


@pytest.fixture
def proxy() -> Iterator[Origin]:
    """A proxy that lets everybody through."""
    with proxying() as proxy:
        yield proxy


@pytest.fixture
def server(tmp_path: Path, proxy: Origin) -> Iterator[Served]:
    """A telemock that reaches others through the proxy."""
    url = f"http://us%20er:p%40ss@localhost:{proxy.port}"
    with served(tmp_path, others="tunnel", upstream_proxy=url) as server:
        yield server
        for table in ("connections", "exchanges"):
            assert SECRET.split()[1] not in str(server.rows(f"SELECT * FROM {table}"))


def test_a_tunnel_leads_through_the_proxy_which_resolves_the_name(server: Served, proxy: Origin) -> None:
    with answering(OK) as there, tunnelled(server, f"host.invalid:{there.port}") as wire:
        wire.send(request_bytes("GET", "/a", [("X-Mine", "1")], host="host.invalid"))
        assert wire.answer().body == b"ok"
        assert there.heard == [b"GET /a HTTP/1.1\r\nHost: host.invalid\r\nX-Mine: 1\r\n\r\n"]
    (row,) = ended(server)
    assert (row["kind"], row["host"], row["detail"]) == ("tunnel", "host.invalid", "Both sides ended.")
    assert proxy.heard_fields() == [("Host", f"host.invalid:{there.port}"), ("Proxy-Authorization", SECRET)]


def test_a_request_is_asked_of_the_proxy_in_absolute_form(tmp_path: Path) -> None:
    with (
        answering(OK) as proxy,
        served(tmp_path, others="tunnel", upstream_proxy=f"http://us%20er:p%40ss@{proxy.authority}") as server,
    ):
        answer = server.ask("GET", "http://host.invalid/a?b", [("Proxy-Authorization", "Basic bWluZQ==")])
        assert answer.body == b"ok"
        assert proxy.heard[0].startswith(b"GET http://host.invalid/a?b HTTP/1.1\r\nHost: host.invalid\r\n")
        assert [value for name, value in proxy.heard_fields() if name == "Proxy-Authorization"] == [SECRET]


def test_whom_no_proxy_names_never_hears_the_proxys_password(
    server: Served, proxy: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with answering(OK) as there:
        assert server.ask("GET", f"http://{there.authority}/").body == b"ok"
        with tunnelled(server, there.authority) as wire:
            wire.send(request_bytes("GET", "/a"))
            assert wire.answer().body == b"ok"
        assert "Proxy-Authorization" not in dict(there.heard_fields(0))
    assert proxy.connections == 0
    ended(server, 2)


@pytest.mark.parametrize("host", ["169.254.169.254", "2852039166", "0xa9.0xfe.0xa9.0xfe", "[::ffff:169.254.169.254]"])
@pytest.mark.parametrize("form", ["CONNECT", "GET"])
def test_the_proxy_is_not_asked_for_an_address_that_is_forbidden(
    server: Served, proxy: Origin, form: str, host: str
) -> None:
    answer = server.ask(form, f"{host}:80" if form == "CONNECT" else f"http://{host}/")
    assert answer.status == 403
    assert "is link-local" in answer.json()["error"]
    assert proxy.connections == 0


@pytest.mark.parametrize("form", ["CONNECT", "GET"])
@pytest.mark.parametrize("said", [b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", b"?"])
def test_a_refusal_of_the_proxy_becomes_502(tmp_path: Path, form: str, said: bytes) -> None:
    with (
        answering(said) as proxy,
        served(tmp_path, others="tunnel", upstream_proxy=f"http://u:secret@{proxy.authority}") as server,
    ):
        answer = server.ask(form, "host.invalid:80" if form == "CONNECT" else "http://host.invalid/")
        assert answer.status == 502
        assert answer.header("Proxy-Authenticate") is None
        (row,) = ended(server)
        assert row["detail"] == answer.json()["error"]
        assert re.search(r"host\.invalid|The proxy http://127\.0\.0\.1", row["detail"])
        assert "secret" not in row["detail"]


@pytest.mark.parametrize("form", ["CONNECT", "GET"])
def test_a_proxy_that_cannot_be_reached_is_said(tmp_path: Path, form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = probe.getsockname()[1]
    with served(tmp_path, others="tunnel", upstream_proxy=f"http://127.0.0.1:{closed}") as server:
        answer = server.ask(form, "host.invalid:80" if form == "CONNECT" else "http://host.invalid/")
        assert answer.status == 502
        assert f"by way of http://127.0.0.1:{closed}, cannot be reached" in answer.json()["error"]
