"""This is how settings become options: for each row of the table in `telemock.settings` one, wherever it is offered.

It refuses to define an option twice; a command may only give one another default, and say so.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import click

from telemock.cli.options import HOST, PATH, TEXT, WholeNumber, setting_option
from telemock.errors import InvalidHost, InvalidSetting
from telemock.settings import MAX_WORKERS, Others, ServeSettings, parse_size

_F = TypeVar("_F", bound=Callable[..., Any])


class Instead(NamedTuple):
    """What a command has in place of a setting's default, and of its sentence of help."""

    default: Any
    help: str


class _Size(click.ParamType[int]):
    """A size in bytes, such as 10MiB."""

    name = "size"

    def __init__(self, *, is_row: bool) -> None:
        self._is_row = is_row

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return parse_size(str(value), is_row=self._is_row)
        except InvalidSetting as error:
            self.fail(str(error), param, ctx)


class _HostPattern(click.ParamType[str]):
    """A host, `*.` and a host, or `*`."""

    name = "host"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from telemock.hosts import host_pattern  # noqa: PLC0415 - only who names hosts needs it

        try:
            return host_pattern(str(value))
        except InvalidHost as error:
            self.fail(str(error), param, ctx)


_TYPES: dict[str, click.ParamType[Any]] = {
    "port": WholeNumber(0, 65535),
    "intercept": _HostPattern(),
    "admin_host": HOST,
    "others": click.Choice(get_args(Others)),
    "ca_dir": PATH,
    "proxy_auth_file": click.Path(path_type=Path, dir_okay=False),
    "upstream_ca": click.Path(path_type=Path, dir_okay=False),
    "ca_cert": PATH,
    "ca_key": PATH,
    "durability": click.Choice(["commit", "fsync", "async"]),
    "workers": WholeNumber(1, MAX_WORKERS),
    "answer": WholeNumber(200, 599),
    "answer_body": TEXT,
    "answer_type": TEXT,
    "max_body": _Size(is_row=True),
    "body_memory": _Size(is_row=False),
    "log_format": click.Choice(["text", "json"]),
    "log_dir": click.Path(path_type=Path, file_okay=False),
    "ready_file": click.Path(path_type=Path, dir_okay=False),
}


# Defaults as people write them.
_SIZES = {"max_body": "10MiB", "body_memory": "256MiB"}


def setting_options(*names: str, instead: Mapping[str, Instead] | None = None) -> Callable[[_F], _F]:
    """Add one option for each named setting, in the order of the names.

    Args:
        names: fields of `ServeSettings`.
        instead: what this command has in place of a setting's own default and help.
    """
    settings = {setting.name: setting for setting in dataclasses.fields(ServeSettings)}

    def add(function: _F) -> _F:
        for name in reversed(names):
            setting = settings[name]
            own = Instead(_SIZES.get(name, setting.default), setting.metadata["help"])
            offered = (instead or {}).get(name, own)
            flag = "--" + name.replace("_", "-")
            is_flag = isinstance(setting.default, bool)
            function = setting_option(
                f"{flag}/--no-{flag[2:]}" if is_flag else flag,
                type=_TYPES.get(name, click.BOOL if is_flag else click.STRING),
                default=offered.default,
                multiple=isinstance(setting.default, tuple),
                show_default=offered.default not in (None, ()),
                help=offered.help,
            )(function)
        return function

    return add
