"""The fields inside of a value: what of all that it wraps is told as a field of its own, and how much may be."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from telemock.decoding import ARROW, MAX_CHARACTERS, PACKED, Budget, Layer, layers
from telemock.leaves import MOST_LEAVES, Leaf, extended

# A shorter text that only base64 or hexadecimal digits were undone for may be chance, and is no field of its own.
_LEAST_FIELD = 24

# Shorter values have nothing inside; neither has what begins like no coding.
_LEAST_OPENED = 5
_MAY_OPEN = re.compile(r"\s*[\[{\"]|\S{8}|[^\s&=]*=[^&]*&|\S*%")

# How many values are remembered with what is inside of them, and how many characters of both.
_MOST_REMEMBERED = 4096
_LARGEST_REMEMBERED = 16_384

# So many times its length may come out of a request beyond MAX_CHARACTERS, and so many characters in all.
_MOST_TIMES = 4
_MOST_ALLOWED = 2**23

# What may be undone by chance, or without being there.
_BY_CHANCE = frozenset(("percent", "hex", "base64"))


class Opened(NamedTuple):
    """The fields inside of a value.

    Attributes:
        leaves: what leads from the field that holds the value to one inside, ` → base64 → json → $.user.id`, with value
            and form.
        characters: of all that had to be undone.
        is_whole: there are no more of them.
    """

    leaves: tuple[Leaf, ...]
    characters: int
    is_whole: bool


_NOTHING = Opened((), 0, is_whole=True)


def open_value(value: str) -> Opened:
    """Return the fields inside of a value; what may be text by chance, or is only escaped, is none.

    What was opened before is remembered, as far as it is not large.
    """
    known = _opened.get(value)
    if known is not None:
        return known
    budget = Budget()
    leaves = tuple(
        (ARROW + ARROW.join(layer.chain), layer.text, layer.form)
        for layer in layers(value, budget)
        if layer.innermost and _is_field(layer)
    )
    characters = MAX_CHARACTERS - budget.characters
    opened = Opened(leaves, characters, not budget.is_spent) if leaves or budget.is_spent else _NOTHING
    if len(value) + characters <= _LARGEST_REMEMBERED:
        if len(_opened) >= _MOST_REMEMBERED:
            _opened.clear()
        _opened[value] = opened
    return opened


_opened: dict[str, Opened] = {}


def may_open(value: str) -> bool:
    """Tell in a moment of most values that there is nothing inside of them."""
    if len(value) < _LEAST_OPENED or value.isdigit():
        return False
    return _MAY_OPEN.match(value) is not None or value.startswith(PACKED)


class Allowance:
    """What may come out of the values of requests, so that small ones do not become very large ones.

    Args:
        octets: of the request; without, as much as there may ever be.

    Attributes:
        is_spent: there was more than that.
        is_full: nothing came out yet that was not allowed again.
    """

    def __init__(self, octets: int | None = None) -> None:
        self._characters = _MOST_ALLOWED
        self.is_full = octets is None
        if octets is not None:
            self._characters = 0
            self.refill(octets)
        self._parts = MOST_LEAVES
        self.is_spent = False

    def refill(self, octets: int) -> None:
        """Allow what may come out of one more request."""
        self._characters = min(self._characters + MAX_CHARACTERS + _MOST_TIMES * octets, _MOST_ALLOWED)
        self.is_full = self._characters == _MOST_ALLOWED

    def layers(self, value: str) -> Iterator[Layer]:
        """Yield what `layers` yields, as far as it is allowed."""
        budget = Budget(min(self._characters, MAX_CHARACTERS))
        before = budget.characters
        yield from layers(value, budget)
        self._characters -= before - max(budget.characters, 0)
        self.is_full = False
        self.is_spent |= budget.is_spent

    def open(self, name: str, value: str) -> Iterator[Leaf]:
        """Yield the fields inside of a value of a field of some name, as far as that is allowed."""
        if not may_open(value):
            return
        opened = open_value(value) if self._characters > 0 and self._parts > 0 else _NOTHING
        self._characters -= opened.characters
        self._parts -= len(opened.leaves)
        self.is_spent |= self._characters <= 0 or self._parts <= 0
        yield from ((extended(name, way), text, form) for way, text, form in opened.leaves)


def _is_field(layer: Layer) -> bool:
    """Tell whether a layer is no text by chance, and more than its own escaping."""
    if not _BY_CHANCE.issuperset(layer.chain):
        return True
    return len(layer.text) >= _LEAST_FIELD and layer.chain != ("percent",)
