"""This is what the name of a field says of its values, or in a text the words right before one.

It refuses to be sure: a name decides only between what a value may be by its form.
"""

import re
from functools import lru_cache
from typing import Literal

from telemock.decoding import ARROW, CODINGS

Topic = Literal[
    "amount", "code", "commit", "identifier", "number", "object", "route", "runtime", "time", "uuid", "version"
]

# Of a longer name, the end decides.
_LONGEST_NAME = 256


def _ends(words: str) -> re.Pattern[str]:
    """Write a pattern for what ends in one of some words: a name and a space, or `"name":"` in JSON."""
    return re.compile(rf"(?<![^\W_])(?:{words})[\"']?[ :=]{{0,3}}[\"']?\Z", re.IGNORECASE)


TOPICS: dict[Topic, re.Pattern[str]] = {
    # How much or how many there is, or which of many it is: no time, and no number of a card.
    "amount": _ends(
        r"(?:bytes|octets|packets|counts?)(?:[ _.]\w{1,16})?|counter|total|sum|size|length|len|seq"
        r"|sequence|offset|index|[nu]s|nanos(?:econds)?|micros(?:econds)?|usage|events|records|rows|docs|requests|hits"
        r"|errors|drift|delta"
        r"|(?:heap|mem|memory|ram|rss|disk|swap|cache)(?: (?:used|free|available|limit|max|min|avg))?"
    ),
    "identifier": _ends(r"ids?|imei|ean|gtin|serial"),
    "number": _ends(r"no|nr|num|number"),
    # Two letters that stand for a country, a language, an axis.
    "code": _ends(
        r"(?:lang|language|locale|country|nation|region|state|province|tld|axis|gender|sex|grade|letter)"
        r"(?: ?(?:id|code|label))?"
    ),
    "commit": _ends(r"commit|sha|git|rev|revision|hash|digest"),
    # Rows of numbers that are no version.
    "object": _ends(r"oid|object ?id|section|chapter|clause|paragraph"),
    # Where one is in a program or on a site, which looks like where a file is.
    "route": _ends(
        r"routes?|page(?:[ _.]?(?:path|name|url))?|path ?name|end ?points?|ur[il]|href|referr?er|screen|view"
        r"|transaction|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS"
    ),
    # What a name alone asks the version of.
    "runtime": _ends(
        r"php|python|node|ruby|perl|java|jdk|jre|go|golang|dotnet|mysql|mariadb|postgres(?:ql)?|nginx|openssl"
    ),
    "time": _ends(
        r"(?:ts|time|timestamp|date|at|et|lt|start|started|end|ended|exp|iat|nbf|expires?|expiry|created|updated|modified"
        r"|saved|seen|log[io]n|clock|epoch|since|until|[acm]time)(?: unix)?"
        r"(?: ?(?:[mnu]?s|secs?|seconds|(?:milli|micro|nano)s?(?:econds)?))?"
    ),
    "uuid": _ends(r"[gu]uid"),
    "version": _ends(
        r"v|ver|(?!(?:a|con|di|in|re)version)\w{0,16}version(?: (?:number|name|string))?|rel|release|build|rev"
        r"|fw|firmware|bios|kernel|kv"
    ),
}


@lru_cache(maxsize=4096)
def topics_of(name: str) -> frozenset[Topic]:
    """Give all that a name is about."""
    words = words_of(name) + " "
    return frozenset(topic for topic, pattern in TOPICS.items() if pattern.search(words))


@lru_cache(maxsize=4096)
def words_of(name: str) -> str:
    """Give the words of the last two parts of a name: `$.cloud.accountId` has `cloud account id`."""
    own = _own(name[-_LONGEST_NAME:]).strip(".$[]")
    if _ONE_WORD.fullmatch(own):
        return own
    words = " ".join(_SEPARATORS.split(own)[-2:])
    apart = words if words.islower() else _CASES.sub(" ", words)
    return _BETWEEN_WORDS.sub(" ", apart).strip().lower()


def parts_of(name: str) -> list[str]:
    """Return what a field stands in, the outermost first, and its own name: `q → json → $.a.b` has `q`, `a` and `b`.

    What a JSON Web Token says stands in nothing but that. The own name is empty where there is none, `q → json → $[]`.
    """
    steps = name.split(ARROW)
    last_token = max((place for place, step in enumerate(steps) if step.startswith("jwt ")), default=-1)
    own = [_SEPARATORS.split(step) for step in steps[last_token + 1 :] if step not in _STEPS]
    parts = [part for step in own for part in step if part]
    return parts if not own or any(own[-1]) else [*parts, ""]


def _own(name: str) -> str:
    """Give what a field is called inside of the values of another: `q → base64 → json → $.user` has `$.user`."""
    while name.endswith(_CODINGS):
        name = name.rpartition(ARROW)[0]
    return name.rpartition(ARROW)[2]


_SEPARATORS = re.compile(r"[.$\[\]]+")
_ONE_WORD = re.compile(r"[a-z0-9]*")
_CASES = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_STEPS = frozenset((*CODINGS, "json", "query"))
_CODINGS = tuple(ARROW + coding for coding in CODINGS)
