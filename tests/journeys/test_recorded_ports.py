"""A port that only CONNECT named is the one that the real server is asked at, and the one that is told."""

from pathlib import Path

import pytest

from tests.server.origin import answering
from tests.server.secure import tunnelled
from tests.server.served import served
from tests.server.wire import request_bytes


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "localhost:", "", None])
def test_a_port_that_only_connect_names_is_asked_and_told(tmp_path: Path, host: str | None) -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with served(tmp_path, intercept=("localhost",), mode=("record",)) as server, answering(said) as there:
        with tunnelled(server, f"localhost:{there.port}") as wire:
            wire.send(request_bytes("GET", "/a", host=host, version="HTTP/1.0" if host is None else "HTTP/1.1"))
            assert wire.answer().status == 200
        assert there.heard_fields()[0] == ("Host", f"localhost:{there.port}")
        exchange, (row,) = server.exchange(), server.connections()
    assert (exchange["host"], exchange["port"], exchange["via"]) == ("localhost", there.port, "connect")
    assert (row["host"], row["port"], row["kind"]) == ("localhost", there.port, "upstream")
