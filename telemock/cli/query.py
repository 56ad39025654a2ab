"""This is `telemock query`: filters in, exchanges or connections out, a page at a time.

It refuses to write to the database, and to keep a server that writes to it waiting.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from click.core import ParameterSource

from telemock.cli.connections import CONNECTIONS
from telemock.cli.exchanges import EXCHANGES
from telemock.cli.options import MOMENT, TEXT, config_option, db_option, option
from telemock.cli.output import FORMATS, Shape, output, printing
from telemock.exchange import ConnectionKind, Outcome, Record
from telemock.store.engine import locate
from telemock.store.filters import ConnectionFilters, Filters, TableFilters
from telemock.store.reader import open_reader

_R = TypeVar("_R", bound=Record)

# How soon --follow sees a new record; one look takes less than a millisecond.
_POLL_SECONDS = 0.2


class _Pair(click.ParamType[tuple[str, str]]):
    """NAME=VALUE; the value may hold further equals signs, and may be empty."""

    name = "NAME=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value[0], value[1]
        name, equals, text = TEXT.convert(value, param, ctx).partition("=")
        if not equals:
            self.fail(f"{value!r} has no equals sign; write NAME=VALUE, such as os=ubuntu-24.04.", param, ctx)
        return name, text


@click.command()
@option("--connections", is_flag=True, help="List tunnels, blocked hosts, refused TLS handshakes and the like instead.")
@option("--kind", type=click.Choice(get_args(ConnectionKind)), help="Only connections of this kind.")
# Its first name is what the environment and configurations know it by, where `host` is what `serve` listens on.
@option("--to-host", "--host", "host", type=TEXT, help="Only this host, as the client meant it, in any case.")
@option("--guid", type=TEXT, help="Only this installation.")
@option("--version", type=TEXT, help="Only this product version.")
@option("--env", type=TEXT, help="Only this deployment environment.")
@option("--session", type=TEXT, help="Only this session.")
@option("--path", type=TEXT, help="Only this path, as received, such as /telemetry/index.html.")
@option("--method", type=TEXT, help="Only this method, in any case.")
@option("--status", type=click.IntRange(100, 999), help="Only answers with this status code.")
@option("--outcome", type=click.Choice(get_args(Outcome)), help="Only what was answered so.")
@option(
    "--since",
    type=MOMENT,
    help="Received, or opened, at or after: 2026-02-05T10:55:58Z, 2026-02-05, 15m, 2h or 3d ago.",
)
@option("--until", type=MOMENT, help="Received, or opened, before; written like --since.")
@option("--param", "params", type=_Pair(), multiple=True, help="Only with this parameter, NAME=VALUE; repeatable.")
@option(
    "--grep",
    type=TEXT,
    help="Only with this text, in any case, in target, headers, bodies or identity; of a connection, anywhere.",
)
@option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="At most so many; 0 is all.")
@option("--oldest", is_flag=True, help="Oldest first instead of newest first.")
@option("--count", is_flag=True, help="Print only how many match, whatever --limit says.")
@option("--follow", is_flag=True, help="Print the last --limit, newest last, then new ones until Ctrl-C.")
@option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="A table is lines of tab-separated cells where standard output is no terminal.",
)
@db_option
@config_option
def query(
    limit: int,
    format_name: str,
    db: str,
    *,
    connections: bool,
    oldest: bool,
    count: bool,
    follow: bool,
    **filters: Any,
) -> None:
    """List captured exchanges, or connections, newest first.

    All filters that are given must hold. Times are UTC.
    """
    if follow and (oldest or count):
        raise click.UsageError(f"--follow cannot be used with {'--oldest' if oldest else '--count'}.")
    wanted: TableFilters[Any] = _filters(filters, connections=connections)
    shape: Shape[Any] = CONNECTIONS if connections else EXCHANGES
    path = locate(db)
    if count:
        with open_reader(path) as reader, output() as stream:
            stream.write(f"{reader.count(wanted)}\n")
        return
    if follow:
        with printing(format_name, shape) as show, suppress(KeyboardInterrupt):
            _follow(path, wanted, limit, show)
        return
    with open_reader(path) as reader, printing(format_name, shape) as show:
        shown = show(reader.newest(wanted, limit=limit, oldest=oldest))
    if not shown and format_name == "table":
        click.echo(f"No {'connection' if connections else 'exchange'} matches.", err=True)


def _filters(given: dict[str, Any], *, connections: bool) -> Filters | ConnectionFilters:
    """Take the filters that fit what is listed; others are refused on the command line, and only there.

    A variable or a configuration serves both lists, and may hold filters of either.
    """
    wanted = ConnectionFilters if connections else Filters
    known = {field.name for field in fields(wanted)}
    context = click.get_current_context()
    refused = [
        param.opts[0]
        for param in context.command.params
        if param.name in given.keys() - known
        and context.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    ]
    if refused:
        without = "" if connections else "out"
        raise click.UsageError(f"{', '.join(refused)} cannot be used with{without} --connections.")
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
