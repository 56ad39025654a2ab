"""This is `telemock export`: exchanges out of the database, into a file that other programs read.

It refuses to leave half a file, and to stop a server that writes to the database meanwhile.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import click

from telemock.cli.filter_options import filter_options
from telemock.cli.masking import Masking, values_option
from telemock.cli.options import PATH, config_option, db_option, option
from telemock.cli.output import output
from telemock.cli.own_files import is_export
from telemock.cli.progress import progress
from telemock.cli.target import Target, nothing_written, wrote
from telemock.errors import ExportError
from telemock.exports.delimited import Delimited
from telemock.exports.flat import FIRST, MAX_FIELDS, SOURCES, Columns, flat_line
from telemock.exports.har import har_lines
from telemock.exports.parquet import write_parquet
from telemock.exports.records import BODY_FIELDS, JSON_FIELDS, NAMES, cells, json_line
from telemock.exports.sheet import write_sheet
from telemock.store.engine import locate
from telemock.store.filters import Filters
from telemock.store.reader import Reader, open_reader
from telemock.store.rows import EXCHANGES, row_to_record, typed

_Rows = Iterable[Sequence[Any]]

FORMATS = ("jsonl", "csv", "xlsx", "har", "parquet")

# SQLite parses JSON in a tenth of the time that Python takes; people may have made anything of the columns.
# All blobs, and nothing else, are at least as large as an empty one.
_IS_SOUND = " AND ".join(f"({name} IS NULL OR ({name} < x'' AND json_valid({name})))" for name in JSON_FIELDS)


@click.command()
@option(
    "--output", "-o", "target", type=PATH, default="-", show_default=True, help="File to write; - is standard output."
)
@option(
    "--format",
    "format_name",
    type=click.Choice(FORMATS),
    help="What to write, when the end of the file's name does not tell; jsonl on standard output.",
)
@option(
    "--fields",
    type=click.Choice(("stored", "flat")),
    default="stored",
    show_default=True,
    help="Columns as stored, or one for each field of queries, bodies, headers, trailers and cookies.",
)
@filter_options
@values_option
@db_option
@config_option
def export(target: Path, format_name: str | None, fields: str, db: str, *, shows_values: bool, **filters: Any) -> None:
    """Write exchanges to a file for other programs.

    They come in the order they were stored. All filters that are given must hold. Times are UTC.
    """
    is_stdout = str(target) == "-"
    name = format_name or ("jsonl" if is_stdout else _format_of(target))
    if is_stdout and name in _FILE_WRITERS:
        raise click.UsageError(f"--format {name} needs a file; name one with --output.")
    if name == "har" and fields == "flat":
        raise click.UsageError("--fields flat cannot be used with --format har; it has no columns.")
    path = locate(db)
    masking = Masking(is_off=shows_values)
    with masking.told(), open_reader(path) as reader:
        exchanges = _Exchanges(reader, Filters(**filters), masking, is_quiet=is_stdout)
        if is_stdout:
            with output() as stream:
                if isinstance(stream, io.TextIOWrapper):
                    stream.reconfigure(encoding="utf-8")
                notes = _TEXT_WRITERS[name](exchanges, stream, is_flat=fields == "flat")
        else:
            with Target(target, "--output", is_export, path).draft() as draft:
                notes = _write(name, exchanges, draft, is_flat=fields == "flat")
                if not exchanges.count:
                    raise ExportError(nothing_written(target))
    for sentence in notes if exchanges.count else ["No exchange matches."]:
        click.echo(sentence, err=True)
    if not is_stdout:
        click.echo(wrote(target, exchanges.count), err=True)


class _Exchanges:
    """What is to be written: those that match and are stored by now.

    Attributes:
        masking: what masks them.
        count: how many there are; known once they were read.
    """

    def __init__(self, reader: Reader, filters: Filters, masking: Masking, *, is_quiet: bool) -> None:
        self.masking = masking
        self._reader = reader
        self._filters = filters
        self._is_quiet = is_quiet
        self._last_id = reader.last_id()
        self.count = 0

    @contextmanager
    def read(self, names: Sequence[str], what: str = "Writing") -> Iterator[_Rows]:
        """Give the values of each under names, the first of which is the id; their columns, or SQL of them."""
        columns = names[1:]
        rows = self._reader.values(
            self._filters,
            [typed(name) if name in NAMES else name for name in columns],
            large=[place for place, name in enumerate(columns) if name in BODY_FIELDS],
            last_id=self._last_id,
        )
        rows = self.masking.rows(self._counted(rows), names)
        if self._is_quiet:
            yield rows
            return
        with progress(what, self._last_id) as passing:
            yield passing(rows)

    def _counted(self, rows: _Rows) -> Iterator[Sequence[Any]]:
        self.count = 0
        for self.count, row in enumerate(rows, 1):
            yield row


class _Table(NamedTuple):
    """Columns of a format that has them, what is read for them, and how that becomes cells."""

    names: Sequence[str]
    read: Sequence[str]
    cells: Callable[[Sequence[Any]], Sequence[object]]
    notes: list[str]


def _format_of(target: Path) -> str:
    name = target.suffix[1:].lower()
    if name not in FORMATS:
        raise click.UsageError(
            f"{str(target)!r} does not end in {', '.join(f'.{each}' for each in FORMATS[:-1])} or .{FORMATS[-1]}; "
            "end it so, or say what to write with --format."
        )
    return name


def _write(name: str, exchanges: _Exchanges, draft: Path, *, is_flat: bool) -> list[str]:
    if name in _FILE_WRITERS:
        return _FILE_WRITERS[name](exchanges, draft, is_flat=is_flat)
    with draft.open("w", encoding="utf-8", newline="") as stream:
        return _TEXT_WRITERS[name](exchanges, stream, is_flat=is_flat)


def _write_jsonl(exchanges: _Exchanges, stream: TextIO, *, is_flat: bool) -> list[str]:
    with exchanges.read((*FIRST, *SOURCES) if is_flat else (*NAMES, _IS_SOUND)) as rows:
        stream.writelines(map(partial(flat_line, shown=exchanges.masking.value) if is_flat else _stored_line, rows))
    return []


def _stored_line(row: Sequence[Any]) -> str:
    return json_line(row[:-1], is_sound=bool(row[-1]))


def _write_har(exchanges: _Exchanges, stream: TextIO, *, is_flat: bool) -> list[str]:  # noqa: ARG001 - refused before
    with exchanges.read(NAMES) as rows:
        stream.writelines(har_lines(map(partial(row_to_record, EXCHANGES), rows)))
    return []


def _write_csv(exchanges: _Exchanges, stream: TextIO, *, is_flat: bool) -> list[str]:
    table = _table(exchanges, is_flat=is_flat)
    with exchanges.read(table.read) as rows:
        Delimited(stream, table.names).write(map(table.cells, rows))
    return table.notes


def _write_xlsx(exchanges: _Exchanges, draft: Path, *, is_flat: bool) -> list[str]:
    table = _table(exchanges, is_flat=is_flat)
    with exchanges.read(table.read) as rows:
        return [*table.notes, *write_sheet(draft, table.names, map(table.cells, rows))]


def _write_parquet(exchanges: _Exchanges, draft: Path, *, is_flat: bool) -> list[str]:
    table = _table(exchanges, is_flat=is_flat)
    with exchanges.read(table.read) as rows:
        write_parquet(draft, table.names, map(table.cells, rows) if is_flat else rows)
    return table.notes


def _table(exchanges: _Exchanges, *, is_flat: bool) -> _Table:
    if not is_flat:
        return _Table(NAMES, NAMES, cells, [])
    columns = Columns(exchanges.masking.value)
    with exchanges.read(("id", *SOURCES), "Looking for fields") as rows:
        for _, *sources in rows:
            columns.meet(sources)
    left_out = f"Left out: {columns.left_out} values of further fields; there are columns for {MAX_FIELDS}."
    return _Table((*FIRST, *columns.names), (*FIRST, *SOURCES), columns.cells, [left_out] if columns.left_out else [])


_TEXT_WRITERS = {"jsonl": _write_jsonl, "csv": _write_csv, "har": _write_har}
_FILE_WRITERS = {"xlsx": _write_xlsx, "parquet": _write_parquet}
