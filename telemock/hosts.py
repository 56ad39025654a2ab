"""This is what a host may be called, and the one way in which each name is written.

It refuses to guess what a malformed name might mean, and to ask any resolver.
"""

import re
import socket
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from urllib.parse import urlsplit

import idna

from telemock.errors import InvalidHost

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_CHARACTERS = 253  # RFC 1035 section 2.3.4, as text and without the last dot
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)

# Of the schemes that are captured (RFC 9110 section 4.2); a URL does not write them.
DEFAULT_PORTS = {"http": 80, "https": 443}

# Who reads a name that ends so takes it for an IP address (https://url.spec.whatwg.org/#ends-in-a-number-checker).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_NUMBERS = re.compile(r"(?:[0-9]+|0x[0-9a-f]+)(?:\.(?:[0-9]+|0x[0-9a-f]+)){0,3}\.?", re.ASCII | re.IGNORECASE)

# What stands behind an IPv6 address, as URLs write it (RFC 6874 section 2) and as people do (RFC 4007 section 11).
_ZONE = re.compile(r"[A-Za-z0-9._~-]+")


def host_names(*names: str) -> tuple[str, ...]:
    """Write names as `host_name` does, in their order, each once.

    Raises:
        InvalidHost: there is none, or one of them is no host.
    """
    hosts = tuple(dict.fromkeys(map(host_name, names)))
    if not hosts:
        raise InvalidHost("A certificate needs at least one host name; name one, such as cdn.cribl.io.")
    return hosts


@lru_cache(maxsize=4096)
def host_name(name: str) -> str:
    """Write a name as certificates and comparisons do.

    A host name is in lower case, without the last dot, an international one in ASCII as browsers write it
    (RFC 5891, mapped by UTS 46); `*` may stand for its first label (RFC 6125 section 6.4.3). An address is in
    its shortest form, as `as_address` reads it; IPv6 may come in brackets and goes without.

    Raises:
        InvalidHost: neither a host name nor an IP address.
    """
    if name.startswith("[") and name.endswith("]"):
        address = as_address(name[1:-1])
        if not isinstance(address, IPv6Address):
            raise _invalid(name, "what stands in brackets is no IPv6 address")
        return _address_text(address)
    address = as_address(name)
    if address is not None:
        return _address_text(address)
    host = _ascii(name).lower().removesuffix(".") if len(name) <= MOST_CHARACTERS + 1 else name
    labels = host.split(".")
    if len(host) > MOST_CHARACTERS:
        raise _invalid(name, f"it is longer than {MOST_CHARACTERS} characters")
    if labels[0] == "*":
        del labels[0]
        if len(labels) < 2:
            raise _invalid(name, "what is behind the asterisk has to have two labels, or clients refuse it")
    if not all(map(_LABEL.fullmatch, labels)):
        raise _invalid(name, "each label between dots is 1 to 63 letters, digits, hyphens inside, or underscores")
    if _NUMBER.fullmatch(labels[-1]):
        raise _invalid(name, "it ends in a number, as an IP address does, and is none")
    return host


def as_address(name: str) -> Address | None:
    """Read an IP address in any spelling that resolvers take, `2130706433` and `0x7f.1` too; None when it is none.

    A zone (`fe80::1%eth0`, in URLs `fe80::1%25eth0`) means something on one machine only, and is left out.
    """
    try:
        if ":" in name:
            address, percent, zone = name.partition("%")
            return IPv6Address(address) if not percent or _ZONE.fullmatch(zone) else None
        if _NUMBERS.fullmatch(name):
            return IPv4Address(socket.inet_aton(name.removesuffix(".")))
    except (ValueError, OSError):
        pass
    return None


def plain_host(host: str) -> str:
    """Write a host as a client says it, without brackets, in the one way of `host_name`; what is none stays itself."""
    address = as_address(host)
    return host.lower().rstrip(".") if address is None else _address_text(address)


def host_spellings(text: str) -> tuple[str, ...]:
    """Give the names that a captured host may have which a person writes so: as a request's is read, and as written.

    A name that has characters of other scripts is sent in ASCII.
    """
    names = [plain_host(text), text]
    if not text.isascii():
        with suppress(InvalidHost):  # it is looked for as it is written
            names.insert(0, host_name(text))
    return tuple(dict.fromkeys(names))


def url_host(host: str) -> str:
    """Write a host as it stands in a URL: an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def authority(host: str, port: int | None) -> str:
    """Write host and port, if there is one, as they stand in a URL (RFC 3986 section 3.2)."""
    return url_host(host) if port is None else f"{url_host(host)}:{port}"


def authority_port(authority: str, default: int | None) -> int | None:
    """Take the port from `[user@]host[:port]`; the default where it says none, None where it says what is no port."""
    try:
        port = urlsplit("//" + authority).port
    except ValueError:
        return None
    return default if port is None else port or None


def written_port(scheme: str, port: int | None) -> int | None:
    """Give a port as a URL writes it: None for the scheme's default, and where it is not known."""
    return None if port == DEFAULT_PORTS.get(scheme) else port


def url_authority(scheme: str, host: str, port: int | None) -> str:
    """Write host and port as a URL of a scheme does, which leaves its default port out."""
    return authority(host, written_port(scheme, port))


def url_path(target: str) -> str:
    """Return the path of a request's target; "" for a host and a port, or an asterisk (RFC 9112 section 3.2)."""
    return target if target.startswith("/") else ""


def http_url(scheme: str, host: str, port: int | None, path: str, query: str = "") -> str:
    """Write where a request went; what has no path of its own goes without."""
    return f"{scheme}://{url_authority(scheme, host, port)}{url_path(path)}{'?' if query else ''}{query}"


def host_pattern(text: str) -> str:
    """Write a host as `host_name` does, `*.` and a host for every name below it, or `*` for every host.

    Raises:
        InvalidHost: it is none of them.
    """
    if text == "*":
        return text
    if text.startswith("*.") and as_address(text[2:]) is None:
        return "*." + host_name(text[2:])
    return host_name(text)


def host_range(text: str) -> str | Network:
    """Read what an authority may be confined to: a host name and all names below it, an address, or a network.

    Raises:
        InvalidHost: it is none of them.
    """
    host, slash, _ = text.partition("/")
    if slash:
        try:
            return ip_network(text)
        except ValueError as error:
            raise InvalidHost(f"{text[:300]!r} is not a network ({error}); write it like 10.0.0.0/8.") from error
    host = host_name(text)
    if host.startswith("*."):
        raise _invalid(text, f"{host[2:]} covers all names below it, so leave the asterisk out")
    address = as_address(host)
    return host if address is None else ip_network(address)


def _address_text(address: Address) -> str:
    """Write an address; one of IPv4 inside IPv6 stays readable (RFC 5952 section 5)."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(address) if mapped is None else f"::ffff:{mapped}"


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    star = "*." if name.startswith("*.") else ""
    try:
        return star + idna.encode(name.removeprefix(star), uts46=True).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise _invalid(name, "it has characters that no international name has") from error


def _invalid(name: str, reason: str) -> InvalidHost:
    shown = name if len(name) <= 300 else name[:300] + "…"
    return InvalidHost(f"{shown!r} is not a host: {reason}.")
