"""This is how a connection looks in lists and records, whatever the command.

It refuses to format; `telemock.cli.output` does.
"""

from dataclasses import fields
from operator import attrgetter
from typing import Any

from telemock.cli.output import Column, Shape
from telemock.exchange import Connection
from telemock.hosts import authority

_NAMES = ("id", *(field.name for field in fields(Connection) if field.name != "id"))
_VALUES = attrgetter(*_NAMES)


def wanted(connection: Connection) -> str:
    """Write host and port as a URL does, as far as the client said them."""
    return authority(connection.host, connection.port)


def _nested(connection: Connection) -> dict[str, Any]:
    return dict(zip(_NAMES, _VALUES(connection), strict=True))


CONNECTIONS: Shape[Connection] = Shape(
    columns=(
        Column(name="id", value=attrgetter("id"), right=True),
        Column(name="opened_at", value=attrgetter("opened_at"), least=20, may_go=1),
        Column(name="kind", value=attrgetter("kind")),
        Column(name="host", value=wanted, least=12, cut="wrap"),
        Column(name="client", value=attrgetter("client"), least=15, cut="middle", may_go=1),
        Column(name="up", value=attrgetter("bytes_up"), may_go=2, right=True),
        Column(name="down", value=attrgetter("bytes_down"), may_go=2, right=True),
        Column(name="ms", value=attrgetter("duration_ms"), may_go=2, right=True),
        Column(name="detail", value=attrgetter("detail"), least=12, cut="wrap"),
    ),
    names=_NAMES,
    flat=_VALUES,
    nested=_nested,
)
