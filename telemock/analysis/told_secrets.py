"""Secrets in a text behind their names: in a log, a command line, a connection string, a query, JSON that is cut off.

The time it takes grows with the length of the text.
"""

import re
from collections.abc import Callable, Iterator

from telemock.analysis.names import words_of
from telemock.analysis.secret_names import may_name_secret

# What stands between a name and its value, where neither is a number; the name or its quote ends right before it.
_IS = re.compile(r"[:=](?<=[A-Za-z2\"' ][:=])")
_NAME = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."
_LONGEST_NAME = 64

# A value whose end can be told: a quote, which may be escaped, ends it. JSON may stand in JSON.
_PLAIN = r"[^\s\"'&;,\\<]"
_ESCAPE = r"\\(?!\\{0,7}[\"'])"
_VALUE = re.compile(
    r"\s{0,8}[\[({]?\s{0,8}(?:\\{0,7}[\"'])?"
    rf"(?P<it>(?:{_PLAIN}|{_ESCAPE}){_PLAIN}{{0,120}}+(?:{_ESCAPE}{_PLAIN}{{0,64}}+){{0,16}})"
)
_REST = re.compile(rf"(?:{_PLAIN}|{_ESCAPE})*+")

# In source code a function or a list stands where a value would.
_CODE = re.compile(r"[A-Za-z_]{2,64}(?:\.[A-Za-z_]{1,64}){0,8}+(?:\([\w.]{0,64}\)|\[\d{0,3}\])")

# An option of a command line, in text or in a list in text; its value stands behind it.
_OPTION = re.compile(r"(?<![\w-])--?(?P<name>[A-Za-z][\w-]{1,63})(?:[ \t]{1,4}|\\{0,7}[\"'], ?(?=\\{0,7}[\"']))")
_NO_MORE = re.compile(r"\\{0,7}[\"']?(?:,? ?\\{0,7}[\"']?-|\]?\s*\Z)")
_DIGIT = re.compile(r"\d")

# Behind these a pair stands in a row of pairs, as in a query or a connection string.
_BETWEEN = ("?", "&", ";")

_ByName = Callable[[str, str], Iterator[tuple[int, str]]]


def option_secrets(text: str, by_name: _ByName) -> Iterator[tuple[int, str]]:
    """Yield each secret that is the value of an option of a command line, with its place.

    A word is one where the line ends behind it or another option follows: others may only be about the option.
    """
    for option in _OPTION.finditer(text) if "-" in text else ():
        value = _VALUE.match(text, option.end()) if may_name_secret(words_of(option["name"])) else None
        if value is None or value["it"].startswith("-"):
            continue
        for start, secret in by_name(value["it"], option["name"]):
            place = value.start("it") + start
            if _DIGIT.search(secret) or _NO_MORE.match(text, place + len(secret)):
                yield place, secret


def told_secrets(text: str, by_name: _ByName) -> Iterator[tuple[int, str]]:
    """Yield each secret that stands behind its name, with its place.

    In a row of pairs a password may be a word; elsewhere words that follow may only be about one.

    Args:
        text: to look through.
        by_name: yields what of a value is a secret by a name, with its place in it.
    """
    at = 0
    while found := _IS.search(text, at):
        at = found.end()
        before = text[max(found.start() - _LONGEST_NAME, 0) : found.start()].rstrip(" \"'\\")
        outside = before.rstrip(_NAME)
        name = before[len(outside) :]
        if not may_name_secret(words_of(name)):
            continue
        value = _VALUE.match(text, at)
        if value is None or (_CODE.match(value["it"]) and text[value.start("it") - 1] not in "\"'"):
            continue
        is_pair = outside.endswith(_BETWEEN) or outside.rstrip(" ").endswith(_BETWEEN)
        if not (is_pair or _DIGIT.search(value["it"])):
            continue
        for start, secret in by_name(value["it"], name):
            if is_pair or _DIGIT.search(secret):
                place = value.start("it") + start
                at = place + len(secret)
                if at == value.end():
                    rest = _REST.match(text, at)
                    at = rest.end() if rest else at
                yield place, text[place:at]
                break
