"""This is what a table of a report is, and how those things are written that are in several of them.

It refuses to know what HTML is; the template does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from telemock.exports.wording import captured, number, told_apart
from telemock.hosts import http_url

# What was learnt, as `telemock analyze --format json` tells it.
Told = Mapping[str, Any]

# How a cell looks: words of ours, captured text, a number, a time, or a word of ours with a colour.
Kind = Literal["text", "code", "number", "time", "badge"]
Cell = str | list[str]

# Where all rows are, when a table is cut.
ELSEWHERE = "telemock analyze --format json has all."


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header.

    Attributes:
        caption: what a reader who does not see it is told that it is.
        columns: name and kind of each.
        rows: cells, each a text or several, one below the other.
        left_out: a sentence, where there were more.
    """

    caption: str
    columns: tuple[tuple[str, Kind], ...]
    rows: list[tuple[Cell, ...]]
    left_out: str = ""


def endpoint_name(endpoint: Told) -> str:
    """Write method and URL."""
    url = http_url(*(endpoint[name] for name in ("scheme", "host", "port", "path")))
    return told_apart(f"{endpoint['method']} {url}".lstrip())


def words(name: str) -> str:
    """Write one of our own names with spaces: `ip address`."""
    return captured(name).replace("_", " ")


def left_out(more: int, one: str, elsewhere: str = ELSEWHERE) -> str:
    """Say how many more there are, and where; empty when there are none."""
    return f"{number(more)} more {one if more == 1 else one + 's'}; {elsewhere}" if more > 0 else ""
