import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from tests.cli.process import run
from tests.conftest import Cli


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one request with fixed bytes; give the URL, and what was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_once() -> None:
            client, _ = server.accept()
            with client:
                asked.append(client.recv(65536))
                client.sendall(answer)

        thread = Thread(target=answer_once)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        thread.join()


def http(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


HEALTHY = http("200 OK", b'{"status": "healthy"}')


@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_healthy_server_is_asked_once_at_health(cli: Cli, suffix: str) -> None:
    with answering(HEALTHY) as (url, asked):
        done = cli("health", "--url", url + suffix)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "healthy\n", "")
    assert asked[0].startswith(b"GET /health HTTP/1.1\r\n")


def test_no_proxy_is_asked() -> None:
    nowhere = "http://127.0.0.1:9"
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"), nowhere)
    with answering(HEALTHY) as (url, _):
        assert run("health", environment={**proxies, "TELEMOCK_URL": url}).returncode == 0


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (
            http("503 Service Unavailable", b'{"status": "unhealthy", "reason": "The disk is full."}'),
            "telemock at {url} is not healthy (status 503): The disk is full.",
        ),
        (http("503 Service Unavailable", b"[]"), "telemock at {url} is not healthy (status 503): no reason given."),
        (http("404 Not Found", b"\xff"), "telemock at {url} is not healthy (status 404): no reason given."),
        (http("302 Found", b""), "telemock at {url} is not healthy (status 302): no reason given."),
        (http("200 OK", b"<html>"), "What answers at {url} is not telemock; name the right one with --url."),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "What answers at {url} does not speak HTTP (BadStatusLine)."),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "What answers at {url} is not telemock; name"),
        (
            http("503 No", b'{"reason": "\\u001b[31mred"}'),
            "telemock at {url} is not healthy (status 503): \\x1b[31mred.",
        ),
    ],
)
def test_anything_else_is_a_sentence_and_exit_1(cli: Cli, answer: bytes, complaint: str) -> None:
    with answering(answer) as (url, _):
        done = cli("health", "--url", url)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: " + complaint.format(url=url))
    assert done.stderr.count("\n") == 1


def test_nobody_there_is_a_sentence(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    done = cli("health", "--url", url)
    assert (done.exit_code, done.stderr) == (1, f"Error: telemock at {url} cannot be reached: Connection refused.\n")


def test_a_password_in_the_url_is_not_shown(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        plain = f"127.0.0.1:{server.getsockname()[1]}"
    done = cli("health", TELEMOCK_URL=f"http://ann:p@ss@{plain}")
    assert done.stderr == f"Error: telemock at http://{plain} cannot be reached: Connection refused.\n"


def test_silence_is_a_sentence(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        done = cli("health", "--url", url, "--timeout", "0.05")
    assert (done.exit_code, done.stderr) == (1, f"Error: telemock at {url} did not answer within 0.05 s.\n")


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://:8080", "http://a:b", "http://[::1", "http://a/\n"],
)
def test_what_is_no_url_is_a_usage_error(cli: Cli, url: str) -> None:
    done = cli("health", "--url", url)
    assert done.exit_code == 2
    assert "is not a URL to ask; write it like http://127.0.0.1:8080." in done.stderr
