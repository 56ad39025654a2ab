"""This is the inventory: endpoints, what they were sent, how often and how fast they were answered.

It refuses to grow with the number of exchanges: instances, endpoints and fields are limited, and what was beyond a
limit is counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from itertools import chain

from telemock.analysis.cadence import Rhythm
from telemock.analysis.endpoint import SOURCES, Endpoint, EndpointKey, IsAmount, Seen, nobody_knows
from telemock.analysis.field import Field
from telemock.analysis.findings import Finding, Findings, Place
from telemock.analysis.known_secrets import find_codes, spread_secrets
from telemock.analysis.path_templates import path_template
from telemock.analysis.planted import Needles, Planted
from telemock.analysis.resent import Again, Remembered, Resent, Sending, is_failure
from telemock.analysis.sent import Sent, form_of, name_and_value
from telemock.analysis.series import SeriesState
from telemock.codings import decode_pair
from telemock.fields import Pairs, Source, content_type, header_and_cookie_pairs, query_items, read_body, trailer_pairs
from telemock.hosts import http_url
from telemock.leaves import Leaf

MAX_ENDPOINTS = 1000
MAX_HOSTS = 1000
MAX_INSTANCES = 10_000

# Of so many paths with values in them it is remembered what was found in them.
_PATHS_REMEMBERED = 10_000

# Where a request may have fields beside its query and body.
_OTHERS: tuple[Source, ...] = ("path", "header", "cookie", "trailer")


@dataclass(slots=True)
class InstanceState:
    """All that is known of one instance at one endpoint, to go on from.

    Attributes:
        endpoint: its number.
        name: the installation, or the address of the client.
        headers: of the request that came last, as `Seen` has them.
        query, body, others: what it sends.
        opened: what is inside of that.
    """

    endpoint: int
    name: str
    headers: str = ""
    rhythm: Rhythm = field(default_factory=Rhythm)
    query: SeriesState[str] = field(default_factory=SeriesState[str])
    body: SeriesState[Leaf] = field(default_factory=SeriesState[Leaf])
    others: dict[Source, SeriesState[tuple[str, str]]] = field(
        default_factory=lambda: {source: SeriesState() for source in _OTHERS}
    )
    opened: dict[Source, SeriesState[Leaf]] = field(
        default_factory=lambda: {source: SeriesState() for source in SOURCES}
    )


@dataclass(slots=True)
class Learnt:
    """All that an inventory has learnt, to go on from.

    Attributes:
        instances: those that are followed, in the order they were met.
        received_s: when the last request came, in seconds since the epoch.
        resent: what recognises the latest requests when they are sent again.
        cadences: instances that are not followed any more, and whose cadence is kept.
    """

    count: int = 0
    endpoints: list[Endpoint] = field(default_factory=list)
    endpoints_left_out: int = 0
    hosts_left_out: dict[str, int] = field(default_factory=dict)
    instances_let_go: int = 0
    cadences: int = 0
    cadences_left_out: int = 0
    findings: list[Finding] = field(default_factory=list)
    findings_left_out: int = 0
    findings_in_part: int = 0
    instances: list[InstanceState] = field(default_factory=list)
    received_s: float = 0.0
    resent: list[tuple[bytes, Remembered]] = field(default_factory=list)


class Inventory:
    """What is learnt of exchanges: `take` them in the order they came, then `close`.

    Args:
        planted: what to look for.
        learnt: of the exchanges before, with the same planted values and choices; it is taken over.
        path_templates: take paths that differ in ids, hashes or dates only for one endpoint.
        is_amount: what is known of fields before any value was seen.

    Attributes:
        count: exchanges that were taken.
        endpoints: by method, scheme, host, path and port.
        endpoints_left_out: exchanges of endpoints beyond MAX_ENDPOINTS.
        hosts_left_out: how many of these went to which host, up to MAX_HOSTS.
        instances_let_go: those beyond MAX_INSTANCES; when one calls again, it is taken for another.
        cadences_left_out: instances, of an endpoint, beyond MAX_INSTANCES.
        findings: what is sensitive or planted, in all of them.

    Raises:
        ValueError, LookupError: what was learnt does not hang together.
    """

    def __init__(
        self,
        planted: Iterable[Planted] = (),
        learnt: Learnt | None = None,
        *,
        path_templates: bool = True,
        is_amount: IsAmount = nobody_knows,
    ) -> None:
        learnt = Learnt() if learnt is None else learnt
        self.count = learnt.count
        self.endpoints = {endpoint.key: endpoint for endpoint in learnt.endpoints}
        self.endpoints_left_out = learnt.endpoints_left_out
        self.hosts_left_out = learnt.hosts_left_out
        self.instances_let_go = learnt.instances_let_go
        self.cadences_left_out = learnt.cadences_left_out
        self.findings = Findings(Needles(planted), learnt.findings, learnt.findings_left_out, learnt.findings_in_part)
        self._cadences = learnt.cadences
        self._received_s = learnt.received_s
        self._resent = Resent(learnt.resent)
        self._path_templates = path_templates
        self._is_amount = is_amount
        self._found_in_paths: dict[tuple[int, str], list[int]] = {}
        for number, endpoint in enumerate(learnt.endpoints):
            places = chain(
                endpoint.found, *(places for each in endpoint.all_fields() for places in each.found.values())
            )
            is_known = all(0 <= place < len(learnt.findings) for place in places)
            if not is_known or endpoint.number != number or endpoint.fields.keys() != {*SOURCES}:
                raise ValueError(f"What was learnt of endpoint {number} does not hang together.")
            for each in endpoint.all_fields():
                endpoint.watch(each, self.findings)
        self._followed = {
            (state.endpoint, state.name): _Instance(
                learnt.endpoints[state.endpoint], self.findings, state, self._is_amount
            )
            for state in learnt.instances
        }

    @property
    def values_left_out(self) -> int:
        """Values of fields beyond MAX_FIELDS, of all endpoints."""
        return sum(endpoint.values_left_out for endpoint in self.endpoints.values())

    @property
    def bodies_in_part(self) -> int:
        """Bodies of which not everything was looked at, of all endpoints."""
        return sum(endpoint.bodies_in_part for endpoint in self.endpoints.values())

    def learnt(self) -> Learnt:
        """Give all that was learnt, before it is closed; it changes with the next exchange."""
        return Learnt(
            count=self.count,
            endpoints=[*self.endpoints.values()],
            endpoints_left_out=self.endpoints_left_out,
            hosts_left_out=self.hosts_left_out,
            instances_let_go=self.instances_let_go,
            cadences=self._cadences,
            cadences_left_out=self.cadences_left_out,
            findings=self.findings.all,
            findings_left_out=self.findings.left_out,
            findings_in_part=self.findings.in_part,
            instances=[instance.state for instance in self._followed.values()],
            received_s=self._received_s,
            resent=self._resent.known(),
        )

    def take(self, seen: Seen) -> None:
        """Learn from one exchange."""
        self.count += 1
        if not self.findings.allowance.is_full:
            self.findings.allowance.refill(seen.request_bytes)
        path, values = path_template(seen.path) if self._path_templates else (seen.path, ())
        key = seen.method, seen.scheme, seen.host, path, seen.port
        endpoint = self.endpoints.get(key)
        if endpoint is None:
            found = self._found_in_host(key) + ([] if values else self._found_in_path(key, seen.path, ()))
            if len(self.endpoints) >= MAX_ENDPOINTS:
                self._leave_out(seen.host)
                self.findings.count(found)
                return
            endpoint = self.endpoints[key] = Endpoint(*key, number=len(self.endpoints), found=found)
        endpoint.take(seen)
        if endpoint.found:
            self.findings.count(endpoint.found)
        if values:
            self._take_path(endpoint, seen.path, values)
        self._received_s = _second(seen.received_at[:19])
        again = self._again(seen)
        who = endpoint.number, seen.instance
        instance = self._followed.get(who)
        if instance is None:
            if len(self._followed) >= MAX_INSTANCES:
                self._leave(next(iter(self._followed)))
                self.instances_let_go += 1
            instance = self._followed[who] = _Instance(endpoint, self.findings, InstanceState(*who), self._is_amount)
            endpoint.meet(seen.instance)
        instance.take(seen, values, self._received_s, again)

    def _again(self, seen: Seen) -> Again | None:
        """Return how a request was sent before; what was not kept whole may be another."""
        received_s = self._received_s + _fraction(seen.received_at)
        if not seen.is_whole or (not seen.body and self._resent.is_new(received_s, seen.status, seen.latency_ms)):
            return None
        return self._resent.again(
            Sending(
                seen.instance,
                seen.method,
                f"{http_url(seen.scheme, seen.host, seen.port, seen.path)}?{seen.query}",
                seen.body or b"",
                content_type(seen.request_headers) if seen.body else "",
                received_s,
                seen.status,
                seen.latency_ms,
            )
        )

    def _leave_out(self, host: str) -> None:
        self.endpoints_left_out += 1
        if host in self.hosts_left_out or len(self.hosts_left_out) < MAX_HOSTS:
            self.hosts_left_out[host] = self.hosts_left_out.get(host, 0) + 1

    def _found_in_host(self, key: EndpointKey) -> list[int]:
        method, scheme, host, path, port = key
        return self.findings.look(Place(method, scheme, host, path, "host", port=port), host)

    def _found_in_path(self, key: EndpointKey, path: str, values: Pairs) -> list[int]:
        """Look at what is said by where a request goes; the slash that its path begins with makes it no file's."""
        method, scheme, host, template, port = key
        place = Place(method, scheme, host, template, "path", port=port)
        return self.findings.look(place, path.removeprefix("/"), apart=values)

    def _take_path(self, endpoint: Endpoint, path: str, values: Pairs) -> None:
        """Count what a path holds that its values alone do not tell."""
        which = endpoint.number, path
        found = self._found_in_paths.get(which)
        if found is None:
            if len(self._found_in_paths) >= _PATHS_REMEMBERED:
                self._found_in_paths.clear()
            found = self._found_in_paths[which] = self._found_in_path(endpoint.key, path, values)
        self.findings.count(found)

    def close(self) -> None:
        """Bring together what is known of each instance; only then the fields are complete."""
        for who in [*self._followed]:
            self._leave(who)
        for endpoint in self.endpoints.values():
            endpoint.close()
            find_codes(endpoint, self.findings)
            spread_secrets(endpoint, self.findings)
        self.findings.doubt(self._values_in)

    def _leave(self, who: tuple[int, str]) -> None:
        """Follow an instance no longer."""
        instance = self._followed.pop(who)
        instance.close(self._received_s)
        is_kept = self._cadences < MAX_INSTANCES
        if is_kept or instance.state.rhythm.repeats:
            cadence = instance.state.rhythm.cadence()
            instance.endpoint.resent += cadence.retries + cadence.resent
            if is_kept:
                instance.endpoint.cadences.append((who[1], cadence))
        self._cadences += is_kept
        self.cadences_left_out += not is_kept

    def _values_in(self, place: Place) -> int:
        endpoint = self.endpoints.get((place.method, place.scheme, place.host, place.path, place.port))
        fields = {} if endpoint is None else endpoint.fields
        field = next((named.get(place.name) for source, named in fields.items() if source == place.source), None)
        return field.count if field else 0


class _Instance:
    """All that one instance sends to one endpoint; what it learns is in `state`."""

    def __init__(
        self,
        endpoint: Endpoint,
        findings: Findings,
        state: InstanceState,
        is_amount: IsAmount,
    ) -> None:
        def field_of(source: Source, name: str) -> Field | None:
            return endpoint.field(source, name, findings, is_amount)

        self.endpoint = endpoint
        self.state = state
        sent = partial(Sent, endpoint=endpoint, field=field_of, opened=state.opened)
        self._query = sent("query", state.query, decode_pair)
        self._body = sent("body", state.body, name_and_value, form_of)
        self._path, *self._in_head = (sent(source, state.others[source], _pair) for source in _OTHERS)
        self._headers = header_and_cookie_pairs(state.headers)

    def take(self, seen: Seen, path_values: Pairs, received_s: float, again: Again | None) -> None:
        moment_s = received_s + _fraction(seen.received_at)
        self.state.rhythm.add(moment_s, failed=is_failure(seen.status), again=again)
        is_whole = True
        if path_values:
            is_whole &= self._path.take(path_values, seen, received_s)
        is_whole &= self._query.take(query_items(seen.query), seen, received_s)
        leaves: Sequence[Leaf] = ()
        if seen.body is not None:
            leaves, items, has_all = read_body(seen.body, content_type(seen.request_headers))
            self.endpoint.take_items(items)
            is_whole &= has_all
        is_whole &= self._body.take(leaves, seen, received_s)
        if seen.request_headers != self.state.headers:
            self.state.headers = seen.request_headers
            self._headers = header_and_cookie_pairs(seen.request_headers)
        trailers = trailer_pairs(seen.request_trailers) if seen.request_trailers else ()
        for sent, pairs in zip(self._in_head, (*self._headers, trailers), strict=True):
            is_whole &= sent.take(pairs, seen, received_s)
        self.endpoint.bodies_in_part += seen.is_whole and not is_whole

    def close(self, received_s: float) -> None:
        self._query.close(received_s)
        self._body.close(received_s)
        for sent in (self._path, *self._in_head):
            sent.close(received_s)


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
