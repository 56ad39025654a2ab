"""Without a network interception works, and for a host that is intercepted nobody is asked and nobody is dialled."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest

from telemock.app import loop_factory
from tests.corpus import PING_QUERY
from tests.journeys.offline import ELSEWHERE
from tests.server.origin import answering
from tests.server.secure import ROADS, by_road, target_of, tunnelled
from tests.server.served import PING_BODY, PING_TARGET, served
from tests.server.wire import HANG_SECONDS, request_bytes

NOBODY = f"{ELSEWHERE} cannot be resolved: Name or service not known."


def test_with_nothing_but_loopback_every_road_is_answered_and_no_name_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    script = 'mount --bind "$1/resolv.conf" /etc/resolv.conf && exec "$2" -m tests.journeys.offline "$1"'
    done = subprocess.run(
        ["unshare", "--map-root-user", "--net", "--mount", "sh", "-ec", script, "sh", str(tmp_path), sys.executable],
        capture_output=True,
        timeout=2 * HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    assert said["answers"] == dict.fromkeys(ROADS, PING_BODY.decode())
    assert said["asked_for_product"] == []
    with closing(connect(tmp_path / "telemetry.db")) as db:
        kept = db.execute("SELECT via, scheme, query, outcome FROM exchanges").fetchall()
    assert sorted(kept) == sorted((via, scheme, PING_QUERY, "mock") for via, scheme in ROADS.values())
    # The name server does hear who asks.
    assert said["elsewhere"] == NOBODY
    assert set(said["asked_for_another"]) == {ELSEWHERE}
    code, summary = said["ran"]
    assert (code, said["asked_in_the_end"]) == (0, said["asked_for_another"])
    (asked,) = json.loads(summary)["asked"]
    assert (asked["url"], asked["statuses"]) == ("https://any.test/a", {"200": 1})


class Spy:
    """Hears of names that are looked up and of addresses that are dialled, while it listens."""

    def __init__(self) -> None:
        self._mine = threading.get_ident()  # the client's thread
        self._heard: list[tuple[str, Any]] | None = None
        sys.addaudithook(self._hear)  # which nobody can take out again

    @contextmanager
    def listening(self) -> Iterator[list[tuple[str, Any]]]:
        """Give what the server does until the block ends."""
        self._heard = []
        yield self._heard
        self._heard = None

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._heard is None or threading.get_ident() == self._mine:
            return
        if event in ("socket.getaddrinfo", "socket.gethostbyname"):
            self._heard.append((event, arguments[0]))
        elif event in ("socket.connect", "socket.sendto"):
            self._heard.append((event, arguments[1]))


@pytest.fixture(scope="module")
def spy() -> Spy:
    return Spy()


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_for_an_intercepted_host_no_name_is_looked_up_and_nobody_is_dialled(
    tmp_path: Path, spy: Spy, name: str
) -> None:
    new_loop = asyncio.new_event_loop if name == "asyncio" else loop_factory()
    with (
        served(tmp_path, others="tunnel", new_loop=new_loop) as server,
        answering(b"HTTP/1.1 204 No Content\r\n\r\n") as there,
        spy.listening() as heard,
    ):
        for road in ROADS:
            with by_road(server, road) as wire:
                wire.send(request_bytes("GET", target_of(road, PING_TARGET), host="cdn.cribl.io"))
                assert wire.answer().body == PING_BODY
        assert heard == []
        # It does hear whom other hosts are dialled for. (uvloop looks names up where Python does not see it.)
        with tunnelled(server, f"localhost:{there.port}") as wire:
            wire.send(request_bytes("GET", "/"))
            assert wire.answer().status == 204
        dialled = ("socket.connect", ("127.0.0.1", there.port))
        assert (dialled in heard, ("socket.getaddrinfo", "localhost") in heard) == (True, name == "asyncio")
