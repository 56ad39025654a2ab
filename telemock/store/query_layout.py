"""Queries of the same names in the same order, read by one pattern.

A product sends most of its values again and again. What all queries met so far had alike is literal text of the
pattern; only the rest is taken out of a query.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Self

from telemock.codings import decode_pair


class QueryLayout:
    """The names of queries, and at which places their values differ.

    Args:
        items: of one such query; none is empty.
        varying: places at which others have another value; the items there have an equals sign.

    Attributes:
        match: gives a match whose groups are the values at `varying`, still encoded, or None.
        groups: by decoded name, which groups of a match are its values.
        literals: by decoded name, its decoded values that are the same in all.
        names: decoded, each once.
        guids: of instances that are known to have sent the literals.
    """

    __slots__ = ("_items", "_varying", "groups", "guids", "literals", "match", "names")

    def __init__(self, items: list[bytes], varying: AbstractSet[int]) -> None:
        self._items = items
        self._varying = varying
        self.groups: dict[str, list[int]] = defaultdict(list)
        self.literals: dict[str, list[bytes]] = defaultdict(list)
        self.guids: set[bytes] = set()
        parts: list[bytes] = []
        group = 0
        for place, item in enumerate(items):
            prefix = item_prefix(item)
            name = item_name(prefix)
            if place in varying:
                self.groups[name].append(group)
                group += 1
                parts.append(re.escape(prefix) + b"([^&]*)")
            else:
                self.literals[name].append(item_value(item, len(prefix)))
                parts.append(re.escape(item))
        self.names = {**self.groups, **self.literals}.keys()
        self.match = re.compile(b"&".join(parts)).fullmatch

    def widened(self, items: list[bytes], varying: AbstractSet[int]) -> Self:
        """Make one for other queries of these names as well."""
        differing = {place for place, (one, other) in enumerate(zip(self._items, items, strict=True)) if one != other}
        return type(self)(items, self._varying | varying | differing)


def item_prefix(item: bytes) -> bytes:
    """Take the encoded name of an item, with the equals sign if there is one."""
    name, equals, _ = item.partition(b"=")
    return name + equals


def item_name(prefix: bytes) -> str:
    """Decode the name that an item begins with."""
    return decode_pair(_raw_text(prefix))[0]


def item_value(item: bytes, start: int) -> bytes:
    """Decode the value of an item, which begins there."""
    value = item[start:]
    if b"%" in value or b"+" in value:
        return decode_pair("=" + _raw_text(value))[1].encode(errors="surrogatepass")
    return value


def item_values(items: Sequence[bytes], start: int) -> Sequence[bytes]:
    """Decode the values of items, which begin there."""
    together = b"".join(items)
    if b"%" in together or b"+" in together:
        decoded = {item: item_value(item, start) for item in {*items}}
        return [*map(decoded.__getitem__, items)]
    return [item[start:] for item in items] if start else items


def _raw_text(octets: bytes) -> str:
    return octets.decode(errors="surrogateescape")
