"""This is what kind of thing a value is, as a person would say who sees it with its name.

It refuses to decode; a value that wraps another has the kind of its wrapping.
"""

import ipaddress
import re
from collections.abc import Callable
from typing import Literal

from telemock.analysis.decoding import is_base64_text

Kind = Literal[
    "empty",
    "integer",
    "float",
    "boolean",
    "uuid",
    "version",
    "timestamp_s",
    "timestamp_ms",
    "timestamp_iso",
    "ip",
    "email",
    "url",
    "path",
    "base64",
    "hash",
    "jwt",
    "json",
    "text",
]

NUMBERS: frozenset[Kind] = frozenset(("integer", "float", "timestamp_s", "timestamp_ms"))

# Longer values are free text without a look: nothing else was seen to be so long, but base64, JSON and tokens.
_LONGEST = 4096

_DAY_S = 86_400

# A number is a time when it lies so many days around the time of its request; wider where its name says time.
_AROUND_DAYS = (2 * 366, 366)
_AROUND_NAMED_DAYS = (40 * 366, 30 * 366)

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d+\.\d*|\.\d+|\d(?=[eE]))(?:[eE][+-]?\d+)?", re.ASCII)
_BOOLEANS = frozenset(("true", "false", "yes", "no", "on", "off", "t", "f", "y", "n", "enabled", "disabled"))
_UUID = re.compile(r"\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_VERSION = re.compile(
    r"(?:[A-Za-z][A-Za-z_]*[-/ ])?[vV]?\d{1,10}(?:\.\d{1,10}){2,4}(?:[-+._~]?[0-9A-Za-z][\w.+~-]*)?", re.ASCII
)
_SHORT_VERSION = re.compile(
    r"[vV]\d{1,5}(?:\.\d{1,10})*(?:[-+][\w.+-]+)?|\d{1,5}\.\d{1,10}[-+][A-Za-z][\w.+-]*", re.ASCII
)
_ANY_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+~-]*", re.ASCII)
_VERSION_NAME = re.compile(r"(?:^|[._-])(?:v|ver|version|release|build)$|[vV]ersion$|^(?:kv|kernel)$")
_TIME_NAME = re.compile(
    r"(?:^|[._\-\]])(?:ts|time|timestamp|date|at|et|lt|start|started|end|ended|exp|iat|nbf|expires?|expiry|created|updated"
    r"|modified|seen|clock|epoch|since|until)(?:_?m?s)?$|(?:Time|At|Date|Timestamp)(?:Ms)?$"
)
_ISO = re.compile(
    r"\d{4}-?[01]\d-?[0-3]\d"
    r"(?:[T ][0-2]\d(?::?[0-5]\d(?::?[0-6]\d(?:[.,]\d{1,9})?)?)?(?: ?(?:Z|[+-]\d\d:?(?:\d\d)?))?)?"
)
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[^\s/?#]+\S*|(?:mailto|urn|data):\S+", re.IGNORECASE)
_PATH = re.compile(r"(?:/|~/|\.{1,2}/)[^\0\n?*|<>]*|[A-Za-z]:[\\/][^\0\n?*|<>]*|\\\\[^\s\\]+\\[^\0\n?*|<>]*")
_HASH = re.compile(
    r"(?:(?:md5|sha1|sha224|sha256|sha384|sha512)[:=])?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}"
    r"|[0-9a-f]{128})|sha(?:256|384|512)-[A-Za-z0-9+/]{43,88}={0,2}",
    re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[\w-]{5,}\.[\w-]{2,}\.[\w-]*", re.ASCII)
_IP_SHAPE = re.compile(r"\[?[0-9a-fA-F:.]{2,45}(?:%\w+)?\]?(?:[:/]\d{1,5})?")


def kind_of(value: str, name: str = "", received_s: float | None = None) -> Kind:
    """Give the kind of a value.

    Args:
        value: decoded text, as it stood in a query, a header or JSON.
        name: what the field is called; it decides between version and IP address, and between time and counter.
        received_s: when its request came, in seconds since the epoch; without, numbers are no times unless named so.
    """
    if _INTEGER.fullmatch(value):
        return _kind_of_integer(value, name, received_s)
    if _VERSION_NAME.search(name) and _ANY_VERSION.fullmatch(value):
        return "version"
    tests = _TESTS if len(value) <= _LONGEST else _TESTS_OF_LONG
    return next((kind for kind, test in tests if test(value)), "text")


def _kind_of_integer(value: str, name: str, received_s: float | None) -> Kind:
    if len(value) in (10, 13) and value.isdigit():
        seconds = int(value) / (1 if len(value) == 10 else 1000)
        named = _TIME_NAME.search(name) is not None
        before, after = _AROUND_NAMED_DAYS if named else _AROUND_DAYS
        if (received_s is None and named) or (
            received_s is not None and -before * _DAY_S <= seconds - received_s <= after * _DAY_S
        ):
            return "timestamp_s" if len(value) == 10 else "timestamp_ms"
    return "integer"


def _is_ip(value: str) -> bool:
    """Tell whether a value is an IP address, with or without a port or a prefix length; 0.x.y.z is rather a version."""
    if not _IP_SHAPE.fullmatch(value) or ("." not in value and value.count(":") < 2):
        return False
    try:
        ipaddress.ip_interface(_without_port(value))
    except ValueError:
        return False
    return not value.startswith("0.") or value == "0.0.0.0"  # noqa: S104 - seen, not bound


def _without_port(value: str) -> str:
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0] if value.count(":") == 1 else value


def _is_json(value: str) -> bool:
    return value[0] + value[-1] in ("{}", "[]")


_Test = Callable[[str], object]

_TESTS_OF_LONG: tuple[tuple[Kind, _Test], ...] = (
    ("jwt", _JWT.fullmatch),
    ("json", _is_json),
    ("base64", is_base64_text),
)
# The first that holds; what could be two things is the plainer one.
_TESTS: tuple[tuple[Kind, _Test], ...] = (
    ("empty", lambda value: not value.strip()),
    ("boolean", lambda value: value.lower() in _BOOLEANS),
    ("float", _FLOAT.fullmatch),
    ("timestamp_iso", _ISO.fullmatch),
    ("uuid", _UUID.fullmatch),
    ("hash", _HASH.fullmatch),
    ("ip", _is_ip),
    ("email", _EMAIL.fullmatch),
    ("url", _URL.fullmatch),
    ("path", _PATH.fullmatch),
    ("version", _VERSION.fullmatch),
    ("version", _SHORT_VERSION.fullmatch),
    *_TESTS_OF_LONG,
)
