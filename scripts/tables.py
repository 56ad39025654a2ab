"""This writes README's tables from what the code says, so that they cannot disagree; `scripts/check` compares them."""

import inspect
import re
from collections.abc import Iterable, Iterator

import click

from telemock.cli import main
from telemock.exchange import Connection, Exchange
from telemock.store.schema import connections, exchanges


def options() -> str:
    """Write the options of all commands."""
    context = click.Context(main, info_name="telemock")
    parts = []
    for name, command in _commands(main, context):
        _, *usage = command.collect_usage_pieces(click.Context(command))  # the first stands for all options
        rows = [_option(param) for param in command.params if isinstance(param, click.Option)]
        parts += [
            f"`{' '.join([name, *usage])}`",
            _table(("option", "environment", "default", "what it says"), rows),
        ]
    return "\n\n".join(parts)


def schema() -> str:
    """Write the columns of both tables."""
    parts = []
    for table, record in ((exchanges, Exchange), (connections, Connection)):
        said = _attributes(record)
        rows = [(f"`{column.name}`", str(column.type), said[column.name]) for column in table.columns]
        parts += [f"`{table.name}`", _table(("column", "type", "what it holds"), rows)]
    return "\n\n".join(parts)


def _commands(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Give the commands of a group by their whole names, and those of the groups in it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, click.Context(command, context, command.name))
        else:
            yield f"{context.command_path} {name}", command


def _option(param: click.Option) -> tuple[str, ...]:
    has_default = param.show_default and param.default is not None and not param.is_flag and not param.multiple
    default = f"`{param.default}`" if has_default else ""
    if param.secondary_opts:
        default = f"`{(param.opts if param.default else param.secondary_opts)[0]}`"
    names = "`, `".join([*param.opts, *param.secondary_opts])
    return f"`{names}`", f"`{param.envvar}`" if param.envvar else "", default, param.help or ""


def _attributes(record: type) -> dict[str, str]:
    """Read the Attributes of a docstring."""
    text = (inspect.getdoc(record) or "").partition("Attributes:\n")[2]
    entries = re.split(r"\n(?=    \w+: )", "\n" + text)
    return {
        name.strip(): " ".join(meaning.split()).replace("None", "NULL")
        for name, _, meaning in (entry.partition(": ") for entry in entries if entry)
    }


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
