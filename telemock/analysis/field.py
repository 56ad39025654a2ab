"""This is a field: one named value inside exchanges, and what is learnt of it while they pass.

It refuses to keep what it was told: a few examples stay, the rest becomes counts, bounds and a sketch.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from datasketches import hll_sketch, tgt_hll_type

from telemock.analysis.decoding import layers
from telemock.analysis.findings import Finding, count_value
from telemock.analysis.kinds import NUMBERS, Kind, kind_of
from telemock.exchange import encodable
from telemock.fields import Source

# What a field does: `once` is a field that was seen in one exchange only.
Behaviour = Literal["once", "constant", "constant per instance", "counter", "clock", "one of few", "varying", "opaque"]
Type = Kind | Literal["enum"]

# Distinct values are counted one by one up to here; behind it a HyperLogLog sketch estimates.
COUNTED_VALUES = 64

# 4,096 registers: the relative standard error of an estimate is 1.04 / sqrt(4096) (Flajolet et al. 2007).
_SKETCH_LOG2 = 12
DISTINCT_ERROR = 0.0163

# A field that has no more values than this, each seen twice on average, is one of few.
_FEW = 16

# A value that rises this often and never falls is counting.
_RISES = 3

# Longer values are kept by their beginning and a hash.
_LONGEST_KEPT = 4096

_EXAMPLES = 3
_EXAMPLE_CHARACTERS = 200

_CLOCKS = frozenset(("timestamp_s", "timestamp_ms", "timestamp_iso"))
_OPAQUE = frozenset(("uuid", "hash", "base64", "jwt"))


@dataclass(slots=True)
class Field:
    """One field of one endpoint.

    Attributes:
        source: where in a request it stands.
        name: its decoded name; in a body its path, `$.sources[].type`; of a header in lower case.
        exchanges: how many have it.
        first_seen, last_seen: in the form of `Exchange.received_at`.
        kinds: how many of its values are of which kind.
        values: how often each of the first `COUNTED_VALUES` distinct values was sent.
        least, most: bounds of the values that are numbers.
        shortest, longest: characters of its values.
        look: finds what is sensitive or planted in a value.
        spared: numbers of fewer characters are not looked at.
    """

    source: Source
    name: str
    look: Callable[[str, Kind], list[Finding]] | None = None
    spared: int = 0
    exchanges: int = 0
    first_seen: str = ""
    last_seen: str = ""
    kinds: dict[Kind, int] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)
    least: float | None = None
    most: float | None = None
    shortest: int = 0
    longest: int = 0
    _found: dict[str, list[Finding]] = field(default_factory=dict)
    _sketch: Any = None
    _changes: int = 0
    _rises: int = 0
    _never_falls: bool = True

    def add(self, value: str, count: int, received_s: float) -> None:
        """Take a value that was sent so many times in a row."""
        kind = kind_of(value, self.name, received_s)
        self.kinds[kind] = self.kinds.get(kind, 0) + count
        length = len(value)
        kept = value if length <= _LONGEST_KEPT else _beginning_and_hash(value)
        if kept in self.values:
            self.values[kept] += count
            count_value(self._found.get(kept, ()), count)
            return
        found: list[Finding] = []
        if self.look is not None and (length >= self.spared or kind not in NUMBERS):
            found = self.look(value, kind)
        count_value(found, count)
        if len(self.values) < COUNTED_VALUES and self._sketch is None:
            self.values[kept] = count
            if found:
                self._found[kept] = found
        else:
            self._estimate(kept)
        self.shortest = min(self.shortest, length) if self.longest else length
        self.longest = max(self.longest, length)
        if kind in NUMBERS and length < 300:
            number = float(value) if kind == "float" else int(value)
            self.least = number if self.least is None else min(self.least, number)
            self.most = number if self.most is None else max(self.most, number)

    def seen(self, exchanges: int, first_seen: str, last_seen: str) -> None:
        """Count exchanges that had it, between two times."""
        self.exchanges += exchanges
        self.first_seen = min(self.first_seen or first_seen, first_seen)
        self.last_seen = max(self.last_seen, last_seen)

    def followed(self, changes: int, rises: int, *, never_falls: bool) -> None:
        """Take how the field went on within one instance.

        Args:
            changes: how often its value was another than before.
            rises: how often it was a larger whole number.
            never_falls: it was a whole number each time, and never a smaller one.
        """
        self._changes += changes
        self._rises += rises
        self._never_falls = self._never_falls and never_falls

    @property
    def count(self) -> int:
        """How many values it had; more than `exchanges` when it repeats in one."""
        return sum(self.kinds.values())

    @property
    def distinct(self) -> int:
        """How many different values; see `is_estimated`."""
        return len(self.values) if self._sketch is None else round(self._sketch.get_estimate())

    @property
    def is_estimated(self) -> bool:
        """Tell whether `distinct` is an estimate, with a relative standard error of DISTINCT_ERROR."""
        return self._sketch is not None

    @property
    def types(self) -> list[tuple[Type, float]]:
        """Types with the share of values that are of them, the largest first; few texts that repeat are an enum."""
        total = self.count
        shares: list[tuple[Type, float]] = [
            ("enum" if kind == "text" and self._is_one_of_few() and self.distinct > 1 else kind, count / total)
            for kind, count in self.kinds.items()
        ]
        return sorted(shares, key=lambda share: -share[1])

    @property
    def behaviour(self) -> Behaviour:
        """How its values go on."""
        main = max(self.kinds, key=self.kinds.__getitem__)
        rules: tuple[tuple[Behaviour, bool], ...] = (
            ("once", self.count < 2),
            ("constant", self.distinct == 1),
            ("constant per instance", not self._changes),
            ("clock", main in _CLOCKS),
            ("counter", self._never_falls and self._rises >= _RISES),
            ("one of few", self._is_one_of_few()),
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

    def _most_frequent(self) -> list[str]:
        return sorted(self.values, key=lambda value: -self.values[value])[:_EXAMPLES]

    def _is_one_of_few(self) -> bool:
        return not self.is_estimated and len(self.values) <= _FEW and self.count >= 2 * len(self.values)

    def _estimate(self, value: str) -> None:
        if self._sketch is None:
            self._sketch = hll_sketch(_SKETCH_LOG2, tgt_hll_type.HLL_8)
            for known in self.values:
                self._sketch.update(_unicode(known))
        self._sketch.update(_unicode(value))


def shortened(text: str) -> str:
    """Cut a text that is too long to be shown."""
    return text if len(text) <= _EXAMPLE_CHARACTERS else text[: _EXAMPLE_CHARACTERS - 1] + "…"


def _beginning_and_hash(text: str) -> str:
    return text[:_LONGEST_KEPT] + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _unicode(text: str) -> str:
    """Give what the sketch can hash: lone surrogates, from JSON, are written as escapes."""
    return text if encodable(text) else ascii(text)
