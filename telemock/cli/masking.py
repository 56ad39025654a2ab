"""How commands mask secrets in what they list, and say that they did."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from operator import itemgetter
from typing import Any, TypeVar

import click

from telemock.analysis.field_masks import Masks
from telemock.analysis.masking import masked_exchange, masked_parts, masked_path, masked_read, masked_text, masked_value
from telemock.analysis.replacement import PARTS
from telemock.cli.options import option
from telemock.exchange import Connection, Exchange, Record

_T = TypeVar("_T")
_Row = Sequence[Any]

values_option = option("--values", "shows_values", is_flag=True, help="Show what is masked unless asked for.")


class Masking:
    """What masks records on their way to a list.

    Args:
        is_off: the values are asked for; all stays as it is.
    """

    def __init__(self, *, is_off: bool) -> None:
        self._is_off = is_off
        self._count = 0

    def whole(self, records: Iterable[Record]) -> Iterator[Record]:
        """Mask records of which everything is listed."""
        return self._each(records, _masked)

    def brief(self, records: Iterable[Record]) -> Iterator[Record]:
        """Mask records of which a table has only what says where they went."""
        return self._each(records, lambda each: _brief(each) if isinstance(each, Exchange) else _masked(each))

    def one(self, exchange: Exchange) -> Exchange:
        """Mask an exchange."""
        (shown,) = self._each([exchange], masked_exchange)
        return shown

    def value(self, name: str, value: str) -> str:
        """Mask the secrets in a value that was inside of another, by its name."""
        shown = value if self._is_off else masked_value(name, value)
        self._count += shown != value
        return shown

    def rows(self, rows: Iterable[_Row], names: Sequence[str]) -> Iterator[_Row]:
        """Mask rows of the values of exchanges under some names."""
        places = [names.index(name) if name in names else None for name in PARTS]
        there = [place for place in places if place is not None]
        pick = itemgetter(*there) if len(there) == len(places) else None

        def mask(row: _Row) -> _Row:
            values = pick(row) if pick else tuple([None if place is None else row[place] for place in places])
            shown = masked_parts(*values)
            if shown == values:
                return row
            cells = [*row]
            for place, value in zip(places, shown, strict=True):
                if place is not None:
                    cells[place] = value
            return cells

        return self._each(rows, mask)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say at the end of a block, if so, that something was masked."""
        yield
        if self._count:
            click.echo("Secrets are masked; --values shows them.", err=True)

    def _each(self, records: Iterable[_T], mask: Callable[[_T], _T]) -> Iterator[_T]:
        if self._is_off:
            return iter(records)
        return self._masked(records, mask)

    def _masked(self, records: Iterable[_T], mask: Callable[[_T], _T]) -> Iterator[_T]:
        for record in records:
            shown = mask(record)
            if shown is not record and shown != record:
                self._count += 1
            yield shown


def tell_masked(masks: Masks) -> None:
    """Say, if so, that values of fields were masked."""
    if masks.used:
        click.echo("What is sensitive is masked; --values shows it.", err=True)


def _brief(exchange: Exchange) -> Exchange:
    version, guid, *_ = masked_read(exchange.version, exchange.guid, None, None, None)
    return replace(exchange, path=masked_path(exchange.path), version=version, guid=guid)


def _masked(record: Record) -> Record:
    if isinstance(record, Connection):
        return replace(record, detail=masked_text(record.detail))
    return masked_exchange(record)
