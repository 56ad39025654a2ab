"""This is a field: one named value inside exchanges, and what is learnt of it while they pass.

It refuses to keep what it was told: a few examples stay, the rest becomes counts, bounds and a sketch.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from telemock.analysis.findings import Watch
from telemock.analysis.kind_counts import KindCounts
from telemock.analysis.kinds import NUMBERS, TIMES, Kind
from telemock.analysis.sketches import Distinct
from telemock.decoding import layers
from telemock.fields import Source
from telemock.leaves import Form

# What a field does: `once` is a field that had one value only.
Behaviour = Literal["once", "constant", "constant per instance", "counter", "clock", "one of few", "varying", "opaque"]
Type = Kind | Literal["enum"]

# Distinct values are counted one by one up to here; behind it a HyperLogLog sketch estimates.
COUNTED_VALUES = 64

# A field that has no more values than this, each seen twice on average, is one of few.
_FEW = 16

# A value that rises this often and never falls is counting.
_RISES = 3

# Longer values are kept by their beginning and a hash.
_LONGEST_KEPT = 4096

# Longer numbers are no bounds that anybody could read.
_MOST_DIGITS = 300

_EXAMPLES = 3
_EXAMPLE_CHARACTERS = 200

_CLOCKS = TIMES | {"timestamp_iso"}
_OPAQUE = frozenset(("uuid", "hash", "base64", "jwt"))


@dataclass(slots=True)
class Field:
    """One field of one endpoint.

    Attributes:
        source: where in a request it stands.
        name: its decoded name; in a body its path, `$.sources[].type`; of a header in lower case.
        exchanges: how many have it.
        first_seen, last_seen: in the form of `Exchange.received_at`.
        values: how often each of the first `COUNTED_VALUES` distinct values was sent.
        least, most: bounds of the values that are numbers.
        shortest, longest: characters of its values.
        characters: of all of its values together.
        changes: how often it was, within an instance, another than before; once the inventory is closed.
        rises: how many of these were from a whole number to a larger one.
        steps: how often, in requests where its name repeats, it was another than the one right before it.
        step_rises: how many of these were from a whole number to a larger one.
        copies: values that were there again in requests that had no other one.
        repeats: values of a request that were the same as the one right before them.
        is_amount: its numbers are no times, whatever they look like: somebody knows that.
        is_among_versions: most of the fields beside it are versions; once the inventory is closed.
        is_opened: it is inside of values of another field, whose name its own begins with.
        watch: who looks for what is sensitive or planted in a value.
        found: places, among the findings, of what was found in each of `values`.
    """

    source: Source
    name: str
    watch: Watch | None = None
    is_opened: bool = False
    exchanges: int = 0
    first_seen: str = ""
    last_seen: str = ""
    values: dict[str, int] = field(default_factory=dict)
    least: int | float | None = None
    most: int | float | None = None
    shortest: int = 0
    longest: int = 0
    characters: int = 0
    changes: int = 0
    rises: int = 0
    steps: int = 0
    step_rises: int = 0
    copies: int = 0
    repeats: int = 0
    is_amount: bool = False
    is_among_versions: bool = False
    found: dict[str, list[int]] = field(default_factory=dict)
    kind_counts: KindCounts = field(default_factory=KindCounts)
    _sketch: Distinct | None = None

    def add(self, value: str, count: int, received_s: float, form: Form = "text") -> None:
        """Take a value that was sent so many times in a row."""
        kind = self.kind_counts.add(value, self.name, count, received_s, form)
        length = len(value)
        self.characters += count * length
        kept = value if length <= _LONGEST_KEPT else _beginning_and_hash(value)
        if kept in self.values:
            self.values[kept] += count
            if kept in self.found and self.watch is not None:
                self.watch.count(self.found[kept], count)
            return
        found: list[int] = []
        if self.watch is not None and not (kind in NUMBERS and length < self.watch.least_digits):
            found = self.watch.look(value, kind)
            self.watch.count(found, count)
        if self._sketch is not None:
            self._sketch.add(kept)
        elif len(self.values) < COUNTED_VALUES:
            self.values[kept] = count
            if found:
                self.found[kept] = found
        else:
            self._sketch = Distinct()
            for text in (*self.values, kept):
                self._sketch.add(text)
        self._bound(value, kind, length)

    def seen(self, exchanges: int, first_seen: str, last_seen: str) -> None:
        """Count exchanges that had it, between two times."""
        self.exchanges += exchanges
        self.first_seen = min(self.first_seen or first_seen, first_seen)
        self.last_seen = max(self.last_seen, last_seen)

    def followed(self, changes: int, rises: int) -> None:
        """Take how the field went on within one instance.

        Args:
            changes: how often its value was another than before.
            rises: how often it was a whole number again, and a larger one.
        """
        self.changes += changes
        self.rises += rises

    def repeated(self, steps: int, rises: int, copies: int, repeats: int) -> None:
        """Take how it went on within one request; see the attributes."""
        self.steps += steps
        self.step_rises += rises
        self.copies += copies
        self.repeats += repeats

    @property
    def count(self) -> int:
        """How many values it had; more than `exchanges` when it repeats in one."""
        return sum(self.kind_counts.counts.values())

    @property
    def kinds(self) -> dict[Kind, int]:
        """How many of its values are of which kind, judged over all of them."""
        return self.kinds_beside()

    def kinds_beside(self, *others: "Field") -> dict[Kind, int]:
        """Return how many of its values are of which kind, in the light of what the same field has elsewhere, too."""
        changes = max(each.moves[0] for each in (self, *others))
        counts = (each.kind_counts for each in others)
        kinds = self.kind_counts.judged(changes, counts, is_among_versions=self.is_among_versions)
        if self.is_amount and not TIMES.isdisjoint(kinds):
            amounts = sum(count for kind, count in kinds.items() if kind in TIMES or kind == "integer")
            return {kind: count for kind, count in kinds.items() if kind not in TIMES} | {"integer": amounts}
        return kinds

    @property
    def moves(self) -> tuple[int, int]:
        """How often it was another than before, within an instance or a request, and how often of these it rose."""
        return (self.changes, self.rises) if self.changes >= self.steps else (self.steps, self.step_rises)

    @property
    def distinct(self) -> int:
        """How many different values; see `is_estimated`."""
        if self._sketch is None:
            return len(self.values)
        return max(min(self._sketch.estimate, self.count), COUNTED_VALUES + 1)

    @property
    def is_estimated(self) -> bool:
        """Tell whether `distinct` is an estimate, with a relative standard error of DISTINCT_ERROR."""
        return self._sketch is not None

    @property
    def rare_share(self) -> float:
        """The share of its values that are none of its most frequent ones, as few as make it one of few."""
        return 1 - sum(sorted(self.values.values())[-_FEW:]) / self.count

    @property
    def types(self) -> list[tuple[Type, float]]:
        """Types with the share of values that are of them, the largest first; few texts that repeat are an enum."""
        total = self.count
        shares: list[tuple[Type, float]] = [
            ("enum" if kind == "text" and self._is_one_of_few(kind) and self.distinct > 1 else kind, count / total)
            for kind, count in self.kinds.items()
        ]
        return sorted(shares, key=lambda share: -share[1])

    @property
    def behaviour(self) -> Behaviour:
        """How its values go on."""
        kinds = self.kinds
        main = max(kinds, key=kinds.__getitem__)
        is_counting = self.changes == self.rises and (self.rises >= _RISES or self.steps == self.step_rises >= _RISES)
        rules: tuple[tuple[Behaviour, bool], ...] = (
            ("once", self.count < 2),
            ("constant", self.distinct == 1),
            ("constant per instance", not (self.changes or self.steps)),
            ("clock", main in _CLOCKS),
            ("counter", is_counting),
            ("one of few", self._is_one_of_few(main)),
            ("opaque", main in _OPAQUE),
        )
        return next((behaviour for behaviour, holds in rules if holds), "varying")

    def examples(self) -> list[str]:
        """Give some of its values, the most frequent first, cut where they are long."""
        return [shortened(value) for value in self._most_frequent()]

    def decoded(self) -> Iterator[str]:
        """Give what is wrapped in its examples, as a chain: `bGlj… → base64 → lic…`."""
        for value in self._most_frequent():
            for layer in layers(value):
                if layer.innermost:
                    yield " → ".join((*layer.chain, shortened(layer.text)))

    def _bound(self, value: str, kind: Kind, length: int) -> None:
        if length < self.shortest or not self.longest:
            self.shortest = length
        self.longest = max(self.longest, length)
        if kind in NUMBERS and length < _MOST_DIGITS:
            number = int(value) if value.isdigit() or value.lstrip("+-").isdigit() else float(value)
            if kind == "float" and not math.isfinite(number):
                return
            if self.least is None or number < self.least:
                self.least = number
            if self.most is None or number > self.most:
                self.most = number

    def _most_frequent(self) -> list[str]:
        return sorted(self.values, key=lambda value: -self.values[value])[:_EXAMPLES]

    def _is_one_of_few(self, kind: Kind) -> bool:
        """Tell whether its values come again; an id that stands in several places of one request does not."""
        seen = self.count - (self.repeats if kind in _OPAQUE else self.copies)
        return not self.is_estimated and len(self.values) <= _FEW and seen >= 2 * len(self.values)


def shortened(text: str) -> str:
    """Cut a text that is too long to be shown."""
    return text if len(text) <= _EXAMPLE_CHARACTERS else text[: _EXAMPLE_CHARACTERS - 1] + "…"


def types_told(field: Field) -> str:
    """Say of which types a field is, with shares where they are several."""
    main, *others = field.types
    if not others:
        return main[0]
    return ", ".join(f"{kind} {100 * share:.3g}%" for kind, share in (main, *others))


def _beginning_and_hash(text: str) -> str:
    return text[:_LONGEST_KEPT] + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
