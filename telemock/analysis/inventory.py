"""This is the inventory: endpoints, what they were sent, how often and how fast they were answered.

It refuses to grow with the number of exchanges: instances, endpoints and fields are limited, and what was beyond a
limit is counted.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from datasketches import hll_sketch, kll_floats_sketch, tgt_hll_type

from telemock.analysis.cadence import Cadence, Rhythm
from telemock.analysis.field import Field
from telemock.analysis.findings import Finding, Findings, Place, count_value
from telemock.analysis.planted import Needles, Planted
from telemock.analysis.series import Series
from telemock.codings import decode_pair
from telemock.fields import Pairs, Source, body_pairs, header_and_cookie_pairs, query_items

MAX_ENDPOINTS = 1000
MAX_FIELDS = 10_000
MAX_INSTANCES = 10_000

# A quantile lies within 0.66 % of its rank (datasketches, kll, k = 400).
_KLL_K = 400
_LATENCIES_AT_ONCE = 4096

# From this status code on, a client may try again.
_FAILED = 400

_SOURCES: tuple[Source, ...] = ("query", "body", "header", "cookie")


class Seen(NamedTuple):
    """What of an exchange the inventory looks at; names as in `Exchange`.

    Attributes:
        body: with its content coding undone; None when there is none that can be read.
        response_bytes: length of the answer's body.
        instance: who speaks: the installation, or the address of a client that did not say.
    """

    received_at: str
    method: str
    scheme: str
    host: str
    path: str
    query: str
    request_headers: str
    body: bytes | None
    status: int
    response_bytes: int
    latency_ms: float
    instance: str


@dataclass(slots=True)
class Endpoint:
    """Where requests went.

    Attributes:
        bytes_up: of targets and bodies, these with their content coding undone.
        bytes_down: of the answers' bodies.
        statuses: how many were answered with which.
        findings: where what is found in its fields is gathered.
        found: what was found in its host and path.
        cadences: instances, and how often each calls.
        fields: by source and name.
        fields_left_out: values of fields beyond MAX_FIELDS.
    """

    method: str
    scheme: str
    host: str
    path: str
    findings: Findings = field(default_factory=Findings)
    found: list[Finding] = field(default_factory=list)
    count: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    first_seen: str = ""
    last_seen: str = ""
    statuses: dict[int, int] = field(default_factory=dict)
    fields: dict[tuple[str, str], Field] = field(default_factory=dict)
    fields_left_out: int = 0
    cadences: list[tuple[str, Cadence]] = field(default_factory=list)
    _instances: Any = field(default_factory=lambda: hll_sketch(12, tgt_hll_type.HLL_8))
    _latencies: Any = field(default_factory=lambda: kll_floats_sketch(_KLL_K))
    _waiting: list[float] = field(default_factory=list)

    @property
    def instances(self) -> int:
        """How many instances spoke; from some hundred on an estimate, within 1.6 % two times out of three."""
        return round(float(self._instances.get_estimate()))

    def take(self, seen: Seen) -> None:
        """Count an exchange."""
        self.count += 1
        count_value(self.found)
        self.bytes_up += len(seen.path) + len(seen.query) + len(seen.body or b"")
        self.bytes_down += seen.response_bytes
        self.first_seen = self.first_seen or seen.received_at
        self.last_seen = seen.received_at
        self.statuses[seen.status] = self.statuses.get(seen.status, 0) + 1
        self._waiting.append(seen.latency_ms)
        if len(self._waiting) >= _LATENCIES_AT_ONCE:
            self._learn_latencies()

    def meet(self, instance: str) -> None:
        """Count an instance; one that was met before counts no more."""
        self._instances.update(instance)

    def latency_ms(self, *ranks: float) -> list[float]:
        """Give quantiles of the latency: rank 0.95 is the one that 95 % do not exceed."""
        self._learn_latencies()
        return [round(float(value), 3) for value in self._latencies.get_quantiles(list(ranks))]

    def field(self, source: Source, name: str) -> Field | None:
        """Give the field of a name, a new one if need be; None when there are too many."""
        found = self.fields.get((source, name))
        if found is None:
            if len(self.fields) >= MAX_FIELDS:
                self.fields_left_out += 1
                return None
            place = Place(self.method, self.scheme, self.host, self.path, source, name)
            count_value(self.findings.look(place, name, chain=("name",)))
            # Where a request goes is looked at once, not in each of its headers.
            look = None if (source, name) == ("header", "host") else partial(self.findings.look, place, hint=name)
            found = self.fields[source, name] = Field(source, name, look, self.findings.spared(name))
        return found

    def _learn_latencies(self) -> None:
        if self._waiting:
            self._latencies.update(np.array(self._waiting, dtype=np.float32))
            self._waiting.clear()


class Inventory:
    """What is learnt of exchanges: `take` them in the order they came, then `close`.

    Attributes:
        count: exchanges that were taken.
        endpoints: by method, scheme, host and path.
        endpoints_left_out: exchanges of endpoints beyond MAX_ENDPOINTS.
        cadences_left_out: instances, of an endpoint, beyond MAX_INSTANCES.
        findings: what is sensitive or planted, in all of them.
    """

    def __init__(self, planted: Iterable[Planted] = ()) -> None:
        self.count = 0
        self.endpoints: dict[tuple[str, str, str, str], Endpoint] = {}
        self.endpoints_left_out = 0
        self.cadences_left_out = 0
        self.findings = Findings(Needles(planted))
        self._followed: dict[tuple[int, str], _Instance] = {}
        self._received_s = 0.0
        self._cadences = 0

    def take(self, seen: Seen) -> None:
        """Learn from one exchange."""
        self.count += 1
        key = seen.method, seen.scheme, seen.host, seen.path
        endpoint = self.endpoints.get(key)
        if endpoint is None:
            found = self._found_in_target(seen)
            if len(self.endpoints) >= MAX_ENDPOINTS:
                self.endpoints_left_out += 1
                count_value(found)
                return
            endpoint = self.endpoints[key] = Endpoint(*key, self.findings, found)
        endpoint.take(seen)
        self._received_s = _second(seen.received_at[:19])
        who = id(endpoint), seen.instance
        instance = self._followed.get(who)
        if instance is None:
            if len(self._followed) >= MAX_INSTANCES:
                self._leave(next(iter(self._followed)))
            instance = self._followed[who] = _Instance(endpoint)
            endpoint.meet(seen.instance)
        instance.take(seen, self._received_s)

    def _found_in_target(self, seen: Seen) -> list[Finding]:
        """Look at what is said by where a request goes; the slash that its path begins with makes it no file's."""
        host, path = (Place(seen.method, seen.scheme, seen.host, seen.path, source) for source in ("host", "path"))
        return self.findings.look(host, seen.host) + self.findings.look(path, seen.path.removeprefix("/"))

    def close(self) -> None:
        """Bring together what is known of each instance; only then the fields are complete."""
        for who in [*self._followed]:
            self._leave(who)
        self.findings.doubt(self._values_in)

    def _leave(self, who: tuple[int, str]) -> None:
        """Follow an instance no longer."""
        instance = self._followed.pop(who)
        instance.close(self._received_s)
        if self._cadences < MAX_INSTANCES:
            self._cadences += 1
            instance.endpoint.cadences.append((who[1], instance.rhythm.cadence()))
        else:
            self.cadences_left_out += 1

    def _values_in(self, place: Place) -> int:
        endpoint = self.endpoints.get((place.method, place.scheme, place.host, place.path))
        field = endpoint and endpoint.fields.get((place.source, place.name))
        return field.count if field else 0


class _Instance:
    """All that one instance sends to one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        def fields(source: Source) -> Callable[[str], Field | None]:
            return lambda name: endpoint.field(source, name)

        self.endpoint = endpoint
        self.rhythm = Rhythm()
        self._query = Series(fields("query"), decode_pair)
        self._others = {source: Series(fields(source), _pair) for source in _SOURCES[1:]}
        self._headers: str | None = None
        self._in_headers: tuple[Pairs, Pairs] = ((), ())

    def take(self, seen: Seen, received_s: float) -> None:
        self.rhythm.add(received_s + _fraction(seen.received_at), failed=seen.status >= _FAILED)
        self._query.take(query_items(seen.query), seen.received_at, received_s)
        if seen.request_headers != self._headers:
            self._headers = seen.request_headers
            self._in_headers = header_and_cookie_pairs(seen.request_headers)
        body = () if seen.body is None else body_pairs(seen.body)
        for source, items in zip(_SOURCES[1:], (body, *self._in_headers), strict=True):
            self._others[source].take(items, seen.received_at, received_s)

    def close(self, received_s: float) -> None:
        self._query.close(received_s)
        for series in self._others.values():
            series.close(received_s)


def take_inventory(exchanges: Iterable[Seen], planted: Iterable[Planted] = ()) -> Inventory:
    """Learn from exchanges, in the order they came, and find what was planted."""
    inventory = Inventory(planted)
    for seen in exchanges:
        inventory.take(seen)
    inventory.close()
    return inventory


@lru_cache(maxsize=16)
def _second(text: str) -> float:
    try:
        return datetime.fromisoformat(text + "+00:00").timestamp()
    except ValueError:
        return 0.0  # people may edit the file; it is theirs


def _fraction(text: str) -> float:
    """Give the fraction of the second in a time; 0 when people wrote it otherwise."""
    fraction = text[19:26]
    return float(fraction) if fraction[:1] == "." and fraction[1:].isdecimal() else 0.0


def _pair(item: tuple[str, str]) -> tuple[str, str]:
    return item
