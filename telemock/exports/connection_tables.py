"""These are the tables of what happened below HTTP.

They refuse to leave a kind of connection out because there was none of it: that, too, is an answer.
"""

from collections.abc import Iterable, Mapping, Sequence

from telemock.exports.tables import Table, Told, left_out, words
from telemock.exports.wording import captured, moment, number, size, told_apart
from telemock.hosts import authority

_MOST_TARGETS = 100

_KINDS = {
    "upstream": "dialled by telemock to get a real answer",
    "tunnel": "let through unread, as a proxy does",
    "blocked": "refused, as no rule lets that host through",
    "tls_refused": "given up by the client, which does not trust telemock's certificate",
    "malformed": "no HTTP, or nothing that HTTP allows",
}


def kinds_table(kinds: Mapping[str, int]) -> Table:
    """Tell how many connections there were of each kind, also of those of which there were none."""
    return Table(
        "Connections by what became of them",
        (("kind", "text"), ("connections", "number"), ("is", "text")),
        [(words(kind), number(kinds.get(kind, 0)), meaning) for kind, meaning in _KINDS.items()],
    )


def targets_table(targets: Sequence[Told]) -> Table:
    """Tell where connections were to go."""
    return Table(
        "Connections by host",
        (
            ("kind", "text"),
            ("host", "code"),
            ("connections", "number"),
            ("up", "number"),
            ("down", "number"),
            ("first (UTC)", "time"),
            ("last (UTC)", "time"),
        ),
        [
            (
                words(each["kind"]),
                _wanted(each),
                number(each["count"]),
                size(each["bytes_up"]),
                size(each["bytes_down"]),
                moment(each["first_at"]),
                moment(each["last_at"]),
            )
            for each in targets[:_MOST_TARGETS]
        ],
        left_out(len(targets) - _MOST_TARGETS, "host", "telemock query --connections has all."),
    )


def latest_table(latest: Iterable[Told]) -> Table:
    """Tell of the last connections why they became what they did."""
    return Table(
        "The last connections of each kind",
        (("opened (UTC)", "time"), ("kind", "text"), ("host", "code"), ("client", "code"), ("why", "code")),
        [
            (
                moment(each["opened_at"]),
                words(each["kind"]),
                _wanted(each),
                captured(each["client"]),
                captured(each["detail"], 400),
            )
            for each in latest
        ],
    )


def _wanted(connection: Told) -> str:
    return told_apart(authority(connection["host"], connection["port"])) if connection["host"] else "not said"
