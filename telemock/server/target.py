"""This is what a request line and a Host field mean: scheme, host, path and query, exactly as received.

It refuses to decode: path and query stay percent-encoded.
"""

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from telemock.exchange import Via


class Target(NamedTuple):
    """Where a request wants to go (RFC 9112 section 3.2); host is lower case, without port, "" when unknown."""

    scheme: str
    host: str
    path: str
    query: str
    via: Via


def read_target(raw: str, host_field: str) -> Target:
    """Read a request target in origin, absolute, authority or asterisk form; never fails.

    Args:
        raw: the target as received.
        host_field: value of the Host field, "" when there is none; the absolute form overrides it.
    """
    if raw.startswith("/") or "://" not in raw:
        path, _, query = raw.partition("?")
        return Target("http", host_name(host_field), path, query, "direct")
    scheme, _, rest = raw.partition("://")
    authority = rest.replace("?", "/").partition("/")[0]
    path, _, query = rest[len(authority) :].partition("?")
    return Target(scheme.lower(), host_name(authority), path or "/", query, "proxy")


def plain_path(path: str) -> str:
    """Undo percent-encoding, which says nothing about where a path leads."""
    return unquote(path) if "%" in path else path


@lru_cache(maxsize=1024)
def host_name(authority: str) -> str:
    """Take the host from `[user@]host[:port]`; "" when it is not a printable host."""
    try:
        host = urlsplit("//" + authority).hostname or ""
    except ValueError:
        return ""
    # A trailing dot names the same host (RFC 1034 section 3.1).
    return host.rstrip(".") if host.isprintable() and host.isascii() else ""
