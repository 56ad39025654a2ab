"""This is `telemock run` as a process of its own, with pipes, in a folder of its own.

It refuses to leave a process behind, the server of the program included.
"""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil

from telemock.authority.folder import public_files
from telemock.cli.client_env import client_environment
from tests.cli.process import TELEMOCK
from tests.journeys.serving import until
from tests.server.wire import HANG_SECONDS

Row = dict[str, Any]
Done = subprocess.CompletedProcess[str]

# What this machine's own environment says of proxies and certificates would hide what telemock says.
_LEFT_OUT = {*client_environment("", public_files(Path("/"))), "SSL_CERT_DIR"}
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith("TELEMOCK_") and name not in _LEFT_OUT
}


def command(folder: Path, *arguments: object) -> list[str]:
    """Write `telemock run ARGUMENTS`, with telemetry.db and the authority in a folder."""
    options = ("run", "--db", folder / "telemetry.db", "--ca-dir", folder / "ca")
    return [*TELEMOCK, *map(str, (*options, *arguments))]


def run(folder: Path, *arguments: object, said: str = "", **environment: str) -> Done:
    """Run `telemock run ARGUMENTS` in a folder to its end; `said` is its standard input."""
    return subprocess.run(
        command(folder, *arguments),
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        input=said,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def summary(done: Done) -> dict[str, Any]:
    """Read what `--format json` said on the last line."""
    said: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return said


def rows(folder: Path, sql: str = "SELECT * FROM exchanges ORDER BY id") -> list[Row]:
    """Ask the folder's database."""
    with closing(sqlite3.connect(folder / "telemetry.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def python(script: str) -> tuple[str, ...]:
    """Write the command that runs a script."""
    return sys.executable, "-c", script


class Running:
    """A started `telemock run`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._seen: set[psutil.Process] = set()

    def line(self) -> str:
        """Wait for a line of the program's standard output."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def children(self) -> list[psutil.Process]:
        """Give the server and the program, as far as they run."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        self._seen.update(found)
        return found

    def server(self) -> psutil.Process:
        """Wait for the server's process."""
        found: list[psutil.Process] = []

        def is_there() -> bool:
            found[:] = [each for each in self.children() if "telemock.worker" in each.cmdline()]
            return bool(found)

        until(is_there)
        return found[0]

    def ended(self) -> tuple[int, str, str]:
        """Wait for its end; give the exit code, and what else came to standard output and error."""
        out, err = self.process.communicate(timeout=HANG_SECONDS)
        return self.process.returncode, out, err

    def end(self) -> None:
        """Kill what still runs."""
        if self.process.poll() is None:
            self.children()
            self.process.kill()
        for each in self._seen:
            if each.is_running():
                each.kill()
        self.process.communicate()


@contextmanager
def running(folder: Path, *arguments: object) -> Iterator[Running]:
    """Start `telemock run ARGUMENTS`; killed at the end of the block if it still runs, with all that it started."""
    with subprocess.Popen(
        command(folder, *arguments),
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        started = Running(process)
        try:
            yield started
        finally:
            started.end()
