"""A summary of the fields of exchanges, added up page by page; nothing here touches a database.

A page costs little where its queries have the same names in the same order, as those of one product have: values that
are the same in all are matched as one text, and those of each other name are looked at together, mostly in C.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, product, zip_longest
from operator import attrgetter
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from telemock.exchange import header_pairs
from telemock.store.query_layout import QueryLayout, item_name, item_prefix, item_values

# Fields of a source beyond so many of all are not told apart; they are told together under this name.
MAX_FIELDS = 10_000
FURTHER = "…"

# So many different values of a field, and of all, are kept; longer ones are not.
MAX_VALUES = 1000
MAX_VALUES_OF_ALL = 100_000
MAX_VALUE_BYTES = 1000

# Of a field with more values, so many of the lowest hashes tell how many there are, within some 3 %.
_SKETCH = 1024
_HASHES = 2**32
_HASH = Struct("<I")

# Elements of an array are one field, wherever they stand in it.
_PLACE = re.compile(rb"\[\d+\]")

# Constants of so many instances stay in memory.
_MOST_IN_MEMORY = 20_000

# A layout is learnt of no fewer and no longer queries, and so many are known at a time.
_LEARNT_FROM = 50
_MAX_LEARNT_BYTES = 8192
_MAX_LAYOUTS = 8

# Of an instance, number and hash of each field that has had one value.
_CONSTANT = Struct("<HI")

Key = tuple[str, str]


class Row(NamedTuple):
    """What a summary reads of an exchange; texts are bytes, as people may put any into the file."""

    id: int
    received_at: bytes
    version: bytes | None
    guid: bytes | None
    query: bytes
    headers: bytes


class BodyValue(NamedTuple):
    """One value in the body of an exchange of the page, by its path; None is null."""

    id: int
    name: bytes
    value: bytes | None


@dataclass(slots=True)
class Span:
    """How many exchanges, and when the first and the last of them came."""

    count: int = 0
    first: bytes = b"\xff"
    last: bytes = b""

    def add(self, count: int, first: bytes, last: bytes) -> None:
        """Count more of them."""
        self.count += count
        self.first = min(self.first, first)
        self.last = max(self.last, last)


@dataclass(slots=True)
class FieldSummary:
    """What is known of a field of all exchanges that were taken.

    Attributes:
        number: from 1 on, in the order they were met.
        least, most: of its values, byte by byte; None while it has had only null.
        varies: it had two values in exchanges of one instance.
        values: some of them, all while there is no sketch.
        sketch: the lowest hashes of its values, in order; None while `values` has all.
        is_new: the sketch was changed since it was last saved.
        new_values: of `values`, those that were met since they were last saved.
        versions: exchanges by version since they were last saved.
    """

    number: int
    span: Span = field(default_factory=Span)
    least: bytes | None = None
    most: bytes | None = None
    varies: bool = False
    values: set[bytes] = field(default_factory=set)
    sketch: list[int] | None = None
    is_new: bool = False
    new_values: list[bytes] = field(default_factory=list)
    versions: dict[bytes, Span] = field(default_factory=lambda: defaultdict(Span))

    @property
    def value_count(self) -> int:
        """How many different values it had; an estimate once there is a sketch."""
        if self.sketch is None:
            return len(self.values)
        if len(self.sketch) < _SKETCH:
            return len(self.sketch)
        return round((_SKETCH - 1) * _HASHES / self.sketch[-1])


class _Group:
    """Exchanges of a page that have the same names, in the order they came."""

    __slots__ = ("guids", "instances", "span", "versions", "whose")

    def __init__(self, rows: Sequence[Row]) -> None:
        times = [row.received_at for row in rows]
        self.guids = [row.guid for row in rows]
        whose = [(row.guid, row.version) for row in rows]
        self.span = Span(len(rows), times[0], times[-1])
        first, last = dict(zip(reversed(whose), reversed(times), strict=True)), dict(zip(whose, times, strict=True))
        self.instances = {each: Span(count, first[each], last[each]) for each, count in Counter(whose).items()}
        self.whose = {guid for guid, _ in self.instances if guid is not None}
        self.versions: dict[bytes, Span] = defaultdict(Span)
        for (_, version), span in self.instances.items():
            if version is not None:
                self.versions[version].add(span.count, span.first, span.last)


class Summary:
    """All fields, and the instances that were met since they were last saved.

    Attributes:
        fields: by source and name.
        instances: by guid and version, b"" for none.
        constants: of instances that were looked up or met, by the numbers of fields a hash of their one value.
        followed: those whose constants are new since they were last saved.
        changed: the fields that were met since they were last saved.
    """

    def __init__(self) -> None:
        self.fields: dict[Key, FieldSummary] = {}
        self.instances: dict[tuple[bytes, bytes], Span] = defaultdict(Span)
        self.constants: dict[bytes, dict[int, int]] = defaultdict(dict)
        self.followed: set[bytes] = set()
        self.changed: set[Key] = set()
        self._kept = 0
        self._layouts: dict[tuple[bytes, ...], QueryLayout] = {}

    def restore(self, key: Key, known: FieldSummary) -> None:
        """Take a field as it was saved."""
        self.fields[key] = known
        self._kept += len(known.values)

    def saved(self) -> None:
        """Forget what was new."""
        for key in self.changed:
            self.fields[key].is_new = False
            self.fields[key].new_values.clear()
            self.fields[key].versions.clear()
        self.changed.clear()
        self.instances.clear()
        self.followed.clear()
        if len(self.constants) > _MOST_IN_MEMORY:
            self.constants.clear()
            for layout in self._layouts.values():
                layout.guids.clear()

    def take(self, page: Iterable[Row], bodies: Iterable[BodyValue] = ()) -> None:
        """Add up a page of exchanges; `constants` has those of its instances that are known."""
        rows = sorted(page, key=attrgetter("received_at"))
        if not rows:
            return
        whole = _Group(rows)
        for (guid, version), span in whole.instances.items():
            if guid is not None:
                self.instances[guid, version or b""].add(span.count, span.first, span.last)
        self._take_queries(rows, whole)
        self._take_headers(rows, whole)
        self._take_bodies(rows, bodies)

    def _take_queries(self, rows: Sequence[Row], whole: _Group) -> None:
        rest: Sequence[Row] = [row for row in rows if row.query]
        for layout in self._layouts.values():
            rest = self._take_known(layout, rest, whole)
        by_length: dict[int, list[tuple[Row, list[bytes]]]] = defaultdict(list)
        for row in rest:
            items = row.query.split(b"&")
            by_length[len(items)].append((row, items))
        for alike in by_length.values():
            if not self._take_columns(alike, whole):
                by_names: dict[tuple[bytes, ...], list[tuple[Row, list[bytes]]]] = defaultdict(list)
                for row, items in alike:
                    filled = [*filter(None, items)]
                    by_names[tuple(item.partition(b"=")[0] for item in filled)].append((row, filled))
                for same in by_names.values():
                    self._take_columns(same, whole)

    def _take_known(self, layout: QueryLayout, rows: Sequence[Row], whole: _Group) -> Sequence[Row]:
        """Take queries of a layout; give the others."""
        matches = [layout.match(row.query) for row in rows]
        columns = [*zip(*(match.groups() for match in matches if match), strict=True)]
        same = [row for row, match in zip(rows, matches, strict=True) if match]
        if not same:
            return rows
        group = whole if len(same) == whole.span.count else _Group(same)
        fresh = group.whose - layout.guids
        for name in {**layout.groups, **layout.literals}:
            found = self._count("query", name, group)
            for value in layout.literals.get(name, ()) if fresh else ():
                self._follow(found, product(fresh, (value,)), {value: value})
            places = layout.groups.get(name)
            if places:
                decoded = item_values({*chain(*(columns[place] for place in places))}, 0)
                self._add(found, group, decoded, [columns[place] for place in places])
        layout.guids |= fresh
        return [row for row, match in zip(rows, matches, strict=True) if not match]

    def _take_columns(self, alike: Sequence[tuple[Row, list[bytes]]], whole: _Group) -> bool:
        """Take queries of as many items each; False, and nothing is taken, where their names may differ."""
        columns = [*zip(*(items for _, items in alike), strict=True)]
        distinct = [*map(set, columns)]
        prefixes: list[bytes] = []
        for items in distinct:
            least = min(items)
            prefix = item_prefix(least)
            # What sorts between two texts that begin alike begins so as well.
            if not least or (len(items) > 1 and not (prefix.endswith(b"=") and max(items).startswith(prefix))):
                return False
            prefixes.append(prefix)
        group = whole if len(alike) == whole.span.count else _Group([row for row, _ in alike])
        by_name: dict[str, list[int]] = defaultdict(list)
        for place, prefix in enumerate(prefixes):
            by_name[item_name(prefix)].append(place)
        for name, places in by_name.items():
            decoded: dict[bytes, bytes] = {}
            for place in places:
                decoded |= item_values(distinct[place], len(prefixes[place]))
            self._add(self._count("query", name, group), group, decoded, [columns[place] for place in places])
        if len(alike) >= _LEARNT_FROM and len(alike[0][0].query) <= _MAX_LEARNT_BYTES:
            self._learn(tuple(prefixes), alike[0][1], {place for place, items in enumerate(distinct) if len(items) > 1})
        return True

    def _learn(self, prefixes: tuple[bytes, ...], items: list[bytes], varying: set[int]) -> None:
        known = self._layouts.pop(prefixes, None)
        self._layouts[prefixes] = known.widened(items, varying) if known else QueryLayout(items, varying)
        if len(self._layouts) > _MAX_LAYOUTS:
            del self._layouts[next(iter(self._layouts))]

    def _take_headers(self, rows: Sequence[Row], whole: _Group) -> None:
        by_text: dict[bytes, list[Row]] = defaultdict(list)
        for row in rows:
            by_text[row.headers].append(row)
        for text, same in by_text.items():
            group = whole if len(same) == len(rows) else _Group(same)
            by_name: dict[str, list[bytes]] = defaultdict(list)
            for name, value in header_pairs(_text(text)):
                by_name[name].append(value.encode(errors="surrogatepass"))
            for name, values in by_name.items():
                found = self._count("header", name, group)
                self._add(found, group, {each: each for each in values}, [[each] * len(same) for each in values])

    def _take_bodies(self, rows: Sequence[Row], bodies: Iterable[BodyValue]) -> None:
        by_name: dict[bytes, dict[int, list[bytes | None]]] = defaultdict(lambda: defaultdict(list))
        for each in bodies:
            by_name[_PLACE.sub(b"[]", each.name)][each.id].append(each.value)
        for name, found in by_name.items():
            group = _Group([row for row in rows if row.id in found])
            said = [found[row.id] for row in rows if row.id in found]
            decoded = {value: value for values in said for value in values if value is not None}
            self._add(self._count("body", _text(name), group), group, decoded, [*zip_longest(*said)])

    def _count(self, source: str, name: str, group: _Group) -> FieldSummary:
        """Count the exchanges that have a field; give what is known of it."""
        key = source, name
        found = self.fields.get(key)
        if found is None:
            if len(self.fields) >= MAX_FIELDS:
                key = source, FURTHER
            found = self.fields.setdefault(key, FieldSummary(len(self.fields) + 1))
        self.changed.add(key)
        found.span.add(group.span.count, group.span.first, group.span.last)
        for version, span in group.versions.items():
            found.versions[version].add(span.count, span.first, span.last)
        return found

    def _add(
        self,
        found: FieldSummary,
        group: _Group,
        decoded: Mapping[bytes, bytes],
        columns: Sequence[Sequence[bytes | None]],
    ) -> None:
        """Add the values of a field.

        Args:
            found: what is known of it.
            group: exchanges that have it.
            decoded: of each item its value.
            columns: items, one for each exchange of the group in its order.
        """
        values = set(decoded.values())
        if not values:
            return
        least, most = min(values), max(values)
        found.least = least if found.least is None else min(found.least, least)
        found.most = most if found.most is None else max(found.most, most)
        self._add_values(found, values)
        for column in columns:
            if not found.varies:
                is_one = len(decoded) == 1
                self._follow(
                    found, product(group.whose, decoded) if is_one else zip(group.guids, column, strict=True), decoded
                )

    def _add_values(self, found: FieldSummary, distinct: set[bytes]) -> None:
        if found.sketch is None:
            fresh = distinct - found.values
            for value in fresh:
                is_room = len(found.values) < MAX_VALUES and self._kept < MAX_VALUES_OF_ALL
                if not is_room or len(value) > MAX_VALUE_BYTES:
                    found.sketch = []
                    distinct |= found.values
                    break
                found.values.add(value)
                found.new_values.append(value)
                self._kept += 1
        if found.sketch is not None:
            highest = found.sketch[-1] if len(found.sketch) >= _SKETCH else _HASHES
            lower = {each for value in distinct if (each := crc32(value) * 0x9E3779B1 % _HASHES) < highest}
            if lower:
                lower.difference_update(found.sketch)
                found.sketch = sorted([*found.sketch, *sorted(lower)])[:_SKETCH]  # two runs in order are merged
                found.is_new = True

    def _follow(
        self, found: FieldSummary, said: Iterable[tuple[bytes | None, bytes | None]], decoded: Mapping[bytes, bytes]
    ) -> None:
        """See whether a field still has one value for each instance, by guids and what they said."""
        number = found.number
        hashes = {item: crc32(value) for item, value in decoded.items()}
        for guid, item in {*said}:
            if guid is None or item is None:
                continue
            known = self.constants[guid].setdefault(number, -1)
            if known < 0:
                self.constants[guid][number] = hashes[item]
                self.followed.add(guid)
            elif known != hashes[item]:
                found.varies = True
                return


def pack_sketch(sketch: list[int] | None) -> bytes | None:
    """Write the hashes of a field as a column holds them."""
    return None if sketch is None else b"".join(map(_HASH.pack, sketch))


def unpack_sketch(packed: bytes | None) -> list[int] | None:
    """Read what `pack_sketch` wrote."""
    return None if packed is None else [each for (each,) in _HASH.iter_unpack(packed)]


def pack_constants(constants: Mapping[int, int], still: Container[int]) -> bytes:
    """Write of an instance the constants of the fields that have been constant for all so far, by their numbers."""
    return b"".join(_CONSTANT.pack(number, crc) for number, crc in constants.items() if number in still)


def unpack_constants(packed: bytes) -> dict[int, int]:
    """Read what `pack_constants` wrote."""
    return dict(_CONSTANT.iter_unpack(packed))


def _text(octets: bytes) -> str:
    return octets.decode(errors="replace")
