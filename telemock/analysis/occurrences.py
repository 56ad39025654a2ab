"""Puts something else in place of secrets wherever they stand in a text, however written, also where they overlap."""

import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from urllib.parse import quote, quote_plus

from telemock.analysis.url_secrets import replace_short

# Shorter ones are in everything.
SHORT = 4

# How a secret may stand in a text that was decoded before it was found.
_WRITTEN: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    partial(quote, safe="*", errors="surrogatepass"),
    partial(quote_plus, safe="*", errors="surrogatepass"),
)

# What each of these leaves as it is.
_WRITTEN_ONE_WAY = re.compile(r"[\w.~-]*", re.ASCII)


def replace_all(text: str, replacements: Iterable[tuple[str, str]], conceal: Callable[[str], str]) -> str:
    """Replace texts, each of which is given with what stands in its place.

    Args:
        text: in which they stand.
        replacements: none of the texts to be replaced is empty.
        conceal: gives what stands in place of a stretch in which some overlap, and none of them is all of it.
    """
    found: dict[tuple[int, int], str] = {}
    for old, new in replacements:
        start = text.find(old)
        while start >= 0:
            found.setdefault((start, start + len(old)), new)
            start = text.find(old, start + len(old))
    if not found:
        return text
    stretches: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if stretches and start < stretches[-1][1]:
            first, last = stretches[-1]
            stretches[-1] = first, max(last, end)
        else:
            stretches.append((start, end))
    shown = [text[: stretches[0][0]]]
    for stretch, (following, _) in pairwise([*stretches, (len(text), 0)]):
        shown += (found.get(stretch) or conceal(text[slice(*stretch)]), text[stretch[1] : following])
    return "".join(shown)


def replace_secrets(
    text: str, secrets: Iterable[str], conceal: Callable[[str], str], *, keeps_length: bool = False
) -> str | None:
    """Conceal secrets in a text.

    Args:
        text: in which they stand, each as it is or as JSON or a query writes it.
        secrets: decoded.
        conceal: gives what stands in place of one.
        keeps_length: what stands in its place has as many bytes.

    Returns:
        The text without them; None when one of them stands in it otherwise.
    """

    def fitted(old: str, new: str) -> str:
        size = len(old.encode(errors="surrogateescape")) if keeps_length else 0
        return new[-size:].rjust(size, "-")

    long: list[tuple[str, str]] = []
    short: list[tuple[str, str]] = []
    for secret in sorted(secrets, key=lambda each: (-len(each), each)):
        concealed = conceal(secret)
        ways = _WRITTEN[:1] if _WRITTEN_ONE_WAY.fullmatch(secret) else _WRITTEN
        written = {way(secret): way(concealed) for way in ways}
        there = [(old, fitted(old, new)) for old, new in written.items() if old in text]
        if not there:
            return None
        for each in there:
            (long if len(each[0]) >= SHORT else short).append(each)
    shown = replace_all(text, long, lambda stretch: fitted(stretch, conceal(stretch)))
    for old, new in short:
        shown = replace_short(shown, old, new)
    return shown
