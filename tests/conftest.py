"""This is what all tests may ask for: the command line, run in this process, and the real ping in a database."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from telemock.cli import main
from tests.corpus import database, ping

Cli = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run `telemock ARGUMENTS` in an empty folder; keywords are environment variables."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, **environment: str) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], env=environment)

    return run


@pytest.fixture
def pings(tmp_path: Path) -> Path:
    """Five real pings, a second apart, in telemetry.db of the test's folder."""
    return database(tmp_path, *(ping(number) for number in range(5)))
