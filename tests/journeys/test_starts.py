"""A start that cannot serve says why in one sentence and changes nothing; two may start on one new database."""

import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from telemock.store.engine import HEAD
from tests.cli.process import HANG_SECONDS, TELEMOCK, without_root_rights
from tests.corpus import database, ping
from tests.journeys.serving import WORKERS, starting, stored


def refusal(*options: object) -> str:
    """Start where that cannot work, bound by permissions; give the sentence."""
    command = without_root_rights([*TELEMOCK, "serve", *map(str, options)])
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert done.stderr.endswith(".\n")
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Path]:
    """A folder with a database, which a test takes permissions from."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    database(folder, ping())
    yield folder
    folder.chmod(0o755)


@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "name", "reason"),
    [
        (0o444, 0o755, "telemetry.db", "is read-only; make it writable, or choose another --db."),
        (0o644, 0o555, "telemetry.db", "cannot be written"),
        (0o644, 0o555, "new.db", "cannot be written"),
        (0o644, 0o000, "folder/new.db", "choose another --db"),
    ],
)
def test_a_file_or_folder_that_may_not_be_written_is_refused_and_stays_as_it_was(
    sealed: Path, file_mode: int, folder_mode: int, name: str, reason: str
) -> None:
    db = sealed / "telemetry.db"
    before = db.read_bytes()
    db.chmod(file_mode)
    sealed.chmod(folder_mode)
    said = refusal("--port", "0", "--db", sealed / name)
    assert str(sealed) in said
    assert reason in said
    sealed.chmod(0o755)
    assert [path.name for path in sealed.iterdir()] == ["telemetry.db"]
    db.chmod(0o644)
    assert db.read_bytes() == before


@pytest.mark.parametrize("options", [(), WORKERS])
def test_a_port_in_use_is_refused_and_makes_no_database(tmp_path: Path, options: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        said = refusal("--port", port, "--db", tmp_path / "telemetry.db", *options)
    assert said.startswith(f"Error: Port {port} on 127.0.0.1 is in use; ")
    assert list(tmp_path.iterdir()) == []


def test_two_that_start_together_on_one_new_database_both_serve(tmp_path: Path) -> None:
    with starting(tmp_path, name="one.json") as one, starting(tmp_path, name="two.json") as two:
        for server in (one, two):
            server.wait_until_ready()
        for number in range(10):
            assert one.ping(f"one-{number}") == 200
            assert two.ping(f"two-{number}") == 200
        assert stored(one.db) == [f"{name}-{number}" for number in range(10) for name in ("one", "two")]
        with closing(sqlite3.connect(one.db)) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
