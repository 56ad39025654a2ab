"""This is how a capture is read to be told: what was learnt of it before, and then only what is new.

It refuses to let that show: what it gives is the same as if everything had been read, as far as sketches are the same.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

import click

from telemock.analysis.endpoint import IsAmount, Seen
from telemock.analysis.inventory import Inventory
from telemock.analysis.learnt import learnt_key, read_learnt, write_learnt
from telemock.analysis.planted import Planted
from telemock.cli.inventories import bare_name
from telemock.cli.options import option
from telemock.cli.progress import progress
from telemock.codings import decode_read
from telemock.exchange import utc_text
from telemock.fields import Source, request_bytes
from telemock.hosts import written_port
from telemock.profiles.cribl import CRIBL
from telemock.store.filters import Filters
from telemock.store.learnt import Extent, Kept, begin_learning, keep_learnt
from telemock.store.reader import Reader
from telemock.store.rows import typed

# The first may hold much.
_EXPRESSIONS = (
    typed("request_body"),
    typed("request_truncated"),
    *map(typed, ("request_headers", "method", "scheme", "host", "port", "path", "query")),
    *map(typed, ("received_at", "status", "latency_ms", "coalesce(guid, client)")),
    "coalesce(length(CAST(response_body AS BLOB)), 0)",
    typed("request_trailers"),
)

# What was learnt of fewer is learnt again as fast, and a small capture stays the file that it was.
WORTH_KEEPING = 10_000

path_templates_option = option(
    "--no-path-templates",
    is_flag=True,
    help="Tell endpoints apart whose paths differ in ids, hashes or dates only.",
)


class _Choices(TypedDict):
    """What an inventory is made with, besides planted values and what was learnt before."""

    path_templates: bool
    is_amount: IsAmount


anew_option = option("--anew", is_flag=True, help="Read everything, not only what is new since the last time.")


def read_inventory(
    path: Path,
    reader: Reader,
    filters: Filters,
    planted: Sequence[Planted] = (),
    *,
    anew: bool = False,
    path_templates: bool = True,
    extent: Extent | None = None,
    quiet: bool = False,
) -> Inventory:
    """Learn from all exchanges that the filters choose, in the order they were stored.

    Args:
        path: of the database, where what was learnt is kept if it can be.
        reader: of the same.
        filters: which exchanges.
        planted: what to look for.
        anew: read everything, whatever was learnt before.
        path_templates: take paths that differ in ids, hashes or dates only for one endpoint.
        extent: of what is read, as the reader told it; by now, when that is left out.
        quiet: do not show how far it is.
    """
    extent = extent or reader.extent()
    last_id, until_id = reader.progress("ports")
    if last_id < until_id and not quiet:
        click.echo(
            f"The ports of older exchanges are filled in up to exchange {last_id} of {until_id}; "
            "`telemock serve` goes on with it.",
            err=True,
        )
    key = learnt_key(f"{filters!r} {path_templates}", planted)
    known = None if anew else reader.learnt(key, extent)
    choices: _Choices = {"path_templates": path_templates, "is_amount": _is_amount}
    inventory = None if known is None else read_learnt(known.state, planted, **choices)
    if known is None or inventory is None:
        known, inventory = None, Inventory(planted, **choices)
    before = inventory.count
    first_id, first_count = (0, 0) if known is None else known.extent
    # The beginning of a time is another one each time it is asked for, as a rule.
    may_be_kept = filters.since is None and filters.until is None
    is_much = extent.exchange_count - first_count >= WORTH_KEEPING
    mark = begin_learning(path, _now(), key, known) if may_be_kept and is_much else None
    kept = None
    try:
        rows = reader.values(filters, _EXPRESSIONS, large=[0], first_id=first_id, last_id=extent.last_id)
        with progress("Reading", 0 if quiet else extent.last_id, first_id) as passing:
            for row in passing(rows):
                inventory.take(_row_to_seen(row))
        if mark is not None and inventory.count - before >= WORTH_KEEPING:
            state = write_learnt(inventory)
            kept = None if state is None else Kept(extent, state)
    finally:
        if mark is not None:
            keep_learnt(path, mark, key, kept, _now())
    inventory.close()
    return inventory


def _is_amount(host: str, path: str, source: Source, name: str) -> bool:
    is_known = source in ("query", "body") and CRIBL.owns(host, path)
    return is_known and CRIBL.is_amount(bare_name(source, name))


def _now() -> str:
    return utc_text(datetime.now(UTC))


def _row_to_seen(row: Sequence[Any]) -> Seen:
    _, body, is_truncated, headers, method, scheme, host, port, path, query, *rest = row
    content = None if body is None else decode_read(headers, body)
    return Seen(
        method,
        scheme,
        host,
        written_port(scheme, port),
        path,
        query,
        headers,
        body if content is None else content,
        not is_truncated and (body is None or content is not None),
        request_bytes(method, path, query, headers, body, trailers=rest[-1]),
        *rest,
    )
