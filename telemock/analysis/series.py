"""This is one instance, followed: what it sends again and again, and what of it changes.

It refuses to look at what did not change; that is most of it, and why a million exchanges take half a minute.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice
from operator import ne
from typing import Generic, TypeVar

from telemock.analysis.field import Field
from telemock.leaves import Form, shortened_path

_Item = TypeVar("_Item", bound=Hashable)

# More digits than a count of anything has; int() takes its time for long ones.
_MOST_DIGITS = 30


@dataclass
class Followed:
    """A field as one instance sends it.

    Attributes:
        value: the one it has now.
        since: the number of the exchange of the present layout from which on it had this value.
        changes: how often it was another than before.
        rises: how often it was a whole number again, and a larger one.
        field: where it is counted; None where there are too many fields.
        form: what the value was written as.
        number: the value as a whole number; None when it is none.
    """

    __slots__ = ("changes", "field", "form", "number", "rises", "since", "value")

    value: str
    since: int
    changes: int
    rises: int
    form: Form

    def __post_init__(self) -> None:
        self.field: Field | None = None
        self.number = _whole_number(self.value)

    def change(self, value: str) -> None:
        """Take a value, which may be the same again."""
        if value == self.value:
            return
        self.value = value
        self.changes += 1
        number = _whole_number(value)
        if number is not None and self.number is not None and number > self.number:
            self.rises += 1
        self.number = number


@dataclass(slots=True)
class SeriesState(Generic[_Item]):
    """All that a series has learnt, to go on from.

    Attributes:
        items: of the request that came last.
        names: of these items, in their order.
        followed: by name; of a name that repeats in a request, one for each time.
        count: requests that had this layout.
        first, last: when the earliest and the latest of them came.
        tails: of names that repeated in the request that came last, the last value.
    """

    items: tuple[_Item, ...] = ()
    names: list[str] = field(default_factory=list)
    followed: dict[str, list[Followed]] = field(default_factory=dict)
    count: int = 0
    first: str = ""
    last: str = ""
    tails: dict[str, str] = field(default_factory=dict)

    def attach(self, fields: Mapping[str, Field]) -> None:
        """Count on in these fields, by name."""
        for name, followed in self.followed.items():
            for each in followed:
                each.field = fields.get(shortened_path(name))


class Series(Generic[_Item]):
    """The values of one source that one instance sends to one endpoint, request by request.

    Args:
        field: gives the field of a name; None when there are too many.
        leave_out: takes how many values there was no field for.
        split: gives name and value of an item.
        state: what was learnt before; it is taken over, and must be attached to fields.
        form: tells what an item was written as; without, all of them are text.

    Attributes:
        fresh: of the request taken last, the values that did not stand in their place in the one before.

    Raises:
        ValueError: what was learnt before does not hang together.
    """

    def __init__(
        self,
        field: Callable[[str], Field | None],
        leave_out: Callable[[int], None],
        split: Callable[[_Item], tuple[str, str]],
        state: SeriesState[_Item] | None = None,
        form: Callable[[_Item], Form] | None = None,
    ) -> None:
        self.state = SeriesState[_Item]() if state is None else state
        self._field = field
        self._leave_out = leave_out
        self._split = split
        self._form = form
        self.fresh: Collection[str] = ()
        self._layout = self._find_layout()
        if not len(self.state.items) == len(self.state.names) == len(self._layout):
            raise ValueError("Of a request, other items were kept than what was followed of it.")

    def take(self, items: Sequence[_Item], received_at: str, received_s: float) -> None:
        """Take the items of one request."""
        state = self.state
        if items == state.items:
            self.fresh = ()
        elif not self._take_changes(items, received_s):
            self._end_layout(received_s)
            self._begin_layout(items, received_at)
        if self._repeated:
            self._take_repeated()
        state.items = items if isinstance(items, tuple) else tuple(items)
        state.count += 1
        # Exchanges are stored when they are answered: the next one may have come before.
        if received_at > state.last:
            state.last = received_at
        elif received_at < state.first:
            state.first = received_at

    def close(self, received_s: float) -> None:
        """Hand all that was learnt to the fields; nothing can be taken any more."""
        self._end_layout(received_s)
        for followed in self.state.followed.values():
            for each in followed:
                if each.field is not None:
                    each.field.followed(each.changes, each.rises)

    def _take_changes(self, items: Sequence[_Item], received_s: float) -> bool:
        """Take the values that changed; False when there are other fields than before, or in another order."""
        state = self.state
        if len(items) != len(state.items):
            return False
        names, split = state.names, self._split
        fresh: dict[int, str] = {}
        for place in compress(range(len(items)), map(ne, items, state.items)):
            name, fresh[place] = split(items[place])
            if names[place] != name:
                return False
        self.fresh = fresh.values()
        count, layout = state.count, self._layout
        for place, value in fresh.items():
            followed = layout[place]
            if followed.field is not None and count > followed.since:
                followed.field.add(followed.value, count - followed.since, received_s, followed.form)
            followed.since = count
            followed.change(value)
            if self._form is not None:
                followed.form = self._form(items[place])
        return True

    def _begin_layout(self, items: Sequence[_Item], received_at: str) -> None:
        state = self.state
        state.count = 0
        state.first = state.last = received_at
        pairs = [self._split(item) for item in items]
        state.names = [name for name, _ in pairs]
        self.fresh = [value for _, value in pairs]
        times: dict[str, int] = {}
        for item, (name, value) in zip(items, pairs, strict=True):
            time = times[name] = times.get(name, -1) + 1
            known = state.followed.setdefault(name, [])
            if time == len(known):
                known.append(Followed(value, 0, 0, 0, "text"))
                known[time].field = known[0].field if time else self._field(name)
            known[time].since = 0
            known[time].change(value)
            if self._form is not None:
                known[time].form = self._form(item)
        self._layout = self._find_layout()

    def _end_layout(self, received_s: float) -> None:
        """Count what the layout held, in as many exchanges as had it."""
        state = self.state
        if not state.count:
            return
        # A batch says the same in many places.
        fields: dict[str, Field] = {}
        counts: dict[tuple[str, str, Form], int] = {}
        for name, followed in zip(state.names, self._layout, strict=True):
            if followed.field is None:
                # It is not followed any further: there is no limit to the names that may come.
                self._leave_out(state.count)
                state.followed.pop(name, None)
                continue
            fields[name] = followed.field
            if state.count > followed.since:
                what = name, followed.value, followed.form
                counts[what] = counts.get(what, 0) + state.count - followed.since
        for (name, value, form), count in counts.items():
            fields[name].add(value, count, received_s, form)
        for counted in fields.values():
            counted.seen(state.count, state.first, state.last)
        state.count = 0

    def _take_repeated(self) -> None:
        """Look at how values go on from one place to the next, where a name has several in a request."""
        tails = self.state.tails
        self.state.tails = {}
        for name, places in self._repeated.items():
            field = places[0].field
            if field is None:
                continue
            tail = tails.get(name)
            before, number = tail, None if tail is None else _whole_number(tail)
            steps = rises = repeats = 0
            for place, followed in enumerate(places):
                if followed.value == before:
                    repeats += place > 0
                elif before is not None:
                    steps += 1
                    rises += number is not None and followed.number is not None and followed.number > number
                before, number = followed.value, followed.number
            is_one = repeats == len(places) - 1
            field.repeated(steps, rises, repeats if is_one else 0, repeats)
            self.state.tails[name] = places[-1].value

    def _find_layout(self) -> list[Followed]:
        """Give what is followed, in the order of the names, and keep those of names that repeat apart."""
        rest = {name: iter(self.state.followed.get(name, ())) for name in self.state.names}
        layout = [followed for name in self.state.names for followed in islice(rest[name], 1)]
        self._repeated: dict[str, list[Followed]] = {}
        if len(rest) < len(layout):
            for name, followed in zip(self.state.names, layout, strict=True):
                self._repeated.setdefault(name, []).append(followed)
            self._repeated = {name: places for name, places in self._repeated.items() if len(places) > 1}
        return layout


def _whole_number(text: str) -> int | None:
    return int(text) if text.isdigit() and len(text) <= _MOST_DIGITS and text.isascii() else None
