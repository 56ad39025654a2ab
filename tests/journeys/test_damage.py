"""Files that are damaged while they are in use: nobody is answered 200 for what is lost, and what can be is saved."""

import os
import re
import shutil
import signal
import sqlite3
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from telemock.store.background import PAGE_ROWS
from telemock.store.engine import PAGE_BYTES
from telemock.store.migration import migrate
from tests.corpus import database, ping
from tests.journeys.serving import WORKERS, Serving, ping_bytes, serving, starting, stored, until, wait_for_end
from tests.journeys.test_background import ask, is_summed_up, older_database
from tests.journeys.test_durability import Crowd
from tests.server.wire import HANG_SECONDS

Deed = Callable[[Path], object]
SAVED = [f"saved-{number}" for number in range(5)]
RISKED = [f"risked-{number}" for number in range(5)]


def beside(db: Path, suffix: str) -> Path:
    return db.with_name(db.name + suffix)


def cut(path: Path, part: float) -> None:
    os.truncate(path, int(path.stat().st_size * part))


def remove_log(db: Path) -> None:
    beside(db, "-wal").unlink()


def rename_log(db: Path) -> None:
    beside(db, "-wal").rename(db.with_name("log"))


def remove_index(db: Path) -> None:
    beside(db, "-shm").unlink()


def rename_database(db: Path) -> None:
    db.rename(db.with_name("moved.db"))


def remove_database(db: Path) -> None:
    db.unlink()


def cut_log(db: Path) -> None:
    cut(beside(db, "-wal"), 0)


def halve_log(db: Path) -> None:
    cut(beside(db, "-wal"), 0.5)


def overwrite_log(db: Path) -> None:
    beside(db, "-wal").write_bytes(bytes(beside(db, "-wal").stat().st_size))


def cut_database(db: Path) -> None:
    cut(db, 0)


def halve_database(db: Path) -> None:
    cut(db, 0.5)


def spoil(path: Path, place: int) -> None:
    """Write into the middle of a file."""
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xa5" * 2 * PAGE_BYTES)


def spoil_log(db: Path) -> None:
    spoil(beside(db, "-wal"), PAGE_BYTES // 2)


def spoil_database(db: Path) -> None:
    spoil(db, PAGE_BYTES)


def overwrite_database(db: Path) -> None:
    """Write another database over it, as cp does."""
    (db.parent / "other").mkdir()
    shutil.copyfile(database(db.parent / "other", *(ping(number) for number in range(200))), db)


@contextmanager
def uncopied(server: Serving) -> Iterator[None]:
    """Have a log with something in it that cannot be copied before the end of the block: somebody reads."""
    until(lambda: beside(server.db, "-wal").stat().st_size == 0)  # idle
    with closing(sqlite3.connect(server.db, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM exchanges").fetchone()
        assert [server.ping(guid) for guid in RISKED] == [200] * len(RISKED)
        yield


def answered(server: Serving, guid: str) -> tuple[int, str | None, str]:
    with server.connect() as wire:
        wire.send(ping_bytes(guid))
        answer = wire.answer()
        return answer.status, answer.header("Retry-After"), answer.body.decode()


def save(deed: Deed, folder: Path) -> None:
    """A log that nobody can open any more is saved at once, and telemock goes on by itself."""
    with serving(folder) as server:
        assert [server.ping(guid) for guid in SAVED] == [200] * len(SAVED)
        deed(server.db)
        assert server.line("store_damaged")["level"] == "error"
        server.line("store_healed")
        assert server.ping("after") == 200
        assert server.is_healthy()
        server.process.kill()
        server.ended()
    assert stored(folder / "telemetry.db") == [*SAVED, "after"]


def keep(deed: Deed, folder: Path) -> None:
    """A database that was moved away holds everything, though nobody could stop telemock in order."""
    with serving(folder) as server:
        assert [server.ping(guid) for guid in SAVED] == [200] * len(SAVED)
        deed(server.db)
        said = (
            f"was removed or replaced while in use: its exchanges, with ids up to 5, are in {folder}/moved.db; put it"
        )
        assert said in server.line("store_damaged")["message"]
        status, retry_after, body = answered(server, "after")
        assert (status, retry_after) == (503, "5")
        assert "put it back" in body
        server.process.kill()
        server.ended()
    assert stored(folder / "moved.db") == SAVED


def lose(deed: Deed, folder: Path) -> None:
    """From the damage on nobody is told that something was stored, and what was before is counted."""
    with serving(folder) as server:
        assert [server.ping(guid) for guid in SAVED] == [200] * len(SAVED)
        with uncopied(server):
            deed(server.db)
            told = server.line("store_damaged")["message"]
            status, retry_after, body = answered(server, "after")
            assert (status, retry_after) == (503, "5")
            assert "while in use" in body
            health = server.ask("/health")
            assert (health.status, health.json()["reason"]) == (503, told)
            assert server.metric('telemock_refused_total{reason="store_failed"}') >= 1
        server.process.kill()
        server.ended()
    check_told(deed, folder, told)


def recovered(folder: Path) -> list[str]:
    """Give what is in the database that was made of what was left; it is for its owner only, as the log is."""
    files = [*folder.glob("telemetry.db-recovered-*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} <= {0o600}
    databases = [path for path in files if path.suffix == ".db"]
    assert len(databases) <= 1  # workers share it
    return [guid for path in databases for guid in stored(path)]


def check_told(deed: Deed, folder: Path, told: str) -> None:
    """What was acknowledged is in the database, or in the recovered one, or is counted."""
    saved = recovered(folder)
    if deed is remove_database:
        assert saved == SAVED + RISKED
        assert f"its exchanges, with ids up to 10, are in {folder}/telemetry.db-recovered-" in told
    elif deed in (cut_log, halve_log, overwrite_log, spoil_log):
        left = stored(folder / "telemetry.db")
        assert left == (SAVED + RISKED)[: len(left)]
        lost = re.search(r"(\d+) acknowledged exchanges, with ids from \d+ to 10, are lost", told)
        kept = {*left, *saved}
        assert len({*SAVED, *RISKED} - kept) == (int(lost[1]) if lost else 0)
        assert f"acknowledged exchanges, with ids from {len(left) + 1} to 10, " in told
    else:
        assert "what it held, exchanges with ids up to 5, may be lost" in told
        assert "5 acknowledged exchanges, with ids from 6 to 10, were in its log alone" in told
        assert re.search(rf"10, are saved in {folder}/telemetry.db-recovered-\w+\.db; its log is {folder}/", told)
        assert saved[-5:] == RISKED
        assert not beside(folder / "telemetry.db", "-wal").exists()
    if deed is overwrite_database:
        assert len(stored(folder / "telemetry.db")) == 200  # nothing of the old log got into the new one


DAMAGES: dict[Deed, Callable[[Deed, Path], None]] = {
    remove_log: save,
    rename_log: save,
    remove_index: save,
    rename_database: keep,
    remove_database: lose,
    cut_log: lose,
    halve_log: lose,
    overwrite_log: lose,
    spoil_log: lose,
    cut_database: lose,
    halve_database: lose,
    overwrite_database: lose,
    spoil_database: lose,
}


@pytest.fixture(scope="module")
def damages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Deed, Future[None]]]:
    """Several beside each other, since each waits for patience or idleness to end."""
    folders = {deed: tmp_path_factory.mktemp("damage") for deed in DAMAGES}
    for folder in folders.values():
        migrate(folder / "telemetry.db")  # Alembic can do that in one thread only
    with ThreadPoolExecutor(4) as pool:
        yield {deed: pool.submit(DAMAGES[deed], deed, folder) for deed, folder in folders.items()}


@pytest.mark.parametrize("deed", DAMAGES)
def test_whatever_is_done_to_the_files_nobody_is_answered_200_for_what_is_lost(
    damages: dict[Deed, Future[None]], deed: Deed
) -> None:
    damages[deed].result(10 * HANG_SECONDS)


def test_workers_save_a_log_that_was_removed_and_all_of_them_go_on(tmp_path: Path) -> None:
    crowd = Crowd()
    with serving(tmp_path, "--workers", "2") as server:
        crowd.ping(server.port, answers=100, then=lambda: remove_log(server.db), more=100)
        server.line("store_healed")
        until(server.is_healthy)
        crowd.ping(server.port, answers=100)
        workers = server.workers()
        server.process.kill()
        server.ended()
        wait_for_end(workers)
    crowd.check(server.db)


def test_of_a_log_that_was_cut_under_two_workers_each_saves_what_it_acknowledged(tmp_path: Path) -> None:
    with serving(tmp_path, *WORKERS) as server:
        assert [server.ping(guid) for guid in SAVED] == [200] * len(SAVED)
        with uncopied(server):
            cut_log(server.db)
            server.signal(signal.SIGTERM)
            assert server.ended() == 1
    assert {*stored(server.db), *recovered(tmp_path)} == {*SAVED, *RISKED}


def test_a_text_that_is_none_costs_no_row_its_place_in_what_is_recovered(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        with uncopied(server), closing(sqlite3.connect(server.db, isolation_level=None)) as editor:
            editor.execute("UPDATE exchanges SET query = CAST(x'ff' AS TEXT) WHERE guid = 'risked-2'")
            cut_database(server.db)
            told = server.line("store_damaged")["message"]
        server.process.kill()
        server.ended()
    assert "5 exchanges, with ids from 1 to 5, are saved in" in told
    assert recovered(tmp_path) == RISKED


def test_what_is_filled_in_behind_the_answers_goes_on_after_damage(tmp_path: Path) -> None:
    db = older_database(tmp_path, 20 * PAGE_ROWS)
    ((count,),) = ask(db, "SELECT count(*) FROM exchanges")
    with starting(tmp_path) as server:
        server.wait_until_ready()
        assert "being filled in: 0 % done" in server.line("background")["message"]
        remove_log(db)
        server.line("store_damaged")
        server.line("store_healed")
        assert server.ping("after") == 200
        until(lambda: is_summed_up(db))
        assert server.is_healthy()
        server.process.kill()
        server.ended()
    assert ask(db, "PRAGMA integrity_check") == [("ok",)]
    assert ask(db, "SELECT count(*) FROM exchanges") == [(count + 1,)]
    assert ask(db, "SELECT DISTINCT port FROM exchanges WHERE host IN ('a.example', '::1') ORDER BY 1") == [(1,), (80,)]
    assert ask(db, "SELECT exchange_count FROM progress WHERE task = 'summary'") == [(count + 1,)]


def test_what_could_not_be_saved_is_said_at_the_end_and_nothing_makes_it_worse(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert [server.ping(guid) for guid in SAVED] == [200] * len(SAVED)
        with uncopied(server):
            cut_log(server.db)
            told = server.line("store_damaged")["message"]
        server.signal(signal.SIGTERM)
        assert server.ended() == 1
        at_the_end = told.removesuffix("; restart telemock, which goes on with what is left.") + "."
        assert server.line("store_damaged")["message"] == at_the_end
        assert server.complaints() == f"Error: {at_the_end}\n"
    check_told(cut_log, tmp_path, told)
    assert stored(tmp_path / "telemetry.db") == SAVED
    with serving(tmp_path) as server:
        assert server.ping("after") == 200
    assert stored(tmp_path / "telemetry.db") == [*SAVED, "after"]


@pytest.mark.parametrize("options", [(), WORKERS], ids=["one worker", "two workers"])
@pytest.mark.parametrize("deed", [remove_database, cut_log, spoil_log, cut_database, overwrite_database])
def test_what_was_done_to_the_files_right_before_the_stop_is_seen(
    tmp_path: Path, deed: Deed, options: tuple[str, ...]
) -> None:
    with serving(tmp_path, *options) as server:
        assert [server.ping(guid) for guid in SAVED] == [200] * len(SAVED)
        with uncopied(server):
            deed(server.db)
            server.signal(signal.SIGTERM)
            assert server.ended() == 1
        assert "store_damaged" in server.events()
    if deed in (remove_database, cut_database, overwrite_database):
        assert recovered(tmp_path)[-5:] == RISKED


@pytest.mark.parametrize("options", [(), WORKERS], ids=["one worker", "two workers"])
def test_a_database_that_was_moved_away_right_before_the_stop_holds_all_and_it_is_said_where(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with serving(tmp_path, *options) as server:
        assert [server.ping(guid) for guid in SAVED] == [200] * len(SAVED)
        rename_database(server.db)
        server.signal(signal.SIGTERM)
        assert server.ended() == 1
        said = (
            f"The database {server.db} was removed or replaced while in use: its exchanges, with ids up to 5, are in "
        )
        # Before it stops, it may have noticed already.
        while not server.line("store_damaged")["message"].startswith(f"{said}{tmp_path}/moved.db"):
            pass
    assert stored(tmp_path / "moved.db") == SAVED
    assert not recovered(tmp_path)


def vacuum(db: Path) -> None:
    with closing(sqlite3.connect(db, isolation_level=None, timeout=HANG_SECONDS)) as other:
        other.execute("UPDATE exchanges SET params = '{}', query = ''")  # so that it gets shorter
        other.execute("VACUUM")


def empty_log(db: Path) -> None:
    with closing(sqlite3.connect(db, isolation_level=None, timeout=HANG_SECONDS)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def back_up(db: Path) -> None:
    with closing(sqlite3.connect(db)) as source, closing(sqlite3.connect(db.with_name("copy.db"))) as copy:
        source.backup(copy)


@pytest.mark.parametrize("tool", [vacuum, empty_log, back_up, os.utime])
def test_other_programs_that_do_no_harm_are_no_damage(tmp_path: Path, tool: Deed) -> None:
    crowd = Crowd()
    with serving(tmp_path, "--workers", "2") as server, ThreadPoolExecutor(1) as pool:
        used: list[Future[object]] = []
        for _ in range(3):
            crowd.ping(server.port, answers=150, then=lambda: used.append(pool.submit(tool, server.db)), more=150)
            assert used.pop().result(HANG_SECONDS) is None
        assert server.is_healthy()
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
        assert "store_damaged" not in server.events()
    crowd.check(server.db)
