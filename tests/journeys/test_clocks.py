"""A clock that is wrong, or an authority that ends, is told wherever somebody asks; once it is right, so is TLS."""

import re
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from telemock.authority.authority import AUTHORITY_LASTS
from telemock.authority.folder import utc_now
from tests.authority.certificates import DAY
from tests.conftest import Cli
from tests.server.secure import by_road
from tests.server.served import Served, served

NAME = "telemock_authority_expiry_seconds"


class Clock:
    """The clock of this machine, turned."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(tmp_path: Path, clock: Clock) -> Iterator[Served]:
    """A telemock that goes by the turned clock."""
    with served(tmp_path, now=clock) as server:
        yield server


def seconds_left(server: Served) -> float:
    match = re.search(rf"^{NAME} (\S+)$", server.ask("GET", "/metrics").body.decode(), re.MULTILINE)
    assert match is not None
    return float(match[1])


def test_tls_works_again_as_soon_as_a_clock_that_was_ahead_is_set_right(server: Served, clock: Clock) -> None:
    clock.ahead = 365 * DAY
    with pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"):
        by_road(server, "tls")
    clock.ahead = timedelta()
    with closing(by_road(server, "tls")) as wire:
        assert isinstance(wire.socket, ssl.SSLSocket)


def test_an_authority_that_will_end_soon_is_told_while_everything_works(server: Served, clock: Clock, cli: Cli) -> None:
    clock.ahead = AUTHORITY_LASTS - 31 * DAY
    assert server.ask("GET", "/health").body == b'{"status": "healthy"}'
    clock.ahead = AUTHORITY_LASTS - 29 * DAY
    health = server.ask("GET", "/health")
    assert (health.status, health.json()["status"]) == (200, "healthy")
    (said,) = health.json()["warnings"]
    assert said.startswith("The certificate authority expires on ")
    assert 28 * DAY < timedelta(seconds=seconds_left(server)) < 30 * DAY
    done = cli("health", "--url", server.url)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "healthy\n", f"Warning: {said}\n")
    assert "warning  health: The certificate authority expires on" in doctor(cli, server)


@pytest.mark.parametrize(("ahead", "said"), [(AUTHORITY_LASTS + DAY, "expired on"), (-9 * DAY, "is valid only from")])
def test_an_authority_that_clients_refuse_is_unhealthy(
    server: Served, clock: Clock, cli: Cli, ahead: timedelta, said: str
) -> None:
    clock.ahead = ahead
    health = server.ask("GET", "/health")
    assert (health.status, health.json()["status"], health.json()["part"]) == (503, "unhealthy", "authority")
    assert f"The certificate authority {said}" in health.json()["reason"]
    assert "telemock ca create --force" in health.json()["reason"]  # it may be the clock of then that was wrong
    assert (seconds_left(server) < 0) == (ahead > timedelta())
    with pytest.raises(ssl.SSLError, match="internal error"):
        by_road(server, "tls")
    server.ask("GET", "/barrier")
    (row,) = server.connections()
    assert row["detail"].startswith(
        f"no_certificate: There is no certificate for it now. The certificate authority {said}"
    )
    told = doctor(cli, server)
    assert f"failed   health: The certificate authority {said}" in told
    assert "ok       database: " in told
    clock.ahead = timedelta()
    assert server.ask("GET", "/health").body == b'{"status": "healthy"}'


def doctor(cli: Cli, server: Served) -> str:
    return cli("doctor", "--url", server.url, "--ca-dir", server.db.parent / "ca").stdout
