"""This is the one way out of the file: filters become a query, rows become records, page by page.

It refuses to write, and holds no transaction longer than a page, so that it never keeps a server's
write-ahead log from starting anew. It is plain `sqlite3`, because a command that asks for ten records
is done before SQLAlchemy would be imported; on an event loop, call it through `asyncio.to_thread`.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar

from telemock.errors import StoreForeign, StoreUnavailable
from telemock.exchange import Exchange, Record
from telemock.store.engine import ReadOnlyFile
from telemock.store.filters import Filters, TableFilters, contains, driving_column, filter_sql
from telemock.store.learnt import Extent, Kept
from telemock.store.rows import EXCHANGES, Table, row_to_record
from telemock.store.statement import Statement, run_statement

# A page is what one short transaction reads: this many rows, or fewer large ones.
PAGE_ROWS = 500
PAGE_BYTES = 8 * 2**20

# And this many ids are looked through for it at first; that many make transactions that are neither short nor long.
_FIRST_SPAN_IDS = 10_000
_SHORT_SECONDS = 0.05
_LONG_SECONDS = 0.2

# SQLite's interpreter looks for Ctrl-C every so many of its steps.
_STEPS = 1_000_000

_R = TypeVar("_R", bound=Record)

_Row = Sequence[Any]

# A condition and its values.
_Bound = tuple[str, tuple[object, ...]]


class _Span:
    """How many ids are looked through in one transaction, so that it is short: where few match, each page is many rows.

    Attributes:
        ids: for the next transaction.
    """

    def __init__(self) -> None:
        self.ids = _FIRST_SPAN_IDS

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the time of a transaction; the next one is longer when it was short, and shorter when it was long."""
        started = time.monotonic()
        yield
        took = time.monotonic() - started
        if took > _LONG_SECONDS:
            self.ids = max(self.ids // 4, PAGE_ROWS)
        elif took < _SHORT_SECONDS:
            self.ids *= 2


class _Bounds:
    """Between which times records are looked for, in the order of these: what was found already is left out.

    Args:
        filters: which records.
        oldest: oldest first, else newest first.

    Attributes:
        order: SQL of it.
    """

    def __init__(self, filters: TableFilters[Any], *, oldest: bool) -> None:
        time = filters.table.time
        since: _Bound = (f"{time} >= ?", (filters.since,))
        until: _Bound = (f"{time} < ?", (filters.until,))
        self._begin, self._end = (since, until) if oldest else (until, since)
        direction, beyond, up_to = ("ASC", ">", "<=") if oldest else ("DESC", "<", ">=")
        self._beyond, self._up_to = f"({time}, id) {beyond} (?, ?)", f"({time}, id) {up_to} (?, ?)"
        self.order = f"ORDER BY {time} {direction}, id {direction}"

    def sql(self, edge: tuple[object, int] | None = None) -> tuple[list[str], list[object]]:
        """Write conditions and their values: up to an edge, or as far as there are records."""
        # An edge is a bound tighter than the one it replaces; SQLite would start at either.
        used = [self._begin, self._end if edge is None else (self._up_to, edge)]
        given = [(condition, values) for condition, values in used if values != (None,)]
        return [condition for condition, _ in given], [*chain.from_iterable(values for _, values in given)]

    def move(self, last: tuple[object, int]) -> None:
        """Go on behind a record."""
        self._begin = (self._beyond, last)


class Reader:
    """Reads one database; made by `open_reader`.

    All methods raise StoreUnavailable when the file cannot be read, and StoreForeign when it has another schema.
    """

    def __init__(self, path: Path, file: ReadOnlyFile) -> None:
        self._path = path
        self._file = file
        self._sources: dict[str, str] = {}

    def newest(
        self, filters: TableFilters[_R], *, limit: int = 0, oldest: bool = False, last_id: int | None = None
    ) -> Iterator[_R]:
        """Give matching records newest first (or oldest first), by time received or opened.

        Args:
            filters: which.
            limit: at most so many; 0 is all.
            oldest: oldest first.
            last_id: none that was stored after this one.
        """
        table: Table[_R] = filters.table
        conditions, values = filter_sql(filters, order=table.time)
        is_sparse = len(conditions) > (driving_column(filters) is not None)
        if last_id is not None:
            conditions.append("+id <= ?")
            values.append(last_id)
        select, large = [*table.typed_columns, table.time], table.large_places
        bounds, span = _Bounds(filters, oldest=oldest), _Span()
        given, more = 0, True
        while more and not (limit and given >= limit):
            with span.timed():
                edge = self._edge(filters, bounds, span.ids) if is_sparse else None
                within, times = bounds.sql(edge)
                rows, is_full = self._page(
                    table,
                    [*within, *conditions],
                    [*times, *values],
                    bounds.order,
                    min(PAGE_ROWS, limit - given) if limit else PAGE_ROWS,
                    select=select,
                    large=large,
                )
            for *row, _ in rows:
                yield row_to_record(table, row)
            last = (rows[-1][-1], rows[-1][0]) if is_full else edge
            if last is not None:
                bounds.move(last)
            more = last is not None
            given += len(rows)

    def after(self, filters: TableFilters[_R], first_id: int, last_id: int) -> Iterator[_R]:
        """Give matching records stored after `first_id` up to `last_id`, in the order they were stored."""
        table: Table[_R] = filters.table
        rows = self.values(filters, table.typed_columns, large=table.large_places, first_id=first_id, last_id=last_id)
        for row in rows:
            yield row_to_record(table, row)

    def values(
        self,
        filters: TableFilters[Any],
        expressions: Sequence[str],
        *,
        large: Sequence[int] = (),
        first_id: int = 0,
        last_id: int | None = None,
    ) -> Iterator[_Row]:
        """Give the id and some columns of matching records, in the order they were stored.

        Args:
            filters: which.
            expressions: columns, or SQL of them; never anything that was captured or typed.
            large: places, among the expressions, of those that may hold much.
            first_id: only those stored after this one.
            last_id: none that was stored after this one.
        """
        conditions, values = filter_sql(filters, order="id", times=True)
        if last_id is None:
            last_id = self.last_id(filters.table)
        span = _Span()
        while first_id < last_id:
            until = min(first_id + span.ids, last_id)
            with span.timed():
                rows, more = self._page(
                    filters.table,
                    ["id > ?", "id <= ?", *conditions],
                    [first_id, until, *values],
                    "ORDER BY id",
                    PAGE_ROWS,
                    select=expressions,
                    large=large,
                )
            yield from rows
            first_id = rows[-1][0] if more else until

    def progress(self, task: Literal["summary", "ports"]) -> tuple[int, int]:
        """Give the id up to which what is filled in behind the answers is, and the one up to which it will be."""
        sql = (
            "SELECT last_id, coalesce(until_id, (SELECT coalesce(max(id), 0) FROM exchanges))"
            " FROM progress WHERE task = ?"
        )
        try:
            rows, _ = self._fetch(sql, (task,))
        except StoreForeign:
            return 0, 0  # of an older schema
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)

    def last_id(self, table: Table[Any] = EXCHANGES) -> int:
        """Give the id of the record stored last in a table; 0 when there is none."""
        sql = f"SELECT coalesce(max(id), 0) FROM {table.name}"  # noqa: S608 - own names
        return int(self._fetch(sql, ())[0][0][0])

    def extent(self) -> Extent:
        """Tell how many exchanges there are."""
        sql = "SELECT coalesce((SELECT max(id) FROM exchanges), 0), (SELECT count(*) FROM exchanges)"
        return Extent(*self._fetch(sql, ())[0][0])  # the smallest index tells: half a second a million from a cold disk

    def learnt(self, key: str, extent: Extent) -> Kept | None:
        """Give what was kept under a key, if it is about the exchanges that are there, or the first ones of them.

        Args:
            key: what it is about.
            extent: of what is there now.
        """
        try:
            rows, _ = self._fetch("SELECT last_id, exchange_count, state FROM learnt WHERE key = ?", (key,))
        except StoreForeign:
            return None  # of an older schema
        if not rows:
            return None
        kept = Kept(Extent(*rows[0][:2]), rows[0][2])
        later_count = self._count_ids(kept.extent.last_id, extent.last_id)
        return kept if kept.extent.exchange_count + later_count == extent.exchange_count else None

    def _count_ids(self, first_id: int, last_id: int) -> int:
        """Count exchanges stored after `first_id` up to `last_id`."""
        span, total = _Span(), 0
        while first_id < last_id:
            until = min(first_id + span.ids, last_id)
            with span.timed():
                rows, _ = self._fetch("SELECT count(*) FROM exchanges WHERE id > ? AND id <= ?", (first_id, until))
            total += int(rows[0][0])
            first_id = until
        return total

    def versions(self) -> list[tuple[str, int]]:
        """Give the versions of products, in the order they were first seen, with how many exchanges each has."""
        seen: list[_Row] = []
        sql = "SELECT version, received_at FROM exchanges WHERE version {} ORDER BY version, received_at LIMIT 1"
        rows, _ = self._fetch(sql.format("IS NOT NULL"), ())
        while rows:
            seen += rows
            rows, _ = self._fetch(sql.format("> ?"), rows[0][:1])
        seen.sort(key=lambda each: str(each[1]))
        return [(str(version), self.count(Filters(version=version))) for version, _ in seen]

    def count(self, filters: TableFilters[Any]) -> int:
        """Count matching records."""
        if filters.grep is not None or (isinstance(filters, Filters) and filters.params):
            return sum(1 for _ in self.values(filters, ()))  # no index helps, and each row takes its time
        conditions, values = filter_sql(filters, order=filters.table.time)
        bounds, span = _Bounds(filters, oldest=True), _Span()
        total = 0
        while True:
            with span.timed():
                edge = self._edge(filters, bounds, span.ids)
                within, times = bounds.sql(edge)
                where = _where([*within, *conditions])
                sql = f"SELECT count(*) FROM {self._source(filters.table)}{where}"  # noqa: S608 - own names
                total += int(self._fetch(sql, [*times, *values])[0][0][0])
            if edge is None:
                return total
            bounds.move(edge)

    def _edge(self, filters: TableFilters[Any], bounds: "_Bounds", number: int) -> tuple[object, int] | None:
        """Give time and id of the record of that number within bounds; None when there are fewer. An index tells."""
        conditions, values = bounds.sql()
        column = driving_column(filters)
        if column is not None:
            conditions.append(f"{column} = ?")
            values.append(getattr(filters, column))
        names = f"{filters.table.time}, id FROM {filters.table.name}"
        sql = f"SELECT {names}{_where(conditions)} {bounds.order} LIMIT 1 OFFSET ?"
        rows, _ = self._fetch(sql, [*values, number - 1])
        return (rows[0][0], rows[0][1]) if rows else None

    def exchange(self, exchange_id: int) -> Exchange | None:
        """Give one exchange, of the types it was stored with, whatever people put there; None when there is none."""
        rows, _ = self._page(EXCHANGES, ["id = ?"], [exchange_id], "", 1, select=EXCHANGES.typed_columns)
        return row_to_record(EXCHANGES, rows[0]) if rows else None

    @contextmanager
    def statement(self, sql: str, seconds: float) -> Iterator[Statement]:
        """Prepare a statement that somebody wrote; nothing else can be read for the length of the block.

        It is one transaction: a server's write-ahead log cannot start anew before it ends.

        Raises:
            InvalidSetting: it is not one statement that only reads, or SQLite does not understand it.
            StoreUnavailable: it took longer, or a server started or ended meanwhile.
        """
        try:
            with run_statement(self._file.connection, sql, seconds) as statement:
                yield statement
        finally:
            _prepare(self._file.connection)
        if not self._file.is_current():
            raise StoreUnavailable(
                f"{self._path} changed under the statement, as a server started or ended; run it again."
            )

    def _page(
        self,
        table: Table[Any],
        conditions: list[str],
        values: list[object],
        order: str,
        most: int,
        *,
        select: Sequence[str],
        large: Sequence[int] = (),
    ) -> tuple[list[_Row], bool]:
        """Read a page of ids with what is selected; of that, some places may hold much."""
        names = ", ".join(("id", *select))
        sql = f"SELECT {names} FROM {self._source(table)}{_where(conditions)} {order} LIMIT ?"  # noqa: S608 - own names
        return self._fetch(sql, [*values, most], [place + 1 for place in large])

    def _source(self, table: Table[Any]) -> str:
        """Write what to select from: columns that a file of an older schema has not are NULL."""
        source = self._sources.get(table.name)
        if source is None:
            there = {name for (name,) in self._fetch("SELECT name FROM pragma_table_info(?)", (table.name,))[0]}
            absent = [f"NULL AS {column}" for column in table.later if there and column not in there]
            source = f"(SELECT *, {', '.join(absent)} FROM {table.name})" if absent else table.name  # noqa: S608 - own names
            self._sources[table.name] = source
        return source

    def _fetch(self, sql: str, values: Sequence[object], large: Sequence[int] = ()) -> tuple[list[_Row], bool]:
        """Give rows, and whether there may be more behind them."""
        try:
            return self._file.read(partial(_read_page, sql=sql, values=values, large=large))
        except sqlite3.Error as error:
            if str(error) in ("interrupted", "user-defined function raised exception"):
                raise KeyboardInterrupt from None  # neither of our two callbacks raises anything else
            if str(error).startswith("no such "):
                raise StoreForeign(
                    f"{self._path} has not the schema of this telemock ({error}); start `telemock serve` with it "
                    "once, or use the telemock that made it."
                ) from error
            raise StoreUnavailable(f"The database {self._path} cannot be read: {error}.") from error


@contextmanager
def open_reader(path: Path) -> Iterator[Reader]:
    """Open a database read-only for the length of a block.

    Raises:
        StoreMissing: there is none.
        StoreForeign: it is not telemock's.
        StoreUnavailable: it cannot be opened.
    """
    with closing(ReadOnlyFile(path, _prepare)) as file:
        yield Reader(path, file)


def _read_page(
    connection: sqlite3.Connection, sql: str, values: Sequence[object], large: Sequence[int]
) -> tuple[list[_Row], bool]:
    rows: list[_Row] = []
    size = 0
    with closing(connection.execute(sql, values)) as cursor:
        for row in cursor:
            rows.append(row)
            size += sum([len(row[place] or b"") for place in large])
            if size > PAGE_BYTES:
                return rows, True
    return rows, len(rows) >= PAGE_ROWS


def _prepare(connection: sqlite3.Connection) -> None:
    connection.create_function("telemock_contains", 7, contains, deterministic=True)
    connection.set_progress_handler(_go_on, _STEPS)


def _go_on() -> int:
    """Do nothing, in Python, where a waiting Ctrl-C is raised."""
    return 0


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
