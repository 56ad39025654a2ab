"""A summary of the fields of exchanges, added up page by page; nothing here touches a database.

A page costs little where its queries have the same names in the same order, as those of one product have: values that
are the same in all are matched as one text, and those of each other name are looked at together, mostly in C.
"""

import re
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress, product
from struct import Struct
from zlib import crc32

from telemock.exchange import header_pairs
from telemock.store.query_layout import QueryLayout, item_name, item_prefix, item_values
from telemock.store.summary_page import BodyValues, Group, Page, Span

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

# A guid and what it said, one value of a field.
_Said = tuple[bytes | None, bytes | None]

# Where in a page a query stands, and its items.
_Split = tuple[int, list[bytes]]


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

    def add_to_sketch(self, values: Iterable[bytes]) -> None:
        """Keep the lowest hashes; there is a sketch."""
        sketch = self.sketch or []
        highest = sketch[-1] if len(sketch) >= _SKETCH else _HASHES
        lower = {*filter(highest.__gt__, map(crc32, values))}.difference(sketch)
        if lower:
            self.sketch = sorted([*sketch, *sorted(lower)])[:_SKETCH]  # two runs in order are merged
            self.is_new = True


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

    def take(self, page: Page, bodies: BodyValues) -> None:
        """Add up exchanges; `constants` has those of its instances that are known."""
        whole = Group(page)
        for (guid, version), span in whole.instances.items():
            if guid is not None:
                self.instances[guid, version or b""].add(span.count, span.first, span.last)
        self._take_queries(page, whole)
        self._take_heads("header", page.headers, page, whole)
        self._take_heads("trailer", page.trailers, page, whole)
        self._take_bodies(page, whole, bodies)

    def _take_queries(self, page: Page, whole: Group) -> None:
        rest: Sequence[int] = [place for place, query in enumerate(page.queries) if query]
        for layout in self._layouts.values():
            rest = self._take_known(layout, page, rest, whole)
        by_length: dict[int, list[_Split]] = defaultdict(list)
        for place in rest:
            items = page.queries[place].split(b"&")
            by_length[len(items)].append((place, items))
        for alike in by_length.values():
            if not self._take_columns(alike, page, whole):
                by_names: dict[tuple[bytes, ...], list[_Split]] = defaultdict(list)
                for place, items in alike:
                    filled = [*filter(None, items)]
                    by_names[tuple(item.partition(b"=")[0] for item in filled)].append((place, filled))
                for same in by_names.values():
                    self._take_columns(same, page, whole)

    def _take_known(self, layout: QueryLayout, page: Page, places: Sequence[int], whole: Group) -> Sequence[int]:
        """Take queries of a layout; give the places of the others."""
        matches = [*map(layout.match, map(page.queries.__getitem__, places))]
        same = [*compress(places, matches)]
        if not same:
            return places
        columns = [*zip(*map(re.Match.groups, filter(None, matches)), strict=True)]
        group = whole.of(page, same)
        fresh = group.whose - layout.guids
        for name in layout.names:
            found = self._count("query", name, group)
            for value in layout.literals.get(name, ()) if fresh else ():
                self._follow(found, product(fresh, (value,)))
            if name in layout.groups:
                said = [item_values(columns[number], 0) for number in layout.groups[name]]
                self._add(found, {*chain(*said)}, _by_guid(group, said))
        layout.guids |= fresh
        return [place for place, match in zip(places, matches, strict=True) if not match]

    def _take_columns(self, alike: Sequence[_Split], page: Page, whole: Group) -> bool:
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
        group = whole.of(page, [place for place, _ in alike])
        by_name: dict[str, list[int]] = defaultdict(list)
        for number, prefix in enumerate(prefixes):
            by_name[item_name(prefix)].append(number)
        for name, numbers in by_name.items():
            said = [item_values(columns[number], len(prefixes[number])) for number in numbers]
            self._add(self._count("query", name, group), {*chain(*said)}, _by_guid(group, said))
        if len(alike) >= _LEARNT_FROM and len(page.queries[alike[0][0]]) <= _MAX_LEARNT_BYTES:
            varying = {number for number, items in enumerate(distinct) if len(items) > 1}
            self._learn(tuple(prefixes), alike[0][1], varying)
        return True

    def _learn(self, prefixes: tuple[bytes, ...], items: list[bytes], varying: set[int]) -> None:
        known = self._layouts.pop(prefixes, None)
        self._layouts[prefixes] = known.widened(items, varying) if known else QueryLayout(items, varying)
        if len(self._layouts) > _MAX_LAYOUTS:
            del self._layouts[next(iter(self._layouts))]

    def _take_heads(self, source: str, heads: Iterable[bytes], page: Page, whole: Group) -> None:
        by_text: dict[bytes, list[int]] = defaultdict(list)
        for place, text in enumerate(heads):
            if text:
                by_text[text].append(place)
        for text, places in by_text.items():
            group = whole.of(page, places)
            by_name: dict[str, set[bytes]] = defaultdict(set)
            for name, value in header_pairs(_text(text)):
                by_name[name].add(value.encode(errors="surrogatepass"))
            for name, values in by_name.items():
                self._add(self._count(source, name, group), values, product(group.whose, values))

    def _take_bodies(self, page: Page, whole: Group, bodies: BodyValues) -> None:
        place_of = {id_: place for place, id_ in enumerate(page.ids)}
        fields = {name: _PLACE.sub(b"[]", name) for name in {*bodies.names}}
        by_name: dict[bytes, list[tuple[int, bytes | None]]] = defaultdict(list)
        for id_, name, value in zip(*bodies, strict=True):
            by_name[fields[name]].append((place_of[id_], value))
        groups: dict[tuple[int, ...], Group] = {}
        for name, said in by_name.items():
            places = tuple(sorted({place for place, _ in said}))
            group = groups.get(places) or groups.setdefault(places, whole.of(page, places))
            values = {value for _, value in said if value is not None}
            by_guid = ((page.guids[place], value) for place, value in said)
            self._add(self._count("body", _text(name), group), values, by_guid)

    def _count(self, source: str, name: str, group: Group) -> FieldSummary:
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

    def _add(self, found: FieldSummary, values: set[bytes], said: Iterable[_Said]) -> None:
        """Add the values of a field, and see who said them."""
        if not values:
            return
        least, most = min(values), max(values)
        found.least = least if found.least is None else min(found.least, least)
        found.most = most if found.most is None else max(found.most, most)
        if found.sketch is None:
            self._keep(found, values)
        if found.sketch is not None:
            found.add_to_sketch(values)
        self._follow(found, said)

    def _keep(self, found: FieldSummary, values: set[bytes]) -> None:
        """Keep values while there is room, and sketch them all from then on."""
        for value in values - found.values:
            is_room = len(found.values) < MAX_VALUES and self._kept < MAX_VALUES_OF_ALL
            if not is_room or len(value) > MAX_VALUE_BYTES:
                found.sketch = []
                found.add_to_sketch(found.values)
                return
            found.values.add(value)
            found.new_values.append(value)
            self._kept += 1

    def _follow(self, found: FieldSummary, said: Iterable[_Said]) -> None:
        """See whether a field still has one value for each instance, by guids and what they said."""
        if found.varies:
            return
        number = found.number
        for guid, value in {*said}:
            if guid is None or value is None:
                continue
            crc = crc32(value)
            known = self.constants[guid].setdefault(number, -1)
            if known < 0:
                self.constants[guid][number] = crc
                self.followed.add(guid)
            elif known != crc:
                found.varies = True
                return


def _by_guid(group: Group, columns: Iterable[Sequence[bytes]]) -> Iterable[_Said]:
    return chain.from_iterable(zip(group.guids, column, strict=True) for column in columns)


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
