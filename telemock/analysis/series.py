"""This is one instance, followed: what it sends again and again, and what of it changes.

It refuses to look at what did not change; that is most of it, and why a million exchanges take a minute.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

from telemock.analysis.field import Field

_Item = TypeVar("_Item", bound=Hashable)

# More digits than a count of anything has; int() takes its time for long ones.
_MOST_DIGITS = 30


class _Followed:
    """A field as one instance sends it.

    Attributes:
        since: the number of the exchange of the present layout from which on it had this value.
    """

    __slots__ = ("changes", "field", "never_falls", "number", "rises", "since", "value")

    def __init__(self, field: Field, value: str) -> None:
        self.field = field
        self.value = value
        self.since = 0
        self.changes = 0
        self.rises = 0
        self.number = _whole_number(value)
        self.never_falls = self.number is not None

    def change(self, value: str) -> None:
        if value == self.value:
            return
        self.value = value
        self.changes += 1
        number = _whole_number(value)
        if number is None or self.number is None or number < self.number:
            self.never_falls = False
        else:
            self.rises += 1
        self.number = number


class Series(Generic[_Item]):
    """The values of one source that one instance sends to one endpoint, request by request.

    Args:
        field: gives the field of a name; None when there are too many.
        split: gives name and value of an item.
    """

    def __init__(self, field: Callable[[str], Field | None], split: Callable[[_Item], tuple[str, str]]) -> None:
        self._field = field
        self._split = split
        self._items: Sequence[_Item] = ()
        self._layout: list[_Followed | None] = []
        self._names: list[str] = []
        self._all: dict[tuple[str, int], _Followed | None] = {}
        self._count = 0
        self._first = self._last = ""

    def take(self, items: Sequence[_Item], received_at: str, received_s: float) -> None:
        """Take the items of one request."""
        if items != self._items and not self._take_changes(items, received_s):
            self._end_layout(received_s)
            self._begin_layout(items, received_at)
        self._items = items
        self._count += 1
        self._last = received_at

    def close(self, received_s: float) -> None:
        """Hand all that was learnt to the fields; nothing can be taken any more."""
        self._end_layout(received_s)
        for followed in self._all.values():
            if followed is not None:
                followed.field.followed(followed.changes, followed.rises, never_falls=followed.never_falls)

    def _take_changes(self, items: Sequence[_Item], received_s: float) -> bool:
        """Take the values that changed; False when there are other fields than before, or in another order."""
        if len(items) != len(self._items):
            return False
        changed = [
            (place, *self._split(new))
            for place, (new, old) in enumerate(zip(items, self._items, strict=True))
            if new != old
        ]
        if any(self._names[place] != name for place, name, _ in changed):
            return False
        for place, _, value in changed:
            followed = self._layout[place]
            if followed is not None:
                if self._count > followed.since:
                    followed.field.add(followed.value, self._count - followed.since, received_s)
                followed.since = self._count
                followed.change(value)
        return True

    def _begin_layout(self, items: Iterable[_Item], received_at: str) -> None:
        self._count = 0
        self._first = received_at
        self._layout, self._names = [], []
        occurrences: dict[str, int] = {}
        for item in items:
            name, value = self._split(item)
            occurrence = occurrences[name] = occurrences.get(name, -1) + 1
            key = name, occurrence
            if key not in self._all:
                field = self._field(name)
                self._all[key] = None if field is None else _Followed(field, value)
            followed = self._all[key]
            if followed is not None:
                followed.since = 0
                followed.change(value)
            self._names.append(name)
            self._layout.append(followed)

    def _end_layout(self, received_s: float) -> None:
        """Count what the layout held, in as many exchanges as had it."""
        if not self._count:
            return
        for followed in self._layout:
            if followed is not None and self._count > followed.since:
                followed.field.add(followed.value, self._count - followed.since, received_s)
        for field in {id(followed.field): followed.field for followed in self._layout if followed}.values():
            field.seen(self._count, self._first, self._last)
        self._count = 0


def _whole_number(text: str) -> int | None:
    return int(text) if len(text) <= _MOST_DIGITS and text.isascii() and text.isdigit() else None
