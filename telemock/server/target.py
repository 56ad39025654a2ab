"""This is what a request line and a Host field mean: scheme, host and path, exactly as received.

It refuses to decode: the path stays percent-encoded.
"""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from telemock.exchange import Via
from telemock.hosts import DEFAULT_PORTS, authority_port, plain_host


class Arrival(NamedTuple):
    """How a connection came: the road, the scheme of what it says, and the host it named below HTTP, "" if none.

    That host is the SNI name of TLS (RFC 6066 section 3), or the one a CONNECT asked for; only CONNECT names a port.
    """

    via: Literal["direct", "tls", "connect"]
    scheme: str
    host: str
    port: int | None = None


DIRECT: Final = Arrival("direct", "http", "")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request wants to go (RFC 9112 section 3.2).

    Attributes:
        scheme: in lower case.
        host: as `telemock.hosts.plain_host` writes it, without port; "" when unknown.
        path: as received; what stands in its place where there is none.
        via: the road it came by.
        port: None when unknown.
    """

    scheme: str
    host: str
    path: str
    via: Via
    port: int | None


def read_target(raw: str, host_field: str, arrival: Arrival = DIRECT) -> Target:
    """Read a request target in origin, absolute, authority or asterisk form; never fails.

    Args:
        raw: the target as received, up to its query.
        host_field: value of the Host field, "" when there is none; absolute and authority form override it.
        arrival: how its connection came; names the host where the request does not.
    """
    if raw.startswith("/") or "://" not in raw:
        if raw[:1] not in ("/", "*", "") and (host := host_name(raw)):
            return Target(arrival.scheme, host, raw, arrival.via, authority_port(raw, None))
        host = host_name(host_field)
        if not host:
            return Target(arrival.scheme, arrival.host, raw, arrival.via, arrival.port)
        port = authority_port(host_field, arrival.port or DEFAULT_PORTS.get(arrival.scheme))
        return Target(arrival.scheme, host, raw, arrival.via, port)
    scheme, authority, path = absolute_form(raw)
    via: Via = arrival.via if arrival.via == "connect" else "proxy"
    host = host_name(authority)
    return Target(scheme, host, path, via, authority_port(authority, DEFAULT_PORTS.get(scheme)) if host else None)


def absolute_form(raw: str) -> tuple[str, str, str]:
    """Take a target in absolute form, up to its query, apart: scheme in lower case, authority, path."""
    scheme, _, rest = raw.partition("://")
    authority, slash, path = rest.partition("/")
    return scheme.lower(), authority, (slash + path) or "/"


def plain_path(path: str) -> str:
    """Undo percent-encoding, which says nothing about where a path leads."""
    return unquote(path) if "%" in path else path


def host_name(authority: str) -> str:
    """Take the host from `[user@]host[:port]`; "" when it is not a printable host."""
    try:
        host = urlsplit("//" + authority).hostname or ""
    except ValueError:
        return ""
    return plain_host(host) if host.isprintable() and host.isascii() else ""
