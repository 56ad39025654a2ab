"""This is `telemock report`: all that was learnt of a capture, as one page to read, to print and to pass on.

It refuses to leave half a page, to show in clear what was planted, and to claim a sum of files it did not read.
"""

import io
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click
from click.core import ParameterSource

from telemock import __version__
from telemock.analysis.changes import Change
from telemock.analysis.connections import Connections
from telemock.analysis.field_masks import Masks
from telemock.analysis.masking import masked_text
from telemock.analysis.planted import Planted
from telemock.analysis.timeline import Timeline
from telemock.cli.changes import change_to_json, masked_change, masked_otherwise
from telemock.cli.comparing import MOST_VERSIONS, comparing_versions
from telemock.cli.filter_options import filter_options
from telemock.cli.findings import findings_to_json, plant_options, planted_values
from telemock.cli.inventories import inventory_to_json
from telemock.cli.masking import values_option
from telemock.cli.options import PATH, config_option, db_option, option
from telemock.cli.output import output
from telemock.cli.overviews import connections_to_json, database_to_json, timeline_to_json
from telemock.cli.own_files import is_report
from telemock.cli.reading import anew_option, path_templates_option, read_inventory
from telemock.cli.target import Target, nothing_written, wrote
from telemock.errors import ExportError
from telemock.exchange import utc_text
from telemock.store.digest import digest
from telemock.store.engine import locate
from telemock.store.filters import ConnectionFilters, Filters
from telemock.store.learnt import Extent
from telemock.store.reader import Reader, open_reader
from telemock.store.rows import CONNECTIONS, typed


@click.command()
@option(
    "--output",
    "-o",
    "target",
    type=PATH,
    default="report.html",
    show_default=True,
    help="File to write; - is standard output.",
)
@filter_options
@plant_options
@path_templates_option
@anew_option
@values_option
@db_option
@config_option
def report(
    target: Path,
    db: str,
    plants: tuple[tuple[str, str], ...],
    *,
    plant_system: bool,
    anew: bool,
    shows_values: bool,
    no_path_templates: bool,
    **filters: Any,
) -> None:
    """Write one page that tells what was captured.

    All filters that are given must hold. Times are UTC.
    """
    path = locate(db)
    planted = planted_values(plants, plant_system=plant_system)
    with open_reader(path) as reader, _page(target, path) as stream:
        told = _told(
            reader,
            path,
            filters,
            planted,
            anew=anew,
            path_templates=not no_path_templates,
            shows_values=shows_values,
        )
        # Connections are told of whatever those filters say that they do not know.
        if not told["exchanges"] and (told["not_filtered"] or not told["connections"]["kinds"]):
            raise ExportError(nothing_written(target))
        from telemock.exports.report import write_report  # noqa: PLC0415 - plotly is for who has something to draw

        write_report(told if shows_values else _hidden(told, planted), stream)
    if str(target) != "-":
        click.echo(wrote(target, told["exchanges"]), err=True)


@contextmanager
def _page(target: Path, db: Path) -> Iterator[TextIO]:
    """Give what the page is written to."""
    if str(target) != "-":
        with (
            Target(target, "--output", is_report, db).draft() as draft,
            draft.open("w", encoding="utf-8", newline="\n") as stream,
        ):
            yield stream
        return
    with output() as stream:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")
        yield stream


def _told(
    reader: Reader,
    path: Path,
    filters: dict[str, Any],
    planted: Sequence[Planted],
    *,
    anew: bool,
    path_templates: bool,
    shows_values: bool,
) -> dict[str, Any]:
    """Read what `telemock.exports.report.write_report` tells."""
    made_at = utc_text(datetime.now(UTC))
    chosen = Filters(**filters)
    before = _stored(reader)
    extent, _ = before
    with comparing_versions(path, chosen, extent, anew=anew, path_templates=path_templates) as changes:
        inventory = read_inventory(
            path, reader, chosen, planted, anew=anew, path_templates=path_templates, extent=extent
        )
        timeline = _read_timeline(reader, chosen, extent.last_id)
        connections, not_filtered = _read_connections(reader, filters)
        told_changes = changes()
    masks = Masks(inventory.findings, is_off=shows_values)
    otherwise = "" if shows_values else masked_otherwise(inventory)
    for pair in told_changes:
        pair["changes"] = [change_to_json(masked_change(Change(**each), masks, otherwise)) for each in pair["changes"]]
    said = inventory_to_json(inventory, masks)
    told = {
        **said,
        **findings_to_json(inventory.findings, planted, masks),
        "timeline": timeline_to_json(timeline),
        "connections": connections_to_json(connections, (lambda text: text) if shows_values else masked_text),
        "changes": told_changes,
        "versions_left_out": max(len(reader.versions()) - MOST_VERSIONS, 0),
        "products": [*dict.fromkeys(each["product"] for each in said["endpoints"] if each["product"])],
        "filters": [(name, str(value)) for name, value in filters.items() if value not in (None, ())],
        "not_filtered": not_filtered,
        "command": _command(click.get_current_context()),
        "made_at": made_at,
        "shows_values": shows_values,
        "telemock": __version__,
    }
    sums = digest(path)
    is_what_was_read = sums.is_whole and _stored(reader) == before
    return told | {"database": database_to_json(path, sums, extent.last_id, is_what_was_read=is_what_was_read)}


def _hidden(told: Any, planted: Sequence[Planted]) -> Any:
    """Put names in the place of planted values, wherever they stand as they are; what they are wrapped in is masked."""
    if not planted:
        return told
    names = {each.value.lower(): each.name for each in planted}
    # As short as they are looked for: fewer than six characters alone, fewer than three as all that there is.
    long, short, tiny = (
        "|".join(re.escape(value) for value in sorted(names, key=len, reverse=True) if least <= len(value) < most)
        for least, most in ((6, 10**9), (3, 6), (1, 3))
    )
    ways = [long, short and rf"(?<![^\W_])(?:{short})(?![^\W_])", tiny and rf"\A(?:{tiny})\Z"]
    pattern = re.compile("|".join(filter(None, ways)), re.IGNORECASE)

    def hide(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda match: f"[{names.get(match[0].lower(), 'planted')}]", value)
        if isinstance(value, dict):
            return {key: hide(each) for key, each in value.items()}
        return [*map(hide, value)] if isinstance(value, list | tuple) else value

    return hide(told)


def _stored(reader: Reader) -> tuple[Extent, int]:
    """Tell what is there, exchanges and connections."""
    return reader.extent(), reader.last_id(CONNECTIONS)


def _read_timeline(reader: Reader, chosen: Filters, last_id: int) -> Timeline:
    timeline = Timeline()
    for _, received_at, outcome in reader.values(chosen, [*map(typed, ("received_at", "outcome"))], last_id=last_id):
        timeline.take(received_at, outcome)
    return timeline


def _read_connections(reader: Reader, filters: dict[str, Any]) -> tuple[Connections, list[str]]:
    """Sum up the connections that the filters choose; say which filters have no meaning for them."""
    known = {field.name for field in fields(ConnectionFilters)}
    connections = Connections()
    last_id = reader.last_id(CONNECTIONS)
    chosen = ConnectionFilters(**{name: value for name, value in filters.items() if name in known})
    for connection in reader.after(chosen, 0, last_id):
        connections.take(connection)
    unknown = [name for name, value in filters.items() if name not in known and value not in (None, ())]
    sentence = f"Connections have no {', '.join(unknown)}: all of them are told of, whatever these filters say."
    return connections, [sentence] if unknown else []


def _command(context: click.Context) -> str:
    """Write the command that makes this page again: with what was not on the command line, too, and with times in full.

    Values that were planted are left out.
    """
    words = ["telemock", "report"]
    for param in context.command.params:
        name = str(param.name)
        if not isinstance(param, click.Option) or name not in context.params:
            continue
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            value = context.params[name]
            if param.is_flag:
                words += [param.opts[0]] if value else []
                continue
            for each in value if param.multiple else [value]:
                words += [param.opts[0], _written(name, each)]
    return shlex.join(words)


def _written(name: str, value: Any) -> str:
    if isinstance(value, tuple):
        return f"{value[0]}={'...' if name == 'plants' else value[1]}"
    return str(value)
