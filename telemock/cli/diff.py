"""This is `telemock diff`: what is sent otherwise by one version, in one time or by one instance than by another.

It refuses to compare with nothing: a side without exchanges is an error.
"""

from typing import Any, get_args

import click

from telemock.analysis.changes import Change, Direction, find_changes, not_compared
from telemock.analysis.field_masks import Masks
from telemock.analysis.inventory import Inventory
from telemock.cli.changes import CHANGES, change_where, comparison_to_json, masked_change, masked_otherwise
from telemock.cli.filter_options import filter_options
from telemock.cli.inventories import put_together
from telemock.cli.masking import tell_masked, values_option
from telemock.cli.options import TEXT, config_option, db_option, option, table_option
from telemock.cli.output import FORMATS, output, printing
from telemock.cli.reading import anew_option, path_templates_option, read_inventory
from telemock.cli.sides import Side, find_sides, parted
from telemock.errors import ExpectationNotMet, InvalidSetting
from telemock.exchange import compact_json
from telemock.store.engine import locate
from telemock.store.filters import Filters
from telemock.store.reader import open_reader
from telemock.text import printable_json

# So many changes are named where they are the reason for failing.
_NAMED = 5


@click.command()
@click.argument("first", metavar="A", type=TEXT)
@click.argument("second", metavar="[B]", type=TEXT, required=False)
@filter_options
@option(
    "--fail-on",
    type=click.Choice(get_args(Direction)),
    multiple=True,
    help="Exit with 1 when something was added, removed or changed; repeatable.",
)
@table_option(FORMATS)
@path_templates_option
@anew_option
@values_option
@db_option
@config_option
def diff(
    first: str,
    second: str | None,
    fail_on: tuple[str, ...],
    format_name: str,
    db: str,
    *,
    anew: bool,
    shows_values: bool,
    no_path_templates: bool,
    **filters: Any,
) -> None:
    """Tell what B sends that A does not, and what it sends otherwise.

    A and B are versions (their beginning is enough), instances, times or database files. A time is
    a day, FROM..UNTIL, or a moment: A is then what came before it, and B what came since,
    also when B is left out. version:, instance:, time: or file: in front of it says which it is.
    """
    names = parted(first) if second is None else (first, second)
    sides = find_sides(names, locate(db), Filters(**filters))
    before, after = (_read(side, anew=anew, path_templates=not no_path_templates) for side in sides)
    masks = Masks(before.findings, after.findings, is_off=shows_values)
    otherwise = "" if shows_values else masked_otherwise(before, after)
    changes = [masked_change(change, masks, otherwise) for change in find_changes(before, after)]
    if format_name == "json":
        told = comparison_to_json(names, before, after, changes)
        with output() as stream:
            stream.write(printable_json(compact_json(told)) + "\n")
    else:
        with printing(format_name, CHANGES) as show:
            show(changes)
    tell_masked(masks)
    limits = [*not_compared(before, after)]
    for _, sentence in limits:
        click.echo(sentence, err=True)
    for sentence in put_together(before, after):
        click.echo(sentence, err=True)
    if not changes and format_name == "table":
        click.echo(
            f"Nothing changed, from {before.count} exchanges to {after.count}; values are not compared.", err=True
        )
    _judge(changes, {direction for directions, _ in limits for direction in directions}, fail_on)


def _read(side: Side, *, anew: bool, path_templates: bool) -> Inventory:
    with open_reader(side.path) as reader:
        inventory = read_inventory(side.path, reader, side.filters, anew=anew, path_templates=path_templates)
    if not inventory.count:
        raise InvalidSetting(f"No exchange matches {side.name!r}, so that there is nothing to compare.")
    return inventory


def _judge(changes: list[Change], limited: set[Direction], fail_on: tuple[str, ...]) -> None:
    """Fail when something changed that must not, or when that could not all be told.

    Raises:
        ExpectationNotMet: so it is.
    """
    reasons = []
    for direction in dict.fromkeys(fail_on):
        found = [f"{change.what} {change_where(change)}" for change in changes if change.change == direction]
        names = [*dict.fromkeys(found)]
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            reasons.append(f"{direction}: {', '.join(names[:_NAMED])}{more}")
        elif direction in limited:
            reasons.append(f"{direction}, or not: that could not be told")
    if reasons:
        raise ExpectationNotMet(f"Something was {'; '.join(reasons)}.")
