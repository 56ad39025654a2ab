import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from telemock import __version__
from telemock.cli import COMMANDS
from tests.cli.process import TELEMOCK, run, started
from tests.conftest import Cli
from tests.corpus import database, ping


def modules_after(*arguments: str) -> set[str]:
    """Give the modules that a run of the command line has loaded at its end."""
    script = (
        "import sys; from telemock.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_help_names_every_command_and_imports_none() -> None:
    heavy = {"aiohttp", "sqlalchemy", "alembic", "cryptography", "rich", "asyncio", "sqlite3", "yaml", "telemock.store"}
    assert not modules_after("--help") & {*heavy, *(where.partition(":")[0] for where, _ in COMMANDS.values())}
    said = run("--help").stdout.decode()
    assert all(f"  {name} " in said and line in said for name, (_, line) in COMMANDS.items())


def test_query_in_a_pipe_imports_nothing_it_does_not_use(pings: Path) -> None:
    heavy = {"aiohttp", "aiosqlite", "alembic", "asyncio", "cryptography", "plotly", "rich", "sqlalchemy", "yaml"}
    assert not modules_after("query", "--db", str(pings)) & heavy


def test_certificates_are_imported_only_by_who_needs_them(tmp_path: Path) -> None:
    assert not modules_after("ca", "--help") & {"cryptography", "idna", "asyncio"}
    assert not modules_after("ca", "create", "--help") & {"cryptography", "idna", "asyncio"}
    loaded = modules_after("ca", "path", "--ca-dir", str(tmp_path))
    assert "cryptography" in loaded
    assert not loaded & {"aiohttp", "asyncio", "sqlalchemy"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_help_is_the_commands_own(cli: Cli, name: str) -> None:
    assert COMMANDS[name][1] in cli(name, "--help").stdout


def test_version(cli: Cli) -> None:
    assert cli("--version").stdout == f"telemock, version {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [("sing",), ("query", "--sing"), ("query", "--limit", "-1"), ("show",), ("ca",), ("ca", "sing"), ()]
)
def test_usage_errors_exit_with_2(cli: Cli, arguments: tuple[str, ...]) -> None:
    done = cli(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: telemock")


def test_a_foreseen_failure_is_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    done = run("query", "--db", tmp_path / "none.db")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == (
        f"Error: There is no database at {tmp_path}/none.db; start `telemock serve` there, or name one with --db.\n"
    )


def test_what_an_error_quotes_reaches_no_terminal_as_an_escape(cli: Cli) -> None:
    assert "\\x1b[31mred.db" in cli("query", "--db", "\x1b[31mred.db").stderr


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    db = database(tmp_path, *(ping(number) for number in range(300)))
    with started("query", "--db", db, "--format", "jsonl", "--limit", "0") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b'{"id":300,')
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_a_full_disk_behind_standard_output_is_a_sentence(pings: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*TELEMOCK, "query", "--db", pings], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr == b"Error: The output cannot be written: No space left on device.\n"


def test_ctrl_c_exits_with_130_and_no_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with started("health", "--url", url, "--timeout", "60") as process:
            asking, _ = silent.accept()
            with asking:
                assert asking.recv(100).startswith(b"GET /health ")
                os.kill(process.pid, signal.SIGINT)
                assert process.wait(30) == 130
            assert process.stderr is not None
            assert process.stderr.read().strip() == b""


def test_the_installed_script_is_this_group() -> None:
    script = Path(sys.executable).with_name("telemock")
    assert subprocess.run([script, "--version"], capture_output=True, check=True).stdout.startswith(b"telemock, ")
