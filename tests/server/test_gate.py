"""These are the promises of the gate: who speaks as the product never reaches the admin side."""

import pytest

from tests.server.served import Served

PRODUCT_HOSTS = [
    "cdn.cribl.io",
    "cdn.cribl.io:80",
    "cdn.cribl.io:8080",
    "CDN.Cribl.IO",
    "cdn.cribl.io.",
    "CDN.CRIBL.IO.:8080",
    "user@cdn.cribl.io",
    " cdn.cribl.io\t",
    "cdn.cribl.io/path",
]
ADMIN_TARGETS = ["/health", "/health?x=1", "/metrics", "/__admin", "/__admin/", "/__admin/exchanges", "/__admin?x"]
# Other spellings, which a server that tidies paths up would take for the same.
SPELLINGS = ["/%68ealth", "/health%2F", "//health", "/./health", "/telemetry/../health", "/%5F_admin/", "/health#x"]
HEALTHY = b'{"status": "healthy"}'


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("host", PRODUCT_HOSTS)
@pytest.mark.parametrize("target", ADMIN_TARGETS)
def test_the_product_never_reaches_the_admin_side(server: Served, target: str, host: str, method: str) -> None:
    assert_is_traffic(server, method, target, host)


@pytest.mark.parametrize("host", ["cdn.cribl.io", "telemock.test"])
@pytest.mark.parametrize("target", SPELLINGS)
def test_another_spelling_of_an_admin_path_is_traffic(server: Served, target: str, host: str) -> None:
    assert_is_traffic(server, "GET", target, host)


@pytest.mark.parametrize("host", ["telemock.test", "cdn.cribl.io"])
@pytest.mark.parametrize("authority", ["cdn.cribl.io", "CDN.cribl.io.:80", "other.test"])
@pytest.mark.parametrize("target", ADMIN_TARGETS)
def test_what_is_asked_of_a_proxy_is_traffic(server: Served, target: str, authority: str, host: str) -> None:
    assert_is_traffic(server, "GET", f"http://{authority}{target}", host)


@pytest.mark.parametrize("host", ["telemock.test", "cdn.cribl.io"])
@pytest.mark.parametrize("authority", ["telemock.test", "127.0.0.1:8080", "localhost"])
@pytest.mark.parametrize("target", ADMIN_TARGETS)
def test_a_proxy_does_not_lead_to_the_admin_side(server: Served, target: str, authority: str, host: str) -> None:
    answer = server.ask("GET", f"http://{authority}{target}", host=host)
    assert answer.status == 403
    assert HEALTHY not in answer.body
    assert server.exchanges() == []


def assert_is_traffic(server: Served, method: str, target: str, host: str) -> None:
    answer = server.ask(method, target, host=host)
    exchange = server.exchange()
    assert (answer.status, exchange["status"], exchange["outcome"]) == (404, 404, "unmatched")
    assert HEALTHY not in answer.body
    assert b"telemock_" not in answer.body


@pytest.mark.parametrize("host", ["telemock.test", "127.0.0.1:8080", "[::1]:8080", "", "cribl.io", "xcdn.cribl.io"])
@pytest.mark.parametrize("target", ["/health", "/health?x=1"])
def test_everybody_else_does_and_is_not_captured(server: Served, target: str, host: str) -> None:
    answer = server.ask("GET", target, host=host)
    assert (answer.status, answer.body) == (200, HEALTHY)
    assert answer.header("Content-Type") == "application/json"
    assert server.exchanges() == []


def test_metrics_are_shown_and_not_captured(server: Served) -> None:
    answer = server.ask("GET", "/metrics")
    assert answer.status == 200
    assert b"\ntelemock_build_info{" in answer.body
    assert server.exchanges() == []


def test_a_client_too_old_for_host_reaches_the_admin_side(server: Served) -> None:
    assert server.say(b"GET /health HTTP/1.0\r\n\r\n").body == HEALTHY


def test_head_of_health_has_the_head_alone(server: Served) -> None:
    with server.connect() as wire:
        wire.send(b"HEAD /health HTTP/1.1\r\nHost: telemock.test\r\nConnection: close\r\n\r\n")
        answer = wire.answer(body=False)
        assert wire.rest() == b""
    assert (answer.status, answer.header("Content-Length")) == (200, str(len(HEALTHY)))
    assert server.exchanges() == []


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        *[(method, "/health", "GET, HEAD") for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")],
        *[(method, "/metrics", "GET") for method in ("HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")],
    ],
)
def test_another_method_on_the_admin_side_gets_405_and_is_not_captured(
    server: Served, method: str, target: str, allowed: str
) -> None:
    answer = server.ask(method, target)
    assert (answer.status, answer.header("Allow")) == (405, allowed)
    assert server.exchanges() == []


@pytest.mark.parametrize("target", ["/__admin", "/__admin/", "/__admin/exchanges", "/__admin/../metrics"])
def test_an_unknown_admin_path_gets_404_and_is_not_captured(server: Served, target: str) -> None:
    answer = server.ask("GET", target)
    assert answer.status == 404
    assert answer.json()["answers"] == ["/health", "/metrics", "/__admin/ca.pem", "/__admin/ca.cer"]
    assert target.partition("/..")[0] in answer.json()["error"]
    assert server.exchanges() == []


@pytest.mark.parametrize("target", ["/health/", "/healthy", "/metrics/x", "/__administrator", "/__ADMIN", "/HEALTH"])
def test_what_only_begins_like_an_admin_path_is_traffic(server: Served, target: str) -> None:
    assert_is_traffic(server, "GET", target, "telemock.test")


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("target", ["/health", "/metrics", "/__admin/x"])
def test_no_page_may_read_the_admin_side(server: Served, target: str, method: str) -> None:
    headers: list[tuple[str, str | bytes]] = [
        ("Origin", "http://page.test"),
        ("Access-Control-Request-Method", "GET"),
    ]
    answer = server.ask(method, target, headers)
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
