"""Journeys of real clients through TLS: what each sends is what is kept, and who lacks trust is kept with the cause."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.corpus import PING_QUERY
from tests.journeys.serving import Row, Serving, serving, until
from tests.server.served import PING_BODY
from tests.server.wire import HANG_SECONDS

HOST = "cdn.cribl.io"
ADDRESS = "192.0.2.7"
URL = f"https://{HOST}/telemetry/index.html?{PING_QUERY}"
REQUEST = f"GET /telemetry/index.html?{PING_QUERY} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"

# Every one of them gets the proxy, the port and the certificate (which may be another one) in its environment.
NODE_BY_CONNECT = """
const http = require("http"), https = require("https");
const asking = http.request({ host: "127.0.0.1", port: process.env.PORT, method: "CONNECT", path: "cdn.cribl.io:443" });
asking.on("connect", (answer, socket) => {
  https.get(process.argv[1], { createConnection: (o) => require("tls").connect({ ...o, socket }) },
    (response) => response.pipe(process.stdout)).on("error", (error) => { throw error; });
});
asking.end();
"""
NODE_DIRECT = """
const { hostname, pathname, search } = new URL(process.argv[1]);
require("https").get({ host: "127.0.0.1", port: process.env.PORT, servername: hostname, path: pathname + search,
  headers: { Host: hostname } }, (response) => response.pipe(process.stdout));
"""
REQUESTS = "import requests, sys; sys.stdout.write(requests.get(sys.argv[1]).text)"
URLLIB = "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())"
AIOHTTP = """
import aiohttp, asyncio, sys
async def main():
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(sys.argv[1]) as response:
        sys.stdout.write(await response.text())
asyncio.run(main())
"""
# It trusts what stands in the NSS database of its home.
CHROMIUM = """
nss="sql:$HOME/.pki/nssdb"
mkdir -p "$HOME/.pki/nssdb"
certutil -d "$nss" -N --empty-password
certutil -d "$nss" -A -t C,, -n telemock -i "$SSL_CERT_FILE"
exec chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir="$HOME/chromium" \
  --proxy-server="$https_proxy" --dump-dom "$1"
"""
OPENSSL = ["openssl", "s_client", "-quiet", "-verify_return_error"]

Client = Callable[[int, Path], list[str]]

CLIENTS: Mapping[str, tuple[Client, str, str]] = {
    "curl": (lambda _port, ca: ["curl", "-sS", "--cacert", str(ca), URL], "connect", "unknown_ca"),
    "curl by name": (
        lambda port, ca: [
            *("curl", "-sS", "--noproxy", "*", "--cacert", str(ca)),
            *("--connect-to", f"{HOST}:443:127.0.0.1:{port}", URL),
        ],
        "tls",
        "unknown_ca",
    ),
    "Node": (lambda _port, _ca: ["node", "-e", NODE_BY_CONNECT, URL], "connect", "none"),
    "Node by name": (lambda _port, _ca: ["node", "-e", NODE_DIRECT, URL], "tls", "none"),
    "requests": (lambda _port, _ca: [sys.executable, "-c", REQUESTS, URL], "connect", "unknown_ca"),
    "urllib": (lambda _port, _ca: [sys.executable, "-c", URLLIB, URL], "connect", "unknown_ca"),
    "aiohttp": (lambda _port, _ca: [sys.executable, "-c", AIOHTTP, URL], "connect", "none"),
    "Chromium": (lambda _port, _ca: ["sh", "-e", "-c", CHROMIUM, "chromium", URL], "connect", "certificate_unknown"),
    "openssl": (
        lambda port, ca: [
            *(*OPENSSL, "-proxy", f"127.0.0.1:{port}", "-connect", f"{HOST}:443", "-CAfile", str(ca)),
            *("-servername", HOST, "-verify_hostname", HOST),
        ],
        "connect",
        "unknown_ca",
    ),
    "openssl without a name": (
        lambda port, ca: [
            *(*OPENSSL, "-connect", f"127.0.0.1:{port}", "-CAfile", str(ca)),
            *("-noservername", "-verify_hostname", HOST, "-verify_ip", "127.0.0.1"),
        ],
        "tls",
        "unknown_ca",
    ),
    "openssl to an address": (
        lambda port, ca: [
            *(*OPENSSL, "-proxy", f"127.0.0.1:{port}", "-connect", f"{ADDRESS}:443", "-CAfile", str(ca)),
            *("-verify_ip", ADDRESS),
        ],
        "connect",
        "unknown_ca",
    ),
}


@pytest.fixture(scope="module")
def telemock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("telemock"), "--intercept", ADDRESS) as server:
        yield server


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of another authority."""
    folder = tmp_path_factory.mktemp("stranger")
    subprocess.run([sys.executable, "-m", "telemock", "ca", "create", "--ca-dir", str(folder)], check=True)
    return folder / "public" / "telemock-ca-cert.pem"


def run(server: Serving, client: Client, certificate: Path, home: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a client that trusts one authority; the proxy and a new home stand in its environment."""
    proxy = f"http://127.0.0.1:{server.port}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PORT": str(server.port),
        "https_proxy": proxy,
        "HTTPS_PROXY": proxy,
        "NODE_EXTRA_CA_CERTS": str(certificate),
        "REQUESTS_CA_BUNDLE": str(certificate),
        "SSL_CERT_FILE": str(certificate),
    }
    return subprocess.run(
        client(server.port, certificate),
        input=REQUEST.encode(),
        capture_output=True,
        timeout=HANG_SECONDS,
        env=environment,
        check=False,
    )


@pytest.mark.parametrize(("client", "via"), [(client, via) for client, via, _ in CLIENTS.values()], ids=CLIENTS)
def test_what_a_client_sends_is_what_is_kept(telemock: Serving, client: Client, via: str, tmp_path: Path) -> None:
    last = telemock.last_id("exchanges")
    done = run(telemock, client, telemock.certificate, tmp_path)
    assert PING_BODY in done.stdout, done.stderr.decode()
    # Chromium also wants an icon.
    (row,) = [each for each in telemock.rows("exchanges", last) if each["path"] != "/favicon.ico"]
    assert {name: row[name] for name in ("method", "scheme", "host", "path", "query", "via", "status", "outcome")} == {
        "method": "GET",
        "scheme": "https",
        "host": HOST,
        "path": "/telemetry/index.html",
        "query": PING_QUERY,
        "via": via,
        "status": 200,
        "outcome": "mock",
    }
    assert (len(json.loads(row["params"])), row["problems"]) == (47, None)


@pytest.mark.parametrize(("client", "alert"), [(client, alert) for client, _, alert in CLIENTS.values()], ids=CLIENTS)
def test_a_client_that_does_not_trust_is_kept_with_the_cause(
    telemock: Serving, client: Client, alert: str, stranger: Path, tmp_path: Path
) -> None:
    last, before = telemock.last_id("connections"), telemock.last_id("exchanges")
    done = run(telemock, client, stranger, tmp_path)
    assert PING_BODY not in done.stdout
    until(lambda: refused(telemock, last))
    # Chromium tries it twice, and has more to say to others, who are not intercepted.
    for row in refused(telemock, last):
        assert row["client"] == "127.0.0.1"
        assert row["detail"].startswith(f"{alert}: The client ")
    assert telemock.rows("exchanges", before) == []


def refused(server: Serving, last: int) -> list[Row]:
    """Give the handshakes that came to nothing."""
    return [row for row in server.rows("connections", last) if row["kind"] == "tls_refused"]
