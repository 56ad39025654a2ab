"""This is an exchange with one column for each of its fields.

It refuses to have more columns than a spreadsheet: values of fields beyond that are counted.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from telemock.codings import decode_pair, decode_read
from telemock.exchange import compact_json
from telemock.fields import body_pairs, content_type, header_and_cookie_pairs, query_items, request_bytes, trailer_pairs
from telemock.opening import Allowance
from telemock.text import printable_json, to_printable_json

# Columns of the exchange itself that stand before those of its fields.
FIRST = (
    "id",
    "received_at",
    "method",
    "scheme",
    "host",
    "port",
    "path",
    "status",
    "outcome",
    "latency_ms",
    "client",
    "version",
    "guid",
)

# What fields are found in; to be read behind FIRST.
SOURCES = ("query", "request_headers", "request_body", "request_trailers")

# A spreadsheet has 16,384 columns; Excel is slow long before.
MAX_FIELDS = 10_000


# Returns what stands for a value that was inside of another, by its name.
Shown = Callable[[str, str], str]


def as_it_is(_name: str, value: str) -> str:
    """Return the value."""
    return value


class Columns:
    """The columns that fields of exchanges need, as they are met.

    Args:
        shown: masks what is inside of values; they themselves come as they are to be shown.

    Attributes:
        names: of fields, `query.v`, `body.$.user.id`, `header.host`, `cookie.sid`, `trailer.x-checksum`.
        left_out: values of fields beyond MAX_FIELDS.
    """

    def __init__(self, shown: Shown = as_it_is) -> None:
        self._shown = shown
        self.names: dict[str, int] = {}
        self.left_out = 0

    def meet(self, sources: Sequence[Any]) -> None:
        """Find the fields of an exchange in its values under `SOURCES`."""
        for name, _ in _pairs(*sources, shown=self._shown):
            if name not in self.names:
                if len(self.names) < MAX_FIELDS:
                    self.names[name] = len(self.names)
                else:
                    self.left_out += 1

    def cells(self, values: Sequence[Any]) -> list[Any]:
        """Give the cells of an exchange, from its values under `FIRST` and `SOURCES`, under `FIRST` and `names`.

        The values of a name that repeats are a JSON array.
        """
        row: list[Any] = [None] * len(self.names)
        for name, value in _fields(values, self._shown).items():
            place = self.names.get(name)
            if place is not None:
                row[place] = value if isinstance(value, str) else printable_json(compact_json(value))
        return [*values[: len(FIRST)], *row]


def flat_line(values: Sequence[Any], shown: Shown = as_it_is) -> str:
    """Write an exchange as a line of JSON, with an object of its `fields`; a name that repeats has an array.

    Args:
        values: under `FIRST` and `SOURCES`.
        shown: masks what is inside of values.
    """
    record = dict(zip(FIRST, values, strict=False)) | {"fields": _fields(values, shown)}
    return to_printable_json(record) + "\n"


def _fields(values: Sequence[Any], shown: Shown) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for name, value in _pairs(*values[len(FIRST) :], shown=shown):
        known = found.get(name)
        if known is None:
            found[name] = value
        elif isinstance(known, list):
            known.append(value)
        else:
            found[name] = [known, value]
    return found


def _pairs(
    query: str, headers: str, body: bytes | None, trailers: str | None, *, shown: Shown
) -> Iterator[tuple[str, str]]:
    """Give names and values of all fields of a request, as it is stored, each with those that are inside of it."""
    allowance = Allowance(request_bytes("", "", query, headers, body, trailers=trailers))
    for name, value in _outer_pairs(query, headers, body, trailers):
        yield name, value
        yield from ((inside, shown(inside, text)) for inside, text, _ in allowance.open(name, value))


def _outer_pairs(query: str, headers: str, body: bytes | None, trailers: str | None) -> Iterator[tuple[str, str]]:
    for item in query_items(query):
        name, value = decode_pair(item)
        yield f"query.{name}", value
    shown = None if body is None else decode_read(headers, body)
    if shown is not None:
        for name, value in body_pairs(shown, content_type(headers)):
            yield f"body.{name}", value
    in_trailers = trailer_pairs(trailers) if trailers else ()
    in_head = zip(("header", "cookie", "trailer"), (*header_and_cookie_pairs(headers), in_trailers), strict=True)
    for source, pairs in in_head:
        for name, value in pairs:
            yield f"{source}.{name}", value
