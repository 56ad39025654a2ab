"""These are the promises of one connection that carries many requests, in one segment or in several."""

import pytest

from tests.server.served import PING_TARGET, Served
from tests.server.wire import request_bytes


def test_pipelined_requests_are_answered_in_order_and_each_captured(server: Served) -> None:
    paths = [f"/{number}" for number in range(100)]
    with server.connect() as wire:
        wire.send(b"".join(request_bytes("POST", path, body=path.encode()) for path in paths))
        assert [wire.answer().json()["path"] for _ in paths] == paths
    assert [(row["path"], row["request_body"]) for row in server.exchanges()] == [
        (path, path.encode()) for path in paths
    ]


def test_one_connection_serves_request_after_request(server: Served) -> None:
    with server.connect() as wire:
        for target in ("/1", PING_TARGET, "/health", "/2"):
            wire.send(request_bytes("GET", target))
            wire.answer()
        wire.send(request_bytes("GET", "/3", [("Connection", "close")]))
        assert wire.answer().header("Connection") == "close"
        assert wire.rest() == b""
    assert [row["path"] for row in server.exchanges()] == ["/1", "/telemetry/index.html", "/2", "/3"]


@pytest.mark.parametrize("split", [1, 4, 20, 60, 75])
def test_a_request_in_two_segments_is_one_request(server: Served, split: int) -> None:
    data = request_bytes("POST", "/a", [("A", "b")], b"body")
    with server.connect() as wire:
        wire.send(data[:split])
        server.settle()
        wire.send(data[split:])
        assert wire.answer().status == 404
    assert (server.exchange()["path"], server.exchange()["request_body"]) == ("/a", b"body")
