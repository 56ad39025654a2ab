"""This is TLS for tests: connections to telemock by every road there is, trusting its authority or not.

It refuses to guess a name: who connects says which.
"""

import ssl

from tests.server.served import Served
from tests.server.wire import Wire, request_bytes


def trusting(server: Served, *, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Trust the authority of a served telemock, and no other."""
    context = ssl.create_default_context(cafile=server.db.parent / "ca" / "public" / "telemock-ca-cert.pem")
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def tunnelled(server: Served, authority: str) -> Wire:
    """Ask for a tunnel, and give it; the caller closes it."""
    wire = server.connect()
    wire.send(request_bytes("CONNECT", authority, host=authority))
    answer = wire.answer(body=False)
    assert (answer.status, answer.raw_head.split(b" ", 2)[2]) == (200, b"Connection established\r\n")
    return wire


def by_road(server: Served, road: str, host: str = "cdn.cribl.io") -> Wire:
    """Connect by a road that `ROADS` names; the caller closes the connection."""
    wire = tunnelled(server, f"{host}:443") if road.startswith("connect") else server.connect()
    if road in ("tls", "connect"):
        wire.secure(trusting(server), host)
    return wire


# name of a road: via and scheme that are kept of it
ROADS = {
    "direct": ("direct", "http"),
    "tls": ("tls", "https"),
    "connect": ("connect", "https"),
    "connect without TLS": ("connect", "http"),
    "proxy": ("proxy", "http"),
}


def target_of(road: str, path: str, host: str = "cdn.cribl.io") -> str:
    """Write a request target as a client does on a road."""
    return f"http://{host}{path}" if road == "proxy" else path
