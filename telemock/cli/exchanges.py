"""This is how an exchange looks in lists and records, whatever the command.

It refuses to format; `telemock.cli.output` does.
"""

import base64
import json
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any

from telemock.cli.output import Column, Shape
from telemock.exchange import Exchange, compact_json

_JSON_FIELDS = ("request_headers", "response_headers", "problems")
_BODY_FIELDS = ("request_body", "response_body")
_NAMES = ("id", *(field.name for field in fields(Exchange) if field.name != "id"))
_VALUES = attrgetter(*_NAMES)
_BODY_PLACES = tuple(map(_NAMES.index, _BODY_FIELDS))


def body_value(body: bytes | None) -> str | dict[str, str] | None:
    """Give a body as JSON holds it: text where it is UTF-8, otherwise an object with `base64`."""
    if body is None:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def problem_list(exchange: Exchange) -> list[Any]:
    """Give the validation messages; empty when clean."""
    return list(_loaded(exchange.problems) or [])


@lru_cache(maxsize=256)  # headers repeat; nobody changes what this gives
def _loaded(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text  # people may edit the file; it is theirs


def _nested(exchange: Exchange) -> dict[str, Any]:
    record: dict[str, Any] = dict(zip(_NAMES, _VALUES(exchange), strict=True))
    for name in _JSON_FIELDS:
        record[name] = _loaded(record[name])
    record["params"] = _loaded.__wrapped__(exchange.params)  # never the same twice
    record["request_truncated"] = bool(exchange.request_truncated)
    for name in _BODY_FIELDS:
        record[name] = body_value(record[name])
    return record


def _flat(exchange: Exchange) -> list[object]:
    cells: list[object] = list(_VALUES(exchange))
    for place in _BODY_PLACES:
        text = body_value(cells[place])  # type: ignore[arg-type]  # a body is bytes or None
        cells[place] = compact_json(text) if isinstance(text, dict) else text
    return cells


# Text has the columns of the view `telemetry`; a table has those that fit beside each other.
EXCHANGES: Shape[Exchange] = Shape(
    columns=(
        Column(name="id", value=attrgetter("id"), right=True),
        Column(name="received_at", value=attrgetter("received_at"), least=20),
        Column(name="method", value=attrgetter("method"), least=4),
        Column(name="host", value=attrgetter("host"), least=4),
        Column(name="path", value=attrgetter("path"), least=6),
        Column(name="status", value=attrgetter("status"), right=True),
        Column(name="outcome", value=attrgetter("outcome")),
        Column(name="version", value=attrgetter("version"), least=6),
        Column(name="guid", value=attrgetter("guid"), least=6),
        Column(name="env", value=attrgetter("env"), in_table=False),
        Column(name="session_id", value=attrgetter("session_id"), in_table=False),
        Column(name="client_time", value=attrgetter("client_time"), in_table=False),
        Column(name="latency_ms", value=attrgetter("latency_ms"), in_table=False),
        Column(name="problem_count", value=lambda exchange: len(problem_list(exchange)), in_table=False),
    ),
    names=_NAMES,
    flat=_flat,
    nested=_nested,
)
