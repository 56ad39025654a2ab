"""Path templates: `/api/users/{int}` for all paths that differ in ids, hashes or dates only, and what stood there.

A segment is judged by itself, so that a path has the same template wherever and whenever it is seen, and a word is
never taken for a value because of what else stands in its place. Paths are as received, still percent-encoded.
"""

import re
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

# Shorter than any digest, longer than any word: 12 hexadecimal digits are how containers are named.
_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{12,}|(?=.*\d)(?=.*[A-F])[0-9A-F]{12,}")
_DIGESTS = frozenset((32, 40, 56, 64, 96, 128))

_PATTERNS = (
    ("int", re.compile(r"-?\d+", re.ASCII)),
    ("uuid", re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)),
    (
        "date",
        re.compile(
            r"(?:19|20)\d\d-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01])"
            r"(?:[Tt_](?:[01]\d|2[0-3])(?::|%3[Aa]|-)?[0-5]\d(?:(?::|%3[Aa]|-)?[0-6]\d(?:\.\d{1,9})?)?"
            r"(?:[Zz]|(?:[+-]|%2[Bb])\d\d:?\d\d)?)?)?",
            re.ASCII,
        ),
    ),
    ("base64", re.compile(r"eyJ[\w-]{5,}(?:\.[\w-]+){1,2}", re.ASCII)),
)

# Text in base64 changes between capitals, small letters and digits with nearly every character; words do not.
_BASE64 = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[\w+-]{20,}(?:=|%3[Dd]){0,2}", re.ASCII)
_CHANGE = re.compile(r"(?<=[A-Z])[^A-Z]|(?<=[a-z])[^a-z]|(?<=\d)\D", re.ASCII)
_LEAST_CHANGES = 0.4

# A single digit that comes first, or behind `api`, is the version of an interface: `/2/httpapi`.
_BEFORE_VERSIONS = ("api", "rest")

# What of a file's name may be another one each time is in front of its ending.
_FILE = re.compile(r"(.{3,}|\d+)(\.[A-Za-z][A-Za-z0-9]{0,4})", re.DOTALL)

# What a client writes as a template itself.
_PLACEHOLDER = re.compile(r"\{(int|uuid|date|hash|hex|base64)\}")

# Longer ones are no ids, but data.
_LONGEST_PATH = 4096


class PathTemplate(NamedTuple):
    """A path, as it may stand for many.

    Attributes:
        path: with `{int}`, `{uuid}`, `{date}`, `{hash}`, `{hex}` or `{base64}` in the place of values; without any,
            the path itself.
        values: what stood there, by the name of the segment before it; `2` for the second segment, where that is none.
    """

    path: str
    values: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1024)
def path_template(path: str) -> PathTemplate:
    """Return the template of a path.

    Braces of a client's own, which no path should have (RFC 3986 section 3.3), are written as `%7B` and `%7D` where
    they would look like a placeholder.
    """
    if len(path) > _LONGEST_PATH:
        return PathTemplate(path, ())
    segments = _PLACEHOLDER.sub(r"%7B\1%7D", path).split("/")
    values: list[tuple[str, str]] = []
    names: Counter[str] = Counter()
    before = ""
    for place, segment in enumerate(segments):
        kind, value, ending = _kind(segment)
        if not kind or (len(segment) == 1 and (place == 1 or segments[place - 1] in _BEFORE_VERSIONS)):
            before = segment
            continue
        name = before or str(place)
        names[name] += 1
        values.append((name if names[name] == 1 else f"{name}.{names[name]}", value))
        segments[place] = f"{{{kind}}}{ending}"
    return PathTemplate("/".join(segments), tuple(values))


def _kind(segment: str) -> tuple[str, str, str]:
    """Return the kind of a segment, the value and what follows it; an empty kind for a word."""
    kind = _kind_of_value(segment)
    if kind:
        return kind, segment, ""
    file = _FILE.fullmatch(segment)
    return (_kind_of_value(file[1]), file[1], file[2]) if file else ("", "", "")


def _kind_of_value(text: str) -> str:
    for kind, pattern in _PATTERNS:
        if pattern.fullmatch(text):
            return kind
    if _HEX.fullmatch(text):
        return "hash" if len(text) in _DIGESTS else "hex"
    if _BASE64.fullmatch(text) and len(_CHANGE.findall(text)) >= _LEAST_CHANGES * len(text):
        return "base64"
    return ""
