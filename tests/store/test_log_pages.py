"""The pages of a log are those that its database gets, and what is not whole any more is known by its checksum."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

from telemock.store.log_pages import LogPages, frames, has_whole_head
from telemock.store.wal_index import LogState, WalIndex

PAGE = 4096


class Log(NamedTuple):
    descriptor: int
    state: LogState
    path: Path


@contextmanager
def logged(folder: Path) -> Iterator[Log]:
    """Make a database with some commits in its log."""
    path = folder / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, text)")
        for number in range(20):
            connection.execute("INSERT INTO kept (text) VALUES (?)", (f"{number}" * 1000,))
        log_path = path.with_name("some.db-wal")
        descriptor = os.open(log_path, os.O_RDONLY)
        with closing(WalIndex(path)) as index:
            state = index.read()
        assert state is not None
        try:
            yield Log(descriptor, state, log_path)
        finally:
            os.close(descriptor)


def overwrite(path: Path, place: int, octets: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(octets)


def test_the_pages_are_those_that_the_database_has_after_a_checkpoint(tmp_path: Path) -> None:
    with logged(tmp_path) as log:
        pages = LogPages(log.descriptor, log.state)
        assert pages.intact_frames == log.state.frames
        found = [*pages]
    database = (tmp_path / "some.db").read_bytes()  # the last connection has copied the log
    assert b"".join(found) == database


@pytest.mark.parametrize("after", [0, 7])
def test_frames_that_are_whole_are_told_from_any_on(tmp_path: Path, after: int) -> None:
    with logged(tmp_path) as log:
        assert [frame.is_whole for frame in frames(log.descriptor, log.state, after)] == [True] * (
            log.state.frames - after
        )


def test_one_changed_bit_spoils_one_page_and_what_sqlite_would_find_behind_it(tmp_path: Path) -> None:
    with logged(tmp_path) as log:
        places = [frame.place for frame in frames(log.descriptor, log.state)]
        at = places[9] + 77
        overwrite(log.path, at, bytes([os.pread(log.descriptor, 1, at)[0] ^ 4]))
        assert [frame.is_whole for frame in frames(log.descriptor, log.state)].index(False) == 9
        assert sum(frame.is_whole for frame in frames(log.descriptor, log.state)) == log.state.frames - 1
        assert LogPages(log.descriptor, log.state).intact_frames == 9


def test_without_its_head_a_log_still_has_all_pages_but_the_first(tmp_path: Path) -> None:
    with logged(tmp_path) as log:
        assert has_whole_head(log.descriptor)
        overwrite(log.path, 0, bytes(32))
        assert not has_whole_head(log.descriptor)
        assert [frame.is_whole for frame in frames(log.descriptor, log.state)][1:] == [True] * (log.state.frames - 1)
        assert LogPages(log.descriptor, log.state).intact_frames == 0


def test_a_log_that_was_cut_has_what_is_left(tmp_path: Path) -> None:
    with logged(tmp_path) as log:
        os.truncate(log.path, log.state.place_of(7) + 100)
        assert [frame.is_whole for frame in frames(log.descriptor, log.state)].count(True) == 6
        os.truncate(log.path, 0)
        assert not [*LogPages(log.descriptor, log.state)]


def test_of_frames_that_an_index_of_no_sense_tells_of_few_are_looked_for(tmp_path: Path) -> None:
    with logged(tmp_path) as log:
        told = log.state._replace(frames=2**32 - 1)
        assert len([*islice(frames(log.descriptor, told), log.state.frames + 9)]) == log.state.frames + 1
