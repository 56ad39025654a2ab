"""This is the one formatter of all commands: records in, a table, text, JSON, JSON lines or CSV out, as they come.

It refuses to hold more than a screenful, and to know what the records are.
"""

import io
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import compress, islice
from typing import Any, Generic, Protocol, TextIO, TypeVar

import click

from telemock.errors import TelemockError
from telemock.exports.delimited import Delimited
from telemock.text import printable, to_printable_json

FORMATS = ("table", "json", "jsonl", "csv")

_T = TypeVar("_T")
_T_contra = TypeVar("_T_contra", contravariant=True)

# Rows that a table measures its columns by, and prints at once.
_SCREENFUL = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[_T]):
    """One column of a table and of text.

    Attributes:
        name: what stands above it.
        value: takes a record's cell.
        in_table: False keeps it out of tables, whose width is short.
        least: the width it may be cut down to where a terminal is narrow; None is never cut.
        may_go: it is left away where all that may be cut is cut and there is still no room; the last one first.
        right: numbers stand right.
    """

    name: str
    value: Callable[[_T], object]
    in_table: bool = True
    least: int | None = None
    may_go: bool = False
    right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(Generic[_T]):
    """How a kind of record looks in each format.

    Attributes:
        columns: of tables and text.
        names: the header of CSV.
        flat: gives the cells under `names`.
        nested: gives what JSON holds.
    """

    columns: tuple[Column[_T], ...]
    names: tuple[str, ...]
    flat: Callable[[_T], Sequence[object]]
    nested: Callable[[_T], dict[str, Any]]


@contextmanager
def output() -> Iterator[TextIO]:
    """Give standard output; a reader that has seen enough ends the command quietly.

    Raises:
        TelemockError: a full disk, say.
    """
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    try:
        yield stream
        stream.flush()
    except BrokenPipeError:
        _discard(stream)
        raise click.exceptions.Exit(0) from None
    except OSError as error:
        _discard(stream)
        raise TelemockError(f"The output cannot be written: {error.strerror}.") from error


@contextmanager
def printing(format_name: str, shape: Shape[_T]) -> Iterator[Callable[[Iterable[_T]], int]]:
    """Give what prints records as one of `FORMATS` and tells how many; more can come until the block ends.

    A table is for terminals: elsewhere it is text, one line a record, cells separated by tabs.
    """
    with output() as stream:
        if format_name == "table" and not stream.isatty():
            format_name = "text"
        if format_name in ("json", "jsonl", "csv") and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # RFC 8259 section 8.1
        printer = _PRINTERS[format_name](shape, stream)

        def show(records: Iterable[_T]) -> int:
            count = 0

            def counted() -> Iterator[_T]:
                nonlocal count
                for record in records:
                    count += 1
                    yield record

            printer.write(counted())
            stream.flush()
            return count

        yield show
        printer.end()


class _Printer(Protocol[_T_contra]):
    def write(self, records: Iterable[_T_contra], /) -> None: ...

    def end(self) -> None: ...


class _Text(Generic[_T]):
    def __init__(self, shape: Shape[_T], stream: TextIO) -> None:
        self._values = [column.value for column in shape.columns]
        self._stream = stream

    def write(self, records: Iterable[_T]) -> None:
        for record in records:
            self._stream.write("\t".join([_cell(value(record)) for value in self._values]) + "\n")

    def end(self) -> None:
        pass


class _JsonLines(Generic[_T]):
    """One record, one write: whatever interrupts, no record is torn."""

    def __init__(self, shape: Shape[_T], stream: TextIO) -> None:
        self._nested = shape.nested
        self._stream = stream
        self._count = 0

    def write(self, records: Iterable[_T]) -> None:
        for record in records:
            self._put(to_printable_json(self._nested(record)))

    def _put(self, text: str) -> None:
        self._stream.write(text + "\n")

    def end(self) -> None:
        pass


class _Json(_JsonLines[_T]):
    def _put(self, text: str) -> None:
        self._stream.write((",\n" if self._count else "[\n") + text)
        self._count += 1

    def end(self) -> None:
        self._stream.write("\n]\n" if self._count else "[]\n")


class _Csv(Generic[_T]):
    def __init__(self, shape: Shape[_T], stream: TextIO) -> None:
        self._flat = shape.flat
        self._table = Delimited(stream, shape.names)

    def write(self, records: Iterable[_T]) -> None:
        self._table.write(map(self._flat, records))

    def end(self) -> None:
        pass


class _Table(Generic[_T]):
    def __init__(self, shape: Shape[_T], stream: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415 - takes 100 ms, which pipes need not pay

        self._columns = [column for column in shape.columns if column.in_table]
        width, height = shutil.get_terminal_size()
        self._console = Console(file=stream, width=width, height=height, highlight=False, markup=False, emoji=False)
        self._most = 4 * width  # of a cell's characters; a few may take no place
        self._widths: list[int] | None = None
        self._gap = 2

    def write(self, records: Iterable[_T]) -> None:
        rest = iter(records)
        # Of a record only what is shown is held.
        while page := [
            [_cell(column.value(record), self._most) for column in self._columns] for record in islice(rest, _SCREENFUL)
        ]:
            self._print(page)

    def end(self) -> None:
        pass

    def _print(self, rows: list[list[str]]) -> None:
        from rich.table import Table  # noqa: PLC0415 - see above
        from rich.text import Text  # noqa: PLC0415 - see above

        show_header = self._widths is None
        if self._widths is None:
            self._widths = self._fit(rows)
        shown = [bool(width) for width in self._widths]
        table = Table(box=None, show_header=show_header, pad_edge=False, padding=(0, self._gap, 0, 0))
        for column, width in compress(zip(self._columns, self._widths, strict=True), shown):
            table.add_column(
                column.name,
                width=width,
                no_wrap=True,
                overflow="ellipsis",
                justify="right" if column.right else "left",
                header_style="bold",
            )
        for row in rows:
            table.add_row(*map(Text, compress(row, shown)))
        self._console.print(table)

    def _fit(self, rows: list[list[str]]) -> list[int]:
        """Give each column the width of what is in it, 0 when it goes; the widest that may give way until all fit."""
        from rich.cells import cell_len  # noqa: PLC0415 - see above

        headings = [column.name for column in self._columns]
        widths = [max(map(cell_len, cells)) for cells in zip(headings, *rows, strict=True)]
        least = [min(width, column.least or width) for width, column in zip(widths, self._columns, strict=True)]
        room = self._console.width + 1 - len(widths)
        for place in reversed([place for place, column in enumerate(self._columns) if column.may_go]):
            if sum(least) <= room:
                break
            widths[place] = least[place] = 0
            room += 1
        if sum(widths) + sum(map(bool, widths)) - 1 > room:
            self._gap = 1
        while sum(widths) > room and widths != least:
            widest = max(range(len(widths)), key=lambda place: (widths[place] > least[place], widths[place]))
            widths[widest] -= 1
        return widths


_PRINTERS: dict[str, Callable[[Shape[Any], TextIO], _Printer[Any]]] = {
    "table": _Table,
    "text": _Text,
    "json": _Json,
    "jsonl": _JsonLines,
    "csv": _Csv,
}


def _cell(value: object, most: int | None = None) -> str:
    """Write a value, or what comes of so many of its characters."""
    return "" if value is None else printable(str(value)[:most])


def _discard(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, or the interpreter would complain of it at exit."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, stream.fileno())
    os.close(descriptor)
