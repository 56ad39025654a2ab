"""This is how figures and captured text are worded for people: numbers, sizes, lengths, times, and text cut short.

It refuses to let through what a browser would obey: a control character, or a change of writing direction.
"""

from itertools import islice

from telemock.text import both_ends, printable

# Of one captured text on a page.
_MOST_CHARACTERS = 200

_SIZES = ("bytes", "KiB", "MiB", "GiB", "TiB")

_LENGTHS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))

# `2026-02-05T10:55:58`
_TO_SECONDS = 19

# What is to be said where endpoints stand for many paths.
PUT_TOGETHER = "{int} and its like stand for values in paths; --no-path-templates tells such endpoints apart."


def captured(value: object, most: int = _MOST_CHARACTERS) -> str:
    """Write captured text, cut where it is long, without anything that is not to be seen."""
    text = str(value)
    if len(text) <= most:
        return printable(text)
    return f"{printable(text[:most])}… ({number(len(text))} characters)"


def told_apart(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Write captured text that tells things apart, such as a name: of a long one both ends."""
    return printable(both_ends(text, most))


def number(value: float) -> str:
    """Write a number with commas: `12,345`."""
    return f"{value:,}"


def count(value: int, one: str, many: str = "") -> str:
    """Write how many there are of something: `1 host`, `2 hosts`, `no hosts`."""
    return f"{number(value) if value else 'no'} {one if value == 1 else many or one + 's'}"


def size(octets: float) -> str:
    """Write a number of bytes: `123 bytes`, `1.2 MiB`."""
    for unit in _SIZES:
        if octets < 1024 or unit == _SIZES[-1]:
            break
        octets /= 1024
    return f"{octets:.4g} {unit}"


def length(seconds: float | None) -> str:
    """Write a length of time: `0.2 s`, `5 min`, `2 h 30 min`; empty when there is none."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.3g} s"
    left = round(seconds)
    parts = []
    for unit_s, unit in _LENGTHS:
        whole, left = divmod(left, unit_s)
        if whole:
            parts.append(f"{whole} {unit}")
    return " ".join(parts[:2])


def share(part: float) -> str:
    """Write a share of 1 as a percentage; what is not all is never written as 100 %."""
    percent = f"{100 * part:.3g}"
    return f"{'>99.9' if percent == '100' and part < 1 else percent} %"


def moment(received_at: str | None) -> str:
    """Write a time of the store to the second; as it is when people wrote it otherwise."""
    text = received_at or ""
    if text[10:11] == "T" and text[19:20] == "." and text.isascii():
        text = text[:_TO_SECONDS].replace("T", " ")
    return captured(text)


def period(first: str, last: str) -> str:
    """Write from when to when, as `moment` writes times: `between A and B`, or `at A` where both are the same."""
    return f"at {first}" if first == last else f"between {first} and {last}"


def listed(texts: list[str], most: int = 5) -> str:
    """Write some things one after the other: `a, b and 3 more`."""
    some = [*islice(texts, most)]
    left = len(texts) - len(some)
    if left:
        return f"{', '.join(some)} and {number(left)} more"
    return " and ".join([", ".join(some[:-1]), some[-1]] if len(some) > 1 else some)
