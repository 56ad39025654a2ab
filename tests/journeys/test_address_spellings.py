"""Promises of an address that is written in an unusual way: it is one host on every road, and never a way around."""

from collections.abc import Iterator

import pytest

from tests.server.secure import ROADS, target_of, trusting, tunnelled
from tests.server.served import Served, ended, served
from tests.server.wire import request_bytes

SPELLINGS = {
    "[fe80::1%25eth0]": "fe80::1",  # RFC 6874
    "[FE80:0::1%eth0]": "fe80::1",  # what Node sends
    "2130706433": "127.0.0.1",
    "0x7f.1": "127.0.0.1",
    "0177.0.0.1.": "127.0.0.1",
}
FORBIDDEN = ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "[fe80::1%25lo]", "[fe80::1%lo]"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("all"), intercept=("*",)) as server:
        yield server


@pytest.fixture
def server(running: Served) -> Served:
    running.renew()
    return running


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("others"), others="tunnel") as server:
        yield server


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_it_is_the_same_host_on_every_road(server: Served, road: str, spelling: str) -> None:
    host = SPELLINGS[spelling]
    with tunnelled(server, f"{spelling}:8443") if road.startswith("connect") else server.connect() as wire:
        if road in ("tls", "connect"):
            wire.secure(trusting(server), "127.0.0.1" if road == "tls" else host)
        wire.send(request_bytes("GET", target_of(road, "/a", f"{spelling}:8443"), host=f"{spelling}:8443"))
        assert wire.answer().status == 404
    row = server.exchange()
    assert (row["host"], row["port"], row["via"]) == (host, 8443, ROADS[road][0])
    assert server.connections() == []


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1"])
def test_a_name_of_tls_is_read_alike(server: Served, spelling: str) -> None:
    context = trusting(server)
    context.check_hostname = False
    with server.connect() as wire:
        wire.secure(context, spelling)
        wire.send(b"GET /a HTTP/1.0\r\n\r\n")
        assert wire.answer().status == 404
    assert server.exchange()["host"] == "127.0.0.1"


@pytest.mark.parametrize("spelling", ["127.0.0.1", "2130706433", "[::1%25lo]", "[::1%lo]"])
def test_an_administrator_may_write_an_address_in_any_way(server: Served, spelling: str) -> None:
    assert server.ask("GET", "/health", host=spelling).status == 200


@pytest.mark.parametrize("spelling", FORBIDDEN)
@pytest.mark.parametrize("method", ["CONNECT", "GET"])
def test_nobody_is_let_through_by_a_spelling(gateway: Served, method: str, spelling: str) -> None:
    gateway.renew()
    host = "fe80::1" if ":" in spelling else "169.254.169.254"
    target = f"{spelling}:80" if method == "CONNECT" else f"http://{spelling}/"
    with gateway.connect() as wire:
        wire.send(request_bytes(method, target, host=spelling))
        answer = wire.answer()
    assert answer.status == 403
    assert f"{host} port 80 is not passed on: {host} is link-local" in answer.body.decode()
    (row,) = ended(gateway)
    assert (row["kind"], row["host"], row["port"]) == ("blocked", host, 80)
