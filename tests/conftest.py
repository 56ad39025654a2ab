"""This is what all tests may ask for: a served telemock, the command line, and the real ping in a database."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, settings

from telemock.cli import main
from tests.corpus import database, ping
from tests.server.served import Served, served

Cli = Callable[..., Result]

# How long an example takes says something of the machine only.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def _authority(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the user's own certificate authority out of the tests."""
    os.environ["HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run `telemock ARGUMENTS` in an empty folder; keywords are environment variables."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, **environment: str) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], env=environment)

    return run


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One telemock for the tests of a module; it answers for other.test as well, and lets nobody through."""
    with served(tmp_path_factory.mktemp("served"), intercept=("other.test", "2001:db8::1"), others="block") as server:
        yield server


@pytest.fixture
def server(running: Served) -> Served:
    """A served telemock; each test sees only what it caused."""
    running.forget()
    return running


@pytest.fixture
def pings(tmp_path: Path) -> Path:
    """Five real pings, a second apart, in telemetry.db of the test's folder."""
    return database(tmp_path, *(ping(number) for number in range(5)))
