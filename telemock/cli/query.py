"""This is `telemock query`: filters in, exchanges or connections out, a page at a time.

It refuses to write to the database, and to keep a server that writes to it waiting.
"""

import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from click.core import ParameterSource

from telemock.cli.connections import CONNECTIONS
from telemock.cli.exchanges import EXCHANGES
from telemock.cli.filter_options import filter_options
from telemock.cli.masking import Masking, values_option
from telemock.cli.options import TEXT, Number, WholeNumber, config_option, db_option, option, table_option
from telemock.cli.output import FORMATS, Shape, output, printing
from telemock.cli.statement import statement_shape
from telemock.exchange import ConnectionKind, Record
from telemock.store.engine import locate
from telemock.store.filters import ConnectionFilters, Filters, TableFilters
from telemock.store.reader import open_reader

_R = TypeVar("_R", bound=Record)

# How soon --follow sees a new record; one look takes less than a millisecond.
_POLL_SECONDS = 0.2


@click.command()
@option("--connections", is_flag=True, help="List tunnels, blocked hosts, refused TLS handshakes and the like instead.")
@option("--kind", type=click.Choice(get_args(ConnectionKind)), help="Only connections of this kind.")
@filter_options
@option("--sql", type=TEXT, help="Run one SQL statement that only reads, over the views or tables, instead.")
@option(
    "--time-limit",
    type=Number(min=0, min_open=True),
    default=30,
    show_default=True,
    help="Seconds that --sql may take, with what it takes to draw it.",
)
@option("--limit", type=WholeNumber(min=0), default=50, show_default=True, help="At most so many; 0 is all.")
@option("--oldest", is_flag=True, help="Oldest first instead of newest first.")
@option("--count", is_flag=True, help="Print only how many match, whatever --limit says.")
@option("--follow", is_flag=True, help="Print the last --limit, newest last, then new ones until Ctrl-C.")
@table_option(FORMATS)
@values_option
@db_option
@config_option
def query(
    sql: str | None,
    time_limit: float,
    limit: int,
    format_name: str,
    db: str,
    *,
    connections: bool,
    oldest: bool,
    count: bool,
    follow: bool,
    shows_values: bool,
    **filters: Any,
) -> None:
    """List captured exchanges, or connections, newest first.

    All filters that are given must hold. Times are UTC. Secrets are masked, except in what --sql finds.
    """
    if sql is not None:
        _refuse({*filters, "limit", "connections", "oldest", "count", "follow"}, "with --sql")
        with (
            open_reader(locate(db)) as reader,
            reader.statement(sql, time_limit) as statement,
            printing(format_name, statement_shape(statement.names)) as show,
        ):
            show(statement.rows())
        _tell_lag(sql, locate(db))
        return
    if follow and (oldest or count):
        raise click.UsageError(f"--follow cannot be used with {'--oldest' if oldest else '--count'}.")
    wanted: TableFilters[Any] = _filters(filters, connections=connections)
    shape: Shape[Any] = CONNECTIONS if connections else EXCHANGES
    path = locate(db)
    masking = Masking(is_off=shows_values)
    mask = masking.brief if format_name == "table" else masking.whole
    if count:
        with open_reader(path) as reader, output() as stream:
            stream.write(f"{reader.count(wanted)}\n")
        return
    if follow:
        with masking.told(), printing(format_name, shape) as show, suppress(KeyboardInterrupt):
            _follow(path, wanted, limit, lambda records: show(mask(records)))
        return
    with masking.told(), open_reader(path) as reader, printing(format_name, shape) as show:
        shown = show(mask(reader.newest(wanted, limit=limit, oldest=oldest)))
    if not shown and format_name == "table":
        click.echo(f"No {'connection' if connections else 'exchange'} matches.", err=True)


def _tell_lag(sql: str, path: Path) -> None:
    """Say up to where the summary is true, where a statement may have read it and it is behind."""
    if "field_" not in sql.lower() and "instance_" not in sql.lower():
        return
    with open_reader(path) as reader:
        last_id, newest_id = reader.progress("summary")
    if last_id < newest_id:
        click.echo(
            f"The summary of fields and instances is true up to exchange {last_id} of {newest_id}; `telemock serve` "
            "goes on with it.",
            err=True,
        )


def _refuse(names: Collection[str], beside: str) -> None:
    """Refuse parameters that have no meaning beside another, on the command line, and only there.

    A configuration serves all lists, and may hold filters of any.
    """
    context = click.get_current_context()
    refused = [
        param.opts[0]
        for param in context.command.params
        if param.name in names and context.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE
    ]
    if refused:
        raise click.UsageError(f"{', '.join(refused)} cannot be used {beside}.")


def _filters(given: dict[str, Any], *, connections: bool) -> Filters | ConnectionFilters:
    """Take the filters that fit what is listed."""
    wanted = ConnectionFilters if connections else Filters
    known = {field.name for field in fields(wanted)}
    _refuse(given.keys() - known, "with --connections" if connections else "without --connections")
    return wanted(**{name: value for name, value in given.items() if name in known})


def _follow(path: Path, wanted: TableFilters[_R], limit: int, show: Callable[[Iterable[_R]], int]) -> None:
    """Print until interrupted; each look opens the file anew, so that a server may come, go or start over."""
    with open_reader(path) as reader:
        last_id = reader.last_id(wanted.table)
        if limit:
            show(reversed(list(reader.newest(wanted, limit=limit, last_id=last_id))))
        else:
            show(reader.newest(wanted, oldest=True, last_id=last_id))
    while True:
        time.sleep(_POLL_SECONDS)
        with open_reader(path) as reader:
            newest_id = reader.last_id(wanted.table)
            if newest_id != last_id:
                show(reader.after(wanted, last_id if newest_id > last_id else 0, newest_id))
                last_id = newest_id
