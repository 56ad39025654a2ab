"""These are the promises of the gate: who speaks as the product never reaches the admin side."""

import socket
from pathlib import Path

import pytest

from telemock.errors import InvalidSetting
from telemock.means import read_means
from telemock.settings import ServeSettings
from tests.server.secure import trusting
from tests.server.served import Served, served
from tests.server.wire import request_bytes

PRODUCT_HOSTS = [
    "cdn.cribl.io",
    "cdn.cribl.io:80",
    "cdn.cribl.io:8080",
    "CDN.Cribl.IO",
    "cdn.cribl.io.",
    "CDN.CRIBL.IO.:8080",
    " cdn.cribl.io\t",
]
# What a server that reads less strictly takes for the product.
ALMOST_HOSTS = [
    "user@cdn.cribl.io",
    "cdn.cribl.io/path",
    "cdn.cribl.io:80:80",
    "cdn.cribl.io, a.test",
    "cdn.cribl.io\\",
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


@pytest.mark.parametrize("host", ALMOST_HOSTS)
@pytest.mark.parametrize("target", ["/health", "/metrics"])
def test_what_is_no_host_never_reaches_the_admin_side(server: Served, target: str, host: str) -> None:
    answer = server.ask("GET", target, host=host)
    assert answer.status == 400
    assert answer.body.startswith(b"The Host field names ")
    assert server.exchanges() == []


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


OWN_HOSTS = [
    *(
        "telemock.test",
        "TELEMOCK.test.:8080",
        "localhost",
        "localhost:8080",
        "127.0.0.1:8080",
        "[::1]:8080",
        "192.0.2.1",
    ),
    *("", socket.gethostname(), f"{socket.gethostname()}:8080"),
]


@pytest.mark.parametrize("host", OWN_HOSTS)
@pytest.mark.parametrize("target", ["/health", "/health?x=1"])
def test_who_asks_telemock_by_a_name_of_its_own_does_and_is_not_captured(
    server: Served, target: str, host: str
) -> None:
    answer = server.ask("GET", target, host=host)
    assert (answer.status, answer.body) == (200, HEALTHY)
    assert answer.header("Content-Type") == "application/json"
    assert server.exchanges() == []


# A page of any of these hosts may have led its browser here: to the page it would be the page's own server.
FOREIGN_HOSTS = [
    *(
        "evil.example",
        "evil.example:8080",
        "cribl.io",
        "xcdn.cribl.io",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
    ),
    *("a,localhost", "localhost%00", "x", "telemock.test.evil.example", "0x7f000001.example", "cdn.cribl.io\\"),
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("target", ["/health", "/metrics", "/__admin/ca.pem", "/__admin"])
def test_who_asks_by_another_name_is_told_the_option_and_not_captured(server: Served, target: str, host: str) -> None:
    answer = server.ask("GET", target, host=host)
    if answer.status == 400:  # some are no hosts at all
        return
    assert answer.status == 421
    assert "--admin-host" in answer.json()["error"]
    assert HEALTHY not in answer.body
    assert server.exchanges() == []


@pytest.mark.parametrize(
    "host", ["cdn.cribl.io%2e", "cdn%2Ecribl.io", "cdn。cribl。io", "\uff23\uff24\uff2e.cribl.io", "CDN.CRIBL.IO%2E:80"]
)
@pytest.mark.parametrize("target", ["/health", "/metrics", "/__admin/ca.pem"])
def test_an_odd_spelling_of_a_products_host_does_not_either(server: Served, target: str, host: str) -> None:
    answer = server.ask("GET", target, host=host)
    assert answer.status in (400, 404)
    assert HEALTHY not in answer.body
    assert b"telemock_" not in answer.body


@pytest.mark.parametrize(("name", "status"), [("telemock.test", 200), ("localhost", 200), ("evil.example", 421)])
def test_what_tls_named_has_to_be_a_name_of_its_own_as_well(server: Served, name: str, status: int) -> None:
    with server.connect() as wire:
        wire.secure(trusting(server), name)
        wire.send(request_bytes("GET", "/health", host="127.0.0.1"))
        assert wire.answer().status == status


def test_where_every_host_is_intercepted_telemock_has_its_own_names_still(tmp_path: Path) -> None:
    with served(tmp_path, intercept=("*",)) as everything:
        for host in OWN_HOSTS:
            assert everything.ask("GET", "/health", host=host).body == HEALTHY
        assert everything.exchanges() == []
        assert_is_traffic(everything, "GET", "/health", "evil.example")


@pytest.mark.parametrize("host", ["cdn.cribl.io", "a.example.com"])
def test_a_host_that_is_intercepted_is_no_name_of_its_own(tmp_path: Path, host: str) -> None:
    settings = ServeSettings(ca_dir=tmp_path / "ca", intercept=("*", "*.example.com"), admin_host=(host,))
    with pytest.raises(InvalidSetting, match=f"--admin-host {host} is intercepted"):
        read_means(settings)


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
