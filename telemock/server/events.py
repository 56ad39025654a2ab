"""This is how posted events are read: one JSON object, an array of them, or one object a line (NDJSON).

It refuses everything else with a sentence that names line and column.
"""

import json
import re
from codecs import BOM_UTF8
from typing import Any, NoReturn

from telemock.errors import EventsRejected

_Event = dict[str, Any]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def parse_events(body: bytes) -> list[_Event]:
    """Read a body (UTF-8, RFC 8259; a byte order mark is forgiven) as events, in order.

    Raises:
        EventsRejected: not JSON, or not objects; names line and column, counted in characters from 1.
    """
    body = body.removeprefix(BOM_UTF8)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        good = body[: error.start].decode()
        raise EventsRejected(f"not UTF-8 at {_place(good, len(good))}") from error
    if not text.strip():
        raise EventsRejected("empty body at line 1 column 1: expected a JSON object, an array of objects, or NDJSON")
    value, end = _decode(text, _skip(text, 0))
    start = _skip(text, end)
    if start == len(text):
        return _only_objects(text, value) if isinstance(value, list) else [_object(text, value, _skip(text, 0))]
    events = [_object(text, value, _skip(text, 0))]
    while start < len(text):
        if "\n" not in text[end:start]:
            raise EventsRejected(f"more than one value on a line, at {_place(text, start)}")
        value, end = _decode(text, start)
        events.append(_object(text, value, start))
        start = _skip(text, end)
    return events


def _decode(text: str, start: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise EventsRejected(f"not JSON: {error.msg} at {_place(text, error.pos)}") from error
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
