"""This is how findings look, and how the command line says what was planted.

It refuses to look for anything; `telemock.analysis.findings` does.
"""

import getpass
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from telemock.analysis.field_masks import Masks
from telemock.analysis.findings import Finding, Findings
from telemock.analysis.planted import Planted
from telemock.cli.filter_options import PAIR
from telemock.cli.options import option
from telemock.cli.output import Column, Shape

_F = TypeVar("_F", bound=Callable[..., Any])

# Users that every system has, and their homes, are in too many texts.
_EVERYBODY = ("root", "/root", "/")
_NO_ADDRESS = re.compile(r"127\.|::1$|00:00:00:00:00:00|ff:ff")


def plant_options(command: _F) -> _F:
    """Declare the options that become the parameters of `planted_values`."""
    command = option(
        "--plant-system",
        is_flag=True,
        help="Look for this machine's host name, user, home folder, MAC and IP addresses, too.",
    )(command)
    return option(
        "--plant",
        "plants",
        type=PAIR,
        multiple=True,
        help="Look for a value, in any coding and as MD5, SHA-1 or SHA-256: NAME=VALUE; repeatable.",
    )(command)


def planted_values(plants: Iterable[tuple[str, str]], *, plant_system: bool) -> list[Planted]:
    """Give what to look for, each value once."""
    values = {value: name for name, value in (*(_system() if plant_system else ()), *plants)}
    return [Planted(name, value) for value, name in values.items()]


def planted_names(planted: Iterable[Planted]) -> dict[str, bool]:
    """Give what was looked for, and whether all values of that name counted as whole values only."""
    names: dict[str, bool] = {}
    for each in planted:
        names[each.name] = names.get(each.name, True) and each.whole_only
    return names


def findings_to_json(findings: Findings, planted: Iterable[Planted], masks: Masks) -> dict[str, Any]:
    """Give what was found as what JSON holds; examples are masked."""
    return {
        "sensitive": [_to_json(finding, masks) for finding in findings.sensitive()],
        "planted": [
            {
                "name": name,
                "whole_only": whole_only,
                "found": [_to_json(finding, masks) for finding in findings.planted() if finding.planted == name],
            }
            for name, whole_only in planted_names(planted).items()
        ],
        "findings_left_out": findings.left_out,
    }


def _to_json(finding: Finding, masks: Masks) -> dict[str, Any]:
    place = finding.place
    what = {"form": finding.form} if finding.sensitivity is None else {"class": finding.sensitivity}
    return what | {
        "confidence": finding.confidence,
        "method": place.method,
        "scheme": place.scheme,
        "host": place.host,
        "port": place.port,
        "path": masks.path(place.path),
        "source": place.source,
        "name": place.name,
        "chain": list(finding.chain),
        "values": finding.count,
        "example": finding.example,
    }


def _where(finding: Finding) -> str:
    place = finding.place
    return " → ".join((f"{place.source} {place.name}".rstrip(), *finding.chain))


def _shape(masks: Masks, *what: Column[Finding]) -> Shape[Finding]:
    return Shape(
        columns=(
            *what,
            Column(name="where", value=_where, least=12, cut="wrap"),
            Column(name="values", value=lambda finding: finding.count, right=True),
            Column(name="example", value=lambda finding: finding.example, least=8, may_go=1),
            Column(
                name="endpoint",
                value=lambda finding: f"{finding.place.method} {masks.path(finding.place.url)}",
                least=12,
                cut="wrap",
            ),
        ),
        names=(),
        flat=lambda _: (),
        nested=lambda finding: _to_json(finding, masks),
    )


def sensitive_shape(masks: Masks) -> Shape[Finding]:
    """Give the shape of what is sensitive."""
    return _shape(
        masks,
        Column(name="sensitive", value=lambda finding: finding.sensitivity),
        Column(name="confidence", value=lambda finding: finding.confidence),
    )


def planted_shape(masks: Masks) -> Shape[Finding]:
    """Give the shape of what was planted and found."""
    return _shape(
        masks,
        Column(name="planted", value=lambda finding: finding.planted),
        Column(name="form", value=lambda finding: finding.form),
    )


def _system() -> Iterator[tuple[str, str]]:
    """Give what tells this machine and its user from others; nothing is asked of the network."""
    import psutil  # noqa: PLC0415 - only who plants needs it

    yield "host name", socket.gethostname()
    for name, value in (("user", getpass.getuser()), ("home", str(Path.home()))):
        if value not in _EVERYBODY:
            yield name, value
    kinds = {psutil.AF_LINK: "MAC", socket.AF_INET: "IP", socket.AF_INET6: "IP"}
    for interface, addresses in psutil.net_if_addrs().items():
        for address in addresses:
            value = address.address.partition("%")[0]
            if address.family in kinds and not _NO_ADDRESS.match(value):
                yield f"{kinds[address.family]} {interface}", value
