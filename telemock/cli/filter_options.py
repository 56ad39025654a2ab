"""This is how exchanges are chosen on the command line, whatever is then done with them.

It refuses to read them; the store does.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar, get_args

import click

from telemock.cli.options import MOMENT, TEXT, WholeNumber, option
from telemock.exchange import Outcome

_F = TypeVar("_F", bound=Callable[..., Any])


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


PAIR = _Pair()

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    # Its first name is what configurations know it by, where `host` is what `serve` listens on.
    option("--to-host", "--host", "host", type=TEXT, help="Only this host, or host:port, in any spelling."),
    option("--guid", type=TEXT, help="Only this installation."),
    option("--version", type=TEXT, help="Only this product version."),
    option("--env", type=TEXT, help="Only this deployment environment."),
    option("--session", type=TEXT, help="Only this session."),
    option("--path", type=TEXT, help="Only this path, as received, such as /telemetry/index.html."),
    option("--method", type=TEXT, help="Only this method, in any case."),
    option("--status", type=WholeNumber(100, 999), help="Only answers with this status code."),
    option("--outcome", type=click.Choice(get_args(Outcome)), help="Only what was answered so."),
    option(
        "--since",
        type=MOMENT,
        help="Received, or opened, at or after: 2026-02-05T10:55:58Z, 2026-02-05, 15m, 2h or 3d ago.",
    ),
    option("--until", type=MOMENT, help="Received, or opened, before; written like --since."),
    option("--param", "params", type=PAIR, multiple=True, help="Only with this parameter, NAME=VALUE; repeatable."),
    option(
        "--grep",
        type=TEXT,
        help="Only with this text, in any case, in target, headers, bodies or identity; of a connection, anywhere.",
    ),
)


def filter_options(command: _F) -> _F:
    """Declare the options that become `telemock.store.filters.Filters`, by the names of its fields."""
    return reduce(lambda declared, declare: declare(declared), reversed(_OPTIONS), command)
