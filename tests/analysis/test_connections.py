from typing import Any

from telemock.analysis.connections import LATEST, MAX_TARGETS, Connections
from tests.corpus import connection, moment


def taken(*changes: dict[str, Any]) -> Connections:
    connections = Connections()
    for number, each in enumerate(changes):
        connections.take(connection(number, id=number + 1, **each))
    return connections


def test_connections_are_counted_by_kind_and_by_where_they_were_to_go() -> None:
    blocked = {"kind": "blocked", "host": "ads.example", "port": 443, "bytes_up": 2, "bytes_down": 5}
    connections = taken(blocked, {"kind": "tunnel", "host": "ads.example", "port": 443}, blocked)
    assert connections.kinds == {"blocked": 2, "tunnel": 1}
    target = connections.targets["blocked", "ads.example", 443]
    assert (target.count, target.bytes_up, target.bytes_down) == (2, 4, 10)
    assert (target.first_at, target.last_at) == (moment(0), moment(2))


def test_the_last_of_each_kind_are_kept_and_many_of_one_kind_hide_no_other() -> None:
    connections = taken({"kind": "tls_refused"}, *[{"kind": "tunnel"}] * 50)
    latest = connections.latest()
    assert [each.kind for each in latest] == ["tunnel"] * LATEST + ["tls_refused"]
    assert latest[0].opened_at == moment(50)


def test_what_is_beyond_the_limit_of_hosts_is_counted() -> None:
    connections = taken(*({"host": f"h{number}"} for number in range(MAX_TARGETS + 3)))
    assert (len(connections.targets), connections.left_out) == (MAX_TARGETS, 3)
    assert connections.kinds == {"malformed": MAX_TARGETS + 3}
