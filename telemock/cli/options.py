"""Options of all commands: settings, which the environment may hold too, and choices, which it may not.

What is read or printed is chosen where a command is typed, or in a file that is named there: a variable that somebody
set for another purpose must not filter in silence. Flag > environment > `--config` file > default.
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import click

from telemock.cli.client_env import NO_PROXY
from telemock.errors import InvalidHost, InvalidSetting
from telemock.exchange import encodable, utc_text
from telemock.settings import DEFAULT_DB

_F = TypeVar("_F", bound=Callable[..., Any])

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_SECONDS = 24 * 3600.0


class _Text(click.ParamType[str]):
    """Text that UTF-8 can hold; the command line and the environment may give other bytes."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not encodable(text):
            self.fail(f"{text!r} is not UTF-8.", param, ctx)
        return text


class _Host(click.ParamType[str]):
    """A host, and not a pattern of some."""

    name = "host"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from telemock.hosts import host_name  # noqa: PLC0415 - only who names hosts needs it

        try:
            host = host_name(str(value))
        except InvalidHost as error:
            self.fail(str(error), param, ctx)
        if host.startswith("*"):
            self.fail(f"{host!r} is many hosts; name one that it covers.", param, ctx)
        return host


class _Hosts(_Text):
    """A list of hosts, as the variable NO_PROXY holds it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = super().convert(value, param, ctx)
        if not text.isprintable():
            self.fail(f"{text!r} is not a list of hosts; write it like {NO_PROXY}.", param, ctx)
        return text


class _Moment(click.ParamType[str]):
    """A moment: ISO 8601, which is UTC unless it says otherwise, or how long ago; becomes the store's form."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = value.isoformat() if isinstance(value, date) else str(value)
        ago = re.fullmatch(r"(\d{1,9})([smhdw])", text, re.ASCII)
        try:
            if ago:
                moment = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            else:
                moment = datetime.fromisoformat(text)
            return utc_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is not a time; write 2026-02-05T10:55:58Z, 2026-02-05, 15m, 2h or 3d.", param, ctx)


class _Duration(click.ParamType[float]):
    """A length of time, such as 15s, 500ms or 2m; becomes seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        length = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|)", str(value).strip(), re.ASCII)
        if length is None:
            self.fail(f"{str(value)!r} is not a length of time; write it like 15s, 500ms or 2m.", param, ctx)
        seconds = float(length[1]) * _SECONDS[length[2]]
        if seconds > _LONGEST_SECONDS:
            self.fail(f"{str(value)!r} is too long a time; it is at most 24h.", param, ctx)
        return seconds


class _Path(click.ParamType[Path]):
    """A path of anything, there or not; click's own type looks at what is there."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if not str(value) or "\0" in str(value):
            self.fail(f"{str(value)!r} is not a path.", param, ctx)
        return Path(value)


class WholeNumber(click.IntRange):
    """A whole number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Give the whole number that a text is."""
        try:
            int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        return super().convert(value, param, ctx)


class Number(click.FloatRange):
    """A number within bounds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Give the number that a text is."""
        try:
            is_number = math.isfinite(float(value))
        except ValueError:
            is_number = False
        if not is_number:
            self.fail(f"{value!r} is not a number.", param, ctx)
        return super().convert(value, param, ctx)


TEXT = _Text()
HOST = _Host()
PATH = _Path()
MOMENT = _Moment()
DURATION = _Duration()


def option(*names: str, help: str, **attributes: Any) -> Callable[[_F], _F]:  # noqa: A002 - click's own word
    """Declare what is chosen anew for each call: a filter, a format, a file; no variable sets it."""
    return click.option(*names, help=help, **attributes)


def setting_option(*names: str, help: str, **attributes: Any) -> Callable[[_F], _F]:  # noqa: A002 - see above
    """Declare an option that `TELEMOCK_<NAME>` sets too, whatever the command; of several names, the first."""
    long_name = next(name for name in names if name.startswith("--"))
    variable = "TELEMOCK_" + long_name.partition("/")[0].lstrip("-").replace("-", "_").upper()
    return click.option(*names, help=help, envvar=variable, show_envvar=True, **attributes)


def timeout_option(help: str) -> Callable[[_F], _F]:  # noqa: A002 - see above
    """Declare how many seconds something may take."""
    return setting_option(
        "--timeout",
        type=Number(min=0, min_open=True, max=3600),
        default=5.0,
        show_default=True,
        help=help,
    )


def table_option(formats: Sequence[str]) -> Callable[[_F], _F]:
    """Declare which of some formats is printed, a table unless said."""
    return option(
        "--format",
        "format_name",
        type=click.Choice(formats),
        default="table",
        show_default=True,
        help="A table is lines of tab-separated cells where standard output is no terminal.",
    )


def _take_config(ctx: click.Context, _param: click.Parameter, path: Path | None) -> None:
    """Take defaults for this command from a YAML file; what only other commands know is left to them."""
    if path is None:
        return
    values = _read_config(path)
    known = _options(ctx.command)
    taken: dict[str, Any] = {}
    elsewhere: set[str] | None = None
    for key, value in values.items():
        name = key.replace("_", "-")
        if name in known:
            if value is not None:
                _check_fits(ctx, f"The configuration {path} gives {key}", known[name], value)
                single = known[name].multiple and not isinstance(value, list)
                taken[str(known[name].name)] = [value] if single else value
            continue
        elsewhere = _options_of_all(ctx) if elsewhere is None else elsewhere
        if name not in elsewhere:
            names = ", ".join(sorted(known))
            raise InvalidSetting(f"The configuration {path} has the unknown key {key!r}; this command knows {names}.")
    ctx.default_map = {**(ctx.default_map or {}), **taken}


def _read_config(path: Path) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - only who has a file pays for it

    try:
        values = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise InvalidSetting(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = " ".join(str(error).split())
        raise InvalidSetting(f"The configuration {path} is not YAML: {place}.") from error
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise InvalidSetting(
            f"The configuration {path} must be a mapping of option names to values, such as port: 8080."
        )
    return values


def _options(command: click.Command) -> dict[str, click.Option]:
    """Give the options by their first names on the command line, without dashes; a file names no other file."""
    options = [param for param in command.params if isinstance(param, click.Option) and param.name != "config"]
    return {next(name[2:] for name in param.opts if name.startswith("--")): param for param in options}


def _options_of_all(ctx: click.Context) -> set[str]:
    group = ctx.find_root().command
    if not isinstance(group, click.Group):
        return set()
    return {name for command in _commands_of(group, ctx) for name in _options(command)}


def _commands_of(group: click.Group, ctx: click.Context) -> Iterator[click.Command]:
    """Give the commands of a group, and of the groups in it."""
    for command in filter(None, (group.get_command(ctx, name) for name in group.list_commands(ctx))):
        yield from _commands_of(command, ctx) if isinstance(command, click.Group) else (command,)


def _check_fits(ctx: click.Context, what: str, param: click.Option, value: Any) -> None:
    """Refuse what would have to be guessed: YAML reads an unquoted version 4.10 as the number 4.1."""
    wanted = None
    for one in value if param.multiple and isinstance(value, list) else [value]:
        if param.is_flag:
            wanted = None if isinstance(one, bool) else "true or false"
        elif isinstance(param.type, click.types.IntParamType | click.types.FloatParamType):
            wanted = "a number" if isinstance(one, bool | list | dict) else None
            wanted = "a whole number" if isinstance(one, float) and param.type.name.startswith("int") else wanted
        elif isinstance(param.type, _Moment):
            wanted = None if isinstance(one, str | date) else "a time in quotes"
        elif param.type.name == "size":
            wanted = None if isinstance(one, str) or type(one) is int else "a size"
        elif param.type.name == "duration":
            wanted = None if isinstance(one, str) or type(one) in (int, float) else "a length of time"
        else:
            wanted = None if isinstance(one, str) else "text in quotes"
        if wanted:
            break
    if wanted:
        raise InvalidSetting(f"{what} the value {value!r}; it must be {wanted}.")
    try:
        param.type_cast_value(ctx, [value] if param.multiple and not isinstance(value, list) else value)
    except click.BadParameter as error:
        raise InvalidSetting(f"{what} a wrong value: {error.message}") from error


def check_url(url: str) -> SplitResult:
    """Take a URL apart.

    Raises:
        InvalidSetting: telemock cannot be there.
    """
    try:
        address = urlsplit(url)
        usable = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:
        usable = None
    if not usable or not url.isprintable():
        raise InvalidSetting(f"{url!r} is not a URL to ask; write it like http://127.0.0.1:8080.")
    return address


config_option = setting_option(
    "--config",
    type=click.Path(path_type=Path),
    callback=_take_config,
    is_eager=True,
    expose_value=False,
    help="YAML file with values for options; what is given here or in the environment goes first.",
)

url_option = setting_option(
    "--url", type=TEXT, default="http://127.0.0.1:8080", show_default=True, help="Where telemock serves."
)

no_proxy_option = setting_option(
    "--no-proxy", type=_Hosts(), default=NO_PROXY, show_default=True, help="Hosts that are reached without the proxy."
)

db_option = setting_option(
    "--db",
    type=TEXT,
    default=DEFAULT_DB,
    show_default=True,
    help="Database: a path or a URL such as sqlite:////data/telemetry.db.",
)
