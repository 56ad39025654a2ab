"""This is what in a text should not leave a house unnoticed: who, where, which machine, and what opens doors.

It refuses to decode, and to judge whether something may be sent; it tells what is there, and how sure that is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from telemock.analysis.names import words_of
from telemock.analysis.rules import RULES, Confidence, Sensitivity
from telemock.analysis.tokens import find_tokens

CONFIDENCES: tuple[Confidence, ...] = ("low", "medium", "high")

# Long texts are looked through in windows that overlap, so that no pattern sees much at a time.
_WINDOW = 4096
_OVERLAP = 512

_MASKED_CHARACTERS = 48


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

    Args:
        text: decoded.
        name: what the field is called that held it; it decides where the form does not.
        own_host: the host that it was sent to, in lower case, which is no news to it.
    """
    found: dict[tuple[Sensitivity, str], Match] = {}
    words = words_of(name)
    for start in range(0, max(len(text) - _OVERLAP, 1), _WINDOW - _OVERLAP):
        for match in _find(text[start : start + _WINDOW], words):
            key = match.sensitivity, match.text
            if match.text.lower() != own_host and (key not in found or match.confidence == "high"):
                found[key] = match
    return [match for match in found.values() if not any(_hides(other, match) for other in found.values())]


def masked(text: str) -> str:
    """Show the form of something sensitive, and no more of it than two characters at its ends."""
    shown = 2 if len(text) >= 12 else len(text) // 6
    end = len(text) - shown
    whole = text[:shown] + re.sub(r"[^\W_]", "*", text[shown:end]) + text[end:]
    return whole if len(whole) <= _MASKED_CHARACTERS else f"{whole[: _MASKED_CHARACTERS - 3]}…{whole[-2:]}"


@lru_cache(maxsize=4096)
def is_hinted(name: str) -> bool:
    """Tell whether a name says that even a number may be sensitive."""
    words = words_of(name)
    return any(rule.hint is not None and rule.hint.search(words) for rule in RULES)


def _find(text: str, words: str) -> Iterator[Match]:
    for rule in RULES:
        if rule.needs and not any(each in text for each in rule.needs):
            continue
        if rule.hint is not None and not rule.hint.search(words):
            continue
        for match in rule.pattern.finditer(text):
            found = match["it"] if "it" in rule.pattern.groupindex else match[0]
            if rule.accepts(found, text[max(match.start() - 16, 0) : match.start()] or words + " "):
                yield Match(rule.sensitivity, rule.confidence, found)
    for token in find_tokens(text):
        yield Match("secret", "high", token)


def _hides(whole: Match, part: Match) -> bool:
    """Tell whether one match needs no telling beside another: what is in a secret, or in a longer one of its kind."""
    if whole.sensitivity == part.sensitivity:
        return part.text in whole.text and part.text != whole.text
    return whole.sensitivity == "secret" and part.text in whole.text
