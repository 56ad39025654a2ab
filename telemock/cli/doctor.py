"""This is `telemock doctor`: why a client does not get through, or does not trust what it gets, in one report.

It refuses to go through a proxy, to leave an exchange behind, and to print a password.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args

import click

from telemock.authority.folder import key_file, public_files, utc_now
from telemock.authority.permissions import exposed_files
from telemock.authority.visit_proof import visit_key
from telemock.cli.options import HOST, TEXT, config_option, option, setting_option, timeout_option
from telemock.cli.output import FORMATS, Column, Shape, output, printing
from telemock.cli.setting_options import Instead, setting_options
from telemock.doctor.examination import examine
from telemock.doctor.finding import Finding, Verdict
from telemock.doctor.visit import Visit
from telemock.errors import AuthorityError
from telemock.place import Place
from telemock.profiles.cribl import CRIBL
from telemock.settings import DEFAULT_CA_DIR
from telemock.text import printable

_NAMES = ("name", "verdict", "said", "next_step")
_cells = attrgetter(*_NAMES)
_FINDINGS: Shape[Finding] = Shape(
    columns=tuple(Column(name=name.replace("_", " "), value=attrgetter(name)) for name in _NAMES),
    names=_NAMES,
    flat=_cells,
    nested=asdict,
)


_INSTEAD = {
    "ca_dir": Instead(
        DEFAULT_CA_DIR,
        "Folder of the certificate authority; its private key, where it may be read, proves whose visit it is.",
    ),
}


class _Server(click.ParamType[Place]):
    """Where telemock is, as clients write it that have it for a proxy."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        if isinstance(value, Place):
            return value
        try:
            place = Place.read(TEXT.convert(value, param, ctx))
        except ValueError:
            place = None
        if place is None or place.scheme != "http":
            self.fail("it is not what clients call a proxy; write it like http://127.0.0.1:8080.", param, ctx)
        return place


@click.command()
@option(
    "--to-host",
    "--host",
    "host",
    type=HOST,
    default=CRIBL.hosts[0],
    show_default=True,
    help="What the client calls the server that it wants.",
)
@setting_option(
    "--url",
    type=_Server(),
    default="http://127.0.0.1:8080",
    show_default=True,
    help="Where telemock serves; http://user:password@host:port where its proxy wants a password.",
)
@setting_options("ca_dir", "ca_cert", instead=_INSTEAD)
@timeout_option("Seconds that each connection, with all that is said on it, may take.")
@option(
    "--format",
    "format_name",
    type=click.Choice(("text", *FORMATS)),
    default="text",
    show_default=True,
    help="Text has what to do next on a line of its own.",
)
@config_option
def doctor(host: str, *, url: Place, ca_dir: Path, ca_cert: Path | None, timeout: float, format_name: str) -> None:
    """Check a running telemock end to end, as a client would.

    Exits with 1 when a check failed; a warning is for some clients only. No exchange is left behind.
    """
    visit = Visit(
        server=url,
        host=host,
        find_certificate=lambda: ca_cert or public_files(ca_dir).pem,
        seconds=timeout,
        environment=os.environ,
        now=utc_now,
        find_exposed=partial(exposed_files, ca_dir) if _has_key(ca_dir, ca_cert) else None,
        key=visit_key(ca_dir),
    )
    counts: Counter[Verdict] = Counter()

    def counted() -> Iterator[Finding]:
        for finding in examine(visit):
            counts[finding.verdict] += 1
            yield finding

    if format_name == "text":
        with output() as stream:
            for finding in counted():
                stream.write(_text(finding))
                stream.flush()
            stream.write(", ".join(f"{verdict} {counts[verdict]}" for verdict in get_args(Verdict)) + "\n")
    else:
        with printing(format_name, _FINDINGS) as show:
            show(counted())
    if counts["failed"]:
        raise click.exceptions.Exit(1)


def _has_key(ca_dir: Path, ca_cert: Path | None) -> bool:
    """Tell whether the authority's private key is on this machine, for anybody to see."""
    try:
        return ca_cert is None and os.access(key_file(ca_dir), os.F_OK)
    except AuthorityError:
        return False


def _text(finding: Finding) -> str:
    head = f"{finding.verdict:8} {finding.name}: {printable(finding.said)}\n"
    return f"{head}{'':8} next: {printable(finding.next_step)}\n" if finding.next_step else head
