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
from typing import Any, Generic, Literal, Protocol, TextIO, TypeVar

import click

from telemock.errors import TelemockError
from telemock.exports.delimited import Delimited
from telemock.text import both_ends, printable, to_printable_json

FORMATS = ("table", "json", "jsonl", "csv")

_T = TypeVar("_T")
_T_contra = TypeVar("_T_contra", contravariant=True)

# Rows that a table measures its columns by, and prints at once.
_SCREENFUL = 50

# Where a table is too wide, a column that may be wrapped keeps so much while others can give way.
_READABLE = 24

# So many lines at most has a cell that is wrapped, and more only for so many characters; of a longer one the middle is
# left away.
_MOST_LINES = 8
_WRAPPED_WHOLE = 200

# A column that may be left away takes so much more place at most for the sake of cells that look alike when cut.
_TELLING = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[_T]):
    """One column of a table and of text.

    Attributes:
        name: what stands above it.
        value: takes a record's cell.
        in_table: False keeps it out of tables, whose width is short.
        least: the width it may be cut down to where a terminal is narrow; None is never cut, and no name is unless
            the column is wrapped.
        cut: how that is done. What tells rows apart is wrapped, or where it is an id cut in the middle, so that what
            begins or ends alike does not look alike.
        may_go: above 0, it is left away where there is no room; the highest first, of several the last. 1 goes where
            all that may be cut is cut, a higher one before what is wrapped would be hard to read. One that is cut in
            the middle goes before cells that differ look alike.
        right: numbers stand right.
    """

    name: str
    value: Callable[[_T], object]
    in_table: bool = True
    least: int | None = None
    cut: Literal["end", "middle", "wrap"] = "end"
    may_go: int = 0
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
        self._sizes = [0] * len(self._columns)
        self._least = [0] * len(self._columns)
        self._widths: list[int] = []
        self._gap = 2

    def write(self, records: Iterable[_T]) -> None:
        rest = iter(records)
        # Of a record only what is shown is held.
        while page := [
            [_cell(_beginning(column.value(record), self._most, column.cut)) for column in self._columns]
            for record in islice(rest, _SCREENFUL)
        ]:
            self._print(page)

    def end(self) -> None:
        pass

    def _print(self, rows: list[list[str]]) -> None:
        from rich.table import Table  # noqa: PLC0415 - see above
        from rich.text import Text  # noqa: PLC0415 - see above

        show_header = self._measure(rows)
        if not self._widths:
            self._print_below_each_other(rows)
            return
        shown = [bool(width) for width in self._widths]
        table = Table(box=None, show_header=show_header, pad_edge=False, padding=(0, self._gap, 0, 0))
        for column, width in compress(zip(self._columns, self._widths, strict=True), shown):
            is_wrapped = column.cut == "wrap"
            table.add_column(
                column.name,
                width=width,
                no_wrap=not is_wrapped,
                overflow="fold" if is_wrapped else "ellipsis",
                justify="right" if column.right else "left",
                header_style="bold",
            )
        most = [
            {"end": self._most, "middle": width, "wrap": max(_MOST_LINES * width, _WRAPPED_WHOLE)}[column.cut]
            for column, width in zip(self._columns, self._widths, strict=True)
        ]
        for row in rows:
            table.add_row(*map(Text, map(_without_middle, compress(row, shown), compress(most, shown))))
        self._console.print(table)

    def _measure(self, rows: list[list[str]]) -> bool:
        """Measure the columns anew where rows need it, and tell whether that changed anything.

        They do where something would be cut that must not be, or while there may be room that nothing took yet.
        """
        from rich.cells import cell_len  # noqa: PLC0415 - see above

        columns = [*zip(self._columns, zip(*rows, strict=True), strict=True)]
        sizes = [max(map(cell_len, (column.name, *cells))) for column, cells in columns]
        least = [_least_width(column, cells, size) for (column, cells), size in zip(columns, sizes, strict=True)]
        was_whole = self._widths == self._sizes
        self._sizes = [*map(max, self._sizes, sizes)]
        self._least = [*map(max, self._least, least)]
        is_short = any(width and width < floor for width, floor in zip(self._widths, self._least, strict=False))
        before = self._widths
        if not any(before) or is_short or was_whole:
            self._widths = self._fit()
        return self._widths != before

    def _fit(self) -> list[int]:
        """Return the width of each column, 0 when it goes; the widest of those that may give way, until all fit.

        What is wrapped is cut shorter than can be read well only where nothing else may give way. No widths are given
        where all that does not help.
        """
        widths, least = [*self._sizes], [*self._least]
        readable = [
            min(width, _READABLE) if column.cut == "wrap" and column.least else short
            for width, short, column in zip(widths, least, self._columns, strict=True)
        ]
        room = self._console.width + 1 - len(widths)
        may_go = sorted((column.may_go, place) for place, column in enumerate(self._columns) if column.may_go)
        for rank, place in reversed(may_go):
            if sum(least if rank == 1 else readable) <= room:
                break
            widths[place] = least[place] = readable[place] = 0
            room += 1
        if sum(widths) + sum(map(bool, widths)) - 1 > room:
            self._gap = 1
        for floor in (readable, least):
            while sum(widths) > room and widths != floor:
                widest = max(range(len(widths)), key=lambda place: (widths[place] > floor[place], widths[place]))
                widths[widest] -= 1
        return widths if sum(widths) <= room else []

    def _print_below_each_other(self, rows: list[list[str]]) -> None:
        """Print the cells of each record below each other, as they do not fit beside each other."""
        from rich.table import Table  # noqa: PLC0415 - see above
        from rich.text import Text  # noqa: PLC0415 - see above

        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column(style="bold", overflow="fold", max_width=self._console.width // 2)
        table.add_column(overflow="fold")
        for row in rows:
            for column, cell in zip(self._columns, row, strict=True):
                table.add_row(column.name, Text(_without_middle(cell, self._most)))
            table.add_row()
        self._console.print(table)


_PRINTERS: dict[str, Callable[[Shape[Any], TextIO], _Printer[Any]]] = {
    "table": _Table,
    "text": _Text,
    "json": _Json,
    "jsonl": _JsonLines,
    "csv": _Csv,
}


def _cell(value: object) -> str:
    return "" if value is None else printable(str(value))


def _beginning(value: object, most: int, cut: str) -> object:
    """Return what may be shown of a value: the beginning, or both ends."""
    text = "" if value is None else str(value)
    return text[:most] + "…" * (len(text) > most) if cut == "end" else both_ends(text, 2 * most)


def _least_width(column: Column[Any], cells: Sequence[str], size: int) -> int:
    """Return the width that a column may be cut down to; it is so wide that all of it can be shown.

    One that is cut in the middle and may go instead is not cut so short that cells that differ look alike.
    """
    if column.least is None:
        return size
    least = min(size, column.least if column.cut == "wrap" else max(column.least, len(column.name)))
    if column.cut != "middle" or not column.may_go:
        return least
    different = set(cells)
    widths = range(least, min(size, _TELLING))
    is_telling = (len({_without_middle(cell, width) for cell in different}) == len(different) for width in widths)
    return next(compress(widths, is_telling), max(least, widths.stop))


def _without_middle(text: str, most: int) -> str:
    """Return a text that takes so much place at most; the end, which tells more, keeps two thirds of it."""
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415 - see above

    if cell_len(text) <= most:
        return text
    tail = text[-(2 * (most - 1) // 3 or 1) :]
    while cell_len(tail) > 2 * (most - 1) // 3:
        tail = tail[1:]
    return set_cell_size(text, max(most - 1 - cell_len(tail), 0)).rstrip() + "…" + tail


def _discard(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, or the interpreter would complain of it at exit."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, stream.fileno())
    os.close(descriptor)
