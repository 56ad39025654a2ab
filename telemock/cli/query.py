"""This is `telemock query`: filters in, exchanges out, a page at a time.

It refuses to write to the database, and to keep a server that writes to it waiting.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import click

from telemock.cli.exchanges import EXCHANGES
from telemock.cli.options import MOMENT, TEXT, config_option, db_option, option
from telemock.cli.output import FORMATS, output, printing
from telemock.exchange import Exchange, Outcome
from telemock.store.engine import locate
from telemock.store.filters import Filters
from telemock.store.reader import open_reader

# How soon --follow sees a new exchange; one look takes less than a millisecond.
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
@option("--guid", type=TEXT, help="Only this installation.")
@option("--version", type=TEXT, help="Only this product version.")
@option("--env", type=TEXT, help="Only this deployment environment.")
@option("--session", type=TEXT, help="Only this session.")
@option("--path", type=TEXT, help="Only this path, as received, such as /telemetry/index.html.")
@option("--method", type=TEXT, help="Only this method, in any case.")
@option("--status", type=click.IntRange(100, 999), help="Only answers with this status code.")
@option("--outcome", type=click.Choice(get_args(Outcome)), help="Only what was answered so.")
@option("--since", type=MOMENT, help="Received at or after: 2026-02-05T10:55:58Z, 2026-02-05, 15m, 2h or 3d ago.")
@option("--until", type=MOMENT, help="Received before; written like --since.")
@option("--param", "params", type=_Pair(), multiple=True, help="Only with this parameter, NAME=VALUE; repeatable.")
@option("--grep", type=TEXT, help="Only with this text, in any case, in target, headers, bodies or identity.")
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
def query(limit: int, format_name: str, db: str, *, oldest: bool, count: bool, follow: bool, **filters: Any) -> None:
    """List captured exchanges, newest first.

    All filters that are given must hold. Times are UTC.
    """
    if follow and (oldest or count):
        raise click.UsageError(f"--follow cannot be used with {'--oldest' if oldest else '--count'}.")
    wanted = Filters(**filters)
    path = locate(db)
    if count:
        with open_reader(path) as reader, output() as stream:
            stream.write(f"{reader.count(wanted)}\n")
        return
    if follow:
        with printing(format_name, EXCHANGES) as show, suppress(KeyboardInterrupt):
            _follow(path, wanted, limit, show)
        return
    with open_reader(path) as reader, printing(format_name, EXCHANGES) as show:
        shown = show(reader.newest(wanted, limit=limit, oldest=oldest))
    if not shown and format_name == "table":
        click.echo("No exchange matches.", err=True)


def _follow(path: Path, wanted: Filters, limit: int, show: Callable[[Iterable[Exchange]], int]) -> None:
    """Print until interrupted; each look opens the file anew, so that a server may come, go or start over."""
    with open_reader(path) as reader:
        last_id = reader.last_id()
        if limit:
            show(reversed(list(reader.newest(wanted, limit=limit, last_id=last_id))))
        else:
            show(reader.newest(wanted, oldest=True, last_id=last_id))
    while True:
        time.sleep(_POLL_SECONDS)
        with open_reader(path) as reader:
            newest_id = reader.last_id()
            if newest_id != last_id:
                show(reader.after(wanted, last_id if newest_id > last_id else 0, newest_id))
                last_id = newest_id
