"""This is what a program phoned home, added up for one look.

It refuses to let captured text reach a terminal as it came, and to fill a screen: the database has the rest.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from telemock.analysis.masking import masked_path, masked_text
from telemock.analysis.resent import Resent, Sending
from telemock.cli.sensitive_sent import sensitive_json, sensitive_line
from telemock.codings import decode_read
from telemock.exchange import NOTHING_ASKED, NOTHING_SAID, Connection, ConnectionKind, Exchange
from telemock.fields import content_type, request_bytes
from telemock.hosts import authority, http_url
from telemock.text import both_ends, printable

if TYPE_CHECKING:
    from telemock.analysis.findings import Finding

# The variables that a program is given are a request; README has the whole list.
UNSEEN = (
    "What takes no notice of proxy variables may have gone by unseen: Node.js before 22.21, agents that a library "
    "brings, UDP, and others that README names."
)

_MOST_LINES = 25
_MOST_CHARACTERS = 300

# Those that were asked for the sake of a request that is told of already are no news.
_HEADINGS: dict[ConnectionKind, str] = {
    "tls_refused": "No TLS came about with",
    "blocked": "Not let through to",
    "tunnel": "Let through, unseen, to",
    "malformed": "Not HTTP",
}
_UNASKED_HEADING = "Tunnels in which nothing was asked, to"


@dataclass(slots=True)
class Asked:
    """Requests that were alike.

    Attributes:
        count: of the requests; one that a client sent again is the same one.
        sent: how many times they were sent in all.
        bytes_up: of all that was sent as HTTP/1.1 writes it: request lines, fields, bodies and trailers.
        statuses: how many times which was answered.
    """

    method: str
    url: str
    count: int = 0
    sent: int = 0
    bytes_up: int = 0
    statuses: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Met:
    """What happened alike below HTTP; `bytes_up` is of all of them."""

    kind: ConnectionKind
    host: str
    port: int | None
    detail: str
    count: int = 0
    bytes_up: int = 0


@dataclass(slots=True)
class PhonedHome:
    """All that a program did; the most frequent first.

    Attributes:
        hosts: how many answered requests.
        asked: requests.
        met: what happened below HTTP.
        sensitive: what of it is sensitive; None when that was not looked for.
    """

    hosts: int
    asked: list[Asked]
    met: list[Met]
    sensitive: "list[Finding] | None" = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Give all of it as what JSON holds."""
        return {
            "requests": _count(self.asked),
            "sent": _sent(self.asked),
            "hosts": self.hosts,
            "bytes_up": _bytes_up(self.asked),
            "asked": [
                {
                    "method": each.method,
                    "url": each.url,
                    "count": each.count,
                    "sent": each.sent,
                    "bytes_up": each.bytes_up,
                    "statuses": {str(status): count for status, count in sorted(each.statuses.items())},
                }
                for each in self.asked
            ],
            "connections": [
                {
                    "kind": each.kind,
                    "host": each.host,
                    "port": each.port,
                    "detail": each.detail,
                    "count": each.count,
                    "bytes_up": each.bytes_up,
                }
                for each in self.met
            ],
            "sensitive": sensitive_json(self.sensitive),
            "unseen": UNSEEN,
        }

    def lines(self, program: str) -> Iterator[str]:
        """Tell it in lines that a terminal can be given, under the name of the program."""
        name = _shown(program)
        if self.asked:
            requests, hosts = _some(_count(self.asked), "request"), _some(self.hosts, "host")
            again = _sent(self.asked) - _count(self.asked)
            retries = f", and again {_some(again, 'time')}" if again else ""
            yield f"{name} sent {requests} to {hosts}{retries}, {_bytes_up(self.asked)} bytes."
            yield from _cut(_asked_lines(self.asked), len(self.asked))
        elif not any(each.kind in _HEADINGS for each in self.met):
            yield f"{name} phoned nobody."
        else:
            yield f"{name} sent no request that could be read."
        for heading in (*_HEADINGS.values(), _UNASKED_HEADING):
            met = [each for each in self.met if _heading(each) == heading]
            if met:
                yield f"{heading}:"
                yield from _cut(_met_lines(met), len(met))
        yield from sensitive_line(self.sensitive)
        yield UNSEEN


def add_up(exchanges: Iterable[Exchange], connections: Iterable[Connection]) -> PhonedHome:
    """Add up what a program did; each of the two is looked at once, in turn."""
    hosts: set[str] = set()
    asked: dict[tuple[str, str], Asked] = {}
    met: dict[tuple[object, ...], Met] = {}
    resent = Resent()
    for exchange in exchanges:
        hosts.add(exchange.host)
        url = http_url(exchange.scheme, exchange.host, exchange.port, masked_path(exchange.path))
        request = asked.setdefault((exchange.method, url), Asked(exchange.method, url))
        request.sent += 1
        request.count += not _is_again(exchange, resent)
        request.bytes_up += request_bytes(*_written(exchange), trailers=exchange.request_trailers)
        request.statuses[exchange.status] = request.statuses.get(exchange.status, 0) + 1
    for each in connections:
        same = each.kind, each.host, each.port, masked_text(each.detail)
        connection = met.setdefault(same, Met(*same))
        connection.count += 1
        connection.bytes_up += each.bytes_up
    return PhonedHome(
        len(hosts),
        sorted(asked.values(), key=lambda each: -each.count),
        sorted(met.values(), key=lambda each: -each.count),
    )


def _is_again(exchange: Exchange, resent: Resent) -> bool:
    if exchange.request_truncated:
        return False
    body = exchange.request_body or b""
    decoded = decode_read(exchange.request_headers, body)
    again = resent.again(
        Sending(
            exchange.guid or exchange.client,
            exchange.method,
            f"{http_url(exchange.scheme, exchange.host, exchange.port, exchange.path)}?{exchange.query}",
            body if decoded is None else decoded,
            content_type(exchange.request_headers),
            datetime.fromisoformat(exchange.received_at).timestamp(),
            exchange.status,
            exchange.latency_ms,
        )
    )
    return again is not None


_written = attrgetter("method", "path", "query", "request_headers", "request_body")


def _asked_lines(asked: list[Asked]) -> Iterator[str]:
    width, size = _width(each.count for each in asked), _width(each.bytes_up for each in asked)
    for each in asked:
        statuses = ", ".join(str(status) for status in sorted(each.statuses))
        times = f", sent {each.sent} times" if each.sent != each.count else ""
        what = f"{_shown(each.method)} {_shown(each.url)} ({statuses}){times}"
        yield f"{each.count:>{width}}x  {each.bytes_up:>{size}} bytes  {what}"


def _heading(met: Met) -> str | None:
    is_unasked = met.kind == "tunnel" and met.detail in (NOTHING_SAID, NOTHING_ASKED)
    return _UNASKED_HEADING if is_unasked else _HEADINGS.get(met.kind)


def _met_lines(met: list[Met]) -> Iterator[str]:
    width = _width(each.count for each in met)
    for each in met:
        where = f"{_shown(authority(each.host, each.port))}: " if each.host else ""
        yield f"{each.count:>{width}}x  {where}{printable(each.detail)}"


def _width(numbers: Iterable[int]) -> int:
    return max(len(str(number)) for number in numbers)


def _cut(lines: Iterable[str], number: int) -> Iterator[str]:
    for position, line in enumerate(lines):
        if position == _MOST_LINES:
            yield f"  … and {number - _MOST_LINES} more"
            return
        yield "  " + line


def _shown(text: str) -> str:
    return printable(both_ends(text, _MOST_CHARACTERS))


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _count(asked: list[Asked]) -> int:
    return sum(each.count for each in asked)


def _sent(asked: list[Asked]) -> int:
    return sum(each.sent for each in asked)


def _bytes_up(asked: list[Asked]) -> int:
    return sum(each.bytes_up for each in asked)
