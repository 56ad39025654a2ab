"""These are the promises of ports: each request keeps the one that its client meant."""

from collections.abc import Iterator

import pytest

from tests.server.secure import trusting, tunnelled
from tests.server.served import Served, served
from tests.server.wire import request_bytes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One telemock for the tests of this module."""
    with served(tmp_path_factory.mktemp("served"), intercept=("*.example.com",)) as server:
        yield server


def test_a_request_in_a_tunnel_is_for_the_port_that_it_names_or_else_for_that_of_the_tunnel(server: Served) -> None:
    with tunnelled(server, "a.example.com:8443") as wire:
        wire.secure(trusting(server), "a.example.com")
        for host in ("a.example.com", "a.example.com:9443"):
            wire.send(request_bytes("GET", "/a", host=host))
            assert wire.answer().status == 404
    kept = [(row["host"], row["port"]) for row in server.exchanges()]
    assert kept == [("a.example.com", 8443), ("a.example.com", 9443)]
