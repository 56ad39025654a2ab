"""This is how what was learnt of exchanges looks: endpoints and their fields, as JSON and as tables.

It refuses to learn anything; `telemock.analysis.inventory` does.
"""

import re
from collections.abc import Iterator
from typing import Any

from telemock.analysis.endpoint import Endpoint
from telemock.analysis.field import Field, types_told
from telemock.analysis.field_masks import Masks
from telemock.analysis.inventory import Inventory
from telemock.analysis.sketches import DISTINCT_ERROR
from telemock.cli.cadences import cadence_to_json
from telemock.cli.output import Column, Shape
from telemock.decoding import ARROW
from telemock.exports.wording import PUT_TOGETHER, count
from telemock.fields import Source
from telemock.profiles.cribl import CRIBL
from telemock.text import printable

# What browsers ask every host for, and who looks for weak spots.
_NO_PRODUCT_ASKS = re.compile(
    r"/(?:favicon\.ico|robots\.txt|apple-touch-icon|\.|wp-|cgi-bin/|phpmyadmin|[^?]*\.(?:php|aspx?|cgi)$)",
    re.IGNORECASE,
)

_RANKS = (0.5, 0.95, 0.99)


def inventory_to_json(inventory: Inventory, masks: Masks) -> dict[str, Any]:
    """Give all that was learnt as what JSON holds; shares are between 0 and 1, sizes are bytes."""
    return {
        "exchanges": inventory.count,
        "exchanges_left_out": inventory.endpoints_left_out,
        "cadences_left_out": inventory.cadences_left_out,
        "not_looked_at": [*not_looked_at(inventory)],
        "distinct_error": DISTINCT_ERROR,
        "endpoints": [_endpoint_to_json(endpoint, masks) for endpoint in busiest(inventory)],
    }


def busiest(inventory: Inventory) -> list[Endpoint]:
    """Give the endpoints, those first that were called most."""
    return sorted(inventory.endpoints.values(), key=lambda endpoint: -endpoint.count)


def heading(endpoint: Endpoint, masks: Masks) -> Iterator[str]:
    """Give two lines of what an endpoint was sent as a whole."""
    p50, p95, p99 = _latencies(endpoint)
    statuses = ", ".join(f"{times} x {status}" for status, times in sorted(endpoint.statuses.items()))
    again = f", {endpoint.resent} of them sent again" if endpoint.resent else ""
    yield printable(f"{endpoint.method} {masks.path(endpoint.url)}")
    yield (
        f"{count(endpoint.count, 'exchange')} of {count(endpoint.instances, 'instance')}, {statuses}{again}; "
        f"{_when(endpoint)}; up {endpoint.bytes_up} bytes, down {endpoint.bytes_down}; "
        f"p50 {p50} ms, p95 {p95} ms, p99 {p99} ms"
    )


def left_out(inventory: Inventory) -> Iterator[str]:
    """Say what was beyond a limit, a sentence each."""
    yield from not_looked_at(inventory)
    if inventory.cadences_left_out:
        more = count(inventory.cadences_left_out, "further instance")
        yield f"The cadence of {more} was left out; there are too many."


def put_together(*inventories: Inventory) -> Iterator[str]:
    """Say that endpoints stand for many paths, where they do."""
    if any(endpoint.fields["path"] for each in inventories for endpoint in each.endpoints.values()):
        yield PUT_TOGETHER


def not_looked_at(inventory: Inventory) -> Iterator[str]:
    """Say where something may be that was not found, a sentence each."""
    if inventory.endpoints_left_out:
        yield f"{count(inventory.endpoints_left_out, 'exchange')} of further endpoints were only counted."
    if inventory.values_left_out:
        yield f"{count(inventory.values_left_out, 'value')} of further fields were left out; an endpoint has too many."
    if inventory.bodies_in_part:
        yield (
            f"{count(inventory.bodies_in_part, 'body', 'bodies')} could be looked at in part only: longer than what "
            "was kept, of an unknown or damaged coding, or with too much inside."
        )
    if inventory.findings.in_part:
        yield f"{count(inventory.findings.in_part, 'value')} could be unwrapped in part only: too much is inside."
    if inventory.findings.left_out:
        yield f"{count(inventory.findings.left_out, 'value')} with further findings were left out; there are too many."


def field_shape(endpoint: Endpoint, masks: Masks) -> Shape[Field]:
    """Give the shape of the fields of an endpoint."""

    def presence(field: Field) -> str:
        having, of = endpoint.presence(field)
        return f"{100 * having / of:.4g}%"

    def meaning(field: Field) -> str:
        is_known = _is_known(field, endpoint)
        return "" if is_known is None else _meaning(field) or "unknown"

    def values(field: Field) -> str:
        return masks.mask(endpoint.place(field)) or _values(field)

    return Shape(
        columns=(
            Column(name="source", value=lambda field: field.source),
            Column(name="name", value=lambda field: field.name, least=12, cut="wrap"),
            Column(name="presence", value=presence, right=True),
            Column(name="types", value=types_told, least=10, cut="wrap"),
            Column(name="behaviour", value=lambda field: field.behaviour, least=9, cut="wrap"),
            Column(name="distinct", value=_distinct, may_go=1, right=True),
            Column(name="values", value=values, least=8),
            Column(name="meaning", value=meaning, least=7, may_go=2),
        ),
        names=("source", "name"),
        flat=lambda field: (field.source, field.name),
        nested=lambda field: _field_to_json(field, endpoint, masks),
    )


def _when(endpoint: Endpoint) -> str:
    first, last = endpoint.first_seen, endpoint.last_seen
    return f"at {first}" if first == last else f"{first} to {last}"


def _latencies(endpoint: Endpoint) -> list[float]:
    return [round(value, 3) for value in endpoint.latency.at(*_RANKS)]


def _endpoint_to_json(endpoint: Endpoint, masks: Masks) -> dict[str, Any]:
    p50, p95, p99 = _latencies(endpoint)
    return {
        "method": endpoint.method,
        "scheme": endpoint.scheme,
        "host": endpoint.host,
        "port": endpoint.port,
        "path": masks.path(endpoint.path),
        "product": CRIBL.title if _is_of_product(endpoint) else None,
        "count": endpoint.count,
        "resent": endpoint.resent,
        "instances": endpoint.instances,
        "statuses": {str(status): count for status, count in sorted(endpoint.statuses.items())},
        "latency_ms": {"p50": p50, "p95": p95, "p99": p99},
        "bytes_up": endpoint.bytes_up,
        "bytes_down": endpoint.bytes_down,
        "first_seen": endpoint.first_seen,
        "last_seen": endpoint.last_seen,
        "values_left_out": endpoint.values_left_out,
        "bodies_in_part": endpoint.bodies_in_part,
        "fields": [_field_to_json(field, endpoint, masks) for field in endpoint.all_fields()],
        "cadences": [cadence_to_json(beating) for beating in endpoint.cadences],
    }


def _is_of_product(endpoint: Endpoint) -> bool:
    return CRIBL.owns(endpoint.host, endpoint.path) and not _NO_PRODUCT_ASKS.match(endpoint.path)


def _field_to_json(field: Field, endpoint: Endpoint, masks: Masks) -> dict[str, Any]:
    mask = masks.mask(endpoint.place(field))
    having, of = endpoint.presence(field)
    return {
        "source": field.source,
        "name": field.name,
        "known": _is_known(field, endpoint),
        "meaning": _meaning(field) if _is_known(field, endpoint) else None,
        "exchanges": field.exchanges,
        "presence": round(having / of, 6),
        "values": field.count,
        "types": {kind: round(share, 6) for kind, share in field.types},
        "behaviour": field.behaviour,
        "distinct": field.distinct,
        "distinct_is_estimated": field.is_estimated,
        "least": None if mask else field.least,
        "most": None if mask else field.most,
        "shortest": field.shortest,
        "longest": field.longest,
        "masked": mask or None,
        "examples": [] if mask else field.examples(),
        "decoded": [] if mask else [*field.decoded()],
        "first_seen": field.first_seen,
        "last_seen": field.last_seen,
    }


def _is_known(field: Field, endpoint: Endpoint) -> bool | None:
    """Tell whether the profile knows a field; None where it says nothing of such fields."""
    if not CRIBL.owns(endpoint.host, endpoint.path) or field.source not in ("query", "body"):
        return None
    return _meaning(field) is not None


def _meaning(field: Field) -> str | None:
    return CRIBL.meaning(bare_name(field.source, field.name))


def bare_name(source: Source, name: str) -> str:
    """Give the name that a profile knows a field by: in a body it stands in an event, or in an array of them.

    What is inside of values is part of their field.
    """
    name = name.partition(ARROW)[0]
    return name.removeprefix("$").removeprefix("[]").removeprefix(".") if source == "body" else name


def _distinct(field: Field) -> str:
    return f"~{field.distinct}" if field.is_estimated else str(field.distinct)


def _values(field: Field) -> str:
    """Give the range of numbers, or examples, and what is wrapped in them."""
    if field.least is not None and field.distinct > 1 and len(field.kinds) == 1:
        return f"{field.least} to {field.most}"
    decoded = next(field.decoded(), "")
    return " | ".join(field.examples()) + (f" → {decoded}" if decoded else "")
