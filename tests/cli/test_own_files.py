"""Every option of every command that names a file to write, held by the same promises."""

import os
import signal
import socket
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest

from telemock.authority.folder import create_authority, key_file, public_files
from tests.authority.certificates import certify
from tests.cli.process import run
from tests.cli.test_options import EVERY_COMMAND
from tests.conftest import Cli
from tests.corpus import database, ping

Command = Callable[[Path, Path], tuple[object, ...]]


def _export(suffix: str) -> Command:
    return lambda folder, path: ("export", "--db", folder / "telemetry.db", "-o", path, "--format", suffix)


def _certificate(form: str) -> Command:
    return lambda folder, path: ("ca", "export", "--ca-dir", folder / "ca", "--format", form, "--output", path)


def _serve(folder: Path, path: Path) -> tuple[object, ...]:
    places = ("--db", folder / "telemetry.db", "--ca-dir", folder / "ca")
    return ("serve", "--port", "0", *places, "--ready-file", path)


WRITERS: dict[str, Command] = {
    **{f"export {suffix}": _export(suffix) for suffix in ("jsonl", "csv", "xlsx", "har", "parquet")},
    "report": lambda folder, path: ("report", "--db", folder / "telemetry.db", "-o", path),
    **{f"ca export {form}": _certificate(form) for form in ("pem", "der", "p12")},
    "serve --ready-file": _serve,
}

# Every option that takes a path, by what a command does with it; --db and --ca-dir have tests of their own.
WRITTEN = {"export --output", "report --output", "ca export --output", "serve --ready-file", "serve --log-dir"}
READ = {"--config", "--proxy-auth-file", "--upstream-ca", "--ca-cert", "--ca-key", "--ca-dir"}


def test_every_option_that_takes_a_path_is_known_here() -> None:
    found = set()
    for name, command in EVERY_COMMAND.items():
        for param in command.params:
            if isinstance(param, click.Option) and param.type.name in ("path", "file", "directory", "filename"):
                option = next(each for each in param.opts if each.startswith("--"))
                module, _, called = name.partition(" ")
                found.add(option if option in READ else f"{'ca ' * (module == 'ca')}{called} {option}")
    assert found == WRITTEN | READ


@pytest.fixture(autouse=True)
def _ctrl_c() -> Iterator[None]:
    """Keep what `serve` makes of Ctrl-C out of the tests."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    database(tmp_path, ping())
    create_authority(tmp_path / "ca")
    return tmp_path


def _foreign(folder: Path) -> dict[str, Path]:
    """Make one of each that no command may replace."""
    places = {
        name: folder / name
        for name in (
            "notes.txt",
            "other.html",
            "other.jsonl",
            "other.csv",
            "other.json",
            "log.jsonl",
            "corporate.pem",
            "bundle.pem",
            "zip.xlsx",
        )
    }
    for path in places.values():
        path.write_text("somebody's\n")
    places["other.html"].write_text("<!DOCTYPE html><title>telemock</title>")
    places["other.jsonl"].write_text('{"id":1,"name":"x"}\n')
    places["other.csv"].write_text("id,name\n")
    places["other.json"].write_text('{"host":"x","port":1}')
    places["log.jsonl"].write_text('{"time":"2026-02-05T10:55:58.090735Z"}\n')
    places["corporate.pem"].write_bytes(certify("root").certificate_pem)
    places["bundle.pem"].write_bytes(public_files(folder / "ca").pem.read_bytes() * 2)
    places["zip.xlsx"].write_bytes(b"PK\x05\x06" + bytes(18))
    with closing(sqlite3.connect(folder / "other.db")) as other:
        other.execute("CREATE TABLE t (x)")
    places |= {"other.db": folder / "other.db", "telemetry.db": folder / "telemetry.db", "key": key_file(folder / "ca")}
    real = folder / "real"
    real.touch()
    for name, to in (("link", "real"), ("dangling", "later"), ("loop", "loop"), ("to the key", "ca/telemock-ca.pem")):
        places[name] = folder / name
        places[name].symlink_to(to)
    places["fifo"] = folder / "fifo"
    os.mkfifo(places["fifo"])
    places["hard link"] = folder / "hard"
    places["hard link"].hardlink_to(folder / "telemetry.db")
    places["folder"] = folder / "sub"
    places["folder"].mkdir()
    places["device"] = Path("/dev/null")
    return places


def _state(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    content = path.read_bytes() if stat.S_ISREG(found.st_mode) else None
    return found.st_ino, stat.S_IFMT(found.st_mode), content


@pytest.mark.parametrize("writer", WRITERS)
def test_nothing_but_its_own_kind_is_replaced(cli: Cli, folder: Path, writer: str) -> None:
    foreign = _foreign(folder)
    with socket.socket(socket.AF_UNIX) as listening:
        foreign["socket"] = folder / "socket"
        listening.bind(str(foreign["socket"]))
        before = {name: _state(path) for name, path in foreign.items()}
        for name, path in foreign.items():
            done = cli(*WRITERS[writer](folder, path))
            assert (done.exit_code, done.stdout) == (2, ""), (name, done.stderr)
            assert done.stderr.count("\n") == 1 or "Usage: " in done.stderr
            assert {name: _state(path) for name, path in foreign.items()} == before, name
    assert {path.name for path in folder.iterdir()} == {
        *(path.name for path in foreign.values() if path.parent == folder),
        *("real", "ca"),
    }


@pytest.mark.parametrize("writer", [name for name in WRITERS if not name.startswith("serve")])
@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_what_is_written_is_for_its_owner_only_whatever_the_umask_and_replaces_itself(
    cli: Cli, folder: Path, writer: str, umask: int
) -> None:
    path = folder / "out"
    before = os.umask(umask)
    try:
        assert cli(*WRITERS[writer](folder, path)).exit_code == 0
        path.chmod(0o666)
        done = cli(*WRITERS[writer](folder, path))
    finally:
        os.umask(before)
    assert done.exit_code == 0, done.stderr
    assert "Wrote " in done.stderr
    # The certificate is public, and clients of other users must read it.
    assert path.stat().st_mode & 0o777 == (0o644 if writer.startswith("ca ") else 0o600)
    for other in ("export csv", "report", "ca export pem", "serve --ready-file"):
        if other.split()[0] != writer.split(maxsplit=1)[0]:
            assert cli(*WRITERS[other](folder, path)).exit_code == 2


@pytest.mark.parametrize("writer", [name for name in WRITERS if not name.startswith("serve")])
def test_an_empty_file_has_nothing_to_lose(cli: Cli, folder: Path, writer: str) -> None:
    """As `mktemp` makes them."""
    path = folder / "out"
    path.touch()
    assert cli(*WRITERS[writer](folder, path)).exit_code == 0
    assert path.stat().st_size


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("writer", WRITERS)
def test_what_belongs_to_a_database_is_not_made(cli: Cli, folder: Path, writer: str, suffix: str) -> None:
    path = folder / f"telemetry.db{suffix}"
    assert cli(*WRITERS[writer](folder, path)).exit_code == 2
    assert not path.exists()


def test_an_authority_of_before_is_one_of_its_own_kind(cli: Cli, folder: Path) -> None:
    path = folder / "ca.pem"
    assert cli(*WRITERS["ca export pem"](folder, path)).exit_code == 0
    create_authority(folder / "ca", force=True)
    assert cli(*WRITERS["ca export der"](folder, path)).exit_code == 0
    assert path.read_bytes() == public_files(folder / "ca").der.read_bytes()


@pytest.mark.parametrize(
    "command", ["serve --port 0", "run", "query", "analyze", "show 1", "report", "export", "diff a b"]
)
@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_database_that_is_no_file_is_a_sentence(folder: Path, command: str, make: Callable[[Path], None]) -> None:
    path = folder / "odd.db"
    make(path)
    done = run(*command.split(), "--db", path, *(("true",) if command == "run" else ()))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith(f"Error: {path} is ")
    assert done.stderr.count(b"\n") == 1
