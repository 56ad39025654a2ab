"""This is how changes look.

It refuses to find them; `telemock.analysis.changes` does.
"""

from collections.abc import Iterable
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any

from telemock.analysis.changes import Change, not_compared
from telemock.analysis.field_masks import Masks
from telemock.analysis.findings import Place
from telemock.analysis.inventory import Inventory
from telemock.cli.output import Column, Shape

_NAMES = tuple(field.name for field in fields(Change))
_values = attrgetter(*_NAMES)


def comparison_to_json(
    names: tuple[str, str], first: Inventory, second: Inventory, changes: Iterable[Change]
) -> dict[str, Any]:
    """Give what was compared, and what changed, as what JSON holds."""
    a, b = names
    return {
        "a": a,
        "b": b,
        "a_exchanges": first.count,
        "b_exchanges": second.count,
        "not_compared": [sentence for _, sentence in not_compared(first, second)],
        "changes": [*map(change_to_json, changes)],
    }


def change_to_json(change: Change) -> dict[str, Any]:
    """Give a change as what JSON holds."""
    return dict(zip(_NAMES, _values(change), strict=True))


def masked_change(change: Change, masks: Masks, otherwise: str = "") -> Change:
    """Return a change as it may be seen.

    Args:
        change: as it was found.
        masks: what stands in place of values of either side.
        otherwise: what stands in place of those of other fields; empty where these may be seen.
    """
    url = change.method, change.scheme, change.host, change.path
    mask = masks.mask(Place(*url, change.source, change.name, change.port)) or otherwise
    told = [change.before, change.after]
    if mask and change.what == "field" and not change.aspect:
        # An example stands behind a colon, and the types before it have none.
        told = [f"{known}: {mask}" if colon else known for known, colon, _ in (each.partition(": ") for each in told)]
    return replace(change, path=masks.path(change.path), before=told[0], after=told[1])


def masked_otherwise(*inventories: Inventory) -> str:
    """Return what stands in place of values that may not have been looked at; empty where all were."""
    is_beyond = any(each.values_left_out or each.endpoints_left_out or each.findings.left_out for each in inventories)
    return "masked, as not everything was looked at" if is_beyond else ""


def change_where(change: Change) -> str:
    """Say what it is that changed, without its endpoint: `query lic`, or the host or endpoint itself."""
    if change.what == "host":
        return change.host
    return f"{change.source} {change.name}" if change.what == "field" else _endpoint(change)


def _endpoint(change: Change) -> str:
    return f"{change.method} {change.url}" if change.method else ""


CHANGES: Shape[Change] = Shape(
    columns=(
        Column(name="change", value=attrgetter("change")),
        Column(name="what", value=attrgetter("what")),
        Column(name="where", value=change_where, least=12, cut="wrap"),
        Column(name="aspect", value=attrgetter("aspect")),
        Column(name="before", value=attrgetter("before"), least=8, cut="wrap"),
        Column(name="after", value=attrgetter("after"), least=8, cut="wrap"),
        Column(
            name="endpoint",
            value=lambda change: _endpoint(change) if change.what == "field" else "",
            least=12,
            cut="wrap",
        ),
    ),
    names=_NAMES,
    flat=_values,
    nested=change_to_json,
)
