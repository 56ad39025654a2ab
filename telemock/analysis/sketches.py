"""These are sketches: what a million values say in a few kilobytes, within an error that is known.

They refuse to give back what they were told; they are Apache DataSketches', and can be written down and read again.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from datasketches import hll_sketch, kll_floats_sketch, tgt_hll_type

from telemock.exchange import encodable

# 4,096 registers: the relative standard error of an estimate is 1.04 / sqrt(4096) (Flajolet et al. 2007).
_SKETCH_LOG2 = 12
DISTINCT_ERROR = 0.0163

# A quantile lies within 0.66 % of its rank (datasketches, kll, k = 400).
_KLL_K = 400
_AT_ONCE = 4096


class Distinct:
    """How many different texts there were (HyperLogLog).

    Args:
        content: what `to_bytes` gave; without, none were there yet.

    Raises:
        ValueError: the content is no sketch.
    """

    def __init__(self, content: bytes | None = None) -> None:
        self._sketch = hll_sketch(_SKETCH_LOG2, tgt_hll_type.HLL_8) if content is None else _read(hll_sketch, content)

    def add(self, text: str) -> None:
        """Count a text."""
        # The library passes over empty texts, and cannot take lone surrogates, from JSON.
        self._sketch.update(text if text and (text.isascii() or encodable(text)) else ascii(text))

    @property
    def estimate(self) -> int:
        """How many different ones; the relative standard error is DISTINCT_ERROR."""
        return round(float(self._sketch.get_estimate()))

    def to_bytes(self) -> bytes:
        """Write it down."""
        content: bytes = self._sketch.serialize_updatable()
        return content


class Quantiles:
    """How numbers are distributed (KLL); within 0.66 % of a rank.

    Args:
        content: what `to_bytes` gave; without, none were there yet.

    Raises:
        ValueError: the content is no sketch.
    """

    def __init__(self, content: bytes | None = None) -> None:
        self._waiting: list[float] = []
        self._sketch = kll_floats_sketch(_KLL_K) if content is None else _read(kll_floats_sketch, content)

    def add(self, number: float) -> None:
        """Take a number."""
        self._waiting.append(number)
        if len(self._waiting) >= _AT_ONCE:
            self._learn()

    def at(self, *ranks: float) -> Sequence[float]:
        """Give quantiles, of at least one number: rank 0.95 is the one that 95 % do not exceed."""
        self._learn()
        return [float(value) for value in self._sketch.get_quantiles(list(ranks))]

    def to_bytes(self) -> bytes:
        """Write it down."""
        self._learn()
        content: bytes = self._sketch.serialize()
        return content

    def _learn(self) -> None:
        if self._waiting:
            self._sketch.update(np.array(self._waiting, dtype=np.float32))
            self._waiting.clear()


def _read(kind: Any, content: bytes) -> Any:
    try:
        return kind.deserialize(content)
    except (RuntimeError, IndexError, TypeError) as error:
        raise ValueError(f"This is no sketch: {error}.") from error
