from pathlib import Path

import pytest

from tests.cli.process import run, run_on_terminal
from tests.corpus import database, ping


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return database(tmp_path, *(ping(number) for number in range(500)))


def test_a_terminal_shows_how_far_it_is_and_the_time_left(db: Path) -> None:
    code, seen = run_on_terminal("export", "--db", db, "-o", db.with_name("out.csv"), columns=80, kind="xterm")
    assert code == 0
    assert "Writing" in seen
    assert "80%" in seen  # the row of id 401 was the last that moved it
    assert ":--" in seen or "0:00:0" in seen
    *_, last = seen.split("\x1b[2K")  # the line is gone, and the cursor where it was
    assert last.startswith("Wrote ")


def test_whoever_reads_much_shows_how_far_it_is(db: Path) -> None:
    for command in (("analyze",), ("diff", "telemetry.db", "telemetry.db")):
        arguments = [db if each == "telemetry.db" else each for each in command]
        code, seen = run_on_terminal(*arguments, "--db", db, columns=80, kind="xterm")
        assert code == 0
        assert "Reading" in seen
        assert "80%" in seen


def test_standard_output_is_not_disturbed(db: Path) -> None:
    _, seen = run_on_terminal("export", "--db", db, "--format", "csv", columns=80, kind="xterm")
    assert seen.replace("\r\n", "\n") == run("export", "--db", db, "--format", "csv").stdout.decode()


def test_elsewhere_than_on_a_terminal_no_bar_is_drawn(db: Path) -> None:
    done = run("export", "--db", db, "-o", db.with_name("out.csv"))
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (0, b"", 1)
    assert done.stderr.startswith(b"Wrote ")


def test_a_few_rows_need_no_bar(tmp_path: Path) -> None:
    few = database(tmp_path, ping())
    code, seen = run_on_terminal("export", "--db", few, "-o", tmp_path / "out.csv", columns=80, kind="xterm")
    assert (code, seen.startswith("Wrote ")) == (0, True)
