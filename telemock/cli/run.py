"""This is `telemock run`: a program, a telemock of its own, and at the end what the program phoned home.

It refuses to touch what the program reads, writes and returns; what it has to say itself goes to standard error.
"""

import dataclasses
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from telemock.cli.client_env import client_environment, replaced
from telemock.cli.java_env import JAVA_VARIABLE, java_tool_options
from telemock.cli.options import DURATION, config_option, no_proxy_option, option, setting_option
from telemock.cli.setting_options import Instead, setting_options
from telemock.errors import TelemockError
from telemock.exchange import compact_json, utc_text_at
from telemock.settings import ServeSettings
from telemock.text import printable, printable_json

if TYPE_CHECKING:
    from telemock.authority.authority import Authority
    from telemock.cli.descendants import LeftRunning
    from telemock.cli.phoned import PhonedHome

_HOST = "127.0.0.1"

# Of processes, in lines; --format json has all.
_MOST_LEFT = 25

_INSTEAD = {
    "db": Instead(
        None, "Database: a path or a URL. Unless said, a new telemock-run-TIME.db in the folder where it is started."
    ),
    "intercept": Instead(
        ("*",), "Host that is answered here; repeatable; *.example.com is every host below that, * is all."
    ),
    "others": Instead("block", "All other hosts: refused (block) or let through unseen (tunnel)."),
    "answer": Instead(200, "Status of the answer to what nothing here answers."),
}


class _Began(NamedTuple):
    """What the database held last when the program began, and when that was."""

    exchange_id: int
    connection_id: int
    at: str


class _Ended(NamedTuple):
    """How the program ended, and what it left.

    Attributes:
        left: processes that still run.
        are_followed: there can be no others.
    """

    command: Sequence[str]
    exit_code: int
    left: "Sequence[LeftRunning]"
    are_followed: bool

    def as_json(self) -> dict[str, Any]:
        """Give all of it as what JSON holds."""
        return {
            "command": self.command,
            "exit_code": self.exit_code,
            "still_running": [each._asdict() for each in self.left],
            "descendants_followed": self.are_followed,
        }

    def lines(self) -> Iterator[str]:
        """Tell what still runs in lines that a terminal can be given."""
        if self.left:
            yield "Still running, and not seen from here on:"
            yield from _left_lines(self.left)
        if not self.are_followed:
            yield "What it left running was waited for only where it kept its environment: this system tells no more."


@click.command(context_settings={"allow_interspersed_args": False})
@setting_options(
    "db",
    "intercept",
    "others",
    "mode",
    "answer",
    "answer_body",
    "answer_type",
    "upstream_proxy",
    "upstream_ca",
    "ca_dir",
    "ca_cert",
    "ca_key",
    "max_body",
    instead=_INSTEAD,
)
@no_proxy_option
@setting_option(
    "--linger",
    "linger_seconds",
    type=DURATION,
    default="15s",
    show_default=True,
    help="How long, at most, it goes on to serve what the program left running; 0 is not at all.",
)
@option(
    "--format",
    "format_name",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How standard error is told at the end what was phoned home: lines, or one JSON object.",
)
@option("--quiet", is_flag=True, help="Do not tell it; the database has it.")
@option("--verbose", is_flag=True, help="Tell which variables of the environment are replaced for the program.")
@config_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    command: tuple[str, ...],
    no_proxy: str,
    linger_seconds: float,
    format_name: str,
    *,
    quiet: bool,
    verbose: bool,
    **options: Any,
) -> None:
    """Run a program and show what it phones home.

    \b
    telemock run -- curl https://example.com/
    telemock run --db agent.db -- node agent.js --verbose

    The program finds the variables that send it through a proxy, and make it trust that: a telemock of its own, which
    answers for every host and dials none. Terminal, signals and exit code are the program's; 127 is that there is none
    of that name, 126 that it cannot be executed. What the program leaves running is served on for a while.
    """  # noqa: D301 - click's mark for lines that stay as they are
    # Until the program runs, Ctrl-C just ends this process, and the server with it; as an exception it could come late.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What it takes to serve is imported only here: help does without.
    from telemock.cli.descendants import Descendants  # noqa: PLC0415
    from telemock.cli.program import find_program, run_program, wait_for  # noqa: PLC0415
    from telemock.means import read_means  # noqa: PLC0415
    from telemock.private import start_private, stop_private  # noqa: PLC0415
    from telemock.server.listener import bind, site_url  # noqa: PLC0415
    from telemock.store.engine import locate  # noqa: PLC0415
    from telemock.store.migration import migrate  # noqa: PLC0415
    from telemock.store.reader import open_reader  # noqa: PLC0415
    from telemock.store.rows import CONNECTIONS  # noqa: PLC0415

    program = find_program(command[0])
    named = options.pop("db")
    db = locate(_new_db() if named is None else named)
    settings = ServeSettings(host=_HOST, db=str(db), **options)
    authority = read_means(settings).authority
    with closing(bind(_HOST, 0, shared=True)) as held:
        settings = dataclasses.replace(settings, port=(held.getsockname()[1],))
        variables = _environment(settings, authority, site_url(held), no_proxy)
        migrate(db)
        with open_reader(db) as reader:
            began = _Began(reader.last_id(), reader.last_id(CONNECTIONS), utc_text_at(time.time_ns()))
        server = start_private(settings)
        if verbose:
            _say(*map(printable, replaced(variables, os.environ)))
        descendants = Descendants(server.pid, ("HTTPS_PROXY", variables["HTTPS_PROXY"]))
        try:
            code = run_program(program, list(command), {**os.environ, **variables}, descendants)
            left = wait_for(descendants, linger_seconds, partial(_announce, linger_seconds, quiet=quiet))
        finally:
            status = stop_private(server)
    if status:
        _say(f"telemock itself ended with status {status} before its time; what the program did after that is missing.")
    if not quiet:
        _tell(db, began, _Ended(command, code, left, are_followed=descendants.is_certain), format_name)
    raise click.exceptions.Exit(code)


def _environment(settings: ServeSettings, authority: "Authority", proxy_url: str, no_proxy: str) -> dict[str, str]:
    """Give the variables that send the program through a proxy that it trusts."""
    from telemock.authority.folder import TRUST_STORE_PASSWORD, publish  # noqa: PLC0415 - see above

    files = publish(authority, settings.ca_dir)
    java = java_tool_options(os.environ.get(JAVA_VARIABLE, ""), proxy_url, files.p12, TRUST_STORE_PASSWORD, no_proxy)
    return {**client_environment(proxy_url, files, no_proxy), JAVA_VARIABLE: java}


def _new_db() -> str:
    """Name a database that is not there yet, by the time: telemock-run-20260205T105558.090735Z.db."""
    return f"telemock-run-{re.sub('[-:]', '', utc_text_at(time.time_ns()))}.db"


def _tell(db: Path, began: _Began, ended: _Ended, format_name: str) -> None:
    """Tell what the program did, as far as the database can be read."""
    try:
        phoned = _phoned_home(db, began)
    except TelemockError as error:
        _say(f"Error: {error}")
        return
    if format_name == "json":
        _say(printable_json(compact_json({**ended.as_json(), "db": str(db), **phoned.as_json()})))
        return
    shown = shlex.quote(printable(str(db.relative_to(Path.cwd()) if db.is_relative_to(Path.cwd()) else db)))
    told = f"All of it is in {shown}; look at it with: telemock query --db {shown}"
    _say("", *phoned.lines(ended.command[0]), *ended.lines(), told)


def _phoned_home(db: Path, began: _Began) -> "PhonedHome":
    from telemock.cli.phoned import add_up  # noqa: PLC0415 - see above
    from telemock.cli.sensitive_sent import sensitive_sent  # noqa: PLC0415
    from telemock.store.filters import ConnectionFilters, Filters  # noqa: PLC0415
    from telemock.store.reader import open_reader  # noqa: PLC0415
    from telemock.store.rows import CONNECTIONS  # noqa: PLC0415

    with open_reader(db) as reader:
        exchanges = reader.after(Filters(), began.exchange_id, reader.last_id())
        connections = reader.after(ConnectionFilters(), began.connection_id, reader.last_id(CONNECTIONS))
        phoned = add_up(exchanges, connections)
        phoned.sensitive = sensitive_sent(db, reader, began.at, sum(each.sent for each in phoned.asked))
    return phoned


def _announce(seconds: float, left: "Sequence[LeftRunning]", *, quiet: bool) -> None:
    if not quiet:
        _say(f"Waiting up to {seconds:g} s for what is left running; Ctrl-C ends that:", *_left_lines(left))


def _left_lines(left: "Sequence[LeftRunning]") -> Iterator[str]:
    for each in left[:_MOST_LEFT]:
        yield f"  {each.pid}  {printable(each.command)}"
    if len(left) > _MOST_LEFT:
        yield f"  … and {len(left) - _MOST_LEFT} more"


def _say(*lines: str) -> None:
    """Write to standard error, if there is one that takes it."""
    if sys.stderr is None:
        return
    # Without a buffer of its own: what cannot be written now must not come up again when the interpreter ends.
    with suppress(OSError):
        data = "".join(f"{line}\n" for line in lines).encode(sys.stderr.encoding, "backslashreplace")
        while data:
            data = data[os.write(sys.stderr.fileno(), data) :]
