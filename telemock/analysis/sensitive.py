"""This is what in a text should not leave a house unnoticed: who, where, which machine, and what opens doors.

It refuses to decode, and to judge whether something may be sent; it tells what is there, and how sure that is.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from telemock.analysis.markup import marked_values
from telemock.analysis.may_hold_secret import may_hold_secret
from telemock.analysis.names import words_of
from telemock.analysis.pattern_set import PatternSet
from telemock.analysis.plausible import is_random
from telemock.analysis.rule import Confidence, Rule, Sensitivity
from telemock.analysis.rules import RULES
from telemock.analysis.secret_names import may_say_secret, outer_secret, tells_of_none
from telemock.analysis.tokens import find_tokens, private_keys
from telemock.analysis.told_secrets import option_secrets, told_secrets
from telemock.analysis.url_secrets import url_secrets

CONFIDENCES: tuple[Confidence, ...] = ("low", "medium", "high")

# Long texts are looked through in windows that overlap, so that no pattern sees much at a time.
_WINDOW = 4096
_OVERLAP = 512

_MASKED_CHARACTERS = 48

# What texts must have in them for some rules to find anything.
_NEEDS = (*dict.fromkeys(rule.needs for rule in RULES if rule.needs),)
_NEEDED = PatternSet(*_NEEDS)

# In letters and digits only, what is found whatever its field is called has so many digits at least.
_LEAST_DIGITS = 14

# The rules for fields of some names, and those for fields of any; by a name, a whole value is a secret.
_HINTED = tuple((rule, rule.hint) for rule in RULES if rule.hint is not None)
_UNHINTED = tuple(rule for rule in RULES if rule.hint is None)
_HINTS = PatternSet(*(hint.pattern for _, hint in _HINTED))

# Something like a tag, whose brackets may be escaped; where they are, they are undone before it is read.
_TAG = re.compile(r"(?:<|&lt;)/?[A-Za-z_]")
_ESCAPED = re.compile("&(?:lt|gt|quot);")
_BRACKETS = {"&lt;": "<", "&gt;": ">", "&quot;": '"'}

# Where something begins and ends in a text, and what it is.
_Span = tuple[int, int, Sensitivity]


class Match(NamedTuple):
    """Something sensitive in a text.

    Attributes:
        sensitivity: what it is.
        confidence: `high` by its form or its name, `medium` when harmless things look so, too.
        text: the part of the text that it is; not to be shown but `masked`.
    """

    sensitivity: Sensitivity
    confidence: Confidence
    text: str


# Rules with the same pattern, and the group of it that is what is found.
_Alike = tuple[re.Pattern[str], str | int, tuple[Rule, ...]]


class _Rules:
    """Rules to look by."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._all = rules

    def of(self, text: str) -> tuple[_Alike, ...]:
        """Return those that may find something in a text."""
        if len(text) < _LEAST_DIGITS and text.isalnum():
            return self._having(frozenset())
        return self._having(frozenset(_NEEDED.found_in(text)))

    @lru_cache(maxsize=4096)  # noqa: B019 - there are few, and they live as long
    def _having(self, places: frozenset[int]) -> tuple[_Alike, ...]:
        needs = {"", *(_NEEDS[place] for place in places)}
        alike: dict[re.Pattern[str], list[Rule]] = {}
        for rule in self._all:
            if rule.needs in needs:
                alike.setdefault(rule.pattern, []).append(rule)
        return tuple(
            (pattern, "it" if "it" in pattern.groupindex else 0, tuple(rules)) for pattern, rules in alike.items()
        )


_FOR_ANY_NAME = _Rules(_UNHINTED)
_FOR_SECRETS = _Rules(tuple(rule for rule in _UNHINTED if rule.sensitivity == "secret"))


def find_sensitive(text: str, name: str = "", own_host: str = "") -> list[Match]:
    """Find what is sensitive in a text, each once and whole.

    The time it takes grows with the length of the text, whatever is in it.

    Args:
        text: decoded.
        name: what the field is called that held it; it decides where the form does not.
        own_host: the host that it was sent to, in lower case, which is no news to it.
    """
    return _find_all(text, name, own_host, _rules(words_of(name)))


def find_secrets(text: str, name: str = "") -> list[str]:
    """Find the secrets in a text as `find_sensitive` does, and look for nothing else."""
    return [match.text for match in _find_all(text, name, "", _FOR_SECRETS)]


def _find_all(text: str, name: str, own_host: str, rules: _Rules) -> list[Match]:
    spans: dict[_Span, Match] = {}
    for confidence, place, secret in _long_secrets(text, name):
        spans[place, place + len(secret), "secret"] = Match("secret", confidence, secret)
    words = words_of(name)
    ends: dict[Rule, int] = {}
    for start in range(0, max(len(text) - _OVERLAP, 1), _WINDOW - _OVERLAP):
        for place, match in _find(text, start, words, rules, ends):
            span = place, place + len(match.text), match.sensitivity
            if span not in spans or match.confidence == "high":
                spans[span] = match
    if not spans:
        return []
    found: dict[tuple[Sensitivity, str], Match] = {}
    for match in _outermost(spans):
        key = match.sensitivity, match.text
        if (key not in found or match.confidence == "high") and match.text.lower() != own_host:
            found[key] = match
    return [*found.values()]


def _long_secrets(text: str, name: str) -> Iterator[tuple[Confidence, int, str]]:
    """Yield what is looked for in all of a text at once, the surest last, each with its place."""
    for place, key in private_keys(text):
        yield "high", place, key
    for place, secret in url_secrets(text):
        yield "high", place, secret
    if ":" in text or "=" in text:
        for place, secret in told_secrets(text, _by_name):
            yield "medium", place, secret
    for place, secret in option_secrets(text, _by_name):
        yield "medium", place, secret
    for place, secret in _named_secrets(text, name):
        yield "high", place, secret


def masked(text: str) -> str:
    """Show the form of something sensitive, and no more of it than two characters at its ends."""
    shown = 2 if len(text) >= 12 else len(text) // 6
    end = len(text) - shown
    whole = text[:shown] + re.sub(r"[^\W_]", "*", text[shown:end]) + text[end:]
    return whole if len(whole) <= _MASKED_CHARACTERS else f"{whole[: _MASKED_CHARACTERS - 3]}…{whole[-2:]}"


@lru_cache(maxsize=4096)
def is_hinted(name: str) -> bool:
    """Tell whether a name says that even a number may be sensitive."""
    return bool(_hinted(words_of(name))) or names_secret(name)


@lru_cache(maxsize=4096)
def names_secret(name: str) -> bool:
    """Return whether the name of a field, or of what it stands in, says that its values are secrets."""
    return may_say_secret(name) and bool(_named_rules(words_of(name)) or outer_secret(name).words)


def _named_secrets(text: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield what is a secret by its name, the text or a value of the markup in it, with its place."""
    if names_secret(name):
        yield from _by_name(text, name)
    if not (("<" in text or "&" in text) and _TAG.search(text) and may_hold_secret(text)):
        return
    plain, place_of = _unescaped(text)
    for inner, start, value in marked_values(plain):
        for offset, secret in _by_name(value, inner):
            yield place_of(start + offset), secret


def _unescaped(text: str) -> tuple[str, Callable[[int], int]]:
    """Return a text with its escaped brackets undone, if there are any, and what maps places in that to the text."""
    pieces: list[str] = []
    length = end = 0
    begins, ends = [0], [0]
    for found in _ESCAPED.finditer(text) if "&lt;" in text else ():
        pieces += text[end : found.start()], _BRACKETS[found[0]]
        length += found.start() - end + 1
        end = found.end()
        begins.append(length)
        ends.append(end)

    def place_of(place: int) -> int:
        before = bisect_right(begins, place) - 1
        return ends[before] + place - begins[before]

    return "".join((*pieces, text[end:])), place_of


def _by_name(text: str, name: str) -> Iterator[tuple[int, str]]:
    outer = outer_secret(name)
    words = words_of(name)
    for said, is_whole in ((words, True), (outer.words, outer.is_whole)):
        for rule in _named_rules(said):
            match = rule.pattern.match(text)
            if match is None:
                continue
            group = "it" if "it" in rule.pattern.groupindex else 0
            if rule.accepts(match[group], said + " ") and (is_whole or is_random(match[group], "")):
                yield match.start(group), match[group]


@lru_cache(maxsize=4096)
def _named_rules(words: str) -> tuple[Rule, ...]:
    rules = tuple(rule for rule in _hinted(words) if rule.sensitivity == "secret")
    return () if not rules or tells_of_none(words) else rules


@lru_cache(maxsize=4096)
def _hinted(words: str) -> tuple[Rule, ...]:
    """Return the rules for fields of such a name that are not for those of any."""
    # Where there are other letters than those of ASCII, each pattern tells for itself what a letter is.
    places = sorted(_HINTS.found_in(words)) if words.isascii() else range(len(_HINTED))
    return tuple(rule for rule, hint in map(_HINTED.__getitem__, places) if hint.search(words))


def _find(text: str, start: int, words: str, rules: _Rules, ends: dict[Rule, int]) -> Iterator[tuple[int, Match]]:
    """Return what is found in the window that begins somewhere in a text, each with its place in the text.

    Args:
        text: all of it.
        start: where the window begins.
        words: of the field's name.
        rules: those to look by.
        ends: where that ends, by rule, which was found last and goes on behind its window.
    """
    window = text[start : start + _WINDOW]
    for pattern, group, alike in rules.of(window):
        for match in pattern.finditer(window):
            begin = match.start()
            before = window[max(begin - 16, 0) : begin] or words + " "
            for rule in alike:
                found = match[group]
                if not rule.accepts(found, before):
                    continue
                place = start + match.start(group)
                if rule.goes_on is not None:
                    if place < ends.get(rule, 0):
                        continue
                    more = rule.goes_on.match(text, place + len(found))
                    found += more[0] if more else ""
                    ends[rule] = place + len(found)
                yield place, Match(rule.sensitivity, rule.confidence, found)
    for token in dict.fromkeys(find_tokens(window)):
        place = window.find(token)
        while place >= 0:
            yield start + place, Match("secret", "high", token)
            place = window.find(token, place + len(token))


@lru_cache(maxsize=4096)
def _rules(words: str) -> _Rules:
    """Return the rules for fields of such a name."""
    hinted = {rule for rule in _hinted(words) if rule.sensitivity != "secret"}
    return _Rules(tuple(rule for rule in RULES if rule.hint is None or rule in hinted)) if hinted else _FOR_ANY_NAME


def _outermost(spans: dict[_Span, Match]) -> Iterable[Match]:
    """Give what needs telling beside the rest: nothing that stands in a secret, or in a longer one of its kind."""
    if len(spans) == 1:
        return spans.values()
    ends: dict[Sensitivity, int] = {}
    shown = set()
    for span in sorted(spans, key=lambda span: (span[0], -span[1], span[2] != "secret")):
        _, end, sensitivity = span
        if end > ends.get(sensitivity, -1):
            ends[sensitivity] = end
            if sensitivity == "secret" or end > ends.get("secret", -1):
                shown.add(span)
    return (match for span, match in spans.items() if span in shown)
