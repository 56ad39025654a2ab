"""This is an exchange as values: for JSON, and for cells under the names of its fields.

It refuses to write them anywhere.
"""

import base64
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import lru_cache
from json.encoder import encode_basestring
from operator import attrgetter
from typing import Any

from telemock.exchange import Exchange, compact_json
from telemock.text import escape_unprintable, printable_json, to_printable_json

NAMES = ("id", *(field.name for field in fields(Exchange) if field.name != "id"))

JSON_FIELDS = ("params", "request_headers", "response_headers", "problems", "request_trailers")
BODY_FIELDS = ("request_body", "response_body")
TIME_FIELDS = ("received_at", "client_time")

# Gives the values of an exchange under `NAMES`.
exchange_values: Callable[[Exchange], tuple[Any, ...]] = attrgetter(*NAMES)

_JSON_PLACES = tuple(map(NAMES.index, JSON_FIELDS))
_ARE_JSON = tuple(name in JSON_FIELDS for name in NAMES)
_BODY_PLACES = tuple(map(NAMES.index, BODY_FIELDS))
_TRUNCATED = NAMES.index("request_truncated")

_LINE = "{" + ",".join(f'"{name}":%s' for name in NAMES) + "}"


def body_value(body: bytes | str | None) -> str | dict[str, str] | None:
    """Give a body as JSON holds it: text where it is UTF-8, otherwise an object with `base64`."""
    if not isinstance(body, bytes):
        return body  # people may edit the file; it is theirs
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


@lru_cache(maxsize=256)  # headers repeat; nobody changes what this gives
def loaded(text: str | None) -> Any:
    """Give what the JSON of a field holds; what people made of it is given as it is."""
    if text is None:
        return None
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def nested(values: Sequence[Any]) -> dict[str, Any]:
    """Give an exchange as what JSON holds, from its values under `NAMES`."""
    record: dict[str, Any] = dict(zip(NAMES, map(_plain, values), strict=True))
    for name in JSON_FIELDS:
        text = record[name]
        record[name] = loaded(text) if isinstance(text, str) else text
    if isinstance(values[_PARAMS], str):
        record["params"] = loaded.__wrapped__(values[_PARAMS])  # never the same twice
    record["request_truncated"] = bool(values[_TRUNCATED])
    return record


def cells(values: Sequence[Any]) -> list[object]:
    """Give the cells of an exchange from its values under `NAMES`; a body that is no text is JSON with `base64`."""
    row = [*values]
    for place in _BODY_PLACES:
        text = body_value(row[place])
        row[place] = compact_json(text) if isinstance(text, dict) else text
    for place in _JSON_PLACES:
        if isinstance(row[place], str):
            row[place] = printable_json(row[place])
    return row


def json_line(values: Sequence[Any], *, is_sound: bool) -> str:
    """Write as JSON what `nested` gives, on one line, with its end, that any terminal may see.

    Args:
        values: under `NAMES`.
        is_sound: the values of `JSON_FIELDS` are JSON, which then need not be taken apart.
    """
    if is_sound:
        row = [
            "null" if value is None else value if is_json else _ENCODERS[type(value)](value)
            for value, is_json in zip(values, _ARE_JSON, strict=True)
        ]
        row[_TRUNCATED] = "true" if values[_TRUNCATED] else "false"
        line = _LINE % tuple(row)
        # Else it has escapes that may be needless, or white space in JSON that people wrote.
        if "\\u" not in line and "\n" not in line and "\r" not in line and "\t" not in line:
            return escape_unprintable(line) + "\n"
    return to_printable_json(nested(values)) + "\n"


_PARAMS = NAMES.index("params")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return body_value(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _encode(value: Any) -> str:
    return to_printable_json(_plain(value))


def _encode_float(number: float) -> str:
    return repr(number) if math.isfinite(number) else "null"


def _encode_body(body: bytes) -> str:
    try:
        return encode_basestring(body.decode())
    except UnicodeDecodeError:
        return _encode(body)


_ENCODERS: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    int: repr,
    bool: _encode,
    float: _encode_float,
    bytes: _encode_body,
}


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(text: str) -> float:
    """Take a number; one that a float cannot hold would become a word that JSON does not know."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
