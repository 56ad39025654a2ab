"""This is what tests of the way to other servers share: a telemock that lets clients through, a treacherous name."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.served import Served, served


@pytest.fixture(scope="module")
def letting_through(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One telemock for the tests of a module, which lets clients through."""
    with served(tmp_path_factory.mktemp("served"), others="tunnel") as server:
        yield server


@pytest.fixture
def gateway(letting_through: Served) -> Served:
    """The same, which heard of the ends of all connections before."""
    letting_through.renew()
    return letting_through


@pytest.fixture
def rebinding(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let rebinding.test be this machine when it is asked for first, and a link-local address then (DNS rebinding).

    Gives what was asked so far. uvloop asks elsewhere.
    """
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebound(host: str, port: int, *rest: Any, **options: Any) -> Any:
        if host != "rebinding.test":
            return real(host, port, *rest, **options)
        asked.append(host)
        return real("127.0.0.1" if len(asked) == 1 else "169.254.169.254", port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    return asked
