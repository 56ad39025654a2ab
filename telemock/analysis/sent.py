"""The fields inside of the values of one source, request by request: base64 of JSON in a query, a form in a form."""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from telemock.analysis.endpoint import Endpoint, Seen
from telemock.analysis.field import Field
from telemock.analysis.series import Series, SeriesState
from telemock.fields import Source
from telemock.leaves import Form, Leaf
from telemock.opening import Allowance, may_open, open_value

_Item = TypeVar("_Item", bound=Hashable)


class Opener(Generic[_Item]):
    """What is inside of the values that one instance sends to one endpoint.

    Most values are those of the request before, and most others have nothing inside: only what is fresh is looked at.

    Args:
        split: returns name and value of an item.
        items: of the request before.

    Attributes:
        is_spent: of the last request, there was more than what is allowed to come out of it.
    """

    def __init__(self, split: Callable[[_Item], tuple[str, str]], items: Sequence[_Item] = ()) -> None:
        self._split = split
        self._wrapped: list[tuple[int, _Item]] = []
        self._inside: tuple[Leaf, ...] = ()
        self.is_spent = False
        self._open_all(items, None)

    def open(self, items: Sequence[_Item], fresh: Collection[str], octets: int) -> tuple[Leaf, ...]:
        """Return the fields inside of items.

        Args:
            items: of one request.
            fresh: the values that did not stand in their place in the request before.
            octets: its length.
        """
        if self.is_spent or (self._wrapped and self._has_changed(items)) or (fresh and _wrap_any(fresh)):
            self._open_all(items, octets)
        return self._inside

    def _has_changed(self, items: Sequence[_Item]) -> bool:
        return any(place >= len(items) or items[place] != item for place, item in self._wrapped)

    def _open_all(self, items: Sequence[_Item], octets: int | None) -> None:
        allowance = Allowance(octets)
        self._wrapped = []
        inside: list[Leaf] = []
        for place, item in enumerate(items):
            before = len(inside)
            inside += allowance.open(*self._split(item))
            if len(inside) > before:
                self._wrapped.append((place, item))
        self._inside = tuple(inside)
        self.is_spent = allowance.is_spent


class Sent(Generic[_Item]):
    """What stands in one source, and what is inside of it.

    Args:
        source: which.
        state: of what stands in it, to go on from.
        split: returns name and value of an item.
        form: returns what an item was written as; without, all are text.
        endpoint: where it is sent.
        field: returns the field of a source and a name; None when there are too many.
        opened: of what is inside, by source, to go on from.
    """

    def __init__(
        self,
        source: Source,
        state: SeriesState[_Item],
        split: Callable[[_Item], tuple[str, str]],
        form: Callable[[_Item], Form] | None = None,
        *,
        endpoint: Endpoint,
        field: Callable[[Source, str], Field | None],
        opened: Mapping[Source, SeriesState[Leaf]],
    ) -> None:
        inside = opened[source]
        state.attach(endpoint.fields[source])
        inside.attach(endpoint.fields[source])
        self._opener = Opener(split, state.items)
        self._series = Series(partial(field, source), endpoint.leave_out, split, state, form)
        self._inside = Series(
            partial(endpoint.opened_field, source), endpoint.leave_out, name_and_value, inside, form_of
        )

    def take(self, items: Sequence[_Item], seen: Seen, received_s: float) -> bool:
        """Take the items of one request; tell whether all that is inside of them was taken, too."""
        if not items and not self._series.state.items:
            return True
        self._series.take(items, seen.received_at, received_s)
        inside = self._opener.open(items, self._series.fresh, seen.request_bytes)
        if inside or self._inside.state.items:
            self._inside.take(inside, seen.received_at, received_s)
        return not self._opener.is_spent

    def close(self, received_s: float) -> None:
        """Hand all that was learnt to the fields; nothing can be taken any more."""
        self._series.close(received_s)
        self._inside.close(received_s)


def _wrap_any(values: Collection[str]) -> bool:
    openable = {value for value in values if not value.isdigit() and may_open(value)}
    return any(open_value(value).leaves for value in openable)


def name_and_value(leaf: Leaf) -> tuple[str, str]:
    """Return name and value."""
    return leaf[0], leaf[1]


def form_of(leaf: Leaf) -> Form:
    """Return what a value was written as."""
    return leaf[2]
