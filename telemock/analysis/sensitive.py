"""This is what in a text should not leave a house unnoticed: who, where, which machine, and what opens doors.

It refuses to decode, and to judge whether something may be sent; it tells what is there, and how sure that is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from telemock.analysis.names import words_of
from telemock.analysis.rules import RULES, Confidence, Rule, Sensitivity
from telemock.analysis.tokens import find_tokens, private_keys

CONFIDENCES: tuple[Confidence, ...] = ("low", "medium", "high")

# Long texts are looked through in windows that overlap, so that no pattern sees much at a time.
_WINDOW = 4096
_OVERLAP = 512

_MASKED_CHARACTERS = 48

# Where the form of something needs a character, it is one of these.
_NEEDED = frozenset("".join(rule.needs for rule in RULES))

# Rules with the characters that they need: all of them, and those for fields of any name.
_ALL = tuple((rule, frozenset(rule.needs)) for rule in RULES)
_UNHINTED = tuple(each for each in _ALL if each[0].hint is None)
_HINTS = re.compile("|".join(f"(?:{rule.hint.pattern})" for rule in RULES if rule.hint is not None))

# Where something begins and ends in a text, and what it is.
_Span = tuple[int, int, Sensitivity]


@dataclass(frozen=True, slots=True)
class Match:
    """Something sensitive in a text.

    Attributes:
        sensitivity: what it is.
        confidence: `high` by its form or its name, `medium` when harmless things look so, too.
        text: the part of the text that it is; not to be shown but `masked`.
    """

    sensitivity: Sensitivity
    confidence: Confidence
    text: str


def find_sensitive(text: str, name: str = "", own_host: str = "") -> list[Match]:
    """Find what is sensitive in a text, each once and whole.

    The time it takes grows with the length of the text, whatever is in it.

    Args:
        text: decoded.
        name: what the field is called that held it; it decides where the form does not.
        own_host: the host that it was sent to, in lower case, which is no news to it.
    """
    spans: dict[_Span, Match] = {
        (start, start + len(key), "secret"): Match("secret", "high", key) for start, key in private_keys(text)
    }
    words = words_of(name)
    for start in range(0, max(len(text) - _OVERLAP, 1), _WINDOW - _OVERLAP):
        for place, match in _find(text[start : start + _WINDOW], words):
            span = start + place, start + place + len(match.text), match.sensitivity
            if span not in spans or match.confidence == "high":
                spans[span] = match
    if not spans:
        return []
    found: dict[tuple[Sensitivity, str], Match] = {}
    for match in _outermost(spans):
        key = match.sensitivity, match.text
        if match.text.lower() != own_host and (key not in found or match.confidence == "high"):
            found[key] = match
    return [*found.values()]


def masked(text: str) -> str:
    """Show the form of something sensitive, and no more of it than two characters at its ends."""
    shown = 2 if len(text) >= 12 else len(text) // 6
    end = len(text) - shown
    whole = text[:shown] + re.sub(r"[^\W_]", "*", text[shown:end]) + text[end:]
    return whole if len(whole) <= _MASKED_CHARACTERS else f"{whole[: _MASKED_CHARACTERS - 3]}…{whole[-2:]}"


def is_hinted(name: str) -> bool:
    """Tell whether a name says that even a number may be sensitive."""
    return _rules(words_of(name)) is not _UNHINTED


def _find(text: str, words: str) -> Iterator[tuple[int, Match]]:
    """Give what is found in a window, each with its place."""
    there = {each for each in _NEEDED if each in text}
    for rule, needs in _rules(words):
        if needs and needs.isdisjoint(there):
            continue
        group = "it" if "it" in rule.pattern.groupindex else 0
        for match in rule.pattern.finditer(text):
            found = match[group]
            if rule.accepts(found, text[max(match.start() - 16, 0) : match.start()] or words + " "):
                yield match.start(group), Match(rule.sensitivity, rule.confidence, found)
    for token in {*find_tokens(text)}:
        place = text.find(token)
        while place >= 0:
            yield place, Match("secret", "high", token)
            place = text.find(token, place + len(token))


@lru_cache(maxsize=4096)
def _rules(words: str) -> tuple[tuple[Rule, frozenset[str]], ...]:
    """Give the rules for fields of such a name, each with the characters that it needs."""
    if not _HINTS.search(words):
        return _UNHINTED
    return tuple(each for each in _ALL if each[0].hint is None or each[0].hint.search(words))


def _outermost(spans: dict[_Span, Match]) -> Iterator[Match]:
    """Give what needs telling beside the rest: nothing that stands in a secret, or in a longer one of its kind."""
    ends: dict[Sensitivity, int] = {}
    shown = set()
    for span in sorted(spans, key=lambda span: (span[0], -span[1], span[2] != "secret")):
        _, end, sensitivity = span
        if end > ends.get(sensitivity, -1):
            ends[sensitivity] = end
            if sensitivity == "secret" or end > ends.get("secret", -1):
                shown.add(span)
    return (match for span, match in spans.items() if span in shown)
