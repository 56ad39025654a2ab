"""This is `telemock analyze`: which endpoints were called, what each field of their requests is and does, and holds.

It refuses to change what was captured; of a large capture, what it learnt is kept beside it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from telemock.analysis.field_masks import Masks
from telemock.analysis.findings import Finding, Findings
from telemock.analysis.inventory import Inventory
from telemock.analysis.planted import Planted
from telemock.cli.cadences import CADENCES, Beating, by_trouble
from telemock.cli.filter_options import filter_options
from telemock.cli.findings import (
    findings_to_json,
    plant_options,
    planted_names,
    planted_shape,
    planted_values,
    sensitive_shape,
)
from telemock.cli.inventories import (
    busiest,
    field_shape,
    heading,
    inventory_to_json,
    left_out,
    not_looked_at,
    put_together,
)
from telemock.cli.masking import tell_masked, values_option
from telemock.cli.options import config_option, db_option, option, table_option
from telemock.cli.output import output, printing
from telemock.cli.reading import anew_option, path_templates_option, read_inventory
from telemock.errors import ExpectationNotMet
from telemock.exchange import compact_json
from telemock.store.engine import locate
from telemock.store.filters import Filters
from telemock.store.reader import open_reader
from telemock.text import printable, printable_json

# Of an endpoint, in tables; those first that most is odd about.
_INSTANCES_SHOWN = 10


@click.command()
@filter_options
@plant_options
@option(
    "--fail-on",
    type=click.Choice(("sensitive", "planted")),
    multiple=True,
    help="Exit with 1 when something sensitive, of more than low confidence, or planted was sent; repeatable.",
)
@table_option(("table", "json"))
@path_templates_option
@anew_option
@values_option
@db_option
@config_option
def analyze(
    format_name: str,
    db: str,
    fail_on: tuple[str, ...],
    plants: tuple[tuple[str, str], ...],
    *,
    plant_system: bool,
    anew: bool,
    shows_values: bool,
    no_path_templates: bool,
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
    path = locate(db)
    with open_reader(path) as reader:
        inventory = read_inventory(
            path, reader, Filters(**filters), planted, anew=anew, path_templates=not no_path_templates
        )
    masks = Masks(inventory.findings, is_off=shows_values)
    if format_name == "json":
        with output() as stream:
            told = inventory_to_json(inventory, masks) | findings_to_json(inventory.findings, planted, masks)
            stream.write(printable_json(compact_json(told)) + "\n")
    else:
        _print(inventory, planted, masks)
    tell_masked(masks)
    if fail_on:
        _judge(inventory, fail_on)


def _print(inventory: Inventory, planted: Sequence[Planted], masks: Masks) -> None:
    for endpoint in busiest(inventory):
        with output() as stream:
            stream.write("\n".join(heading(endpoint, masks)) + "\n")
        with printing("table", field_shape(endpoint, masks)) as show:
            show(endpoint.all_fields())
        _print_cadences(sorted(endpoint.cadences, key=by_trouble))
    if not inventory.count:
        click.echo("No exchange matches.", err=True)
    for shape, findings in (
        (sensitive_shape(masks), inventory.findings.sensitive()),
        (planted_shape(masks), inventory.findings.planted()),
    ):
        if findings:
            with printing("table", shape) as show:
                show(findings)
            with output() as stream:
                stream.write("\n")
    sentences = *_not_found(inventory.findings, planted), *left_out(inventory), *put_together(inventory)
    with output() as stream:
        stream.writelines(printable(sentence) + "\n" for sentence in sentences)


def _not_found(findings: Findings, planted: Sequence[Planted]) -> Iterator[str]:
    found = {finding.planted for finding in findings.planted()}
    for name, whole_only in planted_names(planted).items():
        if name not in found:
            limit = "; it is so short that only whole values count" if whole_only else ""
            yield f"{name} was not found{limit}."


def _print_cadences(beating: Sequence[Beating]) -> None:
    with output() as stream:
        stream.write("\n")
    with printing("table", CADENCES) as show:
        show(beating[:_INSTANCES_SHOWN])
    with output() as stream:
        left = len(beating) - _INSTANCES_SHOWN
        stream.write(f"{left} more instances; --format json has all.\n\n" if left > 0 else "\n")


def _judge(inventory: Inventory, fail_on: Sequence[str]) -> None:
    """Fail when something was found that must not be, or when not everything could be looked at.

    Raises:
        ExpectationNotMet: so it is.
    """
    findings = inventory.findings
    found = {
        "sensitive": [finding for finding in findings.sensitive() if finding.confidence != "low"],
        "planted": findings.planted(),
    }
    for what in dict.fromkeys(fail_on):
        if found[what]:
            raise ExpectationNotMet(f"Something {what} was sent: {_named(found[what])}.")
    if not inventory.count:
        raise ExpectationNotMet("No exchange matches, so that nobody can say that nothing was sent.")
    if sentence := next(not_looked_at(inventory), ""):
        what = " or ".join(dict.fromkeys(fail_on))
        raise ExpectationNotMet(f"Nothing {what} was found, but not everything was looked at: {sentence}")


def _named(findings: Sequence[Finding]) -> str:
    return ", ".join(dict.fromkeys(finding.planted or str(finding.sensitivity) for finding in findings))
