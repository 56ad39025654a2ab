"""This is what changed from one set of exchanges to another: hosts, endpoints and fields, and what fields are and do.

It refuses to call chance a change: a share, a behaviour or a beat is another one only where so many exchanges would
hardly show it if it were the same.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal, get_args

from telemock.analysis.cadence import Cadence
from telemock.analysis.endpoint import MAX_FIELDS, Endpoint
from telemock.analysis.field import Field, types_told
from telemock.analysis.inventory import MAX_ENDPOINTS, MAX_HOSTS, MAX_INSTANCES, Inventory
from telemock.analysis.kinds import NUMBERS, Kind
from telemock.hosts import http_url

Direction = Literal["added", "removed", "changed"]
Aspect = Literal["", "types", "behaviour", "presence", "size", "cadence"]

# A share is another one when it is so far from the first, and that far is no chance: once in a thousand times.
_LEAST_SHARE = 0.05
_LEAST_DEVIATIONS = 3.3

# Of so few, deviations tell little: what chance does is counted.
_MOST_EXACT = 30
_LEAST_CHANCE = 0.001

# So many times a thing should have happened that never did.
_LEAST_EXPECTED = 5.0

# So many values beside the usual ones should have come.
_LEAST_RARE = 20.0

# With fewer values, lengths that overlap cannot be compared; with fewer of these, those that do not are so by chance.
_LEAST_VALUES = 200
_LEAST_APART = 7

# What is empty or filled in so many is so in all by chance once in a hundred times, and is rarely left to chance.
_LEAST_FILLED = 5

_LEAST_LONGER = 0.25
_LEAST_CHARACTERS = 8
_LEAST_BYTES = 64
_LEAST_LARGER = 0.1
_LEAST_SLOWER = 0.1
_LEAST_REQUESTS = 20

# Fewer requests of an instance are no beat to go by, nor those of an endpoint a size.
_LEAST_BEATS = 10
_LEAST_TOGETHER = 5

_STILL = ("constant", "constant per instance")
_LENGTH_SAYS_NOTHING: frozenset[Kind] = NUMBERS | {"empty", "null", "boolean", "timestamp_iso"}

# A number that happens to be whole is no other type.
_NUMERIC: frozenset[Kind] = frozenset(("integer", "float"))

# What says that there is no value.
_NOTHING: frozenset[Kind] = frozenset(("empty", "null"))


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not the same on both sides.

    Attributes:
        change: `added` is on the second side only, `removed` on the first only.
        what: a host, an endpoint or a field; what is in an added or removed endpoint is not told one by one.
        aspect: what of it changed; empty when it was added or removed.
        host: where; the rest is empty where it has no meaning.
        port: as a URL writes it: None is the scheme's default, or not known.
        source: of a field, as in `telemock.analysis.field.Field`.
        before, after: in words; empty on the side where it is not. Of an added or removed field: what it is, then
            `: ` and an example.
    """

    change: Direction
    what: Literal["host", "endpoint", "field"]
    aspect: Aspect = ""
    method: str = ""
    scheme: str = ""
    host: str = ""
    path: str = ""
    port: int | None = None
    source: str = ""
    name: str = ""
    before: str = ""
    after: str = ""

    @property
    def url(self) -> str:
        """The endpoint's, without a query."""
        return http_url(self.scheme, self.host, self.port, self.path)


def find_changes(first: Inventory, second: Inventory) -> list[Change]:
    """Compare two closed inventories: hosts first, then endpoints, then fields; see `not_compared`."""
    both = [(first.endpoints[key], second.endpoints[key]) for key in first.endpoints if key in second.endpoints]
    changes = [
        *_hosts(first, second),
        *_endpoints(first, second),
        *(change for before, after in both for change in _endpoint(before, after)),
        *(change for before, after in both for change in _fields(before, after)),
    ]
    if first.instances_let_go or second.instances_let_go:
        return [change for change in changes if change.aspect not in ("behaviour", "cadence")]
    return changes


def not_compared(first: Inventory, second: Inventory) -> Iterator[tuple[tuple[Direction, ...], str]]:
    """Say what was beyond the limits of an inventory: what can therefore not be told, and a sentence."""
    sides: tuple[tuple[str, Inventory, Direction], ...] = (("first", first, "added"), ("second", second, "removed"))
    for side, inventory, direction in sides:
        if inventory.endpoints_left_out:
            what = "endpoint" if _knows_hosts(inventory) else "host or endpoint"
            sentence = (
                f"{_exchanges(inventory.endpoints_left_out)} on the {side} side went to further endpoints than the "
                f"{MAX_ENDPOINTS} that are told apart, so that no {what} is called {direction}."
            )
            yield (direction,), sentence
        if inventory.values_left_out:
            sentence = (
                f"{inventory.values_left_out} values on the {side} side were of further fields than the {MAX_FIELDS} "
                f"of an endpoint that are told apart, so that none is called {direction} where there were so many."
            )
            yield (direction,), sentence
        if inventory.bodies_in_part:
            sentence = (
                f"Of bodies on the {side} side that were longer than what was kept, of an unknown or damaged coding, "
                f"or with too much inside, not all fields were seen, so that one may be called {direction} that is "
                f"not: {inventory.bodies_in_part}."
            )
            yield get_args(Direction), sentence
        if inventory.findings.in_part:
            sentence = (
                f"Of values on the {side} side that have too much inside, not all fields were seen, so that one may be "
                f"called {direction} that is not: {inventory.findings.in_part}."
            )
            yield get_args(Direction), sentence
        if inventory.instances_let_go:
            sentence = (
                f"More than {MAX_INSTANCES} instances called on the {side} side, so that behaviour and cadence are not "
                "compared."
            )
            yield ("changed",), sentence


def _hosts(first: Inventory, second: Inventory) -> Iterator[Change]:
    before, after = _exchanges_of_hosts(first), _exchanges_of_hosts(second)
    for host in sorted(before.keys() ^ after.keys()):
        if host in after and _knows_hosts(first):
            yield Change("added", "host", host=host, after=_exchanges(after[host]))
        elif host in before and _knows_hosts(second):
            yield Change("removed", "host", host=host, before=_exchanges(before[host]))


def _knows_hosts(inventory: Inventory) -> bool:
    return len(inventory.hosts_left_out) < MAX_HOSTS


def _exchanges_of_hosts(inventory: Inventory) -> Counter[str]:
    counts = Counter(inventory.hosts_left_out)
    for endpoint in inventory.endpoints.values():
        counts[endpoint.host] += endpoint.count
    return counts


def _endpoints(first: Inventory, second: Inventory) -> Iterator[Change]:
    for key, endpoint in second.endpoints.items():
        if key not in first.endpoints and not first.endpoints_left_out:
            yield Change("added", "endpoint", "", *key, after=_exchanges(endpoint.count))
    for key, endpoint in first.endpoints.items():
        if key not in second.endpoints and not second.endpoints_left_out:
            yield Change("removed", "endpoint", "", *key, before=_exchanges(endpoint.count))


def _exchanges(count: int) -> str:
    return f"{count} exchange{'s' if count != 1 else ''}"


def _endpoint(before: Endpoint, after: Endpoint) -> Iterator[Change]:
    """Compare an endpoint as a whole: what is sent to it at a time, and how often."""
    sizes = [endpoint.bytes_up / endpoint.count for endpoint in (before, after)]
    if _is_other(*sizes, share=_LEAST_LARGER, least=max(_LEAST_BYTES, _chance(before, after))):
        told = [f"{size:.0f} bytes an exchange" for size in sizes]
        yield Change("changed", "endpoint", "size", *before.key, before=told[0], after=told[1])
    beats = [_beat(cadence for _, cadence in endpoint.cadences) for endpoint in (before, after)]
    if _is_other_beat(*beats):
        told = ["no beat" if beat is None else f"every {beat[0]:.4g} s" for beat, _ in beats]
        yield Change("changed", "endpoint", "cadence", *before.key, before=told[0], after=told[1])


def _chance(before: Endpoint, after: Endpoint) -> float:
    """Give by how many bytes the means of two such sets of requests hardly ever differ by chance."""
    requests = before.count + after.count
    if requests <= _LEAST_TOGETHER:
        return math.inf
    error = math.sqrt(sum(endpoint.bytes_up_variance / endpoint.count for endpoint in (before, after)))
    # Of few requests the error itself is uncertain: about what Student's t asks for once in a thousand times.
    return _LEAST_DEVIATIONS * (1 + 6.4 / (requests - 2)) * error


# A beat is an interval and its jitter, in seconds; None where there is none. With it goes the number of requests.
_Beat = tuple[tuple[float, float] | None, int]


def _beat(cadences: Iterable[Cadence]) -> _Beat:
    """Give the beat of the instance in the middle, if most have one, and the requests that it is known from."""
    known = [cadence for cadence in cadences if cadence.requests >= _LEAST_BEATS]
    requests = sum(cadence.requests for cadence in known)
    beating = sorted((cadence.interval_s or 0.0, cadence.jitter_s) for cadence in known if cadence.jitter_s is not None)
    if 2 * len(beating) <= len(known):
        return None, requests
    interval_s, jitter_s = beating[len(beating) // 2]
    return (interval_s, jitter_s or 0.0), requests


def _is_other_beat(first: _Beat, second: _Beat) -> bool:
    (before, requests), (after, later) = first, second
    if before is None or after is None:
        return before != after and min(requests, later) >= _LEAST_REQUESTS
    return _is_other(before[0], after[0], share=_LEAST_SLOWER, least=3 * max(before[1], after[1]))


def _fields(before: Endpoint, after: Endpoint) -> Iterator[Change]:
    for source, fields in after.fields.items():
        for name, field in fields.items():
            known = before.fields[source].get(name)
            if known is None:
                if not before.values_left_out:
                    yield Change("added", "field", "", *after.key, source, name, after=_told(after, field))
                continue
            for aspect, first, second in _aspects((before, known), (after, field)):
                yield Change("changed", "field", aspect, *after.key, source, name, first, second)
    for source, fields in before.fields.items():
        for name, field in fields.items():
            if name not in after.fields[source] and not after.values_left_out:
                yield Change("removed", "field", "", *before.key, source, name, before=_told(before, field))


def _told(endpoint: Endpoint, field: Field) -> str:
    having, of = endpoint.presence(field)
    presence = "" if having == of else f", {_presence(endpoint, field)}"
    return f"{types_told(field)}{presence}: {next(iter(field.examples()), '')}"


def _presence(endpoint: Endpoint, field: Field) -> str:
    having, of = endpoint.presence(field)
    return f"in {100 * having / of:.3g}%"


_Side = tuple[Endpoint, Field]


def _aspects(before: _Side, after: _Side) -> Iterator[tuple[Aspect, str, str]]:
    """Give what of a field changed, and what it was before and after."""
    first, second = before[1], after[1]
    has_other_types = _are_other_types(first, second)
    if has_other_types:
        yield "types", types_told(first), types_told(second)
    elif _is_other_behaviour(before, after) or _is_other_behaviour(after, before):
        yield "behaviour", first.behaviour, second.behaviour
    if _is_other_share(*(endpoint.presence(field) for endpoint, field in (before, after))):
        yield "presence", _presence(*before), _presence(*after)
    lengths = [field.characters / field.count for field in (first, second)]
    if not has_other_types and _is_other_length(first, second):
        yield "size", f"{lengths[0]:.0f} characters", f"{lengths[1]:.0f} characters"


def _are_other_types(first: Field, second: Field) -> bool:
    before, after = first.kinds_beside(second), second.kinds_beside(first)
    filled = [kinds.keys() - _NOTHING for kinds in (before, after)]
    kinds = before.keys() | after.keys()
    if all(filled):
        if filled[0].isdisjoint(filled[1]) and not kinds - _NOTHING <= _NUMERIC:
            return True
    elif any(filled) and before.keys().isdisjoint(after) and min(first.count, second.count) >= _LEAST_FILLED:
        return True
    return any(
        _is_other_share((before.get(kind, 0), first.count), (after.get(kind, 0), second.count)) for kind in kinds
    )


def _is_other_behaviour(one: _Side, other: _Side) -> bool:
    """Tell whether what one side does should have been seen on the other, too, and was not."""
    (endpoint, field), (other_endpoint, other_field) = one, other
    does, other_does = field.behaviour, other_field.behaviour
    if does == other_does or "once" in (does, other_does):
        return False
    if does in _STILL:
        return other_does in _STILL and min(endpoint.instances, other_endpoint.instances) > 1
    if other_does in _STILL:
        return field.moves[0] / field.count * other_field.count >= _LEAST_EXPECTED
    if other_does == "counter":
        moves, rises = field.moves
        return (1 - rises / moves) * other_field.moves[0] >= _LEAST_EXPECTED
    return other_does == "one of few" and does != "counter" and field.rare_share * other_field.count >= _LEAST_RARE


def _is_other_length(first: Field, second: Field) -> bool:
    if (first.kinds.keys() | second.kinds.keys()) & _LENGTH_SAYS_NOTHING:
        return False
    least = min(first.count, second.count)
    is_apart = first.longest < second.shortest or second.longest < first.shortest
    is_fixed = first.shortest == first.longest and second.shortest == second.longest
    if least < (_LEAST_VALUES if not is_apart else 1 if is_fixed else _LEAST_APART):
        return False
    lengths = first.characters / first.count, second.characters / second.count
    return _is_other(*lengths, share=_LEAST_LONGER, least=_LEAST_CHARACTERS)


def _is_other(first: float, second: float, *, share: float, least: float) -> bool:
    """Tell whether two measures differ by more than a share of the larger one, and at least by so much."""
    return abs(first - second) > max(share * max(first, second), least)


def _is_other_share(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Tell whether two shares, of so many in so many, differ by more than chance (a test of two proportions)."""
    (some, few), (others, many) = sorted((first, second), key=itemgetter(1))
    apart = abs(some / few - others / many)
    overall = (some + others) / (few + many)
    deviation = math.sqrt(overall * (1 - overall) * (1 / few + 1 / many))
    if apart < _LEAST_SHARE or apart <= _LEAST_DEVIATIONS * deviation:
        return False
    return few > _MOST_EXACT or _chance_of(some, few, some + others, few + many) < _LEAST_CHANCE


def _chance_of(some: int, few: int, total: int, count: int) -> float:
    """Give how often chance puts so many of the total, or more so, into a few of the count (Fisher's exact test)."""
    all_ways = _log_ways(count, total)
    tail = range(some, few + 1) if some * count > total * few else range(some + 1)
    ways = (
        _log_ways(few, each) + _log_ways(count - few, total - each) for each in tail if 0 <= total - each <= count - few
    )
    return 2 * sum(math.exp(each - all_ways) for each in ways)


def _log_ways(count: int, some: int) -> float:
    return math.lgamma(count + 1) - math.lgamma(some + 1) - math.lgamma(count - some + 1)
