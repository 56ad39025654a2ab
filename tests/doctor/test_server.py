import base64
import sqlite3
from contextlib import closing
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import bcrypt
import pytest

from tests.doctor.conftest import ADDRESS, HOST, Examine, verdicts
from tests.doctor.strangers import answering, http, nobody, silent
from tests.journeys.serving import starting
from tests.server.served import Served

SERVER_CHECKS = ("port", "telemock", "database", "clock", "proxy", "tls-proxy", "tls-direct")
NO_TELEMOCK = ["ok", "failed", *["skipped"] * 5]
HEALTHY = b'{"status": "healthy"}'
AWAY = http("502 Bad Gateway", b'{"error": "It is away."}')


def test_a_running_telemock_is_found_healthy(examine: Examine) -> None:
    assert verdicts(examine(), *SERVER_CHECKS) == ["ok"] * 7


@pytest.mark.parametrize("host", [HOST, ADDRESS, "other.test"])
def test_nothing_of_the_visit_is_captured(examine: Examine, server: Served, host: str) -> None:
    examine() if host == HOST else examine(host)
    server.malformed()
    assert [row["path"] for row in server.exchanges()] == ["/barrier"]
    kinds = [row["kind"] for row in server.connections()]
    assert kinds == (["blocked"] if host == "other.test" else [])


def test_where_nobody_listens_all_that_needs_somebody_is_skipped(examine: Examine) -> None:
    url = nobody()
    found = examine("--url", url)
    assert verdicts(found, *SERVER_CHECKS) == ["failed", *["skipped"] * 6]
    assert verdicts(found, "authority", "https_proxy") == ["ok", "ok"]
    assert found["port"]["said"] == f"Nobody takes connections at {url[7:]}: Connection refused."
    assert "telemock serve" in found["port"]["next_step"]
    assert "port" in found["telemock"]["said"]


@pytest.mark.parametrize("name", ["no such name", "a..b", "x" * 64])
def test_a_name_that_is_none_is_a_failure(examine: Examine, name: str) -> None:
    found = examine("--url", f"http://{name.replace(' ', '')}.invalid:8080")
    assert "leads nowhere" in found["port"]["said"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "what it says begins with b'SSH-2.0-OpenSSH_9.2"),
        (b"\x16\x03\x01\x02\x00", "what it says begins with"),
        (b"", "it says nothing and closes"),
        (b"HTTP/1.1 200 OK\r\n", "it ends after"),
        (b"HTTP/1.1 99 No\r\n\r\n", "what it says begins with"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000, "its head has no end"),
        (http("200 OK", b"<html>"), "it answers with status 200, and not as telemock does"),
        (http("200 OK", b"[" * 50_000), "it answers with status 200"),
        (http("503 No", b'{"status": ["unhealthy"]}'), "it answers with status 503"),
        (b"HTTP/1.0 302 \r\nContent-Length: x\r\n:\r\n\r\n\xff", "it answers with status 302"),
    ],
)
def test_another_program_is_no_telemock(examine: Examine, answer: bytes, said: str) -> None:
    with answering(lambda _: answer) as url:
        found = examine("--url", url)
    assert verdicts(found, *SERVER_CHECKS) == NO_TELEMOCK
    assert said in found["telemock"]["said"]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing to standard error."""


def test_a_web_server_is_no_telemock(examine: Examine) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as other:
        thread = Thread(target=other.serve_forever, args=(0.01,))
        thread.start()
        found = examine("--url", f"http://127.0.0.1:{other.server_port}")
        other.shutdown()
        thread.join()
    assert verdicts(found, *SERVER_CHECKS) == NO_TELEMOCK
    assert "status 404" in found["telemock"]["said"]


def test_one_that_never_answers_is_waited_for_so_long(examine: Examine) -> None:
    with silent() as url:
        found = examine("--url", url, "--timeout", "0.05")
    assert verdicts(found, *SERVER_CHECKS) == NO_TELEMOCK
    assert found["telemock"]["said"].endswith("no answer within 0.05 s.")


def test_a_database_that_takes_nothing_is_said_with_the_servers_own_words(examine: Examine, server: Served) -> None:
    with closing(sqlite3.connect(server.db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        reason = server.ask("GET", "/health").json()["reason"]
        found = examine()
        other.execute("ROLLBACK")
    assert verdicts(found, *SERVER_CHECKS) == ["ok", "ok", "failed", "ok", "ok", "ok", "ok"]
    assert reason in found["database"]["said"]


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("Date: Mon, 01 Jan 2001 00:00:00 GMT", "behind this machine's"),
        ("Date: Mon, 01 Jan 2091 00:00:00 -0000", "ahead of this machine's"),
        ("Date: the first of May", "does not tell the time"),
        ("X: y", "does not tell the time"),
    ],
)
def test_clocks_that_differ_are_a_warning(examine: Examine, date: str, said: str) -> None:
    with answering(lambda _: http("200 OK", HEALTHY, date)) as url:
        found = examine("--url", url)["clock"]
    assert (found["verdict"], said in found["said"]) == ("warning", True)


def test_a_host_that_is_not_intercepted_has_to_be(examine: Examine) -> None:
    found = examine("other.test")
    assert verdicts(found, "proxy", "tls-proxy", "tls-direct") == ["failed", "skipped", "ok"]
    assert found["proxy"]["next_step"] == "Start `telemock serve` with --intercept other.test."


@pytest.mark.parametrize("answer", [b"", b"garbage", AWAY, http("407 No")])
def test_a_proxy_that_says_something_else_is_a_failure(examine: Examine, answer: bytes) -> None:
    with answering(lambda asked: answer if asked.startswith(b"CONNECT") else http("200 OK", HEALTHY)) as url:
        found = examine("--url", url, "--timeout", "0.5")
    assert verdicts(found, "telemock", "proxy", "tls-proxy") == ["ok", "failed", "skipped"]
    assert ("It is away." in found["proxy"]["said"]) == (b"away" in answer)


def test_the_password_of_the_proxy_is_taken_from_the_url_and_never_shown(examine: Examine, tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_bytes(b"ann:" + bcrypt.hashpw(b"p ss/w", bcrypt.gensalt(4)) + b"\n")
    with starting(tmp_path, "--proxy-auth-file", str(users), "--intercept", HOST) as serving:
        serving.wait_until_ready()
        plain = f"127.0.0.1:{serving.port}"
        ca = str(tmp_path / "ca")
        without, wrong, right = (
            examine(TELEMOCK_URL=f"http://{user}{plain}", TELEMOCK_CA_DIR=ca, https_proxy=f"http://{user}{plain}")
            for user in ("", "ann:wrong@", "ann:p%20ss%2Fw@")
        )
        poor = examine(TELEMOCK_URL=f"http://ann:p%20ss%2Fw@{plain}", TELEMOCK_CA_DIR=ca, https_proxy=plain)
    assert verdicts(without, "proxy", "tls-proxy", "tls-direct") == ["failed", "skipped", "ok"]
    assert "wants a user and a password" in without["proxy"]["said"]
    assert verdicts(wrong, "proxy") == ["failed"]
    assert "does not take the user" in wrong["proxy"]["said"]
    assert verdicts(right, "proxy", "tls-proxy", "https_proxy") == ["ok", "ok", "ok"]
    assert verdicts(poor, "proxy", "https_proxy") == ["ok", "warning"]
    shown = str([without, wrong, right, poor])
    secrets = ("wrong@", "p%20ss", "p ss/w", base64.b64encode(b"ann:p ss/w").decode())
    assert not [secret for secret in secrets if secret in shown]
