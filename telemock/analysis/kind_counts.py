"""How many values of a field are of which kind, judged over all of them and not value by value."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from telemock.analysis.kinds import TIMES, Kind, is_near, kind_of
from telemock.analysis.names import topics_of
from telemock.leaves import Form

# Truth values that are so short may be abbreviations, n for north, no for Norway, where this share of what is as short
# are others.
_SHORT_WORD = 2
_LEAST_OTHERS = 0.1

# Numbers that stand for no time at all: `last_error=0`.
_NO_TIME = frozenset(("0", "-1"))

# From so many changes within an instance on, times would have come near the time of their request.
_LEAST_CHANGES = 3

# This share of its numbers makes a field one of amounts, and this share of versions one of versions.
_LEAST_AMOUNTS = 0.02
_LEAST_VERSIONS = 0.1

# What may be a version where others are: `3.20` beside `3.20.1`, and `1.2.3.4`, which is rather an address.
_VERSION_LIKE: frozenset[Kind] = frozenset(("float", "ip", "text"))


@dataclass(slots=True)
class KindCounts:
    """Counts of the values of one field by kind.

    Attributes:
        counts: how many values are of which kind, each judged alone.
        near: numbers that may be times, without being named so, and are near the time of their request.
        far: those that are not near it.
        zeros: whole numbers that stand for no time at all.
        version_like: how many of some kinds are rows of numbers with dots, which may be versions.
    """

    counts: dict[Kind, int] = field(default_factory=dict)
    near: int = 0
    far: int = 0
    zeros: int = 0
    version_like: dict[Kind, int] = field(default_factory=dict)
    _short_booleans: list[int] = field(default_factory=lambda: [0] * _SHORT_WORD)
    _short_texts: list[int] = field(default_factory=lambda: [0] * _SHORT_WORD)

    def add(self, value: str, name: str, count: int, received_s: float, form: Form) -> Kind:
        """Count a value that was sent so many times; return its kind, judged alone."""
        kind = kind_of(value, name, received_s, form)
        self.counts[kind] = self.counts.get(kind, 0) + count
        if kind == "integer":
            if value in _NO_TIME:
                self.zeros += count
        elif kind in TIMES:
            if "time" not in topics_of(name):
                is_now = is_near(value, kind, received_s)
                self.near += count * is_now
                self.far += count * (not is_now)
        elif kind in _VERSION_LIKE and form != "number" and value.count(".") in (1, 3):
            if value.replace(".", "").isdecimal():
                self.version_like[kind] = self.version_like.get(kind, 0) + count
        elif 0 < len(value) <= _SHORT_WORD and kind in ("boolean", "text") and value.isalpha():
            (self._short_booleans if kind == "boolean" else self._short_texts)[len(value) - 1] += count
        return kind

    def judged(
        self, changes: int, others: Iterable["KindCounts"] = (), *, is_among_versions: bool = False
    ) -> dict[Kind, int]:
        """Return how many values are of which kind, in the light of all of them.

        Args:
            changes: how often a value was, within an instance, another than before.
            others: of the same field elsewhere, which help to tell what it is.
            is_among_versions: most of the fields beside it are versions.
        """
        kinds = self._without_abbreviations()
        everywhere = (self, *others)
        if self.near + self.far and _are_amounts(everywhere, changes):
            _move(kinds, {kind: kinds[kind] for kind in TIMES & kinds.keys()}, "integer")
        if self.version_like:
            likely = sum(sum(each.version_like.values()) for each in everywhere)
            versions = sum(each.counts.get("version", 0) for each in everywhere)
            if is_among_versions or (versions and versions >= _LEAST_VERSIONS * likely):
                _move(kinds, self.version_like, "version")
        return kinds

    def _without_abbreviations(self) -> dict[Kind, int]:
        """Return the counts; `n` and `no` are texts where others are as short."""
        kinds = dict(self.counts)
        if kinds.get("boolean", 0) <= sum(self._short_booleans):
            for words, others in zip(self._short_booleans, self._short_texts, strict=True):
                if words and others > _LEAST_OTHERS * (words + others):
                    _move(kinds, {"boolean": words}, "text")
        return kinds


def _are_amounts(everywhere: Sequence[KindCounts], changes: int) -> bool:
    """Tell whether what may be times are amounts: of one range with others, or seldom near now though they change."""
    near = sum(each.near for each in everywhere)
    far = sum(each.far for each in everywhere)
    amounts = sum(each.counts.get("integer", 0) - each.zeros for each in everywhere)
    total = near + far + amounts
    return 2 * near < total and (amounts >= _LEAST_AMOUNTS * total or changes >= _LEAST_CHANGES)


def _move(kinds: dict[Kind, int], counts: dict[Kind, int], to: Kind) -> None:
    for kind, count in counts.items():
        kinds[kind] -= count
        kinds[to] = kinds.get(to, 0) + count
        if not kinds[kind]:
            del kinds[kind]
