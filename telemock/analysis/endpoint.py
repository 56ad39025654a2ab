"""This is an endpoint: where requests went, what they were in sum, and which fields they had.

It refuses to have more fields than anybody could look through; values of further ones are counted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from telemock.analysis.cadence import Cadence
from telemock.analysis.field import Field
from telemock.analysis.findings import Findings, Place, Watch
from telemock.analysis.secret_names import parameter_hint
from telemock.analysis.sketches import Distinct, Quantiles
from telemock.fields import Source
from telemock.hosts import http_url
from telemock.leaves import is_shortened, shortened_path

MAX_FIELDS = 10_000

SOURCES: tuple[Source, ...] = ("path", "query", "body", "header", "trailer", "cookie")


# Fewer versions beside each other are no list of them, such as of modules.
_LEAST_VERSIONS = 3

# Method, scheme, host, path and port.
EndpointKey = tuple[str, str, str, str, int | None]

# Tells of host and path of an endpoint, source and name of a field whether somebody knows that it holds amounts.
IsAmount = Callable[[str, str, Source, str], bool]


def nobody_knows(_host: str, _path: str, _source: Source, _name: str) -> bool:
    """Know nothing of any field."""
    return False


class Seen(NamedTuple):
    """What of an exchange the inventory looks at; names as in `Exchange`.

    Attributes:
        port: as a URL writes it: None is the scheme's default, or not known.
        body: with its content coding undone, or as received where that cannot be done; None when there is none.
        is_whole: that is all of the body.
        request_bytes: length of the request, as `telemock.fields.request_bytes` gives it.
        instance: who speaks: the installation, or the address of a client that did not say.
        response_bytes: length of the answer's body.
        request_trailers: as in `Exchange`; None when there were none.
    """

    method: str
    scheme: str
    host: str
    port: int | None
    path: str
    query: str
    request_headers: str
    body: bytes | None
    is_whole: bool
    request_bytes: int
    received_at: str
    status: int
    latency_ms: float
    instance: str
    response_bytes: int
    request_trailers: str | None = None


@dataclass(slots=True)
class Endpoint:
    """Where requests went.

    Attributes:
        port: as a URL writes it: None is the scheme's default, or not known.
        number: its place among the endpoints.
        resent: how many of the requests were one that its client had sent before; see `telemock.analysis.resent`.
        bytes_up: of the requests, as HTTP/1.1 writes them: request lines, headers, bodies and trailers.
        bytes_up_squared: the sum of the squares of that, request by request.
        bytes_down: of the answers' bodies.
        statuses: how many were answered with which.
        found: places, among the findings, of what was found in its host and path.
        latency: milliseconds, rank by rank.
        cadences: instances, and how often each calls.
        fields: by source and name.
        items: how many elements arrays had in all bodies, by path, up to MAX_FIELDS; of what bodies consist of
            themselves, such as JSON lines, how many more than one.
        values_left_out: values of fields beyond MAX_FIELDS.
        bodies_in_part: bodies of which not everything was looked at.
    """

    method: str
    scheme: str
    host: str
    path: str
    port: int | None = None
    number: int = 0
    found: list[int] = field(default_factory=list)
    count: int = 0
    resent: int = 0
    bytes_up: int = 0
    bytes_up_squared: float = 0.0
    bytes_down: int = 0
    first_seen: str = ""
    last_seen: str = ""
    statuses: dict[int, int] = field(default_factory=dict)
    latency: Quantiles = field(default_factory=Quantiles)
    fields: dict[Source, dict[str, Field]] = field(default_factory=lambda: {source: {} for source in SOURCES})
    items: dict[str, int] = field(default_factory=dict)
    values_left_out: int = 0
    bodies_in_part: int = 0
    cadences: list[tuple[str, Cadence]] = field(default_factory=list)
    _instances: Distinct = field(default_factory=Distinct)

    @property
    def key(self) -> EndpointKey:
        """What is the same for all exchanges of it."""
        return self.method, self.scheme, self.host, self.path, self.port

    @property
    def url(self) -> str:
        """Where requests went, without their queries."""
        return http_url(self.scheme, self.host, self.port, self.path)

    @property
    def bytes_up_variance(self) -> float:
        """How far `bytes_up` of single requests is from its mean, squared; with few, corrected for that (Bessel)."""
        mean = self.bytes_up / self.count
        return max(self.bytes_up_squared / self.count - mean * mean, 0.0) * self.count / max(self.count - 1, 1)

    @property
    def instances(self) -> int:
        """How many instances spoke; from some hundred on an estimate, within 1.6 % two times out of three."""
        return min(self._instances.estimate, self.count)

    def all_fields(self) -> Iterator[Field]:
        """Give its fields, source by source."""
        for fields in self.fields.values():
            yield from fields.values()

    def take(self, seen: Seen) -> None:
        """Count an exchange."""
        self.count += 1
        self.bytes_up += seen.request_bytes
        self.bytes_up_squared += seen.request_bytes**2
        self.bytes_down += seen.response_bytes
        self.bodies_in_part += not seen.is_whole
        self.first_seen = min(self.first_seen or seen.received_at, seen.received_at)
        self.last_seen = max(self.last_seen, seen.received_at)
        self.statuses[seen.status] = self.statuses.get(seen.status, 0) + 1
        self.latency.add(seen.latency_ms)

    def meet(self, instance: str) -> None:
        """Count an instance; one that was met before counts no more."""
        self._instances.add(instance)

    def take_items(self, items: Mapping[str, int]) -> None:
        """Count the elements of the arrays of a body, as `telemock.fields.Body` has them."""
        for path, count in items.items():
            if path in self.items or len(self.items) < MAX_FIELDS:
                self.items[path] = self.items.get(path, 0) + (count if path.endswith("[]") else count - 1)

    def presence(self, field: Field) -> tuple[int, int]:
        """Tell in how many a field is, and of how many: elements of the array that it is in, or exchanges."""
        path, _, inside = field.name.partition(" → ")
        array, in_array, _ = path.rpartition("[].")
        name_of_item = f"{array}[]" if in_array else path.partition(".")[0].partition("[")[0]
        items = self.items.get(name_of_item, 0) if field.source == "body" else 0
        # What is an array itself may be there several times in one of them.
        if not items or "[]" in inside or path.endswith("[]"):
            return field.exchanges, self.count
        of = items if in_array else self.count + items
        return min(field.count, of), of

    def field(self, source: Source, name: str, findings: Findings, is_amount: IsAmount = nobody_knows) -> Field | None:
        """Give the field of a name, a new one if need be; None when there are too many."""
        kept = shortened_path(name)
        found = self.fields[source].get(kept)
        if found is None and (found := self._new_field(source, kept)) is not None:
            found.is_amount = is_amount(self.host, self.path, source, kept)
            self.watch(found, findings)
            findings.in_part += is_shortened(name)
            if source != "path":  # all of a path is looked at
                findings.count(findings.look(self.place(found), name, chain=("name",)))
        return found

    def opened_field(self, source: Source, name: str) -> Field | None:
        """Return the field inside of values of another, whose values are looked at; None when there are too many."""
        return self.fields[source].get(name) or self._new_field(source, name, is_opened=True)

    def _new_field(self, source: Source, name: str, *, is_opened: bool = False) -> Field | None:
        if sum(map(len, self.fields.values())) >= MAX_FIELDS:
            return None
        field = self.fields[source][name] = Field(source, name, is_opened=is_opened)
        return field

    def close(self) -> None:
        """Look at fields beside each other: what may be a version is one where most of its neighbours are."""
        beside: dict[str, list[Field]] = {}
        for each in self.fields["body"].values():
            beside.setdefault(each.name.rpartition(".")[0], []).append(each)
        for neighbours in beside.values():
            versions = sum("version" in each.kind_counts.counts for each in neighbours)
            if versions >= _LEAST_VERSIONS and 2 * versions >= len(neighbours):
                for each in neighbours:
                    each.is_among_versions = True

    def leave_out(self, values: int) -> None:
        """Count values of fields that there was no place for."""
        self.values_left_out += values

    def watch(self, field: Field, findings: Findings) -> None:
        """Have the values of a field looked at."""
        # Where a request goes is looked at once, not in each of its headers.
        if (field.source, field.name) != ("header", "host") and not field.is_opened:
            field.watch = Watch(findings, self.place(field), parameter_hint(field.name))

    def place(self, field: Field) -> Place:
        """Return where a field of it is."""
        return self.place_in(field.source, field.name)

    def place_in(self, source: str, name: str = "") -> Place:
        """Return where a name of a source is; `path` and `host` of the request itself have none."""
        return Place(self.method, self.scheme, self.host, self.path, source, name, self.port)
