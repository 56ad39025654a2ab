"""The admin side answers those who run telemock, exactly and without leaving a trace in the captures."""

import sqlite3
import ssl
from contextlib import closing

import pytest

from tests.server.served import Served
from tests.server.wire import request_bytes


@pytest.mark.parametrize("target", ["/health", "/health?", "/health?verbose=1"])
def test_a_healthy_server_says_so_in_exactly_these_bytes(server: Served, target: str) -> None:
    answer = server.ask("GET", target)
    assert answer.status == 200
    assert answer.body == b'{"status": "healthy"}'
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("Content-Length") == "21"


def test_head_of_health_has_the_headers_of_get_and_no_body(server: Served) -> None:
    get = server.ask("GET", "/health")
    with server.connect() as wire:
        wire.send(request_bytes("HEAD", "/health", [("Connection", "close")]))
        head = wire.answer(body=False)
        assert wire.rest() == b""
    assert head.status == 200
    for name in ("Content-Type", "Content-Length"):
        assert head.header(name) == get.header(name)


def test_metrics_are_prometheus_text(server: Served) -> None:
    answer = server.ask("GET", "/metrics")
    assert answer.status == 200
    assert (answer.header("Content-Type") or "").startswith("text/plain; version=")
    assert answer.header("Content-Length") == str(len(answer.body))
    assert answer.body.endswith(b"\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE"])
@pytest.mark.parametrize(("path", "allowed"), [("/health", "GET, HEAD"), ("/metrics", "GET")])
def test_another_method_is_told_which_are_allowed(server: Served, method: str, path: str, allowed: str) -> None:
    answer = server.ask(method, path, body=b"{}")
    assert answer.status == 405
    assert answer.header("Allow") == allowed
    assert answer.json()["error"].startswith(f"{method} is not allowed here")


def test_head_of_metrics_is_not_allowed(server: Served) -> None:
    answer = server.ask("HEAD", "/metrics")
    assert (answer.status, answer.header("Allow")) == (405, "GET")


@pytest.mark.parametrize("target", ["/__admin", "/__admin/", "/__admin/anything?x=1"])
def test_what_the_admin_side_has_not_is_said_with_what_it_has(server: Served, target: str) -> None:
    answer = server.ask("GET", target)
    assert answer.status == 404
    assert answer.json() == {
        "error": f"The admin side has no {target.partition('?')[0]}.",
        "answers": ["/health", "/metrics", "/__admin/ca.pem", "/__admin/ca.cer"],
    }


def test_no_admin_request_is_captured(server: Served) -> None:
    for method in ("GET", "HEAD", "POST"):
        for path in ("/health", "/metrics", "/__admin/x"):
            server.ask(method, path)
    assert server.ask("GET", "/captured").status == 404
    assert server.exchange()["path"] == "/captured"


@pytest.mark.parametrize("path", ["/health", "/metrics", "/__admin"])
def test_the_product_never_reaches_the_admin_side(server: Served, path: str) -> None:
    assert server.ask("GET", path, host="cdn.cribl.io").status == 404
    assert server.exchange()["outcome"] == "unmatched"


def test_no_answer_lets_other_origins_read_it(server: Served) -> None:
    for path in ("/health", "/metrics", "/__admin"):
        answer = server.ask("GET", path, [("Origin", "http://evil.test")])
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]


def test_a_store_that_cannot_be_written_is_unhealthy_with_a_reason_until_it_can(server: Served) -> None:
    with closing(sqlite3.connect(server.db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = server.ask("GET", "/health")
        head = server.ask("HEAD", "/health")
        other.execute("ROLLBACK")
    assert (answer.status, head.status) == (503, 503)
    assert answer.header("Content-Type") == "application/json"
    assert answer.json()["status"] == "unhealthy"
    assert answer.json()["reason"].endswith(".")
    assert server.ask("GET", "/health").body == b'{"status": "healthy"}'


def test_the_public_certificate_is_served_in_both_forms(server: Served) -> None:
    folder = server.db.parent / "ca" / "public"
    pem, der = (server.ask("GET", f"/__admin/ca.{form}") for form in ("pem", "cer"))
    assert (pem.header("Content-Type"), pem.body) == (
        "application/x-pem-file",
        (folder / "telemock-ca-cert.pem").read_bytes(),
    )
    assert (der.header("Content-Type"), der.body) == (
        "application/pkix-cert",
        ssl.PEM_cert_to_DER_cert(pem.body.decode()),
    )
    assert b"PRIVATE" not in pem.body + der.body
    assert server.exchanges() == []
