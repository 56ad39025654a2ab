"""Exchanges as a summary reads them: a page at a time and column by column, so that most of the work is done in C."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple


class Page(NamedTuple):
    """Exchanges in the order in which they came; texts are bytes, as people may put any into the file."""

    ids: Sequence[int]
    times: Sequence[bytes]
    versions: Sequence[bytes | None]
    guids: Sequence[bytes | None]
    queries: Sequence[bytes]
    headers: Sequence[bytes]
    trailers: Sequence[bytes]


class BodyValues(NamedTuple):
    """Values in the bodies of a page: the ids of their exchanges, their paths, and what they are; None is null."""

    ids: Sequence[int]
    names: Sequence[bytes]
    values: Sequence[bytes | None]


NO_BODIES: Final = BodyValues((), (), ())


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


class Group:
    """Exchanges of a page that have the same field.

    Args:
        page: in order.
        places: of those in the page, ascending; None is all.

    Attributes:
        guids: one for each exchange.
        whose: each guid once.
        span: of all.
        instances: exchanges by guid and version.
        versions: exchanges by version.
    """

    __slots__ = ("guids", "instances", "span", "versions", "whose")

    def __init__(self, page: Page, places: Sequence[int] | None = None) -> None:
        chosen = range(len(page.ids)) if places is None else places
        times = [*map(page.times.__getitem__, chosen)]
        self.guids = [*map(page.guids.__getitem__, chosen)]
        whose = [*zip(self.guids, map(page.versions.__getitem__, chosen), strict=True)]
        self.span = Span(len(times), times[0], times[-1])
        first, last = dict(zip(reversed(whose), reversed(times), strict=True)), dict(zip(whose, times, strict=True))
        self.instances = {each: Span(count, first[each], last[each]) for each, count in Counter(whose).items()}
        self.whose = {guid for guid, _ in self.instances if guid is not None}
        self.versions: dict[bytes, Span] = defaultdict(Span)
        for (_, version), span in self.instances.items():
            if version is not None:
                self.versions[version].add(span.count, span.first, span.last)

    def of(self, page: Page, places: Sequence[int]) -> "Group":
        """Return the group of some of these, which are all of the page."""
        return self if len(places) == self.span.count else Group(page, places)
