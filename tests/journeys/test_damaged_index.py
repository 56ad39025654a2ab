"""The index of a log that is damaged while it is in use: it is made anew before anything gets lost."""

import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.serving import WORKERS, serving, until, wait_for_end
from tests.journeys.test_damage import beside, cut
from tests.journeys.test_durability import Crowd

INDEX_BYTES = 32768


Harm = Callable[[Path], None]


def cut_index(db: Path) -> None:
    cut(beside(db, "-shm"), 0)


def overwrite_index(db: Path) -> None:
    write_into(beside(db, "-shm"), 0, bytes(INDEX_BYTES))


def overwrite_head(db: Path) -> None:
    write_into(beside(db, "-shm"), 0, random.Random(1).randbytes(96))


def write_into(path: Path, place: int, octets: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(octets)


@pytest.mark.parametrize("options", [(), WORKERS], ids=["one worker", "two workers"])
@pytest.mark.parametrize("deed", [overwrite_index, overwrite_head])
def test_an_index_that_was_overwritten_is_made_anew_and_nothing_acknowledged_is_lost(
    tmp_path: Path, deed: Harm, options: tuple[str, ...]
) -> None:
    crowd = Crowd()
    with serving(tmp_path, *options) as server:
        crowd.ping(server.port, answers=200, then=lambda: deed(server.db), more=200)
        deed(server.db)
        crowd.ping(server.port, answers=200)
        deed(server.db)
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
    crowd.check(server.db)


def test_an_index_that_was_cut_gets_its_size_again_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    crowd = Crowd()
    with serving(tmp_path, *WORKERS) as server:
        crowd.ping(server.port, answers=200)
        cut_index(server.db)
        until(lambda: beside(server.db, "-shm").stat().st_size >= INDEX_BYTES)
        until(server.is_healthy)  # a worker that read right then is replaced
        crowd.ping(server.port, answers=200, then=lambda: cut_index(server.db), more=0)
        workers = server.workers()
        server.process.kill()
        server.ended()
        wait_for_end(workers)
    crowd.check(server.db)
