"""These are the promises of the way out: looked up once, checked, and dialled by the address that was checked."""

import socket
from contextlib import closing
from typing import Any

import pytest

from telemock.errors import UpstreamError, UpstreamForbidden
from telemock.server.dial import Dialer
from tests.server.origin import origin
from tests.server.wire import HANG_SECONDS

HERE = "127.0.0.1"
ELSEWHERE = "192.0.2.9"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433"])
async def test_a_server_is_reached_by_any_spelling_of_its_address(host: str) -> None:
    with (
        origin(lambda client: client.sendall(b"hello")) as server,
        closing(await Dialer(()).dial(host, server.port, HERE)) as connection,
    ):
        assert not connection.getblocking()
        connection.settimeout(HANG_SECONDS)
        assert connection.recv(5) == b"hello"


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("169.254.169.254", HERE),
        ("0xa9fea9fe", HERE),
        ("2852039166", HERE),
        ("0251.0376.0251.0376", HERE),
        ("::ffff:169.254.169.254", HERE),
        ("fe80::1", HERE),
        ("fe80::1%1", HERE),
        ("fd00:ec2::254", HERE),
        ("1684301000", HERE),
        ("0xa83f8110", HERE),
        ("localhost", ELSEWHERE),
        ("127.0.0.1", ELSEWHERE),
        ("0.0.0.0", ELSEWHERE),
        ("::1", ELSEWHERE),
    ],
)
async def test_nobody_is_let_through_by_any_spelling(host: str, client: str) -> None:
    with origin(lambda client: client.sendall(b"hello")) as server:
        with pytest.raises(UpstreamForbidden) as caught:
            await Dialer(()).dial(host, server.port, client)
        assert str(caught.value).startswith(f"{host} port {server.port} is not passed on: ")
        assert server.connections == 0


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0", "127.77.0.1"])
async def test_telemock_itself_is_never_dialled(host: str) -> None:
    with origin(lambda client: client.sendall(b"hello")) as server:
        with pytest.raises(UpstreamForbidden, match="is telemock itself"):
            await Dialer({server.port}).dial(host, server.port, HERE)
        assert server.connections == 0


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("host.invalid", "host.invalid cannot be resolved: "),
        ("a" * 70 + ".test", "cannot be resolved: "),
        ("", " cannot be resolved: "),
    ],
)
async def test_a_name_that_leads_nowhere_is_said(host: str, said: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        await Dialer(()).dial(host, 80, HERE)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")


async def test_a_port_where_nobody_listens_is_said() -> None:
    with socket.create_server((HERE, 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(UpstreamError) as caught:
        await Dialer(()).dial(HERE, port, HERE)
    assert f"127.0.0.1 port {port} cannot be reached: " in str(caught.value)


async def test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_dialled(rebinding: list[str]) -> None:
    with origin(lambda client: client.sendall(b"hello")) as server:
        with closing(await Dialer(()).dial("rebinding.test", server.port, HERE)) as connection:
            assert connection.getpeername() == (HERE, server.port)
        assert rebinding == ["rebinding.test"]
        with pytest.raises(UpstreamForbidden):
            await Dialer(()).dial("rebinding.test", server.port, HERE)


async def test_of_several_addresses_those_that_may_are_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    with origin(lambda client: client.sendall(b"hello")) as server:

        def several(_host: str, port: int, *_: Any, **__: Any) -> Any:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("169.254.1.1", HERE)]

        monkeypatch.setattr(socket, "getaddrinfo", several)
        with closing(await Dialer(()).dial("several.test", server.port, HERE)) as connection:
            assert connection.getpeername()[0] == HERE


async def test_what_nobody_may_have_is_refused_once_more_where_it_would_be_dialled() -> None:
    make = Dialer(()).socket_for(for_stranger=False)
    make((socket.AF_INET, socket.SOCK_STREAM, 6, "", (HERE, 80))).close()
    with pytest.raises(PermissionError, match="is link-local"):
        make((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80)))
