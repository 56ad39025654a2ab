"""This is `telemock analyze`: which endpoints were called, what each field of their requests is and does, and holds.

It refuses to write to the database; what it learns is gone when it has been printed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from telemock.analysis.field import DISTINCT_ERROR, Field
from telemock.analysis.findings import Finding, Findings
from telemock.analysis.inventory import Endpoint, Inventory, Seen, take_inventory
from telemock.analysis.planted import Planted
from telemock.cli.cadences import CADENCES, Beating, by_trouble, cadence_to_json
from telemock.cli.filter_options import filter_options
from telemock.cli.findings import PLANTED, SENSITIVE, findings_to_json, plant_options, planted_values
from telemock.cli.options import config_option, db_option, option
from telemock.cli.output import Column, Shape, output, printing
from telemock.codings import decode_shown
from telemock.errors import ExpectationNotMet
from telemock.exchange import compact_json
from telemock.hosts import url_host
from telemock.profiles.cribl import CRIBL
from telemock.store.engine import locate
from telemock.store.filters import Filters
from telemock.store.reader import Reader, open_reader
from telemock.text import printable, printable_json

_COLUMNS = (
    "received_at",
    "method",
    "scheme",
    "host",
    "path",
    "query",
    "request_headers",
    "request_body",
    "status",
    "coalesce(length(response_body), 0)",
    "latency_ms",
    "coalesce(guid, client)",
)
_BODY = _COLUMNS.index("request_body")
_HEADERS = _COLUMNS.index("request_headers")

# Of an endpoint, in tables; those first that most is odd about.
_INSTANCES_SHOWN = 10

_RANKS = (0.5, 0.95, 0.99)


@click.command()
@filter_options
@plant_options
@option(
    "--fail-on",
    type=click.Choice(("sensitive", "planted")),
    multiple=True,
    help="Exit with 1 when something sensitive, of more than low confidence, or planted was sent; repeatable.",
)
@option(
    "--format",
    "format_name",
    type=click.Choice(("table", "json")),
    default="table",
    show_default=True,
    help="A table is lines of tab-separated cells where standard output is no terminal.",
)
@db_option
@config_option
def analyze(
    format_name: str,
    db: str,
    fail_on: tuple[str, ...],
    plants: tuple[tuple[str, str], ...],
    *,
    plant_system: bool,
    **filters: Any,
) -> None:
    """Tell what was sent: each field, and what in it is sensitive.

    All filters that are given must hold. Times are UTC.
    """
    planted = planted_values(plants, plant_system=plant_system)
    if "planted" in fail_on and not planted:
        raise click.UsageError(
            "--fail-on planted needs something to look for; plant it with --plant or --plant-system."
        )
    with open_reader(locate(db)) as reader:
        inventory = take_inventory(_seen(reader, Filters(**filters)), planted)
    if format_name == "json":
        with output() as stream:
            told = inventory_to_json(inventory) | findings_to_json(inventory.findings, planted)
            stream.write(printable_json(compact_json(told)) + "\n")
    else:
        _print(inventory, planted)
    _judge(inventory.findings, fail_on)


def _print(inventory: Inventory, planted: Sequence[Planted]) -> None:
    for endpoint in _busiest(inventory):
        with output() as stream:
            stream.write("\n".join(_heading(endpoint)) + "\n")
        with printing("table", _shape(endpoint)) as show:
            show(endpoint.fields.values())
        _print_cadences(sorted(endpoint.cadences, key=by_trouble))
    if not inventory.count:
        click.echo("No exchange matches.", err=True)
    for shape, findings in ((SENSITIVE, inventory.findings.sensitive()), (PLANTED, inventory.findings.planted())):
        if findings:
            with printing("table", shape) as show:
                show(findings)
            with output() as stream:
                stream.write("\n")
    found = {finding.planted for finding in inventory.findings.planted()}
    for name in dict.fromkeys(each.name for each in planted):
        if name not in found:
            click.echo(printable(f"{name} was not found."), err=True)
    for sentence in _left_out(inventory):
        click.echo(sentence, err=True)


def _print_cadences(beating: Sequence[Beating]) -> None:
    with output() as stream:
        stream.write("\n")
    with printing("table", CADENCES) as show:
        show(beating[:_INSTANCES_SHOWN])
    with output() as stream:
        left = len(beating) - _INSTANCES_SHOWN
        stream.write(f"{left} more instances; --format json has all.\n\n" if left > 0 else "\n")


def _judge(findings: Findings, fail_on: Sequence[str]) -> None:
    """Fail when something was found that must not be.

    Raises:
        ExpectationNotMet: so it is.
    """
    found = {
        "sensitive": [finding for finding in findings.sensitive() if finding.confidence != "low"],
        "planted": findings.planted(),
    }
    for what in dict.fromkeys(fail_on):
        if found[what]:
            raise ExpectationNotMet(f"Something {what} was sent: {_named(found[what])}.")


def _named(findings: Sequence[Finding]) -> str:
    return ", ".join(dict.fromkeys(finding.planted or str(finding.sensitivity) for finding in findings))


def inventory_to_json(inventory: Inventory) -> dict[str, Any]:
    """Give all that was learnt as what JSON holds; shares are between 0 and 1, sizes are bytes."""
    return {
        "exchanges": inventory.count,
        "exchanges_left_out": inventory.endpoints_left_out,
        "cadences_left_out": inventory.cadences_left_out,
        "distinct_error": DISTINCT_ERROR,
        "endpoints": [_endpoint_to_json(endpoint) for endpoint in _busiest(inventory)],
    }


def _seen(reader: Reader, filters: Filters) -> Iterator[Seen]:
    for _, *row in reader.values(filters, _COLUMNS, large=[_BODY]):
        if row[_BODY] is not None:
            row[_BODY] = decode_shown(row[_HEADERS], row[_BODY])
        yield Seen(*row)


def _endpoint_to_json(endpoint: Endpoint) -> dict[str, Any]:
    p50, p95, p99 = endpoint.latency_ms(*_RANKS)
    return {
        "method": endpoint.method,
        "scheme": endpoint.scheme,
        "host": endpoint.host,
        "path": endpoint.path,
        "count": endpoint.count,
        "instances": endpoint.instances,
        "statuses": {str(status): count for status, count in sorted(endpoint.statuses.items())},
        "latency_ms": {"p50": p50, "p95": p95, "p99": p99},
        "bytes_up": endpoint.bytes_up,
        "bytes_down": endpoint.bytes_down,
        "first_seen": endpoint.first_seen,
        "last_seen": endpoint.last_seen,
        "values_left_out": endpoint.fields_left_out,
        "fields": [_field_to_json(field, endpoint) for field in endpoint.fields.values()],
        "cadences": [cadence_to_json(beating) for beating in endpoint.cadences],
    }


def _field_to_json(field: Field, endpoint: Endpoint) -> dict[str, Any]:
    return {
        "source": field.source,
        "name": field.name,
        "known": _is_known(field, endpoint),
        "meaning": _meaning(field) if _is_known(field, endpoint) else None,
        "exchanges": field.exchanges,
        "presence": round(field.exchanges / endpoint.count, 6),
        "values": field.count,
        "types": {kind: round(share, 6) for kind, share in field.types},
        "behaviour": field.behaviour,
        "distinct": field.distinct,
        "distinct_is_estimated": field.is_estimated,
        "least": field.least,
        "most": field.most,
        "shortest": field.shortest,
        "longest": field.longest,
        "examples": field.examples(),
        "decoded": [*field.decoded()],
        "first_seen": field.first_seen,
        "last_seen": field.last_seen,
    }


def _is_known(field: Field, endpoint: Endpoint) -> bool | None:
    """Tell whether the profile knows a field; None where it says nothing of such fields."""
    if not CRIBL.owns(endpoint.host, endpoint.path) or field.source not in ("query", "body"):
        return None
    return _meaning(field) is not None


def _meaning(field: Field) -> str | None:
    return CRIBL.meaning(_bare_name(field))


def _bare_name(field: Field) -> str:
    """Give the name that a profile knows a field by: in a body it stands in an event, or in an array of them."""
    return field.name.removeprefix("$").removeprefix("[]").removeprefix(".") if field.source == "body" else field.name


def _busiest(inventory: Inventory) -> list[Endpoint]:
    return sorted(inventory.endpoints.values(), key=lambda endpoint: -endpoint.count)


def _heading(endpoint: Endpoint) -> Iterator[str]:
    p50, p95, p99 = endpoint.latency_ms(*_RANKS)
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(endpoint.statuses.items()))
    yield printable(f"{endpoint.method} {endpoint.scheme}://{url_host(endpoint.host)}{endpoint.path}")
    yield (
        f"{endpoint.count} exchanges of {endpoint.instances} instances, {statuses}; {endpoint.first_seen} to "
        f"{endpoint.last_seen}; up {endpoint.bytes_up} bytes, down {endpoint.bytes_down}; "
        f"p50 {p50} ms, p95 {p95} ms, p99 {p99} ms"
    )


def _left_out(inventory: Inventory) -> Iterator[str]:
    if inventory.endpoints_left_out:
        yield f"{inventory.endpoints_left_out} exchanges of further endpoints were only counted."
    values = sum(endpoint.fields_left_out for endpoint in inventory.endpoints.values())
    if values:
        yield f"{values} values of further fields were left out; one endpoint has too many."
    if inventory.cadences_left_out:
        yield f"The cadence of {inventory.cadences_left_out} further instances was left out; there are too many."
    if inventory.findings.left_out:
        yield f"{inventory.findings.left_out} values with further findings were left out; there are too many."


def _shape(endpoint: Endpoint) -> Shape[Field]:
    def presence(field: Field) -> str:
        return f"{100 * field.exchanges / endpoint.count:.4g}%"

    def meaning(field: Field) -> str:
        is_known = _is_known(field, endpoint)
        return "" if is_known is None else _meaning(field) or "unknown"

    return Shape(
        columns=(
            Column(name="source", value=lambda field: field.source),
            Column(name="name", value=lambda field: field.name, least=6),
            Column(name="presence", value=presence, right=True),
            Column(name="types", value=_types, least=7),
            Column(name="behaviour", value=lambda field: field.behaviour, least=8),
            Column(name="distinct", value=_distinct, right=True),
            Column(name="values", value=_values, least=10),
            Column(name="meaning", value=meaning, least=7),
        ),
        names=("source", "name"),
        flat=lambda field: (field.source, field.name),
        nested=lambda field: _field_to_json(field, endpoint),
    )


def _types(field: Field) -> str:
    main, *others = field.types
    if not others:
        return main[0]
    return ", ".join(f"{kind} {100 * share:.3g}%" for kind, share in (main, *others))


def _distinct(field: Field) -> str:
    return f"~{field.distinct}" if field.is_estimated else str(field.distinct)


def _values(field: Field) -> str:
    """Give the range of numbers, or examples, and what is wrapped in them."""
    if field.least is not None and field.distinct > 1 and len(field.kinds) == 1:
        return f"{field.least} to {field.most}"
    decoded = next(field.decoded(), "")
    return " | ".join(field.examples()) + (f" → {decoded}" if decoded else "")
