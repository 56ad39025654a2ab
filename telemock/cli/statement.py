"""This is how the rows look that a statement found, whatever they are.

It refuses to run statements; the store does.
"""

from collections.abc import Sequence
from typing import Any

from telemock.cli.output import Column, Shape
from telemock.exchange import compact_json
from telemock.exports.records import body_value
from telemock.text import printable

_Row = Sequence[Any]


def statement_shape(names: Sequence[str]) -> Shape[_Row]:
    """Give the shape of rows with columns of some names."""
    return Shape(
        columns=tuple(_column(place, name) for place, name in enumerate(names)),
        names=tuple(names),
        flat=lambda row: [_cell(value) for value in row],
        nested=lambda row: dict(zip(names, map(_value, row), strict=True)),
    )


def _column(place: int, name: str) -> Column[_Row]:
    return Column(name=printable(name), value=lambda row: _cell(row[place]), least=12, cut="wrap")


def _value(value: Any) -> Any:
    return body_value(value) if isinstance(value, bytes) else value


def _cell(value: Any) -> object:
    """Write a blob as its text, or as JSON with base64 where it is none."""
    shown = _value(value)
    return compact_json(shown) if isinstance(shown, dict) else shown
