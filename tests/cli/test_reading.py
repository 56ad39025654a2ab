"""A large capture is read once; after that only what is new, and what is told is the same."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import telemock
from telemock.cli.reading import WORTH_KEEPING
from tests.cli.process import run, without_root_rights
from tests.corpus import database, moment, ping


def told(db: Path, *arguments: str) -> dict[str, Any]:
    done = run("analyze", "--format", "json", "--values", "--db", db, *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def kept(db: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute("SELECT last_id, exchange_count FROM learnt ORDER BY 1").fetchall()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """As many pings as are worth keeping what was learnt of them."""
    return database(tmp_path, *(ping(number, guid=f"g{number % 7}") for number in range(WORTH_KEEPING)))


def test_what_was_learnt_is_kept_and_gone_on_from(large: Path) -> None:
    first = told(large)
    assert kept(large) == [(WORTH_KEEPING, WORTH_KEEPING)]
    assert told(large) == first
    database(large.parent, ping(WORTH_KEEPING, guid="g1", query="by=bob@corp.example&n=7"))
    more = told(large)
    assert more["exchanges"] == WORTH_KEEPING + 1
    assert [finding["class"] for finding in more["sensitive"]] == ["email"]
    assert more == told(large, "--anew")
    assert [*large.parent.iterdir()] == [large]


def test_only_the_same_question_goes_on(large: Path) -> None:
    told(large)
    assert told(large, "--guid", "g1")["exchanges"] < WORTH_KEEPING
    assert told(large, "--plant", "os=linux")["planted"][0]["found"]
    told(large, "--since", moment(0))
    told(large, "--until", moment(10**6))
    assert len(kept(large)) == 2, "a time is another one the next time"


def test_what_was_changed_is_read_again(large: Path) -> None:
    told(large)
    with closing(sqlite3.connect(large, isolation_level=None)) as connection:
        connection.execute("UPDATE exchanges SET query = 'x=1' WHERE id = 1")
    assert "x" in {field["name"] for field in told(large)["endpoints"][0]["fields"]}
    with closing(sqlite3.connect(large, isolation_level=None)) as connection:
        connection.execute("DELETE FROM exchanges WHERE id > 3")
    assert told(large)["exchanges"] == 3
    assert kept(large) == []


def test_what_was_kept_and_is_spoilt_is_learnt_again(large: Path) -> None:
    first = told(large)
    with closing(sqlite3.connect(large, isolation_level=None)) as connection:
        connection.execute("UPDATE learnt SET state = x'00'")
    assert told(large) == first


def test_what_other_code_learnt_is_not_used(large: Path, tmp_path: Path) -> None:
    first = told(large)
    copy = shutil.copytree(Path(telemock.__file__).parent, tmp_path / "copy" / "telemock")
    with (copy / "fields.py").open("a") as code:
        code.write("# Whatever this changes.\n")
    done = run("analyze", "--format", "json", "--db", large, before=["env", f"--chdir={copy.parent}"])
    assert json.loads(done.stdout) == first
    assert kept(large) == [(WORTH_KEEPING, WORTH_KEEPING)] * 2


def test_a_small_capture_stays_the_file_that_it_was(pings: Path) -> None:
    before = pings.read_bytes()
    told(pings)
    assert pings.read_bytes() == before


def test_who_may_only_read_is_told_all_the_same(large: Path) -> None:
    large.chmod(0o400)
    before = large.read_bytes()
    done = run("analyze", "--format", "json", "--db", large, before=without_root_rights([]))
    assert done.returncode == 0
    assert json.loads(done.stdout)["exchanges"] == WORTH_KEEPING
    assert large.read_bytes() == before


def test_a_disk_without_room_for_what_was_learnt_leaves_the_file_readable(large: Path) -> None:
    """No file may grow, as on a full disk: half of what SQLite puts beside the database would lock everybody out."""
    for room in (0, 4096, 16_384):
        done = run("analyze", "--format", "json", "--db", large, before=["prlimit", f"--fsize={room}"])
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout)["exchanges"] == WORTH_KEEPING
        assert [*large.parent.iterdir()] == [large]


def test_a_reading_that_fails_leaves_no_mark(large: Path) -> None:
    with closing(sqlite3.connect(large)) as connection, connection:
        connection.execute(f"UPDATE exchanges SET query = CAST(x'FF' AS TEXT) WHERE id = {WORTH_KEEPING}")
    done = run("analyze", "--db", large)
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: The database ")
    assert kept(large) == []
