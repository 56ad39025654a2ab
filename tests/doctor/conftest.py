"""This is the doctor for tests: a server to look at, an environment without wishes, and findings by name."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.server.served import Served, served

Finding = dict[str, str]
Examine = Callable[..., dict[str, Finding]]

HOST = "localhost"  # no test shall ask a resolver that may take its time
ADDRESS = "2001:db8::1"

_WISHES = (
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("AWS_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "DENO_CERT", "TELEMOCK_URL", "TELEMOCK_CA_DIR"),
)


@pytest.fixture(autouse=True)
def _no_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _WISHES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One telemock for the tests of a module; it lets nobody through."""
    with served(tmp_path_factory.mktemp("served"), intercept=(HOST, ADDRESS), others="block") as server:
        yield server


@pytest.fixture
def certificate(server: Served) -> Path:
    """What clients of the served telemock are to trust."""
    return server.db.parent / "ca" / "public" / "telemock-ca-cert.pem"


@pytest.fixture
def examine(cli: Cli, server: Served) -> Examine:
    """Let the doctor look at the served telemock, or as arguments say; keywords are environment variables.

    The exit code must fit, and a next step be there exactly where there is something to do.
    """

    def run(*arguments: object, **environment: str) -> dict[str, Finding]:
        usual: tuple[object, ...] = ("--host",) if arguments[:1] in ((ADDRESS,), ("other.test",)) else ("--host", HOST)
        variables = {"TELEMOCK_URL": server.url, "TELEMOCK_CA_DIR": str(server.db.parent / "ca"), **environment}
        done = cli("doctor", *usual, *arguments, "--format", "json", **variables)
        assert (done.stderr, done.exit_code in (0, 1)) == ("", True), done.output
        findings: list[Finding] = json.loads(done.stdout)
        verdicts = {finding["verdict"] for finding in findings}
        assert done.exit_code == (1 if "failed" in verdicts else 0)
        assert all(bool(each["next_step"]) == (each["verdict"] in ("warning", "failed")) for each in findings)
        assert all(each["said"].endswith(".") for each in findings)
        return {finding["name"]: finding for finding in findings}

    return run


def verdicts(findings: dict[str, Finding], *names: str) -> list[str]:
    """Give the verdicts of some findings, in this order."""
    return [findings[name]["verdict"] for name in names]
