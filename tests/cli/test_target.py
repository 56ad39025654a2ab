import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from telemock.exports.records import NAMES
from tests.cli.process import HANG_SECONDS, TELEMOCK, run, started, without_root_rights
from tests.corpus import database, ping


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return database(tmp_path, ping())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.mkdir()
    return path


@pytest.fixture
def nothing_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let temporary files of all kinds be where those of the test are looked for."""
    monkeypatch.setenv("TMPDIR", str(folder))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database that takes a while to be written out."""
    path = database(tmp_path_factory.mktemp("large"), ping())
    names = ", ".join(NAMES[1:])
    with closing(sqlite3.connect(path)) as connection:
        for _ in range(14):
            connection.execute(f"INSERT INTO exchanges ({names}) SELECT {names} FROM exchanges")
        connection.commit()
    return path


def failed(*arguments: object) -> str:
    """Run what fails with one sentence."""
    done = run(*arguments)
    sentence = done.stderr.decode()
    assert (done.returncode, sentence.count("\n")) == (1, 1), sentence
    return sentence


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_the_database_is_not_replaced(db: Path, suffix: str) -> None:
    before = db.read_bytes()
    done = run("export", "--db", db, "-o", f"{db}{suffix}", "--format", "csv")
    assert (done.returncode, b"is the database" in done.stderr) == (2, True)
    assert (db.read_bytes(), [*db.parent.iterdir()]) == (before, [db])


def test_a_folder_that_is_not_there_is_named(db: Path, folder: Path) -> None:
    sentence = failed("export", "--db", db, "-o", folder / "none" / "out.csv")
    assert f"'{folder}/none/out.csv' cannot be written: No such file or directory" in sentence


def test_a_folder_that_is_read_only_is_told(db: Path, folder: Path) -> None:
    folder.chmod(0o500)
    command = without_root_rights([*TELEMOCK, "export", "--db", str(db), "-o", str(folder / "out.csv")])
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert done.returncode == 1
    assert "Permission denied" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.har", "out.xlsx", "out.parquet"])
@pytest.mark.usefixtures("nothing_elsewhere")
def test_a_full_disk_leaves_what_was_there_and_no_draft(db: Path, large: Path, folder: Path, name: str) -> None:
    assert run("export", "--db", db, "-o", folder / name).returncode == 0
    old = (folder / name).read_bytes()
    command = " ".join([*TELEMOCK, "export", "--db", str(large), "-o", str(folder / name)])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 16; exec {command}"],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "cannot be written: File too large;" in done.stderr
    assert [(each.name, each.read_bytes()) for each in folder.iterdir()] == [(name, old)]


def drafts(folder: Path) -> Iterator[int]:
    """Give the sizes of what is written aside, deeper down as well."""
    for each in folder.rglob("*"):
        try:
            yield each.stat().st_size if each.is_file() else 0
        except FileNotFoundError:
            yield 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
@pytest.mark.parametrize("name", ["out.har", "out.xlsx"])
@pytest.mark.usefixtures("nothing_elsewhere")
def test_who_interrupts_finds_no_draft(large: Path, folder: Path, name: str, number: int, code: int) -> None:
    with started("export", "--db", large, "-o", folder / name) as process:
        while not any(drafts(folder)):
            assert process.poll() is None
        process.send_signal(number)
        _, said = process.communicate(timeout=HANG_SECONDS)
    assert (process.returncode, said.strip()) == (code, b"")
    assert [*folder.iterdir()] == []
