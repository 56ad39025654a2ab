"""Guessing the proxy's password gets slower and slower, and nobody else waits for it."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http import HTTPStatus
from pathlib import Path

import bcrypt
import pytest

from tests.journeys.serving import until
from tests.server.secure import by_road
from tests.server.served import Served, ended, served
from tests.server.test_credentials import ask, basic
from tests.server.wire import Wire, request_bytes

HOST = "cdn.cribl.io:80"
MANY = 60  # guesses; to try them all would take a client most of a minute


@pytest.fixture(params=["plain", "bcrypt"])
def passwords(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of users, whose password is `right`."""
    kept = b"right" if request.param == "plain" else bcrypt.hashpw(b"right", bcrypt.gensalt(4))
    path = tmp_path / "passwords"
    path.write_bytes(b"lab:" + kept + b"\nother:" + kept + b"\n")
    return path


@pytest.fixture
def server(tmp_path: Path, passwords: Path) -> Iterator[Served]:
    with served(tmp_path, others="block", proxy_auth_file=passwords) as server:
        yield server


@pytest.mark.parametrize("form", ["CONNECT", "GET"])
def test_a_client_that_guesses_has_to_wait_and_who_was_right_before_does_not(server: Served, form: str) -> None:
    assert ask(server, form, HOST, basic("lab:right")).status == 200
    answers = [ask(server, form, HOST, basic(f"lab:{number}")) for number in range(MANY)]
    assert {answer.status for answer in answers} == {407, 429}
    for answer in answers:
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            assert answer.header("Retry-After") == "1"
            assert answer.json()["error"] == "Too many wrong passwords came from 127.0.0.1; try again in 1 s."
    assert ask(server, form, HOST, basic("lab:right")).status == 200
    until(lambda: ask(server, form, HOST, basic("other:right")).status == 200)  # a new one, as soon as it may be tried


def test_what_was_wrong_once_is_so_again_and_is_no_guess(server: Served) -> None:
    answers = [ask(server, "CONNECT", HOST, basic("lab:wrong")).status for _ in range(MANY)]
    assert answers == [407] * MANY


def test_guesses_leave_rows_only_while_they_are_tried(server: Served) -> None:
    statuses = [ask(server, "CONNECT", HOST, basic(f"lab:{number}")).status for number in range(MANY)]
    tried, waited = statuses.count(407), statuses.count(429)
    told = [row["detail"].partition(";")[0] for row in ended(server, tried + 1)]
    assert told.count("Wrong user or password.") == tried
    assert 1 <= told.count("Too many wrong passwords came from 127.0.0.1") < waited


def test_a_changed_file_counts_at_once(server: Served, passwords: Path) -> None:
    old, new = basic("lab:right"), basic("lab:newer")
    assert (ask(server, "CONNECT", HOST, old).status, ask(server, "CONNECT", HOST, new).status) == (200, 407)
    passwords.write_text("lab:newer\n")
    assert (ask(server, "CONNECT", HOST, old).status, ask(server, "CONNECT", HOST, new).status) == (407, 200)


@pytest.mark.parametrize("content", ["", "nobody\n", None])
def test_a_file_that_cannot_be_meant_changes_nothing_and_is_told(
    server: Served, passwords: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    if content is None:
        passwords.unlink()
    else:
        passwords.write_text(content)
    for _ in range(3):
        assert ask(server, "CONNECT", HOST, basic("lab:right")).status == 200
    (line,) = [record.getMessage() for record in caplog.records if record.name == "telemock.server.credentials"]
    assert str(passwords) in line
    assert line.endswith("The passwords before it stay in force.")


def test_no_handshake_waits_for_passwords_that_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    path.write_bytes(b"lab:" + bcrypt.hashpw(b"right", bcrypt.gensalt(14)))  # about a second each
    with served(tmp_path, intercept=("new.example.com",), proxy_auth_file=path) as server, ExitStack() as stack:
        guessing = [stack.enter_context(server.connect()) for _ in range(9)]
        for number, wire in enumerate(guessing):
            field = basic(f"lab:{number}")
            wire.send(request_bytes("CONNECT", HOST, [("Proxy-Authorization", field)], host=HOST))
        server.settle()
        with closing(by_road(server, "tls", "new.example.com")) as wire:
            assert isinstance(wire.socket, ssl.SSLSocket)
        assert sum(map(is_answered, guessing)) < 2


def is_answered(wire: Wire) -> bool:
    wire.socket.settimeout(0)
    try:
        return bool(wire.socket.recv(1))
    except BlockingIOError:
        return False
