"""This is what kind of thing a value is, as a person would say who sees it with its name.

It refuses to decode; a value that wraps another has the kind of its wrapping.
"""

import base64
import ipaddress
import re
from collections.abc import Callable
from typing import Literal

from telemock.analysis.names import Topic, topics_of
from telemock.decoding import is_base64_text
from telemock.leaves import Form
from telemock.text import load_json

Kind = Literal[
    "empty",
    "null",
    "integer",
    "float",
    "boolean",
    "uuid",
    "version",
    "timestamp_s",
    "timestamp_ms",
    "timestamp_us",
    "timestamp_ns",
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

# Times as a number of units since the epoch, and how many digits the whole units have.
_UNITS: dict[int, tuple[Kind, int]] = {
    10: ("timestamp_s", 1),
    13: ("timestamp_ms", 10**3),
    16: ("timestamp_us", 10**6),
    19: ("timestamp_ns", 10**9),
}
TIMES: frozenset[Kind] = frozenset(kind for kind, _ in _UNITS.values())
NUMBERS: frozenset[Kind] = TIMES | {"integer", "float"}

# Longer values are free text without a look: nothing else was seen to be so long, but base64, JSON and tokens.
_LONGEST = 4096

_DAY_S = 86_400

# A number is a time when it lies so many days around the time of its request; wider where its name says time.
_AROUND_DAYS = (2 * 366, 366)
_AROUND_NAMED_DAYS = (40 * 366, 80 * 366)

# A time that is told with its request is seldom further from it; ids and numbers of bytes rarely come so near.
NEAR_DAYS = 7

# What has more digits than milliseconds, or stands in a JSON string, is a time by its name, or when it is as near.
_MOST_UNNAMED_DIGITS = 13

# Digits alone are no more than a number, whatever the name says, but for times, days (20260205) and hashes.
_DIGITS_THAT_MAY_BE_MORE = frozenset((8, 32, *_UNITS))

_NO_TIMES: frozenset[Topic] = frozenset(("amount", "identifier", "number"))

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d+\.\d*|\.\d+|\d{1,3}(?=[eE]))(?:[eE][+-]?\d{1,3})?|[+-]?(?:NaN|Infinity)", re.ASCII)
_FRACTION = re.compile(r"(?:\d{10}|\d{13}|\d{16}|\d{19})\.\d{1,9}", re.ASCII)
_WORDS: dict[str, Kind] = {"true": "boolean", "false": "boolean", "null": "null"}
_BOOLEANS = frozenset(("true", "false", "yes", "no", "on", "off", "t", "f", "y", "n", "enabled", "disabled"))
_UUID = re.compile(r"\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?", re.IGNORECASE)
# More than five numbers are an object identifier (ITU-T X.660), three of the right sizes a date or a phone, and twice
# four a range of addresses.
_VERSION = re.compile(
    r"(?:[A-Za-z][A-Za-z_]*[-/ ])?[vV]?(?!(?:\d+\.){5}\d|(?:\d\d?\.\d\d?\.(?:19|20)\d\d|\d{3}\.\d{3}\.\d{4}"
    r"|\d+(?:\.\d+){3}-\d+(?:\.\d+){3})\Z)"
    r"\d{1,10}(?:\.\d{1,10}){2,4}(?:[-+._~]?[0-9A-Za-z][\w.+~-]*)?",
    re.ASCII,
)
_SHORT_VERSION = re.compile(
    r"[vV]\d{1,5}(?:\.\d{1,10})*(?:[-+][\w.+-]+)?"
    r"|\d{1,5}\.\d{1,10}(?:[-+][A-Za-z][\w.+-]*|(?:a|b|rc|\.?(?:dev|post))\d{1,10})",  # the latter as PEP 440 has it
    re.ASCII,
)
_ISO = re.compile(
    r"\d{4}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])"
    r"(?:[T ][0-2]\d(?::?[0-5]\d(?::?[0-6]\d(?:[.,]\d{1,9})?)?)?(?: ?(?:Z|[+-]\d\d:?(?:\d\d)?))?)?"
)
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24}", re.IGNORECASE)
_URL = re.compile(r"(?:jdbc:)?[a-z][a-z0-9+.-]{1,20}://(?:[^\s/?#]|/[^\s/])\S*|(?:mailto|urn|data):\S+", re.IGNORECASE)
_PATH = re.compile(r"(?:/|~/|\.{1,2}/)[^\0\n?*|<>]*|[A-Za-z]:[\\/][^\0\n?*|<>]*|\\\\[^\s\\]+\\[^\0\n?*|<>]*")
_HASH = re.compile(
    r"(?:(?:md5|sha1|sha224|sha256|sha384|sha512)[:=])?(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}"
    r"|[0-9a-f]{128})|sha(?:256|384|512)-[A-Za-z0-9+/]{43,88}={0,2}",
    re.IGNORECASE,
)
_JWT = re.compile(r"eyJ[\w-]{5,}\.[\w-]{2,}\.[\w-]*", re.ASCII)
_PADDED_BASE64 = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9+/])[A-Za-z0-9+/]{14,}={1,2}")
_IP_SHAPE = re.compile(r"\[?[0-9a-fA-F:.]{2,45}(?:%\w+)?\]?(?:[:/]\d{1,5})?")

# What follows the last dot of a file's name, which looks like the name of a host: `logo@2x.png`.
FILE_ENDINGS = re.compile(r"png|jpe?g|gif|svg|webp|ico|m?js|ts|css|map|json|html|py|go|rs|java|service|timer|socket")

# What values are where the name says so; the first that holds, before all that need no name.
_NAMED: tuple[tuple[Topic, Kind, re.Pattern[str]], ...] = (
    ("version", "version", re.compile(r"(?:\d{1,5}:)?[a-z]{0,6}\d++(?:\.\d++)++[\w.+~()-]*", re.ASCII)),
    ("runtime", "version", re.compile(r"\d{1,2}\.\d{1,2}", re.ASCII)),
    ("object", "text", re.compile(r"\d++(?:\.\d++)++", re.ASCII)),
    ("commit", "hash", re.compile(r"(?=\d*[a-f])[0-9a-f]{7,12}", re.IGNORECASE)),
    ("uuid", "uuid", re.compile(r"[0-9a-f]{32}", re.IGNORECASE)),
    ("time", "timestamp_iso", re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")),
    ("code", "text", re.compile(r"[A-Z]{1,2}", re.IGNORECASE)),
)


def kind_of(value: str, name: str = "", received_s: float | None = None, form: Form = "text") -> Kind:
    """Give the kind of a value.

    Args:
        value: decoded text, as it stood in a query, a header or JSON.
        name: what the field is called; it decides between version and IP address, and between time and counter.
        received_s: when its request came, in seconds since the epoch; without, numbers are no times unless named so.
        form: what it was written as; a JSON string of digits is no number, and a JSON number is nothing else.
    """
    if value.isdigit() and len(value) not in _DIGITS_THAT_MAY_BE_MORE and value.isascii():
        return "text" if form == "string" else "integer"
    return _kind_of_other(value, name, received_s, form)


def _kind_of_other(value: str, name: str, received_s: float | None, form: Form) -> Kind:
    """Return the kind of what is more than a plain number, or may be."""
    topics = topics_of(name)
    if topics and form != "number" and len(value) <= _LONGEST:
        for topic, kind, pattern in _NAMED:
            if topic in topics and pattern.fullmatch(value):
                return kind
    if _INTEGER.fullmatch(value):
        time = _kind_of_time(value, topics, received_s, form) if len(value) in _UNITS else None
        return time or ("text" if form == "string" else "integer")
    if form == "word" and value in _WORDS:
        return _WORDS[value]
    if _FRACTION.fullmatch(value) and (time := _kind_of_time(value.partition(".")[0], topics, received_s, form)):
        return time
    if form == "number" or (form == "string" and _FLOAT.fullmatch(value)):
        return "float" if form == "number" else "text"
    tests = _TESTS if len(value) <= _LONGEST else _TESTS_OF_LONG
    return next((kind for kind, test in tests if test(value)), "text")


def is_near(value: str, kind: Kind, received_s: float) -> bool:
    """Tell whether a number that may be a time is near the time of its request; see `NEAR_DAYS`."""
    return abs(seconds_of(value, kind) - received_s) <= NEAR_DAYS * _DAY_S


def seconds_of(value: str, kind: Kind) -> float:
    """Return the whole units of a number that is a time, of one of `TIMES`, in seconds since the epoch."""
    units = next(units for each, units in _UNITS.values() if each == kind)
    return int(value.partition(".")[0]) / units


def _kind_of_time(value: str, topics: frozenset[Topic], received_s: float | None, form: Form) -> Kind | None:
    """Tell times from amounts: those that are named so are none, however near they come to now."""
    kind, units = _UNITS[len(value)]
    if not value.isdigit():  # it has a sign
        return None
    named = "time" in topics
    if not named and (topics & _NO_TIMES or received_s is None):
        return None
    if received_s is None:
        return kind
    if not named and (form == "string" or len(value) > _MOST_UNNAMED_DIGITS):
        return kind if is_near(value, kind, received_s) else None
    before, after = _AROUND_NAMED_DAYS if named else _AROUND_DAYS
    return kind if -before * _DAY_S <= int(value) / units - received_s <= after * _DAY_S else None


def _is_email(value: str) -> bool:
    return _EMAIL.fullmatch(value) is not None and not FILE_ENDINGS.fullmatch(value.rpartition(".")[2].lower())


def _is_ip(value: str) -> bool:
    """Tell whether a value is an IP address, with or without a port or a prefix length.

    0.x.y.z is rather a version, and without digits a name of C++: `abc::def`.
    """
    if not _IP_SHAPE.fullmatch(value) or ("." not in value and value.count(":") < 2):
        return False
    address = _without_port(value)
    try:
        ipaddress.ip_interface(address)
    except ValueError:
        return False
    if not any(map(str.isdigit, address)):
        return address == "::"
    return not address.startswith("0.") or address.partition("/")[0] == "0.0.0.0"  # noqa: S104 - seen, not bound


def _without_port(value: str) -> str:
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0] if value.count(":") == 1 else value


def _is_in_brackets(value: str) -> bool:
    return value[0] + value[-1] in ("{}", "[]")


def _is_json(value: str) -> bool:
    """Tell JSON from what only stands in brackets: `[INFO] started [ok]`, `{name}`."""
    try:
        return _is_in_brackets(value) and load_json(value) is not None
    except (ValueError, RecursionError):
        return False


def _is_padded_base64(value: str) -> bool:
    """Tell base64 of whatever bytes by a padding that only base64 has (RFC 4648 section 3.5)."""
    if len(value) % 4 or not _PADDED_BASE64.fullmatch(value):
        return False
    return base64.b64encode(base64.b64decode(value)).decode() == value


_Test = Callable[[str], object]

# Of what is long, the form of its ends has to do.
_TESTS_OF_LONG: tuple[tuple[Kind, _Test], ...] = (
    ("jwt", _JWT.fullmatch),
    ("json", _is_in_brackets),
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
    ("email", _is_email),
    ("url", _URL.fullmatch),
    ("base64", _is_padded_base64),
    ("path", _PATH.fullmatch),
    ("version", _VERSION.fullmatch),
    ("version", _SHORT_VERSION.fullmatch),
    ("jwt", _JWT.fullmatch),
    ("json", _is_json),
    ("base64", is_base64_text),
)
