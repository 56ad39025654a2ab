"""This is how posted events are read: one JSON object, an array of them, or one object a line (NDJSON).

It refuses everything else with a sentence that names line and column.
"""

import json
import re
from codecs import BOM_UTF8, getincrementaldecoder
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple, NoReturn

import msgspec

from telemock.errors import EventsRejected

_Event = dict[str, Any]

# What is read of one body, to answer it and to learn who speaks; all of it is kept, and analysis reads on. Time and
# memory go with the number of values: a body of few long ones is read whole.
MAX_BYTES: Final = 2**20
MAX_EVENTS: Final = 10_000
_MAX_VALUES: Final = 100_000

_SMALL: Final = 2**14  # characters that are decoded at once; more would keep all other requests waiting
_LONGEST_TOKEN: Final = 16  # characters that are wrong only because the next ones are missing: \uD83D\uDE0


class _NotJson(EventsRejected):
    """It is not JSON, as can be seen at a position."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


# Between two objects on lines of their own; nothing like it can stand inside of an object.
_BETWEEN_LINES: Final = re.compile(rb"\}[ \t\r]*\n[ \t\r\n]*\{")
_LONG_EVENT: Final = (
    "Only the first event was read, and of it, as it is very long, only what tells who speaks; the whole body is kept."
)


class Batch(NamedTuple):
    """The events of a body, in order; `left_out` says in a sentence what of it was not read, "" when all was."""

    events: list[_Event]
    left_out: str = ""


def parse_events(body: bytes, telling: tuple[str, ...] = ()) -> Batch:
    """Read a body (UTF-8, RFC 8259; a byte order mark is forgiven) as events, as far as the limits above let.

    Args:
        body: undone from its content coding.
        telling: names of the fields that are read of a first event which goes beyond the limits.

    Raises:
        EventsRejected: not JSON, or not objects; names line and column, counted in characters from 1.
    """
    body = body.removeprefix(BOM_UTF8)
    is_cut = len(body) > MAX_BYTES and sum(map(body.count, (b",", b"[", b"{"))) > _MAX_VALUES
    try:
        text = getincrementaldecoder("utf-8")().decode(body[:MAX_BYTES]) if is_cut else body.decode()
    except UnicodeDecodeError as error:
        good = body[: error.start].decode()
        raise EventsRejected(f"not UTF-8 at {_place(good, len(good))}") from error
    start = _skip(text, 0)
    if start == len(text):
        raise EventsRejected("empty body at line 1 column 1: expected a JSON object, an array of objects, or NDJSON")
    if len(text) > _SMALL:
        reading = (_array if text[start] == "[" else _lines)(text, start)
        events = list(islice(_until_cut(text, reading) if is_cut else reading, MAX_EVENTS + 1))
        if is_cut and not events:
            return Batch([_long_event(body, text, start, telling)], _LONG_EVENT)
        is_cut = is_cut or len(events) > MAX_EVENTS
        return Batch(events[:MAX_EVENTS], _only(len(events[:MAX_EVENTS])) if is_cut else "")
    value, end = _decode(text, start)
    is_array = isinstance(value, list) and _skip(text, end) == len(text)
    return Batch(_only_objects(text, value) if is_array else list(_lines(text, start)))


def _only(count: int) -> str:
    said = "event was" if count == 1 else f"{count} events were"
    return f"Only the first {said} read; the whole body is kept."


def _lines(text: str, start: int) -> Iterator[_Event]:
    """Read objects, one a line."""
    end = 0
    while start < len(text):
        if end and "\n" not in text[end:start]:
            raise EventsRejected(f"more than one value on a line, at {_place(text, start)}")
        value, end = _decode(text, start)
        yield _object(text, value, start)
        start = _skip(text, end)


def _array(text: str, start: int) -> Iterator[_Event]:
    """Read the objects of an array one by one: to read it whole may hold the interpreter, and much memory, for long."""
    position = _skip(text, start + 1)
    is_closed = text.startswith("]", position)
    while not is_closed:
        value, end = _decode(text, position)
        yield _object(text, value, position)
        position = _skip(text, end)
        is_closed = text.startswith("]", position)
        if not is_closed:
            if not text.startswith(",", position):
                raise _NotJson(f"not JSON: Expecting ',' delimiter at {_place(text, position)}", position)
            position = _skip(text, position + 1)
    if _skip(text, position + 1) < len(text):
        _object(text, [], start)


def _until_cut(text: str, reading: Iterator[_Event]) -> Iterator[_Event]:
    """Give what can be read of a text that goes on behind its end."""
    try:
        yield from reading
    except _NotJson as error:
        if error.position < len(text) - _LONGEST_TOKEN:
            raise


class _First(msgspec.Struct, array_like=True):
    """The first element of an array, as it is written; the others are only looked through."""

    value: msgspec.Raw


@lru_cache(maxsize=8)
def _fields(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """Make the type of objects of which only the named fields are kept, as they are written, in that order."""
    keys = {f"field_{place}": name for place, name in enumerate(names)}
    return msgspec.defstruct("_Fields", [(key, msgspec.Raw, msgspec.UNSET) for key in keys], rename=keys)


def _long_event(body: bytes, text: str, start: int, names: tuple[str, ...]) -> _Event:
    """Read from a first event of any number of values the named fields that are single values; nothing else is built.

    Args:
        body: of which the text is the beginning.
        text: see `_lines`.
        start: where in the text the event, or the array around it, begins.
        names: see `parse_events`.
    """
    try:
        if text[start] == "[":
            event: bytes | msgspec.Raw = msgspec.json.decode(body, type=_First).value
        else:
            between = _BETWEEN_LINES.search(body)
            event = body if between is None else body[: between.start() + 1]
        written = msgspec.structs.astuple(msgspec.json.decode(event, type=_fields(names)))
        said = {name: bytes(raw).decode() for name, raw in zip(names, written, strict=True) if raw is not msgspec.UNSET}
        return {name: _DECODER.decode(value) for name, value in said.items() if value[0] not in "[{"}
    except RecursionError as error:
        raise EventsRejected(f"nested too deep, from {_place(text, start)}") from error
    except ValueError as error:  # of msgspec and json
        raise EventsRejected(f"not JSON: {error}, from {_place(text, start)}") from error


def _decode(text: str, start: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        is_open = error.msg.startswith("Unterminated string")  # which is said of where it begins
        raise _NotJson(
            f"not JSON: {error.msg} at {_place(text, error.pos)}", len(text) if is_open else error.pos
        ) from error
    except RecursionError as error:
        raise EventsRejected(f"nested too deep, from {_place(text, start)}") from error
    except ValueError as error:
        raise EventsRejected(f"not JSON: {error}, from {_place(text, start)}") from error


def _only_objects(text: str, values: list[Any]) -> list[_Event]:
    if all(isinstance(value, dict) for value in values):
        return values
    # Only a bad array is read twice, to say where it is bad.
    position = _skip(text, text.index("[") + 1)
    for value in values:
        _object(text, value, position)
        position = _skip(text, _decode(text, position)[1])
        position = _skip(text, position + 1)
    return values


def _object(text: str, value: Any, start: int) -> _Event:
    if isinstance(value, dict):
        return value
    raise EventsRejected(f"not an object at {_place(text, start)}: expected a JSON object, an array of them, or NDJSON")


def _skip(text: str, start: int) -> int:
    return _SPACE.match(text, start).end()  # type: ignore[union-attr] # it matches the empty text too


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"line {line} column {position - text.rfind(chr(10), 0, position)}"
