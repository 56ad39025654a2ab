"""This is the command line: one module per command, imported only when that command is run.

It refuses to let a traceback out: what telemock foresees becomes one sentence and an exit code.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from telemock import __version__
from telemock.errors import TelemockError

# name: where it lives, and the line that --help shows, so that help imports nothing else
COMMANDS = {
    "serve": ("telemock.cli.serve:serve", "Answer the product's telemetry and keep every exchange."),
    "run": ("telemock.cli.run:run", "Run a program and show what it phones home."),
    "query": ("telemock.cli.query:query", "List captured exchanges, or connections, newest first."),
    "show": ("telemock.cli.show:show", "Print one exchange whole."),
    "analyze": ("telemock.cli.analyze:analyze", "Tell what was sent: each field, and what in it is sensitive."),
    "diff": ("telemock.cli.diff:diff", "Tell what B sends that A does not, and what it sends otherwise."),
    "export": ("telemock.cli.export:export", "Write exchanges to a file for other programs."),
    "report": ("telemock.cli.report:report", "Write one page that tells what was captured."),
    "health": ("telemock.cli.health:health", "Ask a running telemock whether it is healthy."),
    "ca": ("telemock.cli.ca:ca", "Show, export or make the certificate authority."),
    "doctor": ("telemock.cli.doctor:doctor", "Check a running telemock end to end, as a client would."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - see above
        """Write the commands' lines without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = "telemock",
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002, FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> NoReturn:
        """Run a command and leave the process: 0 done, 1 failed, 2 usage, 130 interrupted."""
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except TelemockError as error:
            from telemock.text import printable  # noqa: PLC0415 - only failures pay for it

            click.echo(f"Error: {printable(str(error))}", err=True)
            code = error.exit_code
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            code = 130
        sys.exit(code)


@click.group(
    "telemock", cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="telemock")
def main() -> None:
    """Point any product at telemock and see exactly what it phones home."""
