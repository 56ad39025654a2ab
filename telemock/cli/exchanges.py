"""This is how an exchange looks in lists and records, whatever the command.

It refuses to format; `telemock.cli.output` does.
"""

from operator import attrgetter
from typing import Any

from telemock.cli.output import Column, Shape
from telemock.exchange import Exchange
from telemock.exports.records import NAMES, cells, exchange_values, loaded, nested
from telemock.hosts import url_authority


def problem_list(exchange: Exchange) -> list[Any]:
    """Give the validation messages; empty when clean, and what people put there as one."""
    problems = loaded(exchange.problems) or []
    return problems if isinstance(problems, list) else [problems]


def _host(exchange: Exchange) -> str:
    return url_authority(exchange.scheme, exchange.host, exchange.port)


# Text has the columns of the view `telemetry`; a table has those that fit beside each other.
EXCHANGES: Shape[Exchange] = Shape(
    columns=(
        Column(name="id", value=attrgetter("id"), right=True),
        Column(name="received_at", value=attrgetter("received_at"), least=20, may_go=1),
        Column(name="method", value=attrgetter("method"), least=8, cut="wrap"),
        Column(name="host", value=_host, least=8, cut="wrap"),
        Column(name="path", value=attrgetter("path"), least=8, cut="wrap"),
        Column(name="status", value=attrgetter("status"), right=True),
        Column(name="outcome", value=attrgetter("outcome"), may_go=2),
        Column(name="version", value=attrgetter("version"), least=9, cut="middle", may_go=3),
        Column(name="guid", value=attrgetter("guid"), least=6, cut="middle", may_go=1),
        Column(name="env", value=attrgetter("env"), in_table=False),
        Column(name="session_id", value=attrgetter("session_id"), in_table=False),
        Column(name="client_time", value=attrgetter("client_time"), in_table=False),
        Column(name="latency_ms", value=attrgetter("latency_ms"), in_table=False),
        Column(name="problem_count", value=lambda exchange: len(problem_list(exchange)), in_table=False),
    ),
    names=NAMES,
    flat=lambda exchange: cells(exchange_values(exchange)),
    nested=lambda exchange: nested(exchange_values(exchange)),
)
