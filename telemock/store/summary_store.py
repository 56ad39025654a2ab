"""The summary of fields and instances in the database: read, added to page by page, and saved."""

import sqlite3
import time
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any

from telemock.store.engine import transaction
from telemock.store.summary import (
    FieldSummary,
    Summary,
    pack_constants,
    pack_sketch,
    unpack_constants,
    unpack_sketch,
)
from telemock.store.summary_page import NO_BODIES, BodyValues, Page, Span
from telemock.text import whole_characters

# Saved after so many exchanges or instances, or so many seconds, and when there are no more.
_SAVED_ROWS = 20_000
_SAVED_INSTANCES = 1000
_SAVED_SECONDS = 5.0

# Of longer bodies no fields are summed up.
MAX_BODY_BYTES = 256 * 2**10

# Where the bodies of a page are more, fewer of its exchanges are read together.
_PAGE_BYTES = 2**20

# Instances that are looked up together.
_LOOKED_UP = 500

_PAGE = """
    SELECT id, CAST(coalesce(received_at, '') AS TEXT), CAST(version AS TEXT), CAST(guid AS TEXT),
           CAST(coalesce(query, '') AS BLOB), CAST(coalesce(request_headers, '') AS BLOB),
           CAST(coalesce(request_trailers, '') AS BLOB), min(coalesce(length(request_body), 0), ?)
    FROM exchanges WHERE id > ? ORDER BY id LIMIT ?
"""

# All in one row: for each row SQLite would let the interpreter go and wait for it, which keeps the answers waiting.
_BODIES = """
    SELECT group_concat(id), group_concat(length(name)), CAST(group_concat(name, '') AS BLOB),
           group_concat(coalesce(length(value), -1)), CAST(group_concat(value, '') AS BLOB)
    FROM (
        SELECT e.id, CAST(b.fullkey AS BLOB) AS name, CAST(CAST(b.atom AS TEXT) AS BLOB) AS value
        FROM exchanges AS e,
             json_tree(CASE WHEN json_valid(CAST(e.request_body AS TEXT)) THEN CAST(e.request_body AS TEXT) END) AS b
        WHERE e.id BETWEEN ? AND ? AND length(e.request_body) <= ? AND b.type NOT IN ('object', 'array')
    )
"""

_FIELDS = """
    SELECT f.source, f.name, exchange_count, first_seen, last_seen, least, most, varies_per_instance, number, sketch
    FROM field_summary AS f LEFT JOIN field_sketches AS s ON s.source = f.source AND s.name = f.name
"""

_POSITION = "SELECT generation, last_id FROM progress WHERE task = 'summary'"

_KEEP_FIELD = """
    INSERT OR REPLACE INTO field_summary (
        source, name, exchange_count, first_seen, last_seen, value_count, least, most, varies_per_instance, number
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_MORE = """
    ON CONFLICT DO UPDATE SET exchange_count = exchange_count + excluded.exchange_count,
        first_seen = min(first_seen, excluded.first_seen), last_seen = max(last_seen, excluded.last_seen)
"""


class SummaryStore:
    """A summary in memory, which goes on from what the database holds; every connection gives texts as bytes."""

    def __init__(self) -> None:
        self._summary = Summary()
        self._generation = -1
        self._saved_id = 0
        self._last_id = 0
        self._count = 0
        self._saved_at = 0.0

    def advance(self, connection: sqlite3.Connection, most: int) -> bool:
        """Take a page of at most so many exchanges, and save what is due; tell whether there may be more."""
        position = connection.execute(_POSITION).fetchone()
        if position != (self._generation, self._saved_id):
            self._load(connection, *position)
        is_more = self._take(connection, most)
        is_due = (
            self._last_id - self._saved_id >= _SAVED_ROWS
            or len(self._summary.instances) >= _SAVED_INSTANCES
            or time.monotonic() - self._saved_at >= _SAVED_SECONDS
        )
        if is_due:
            self.save(connection)
        return is_more

    def _load(self, connection: sqlite3.Connection, generation: int, last_id: int) -> None:
        """Go on from what was saved: somebody else worked on it, or changed what it was about."""
        self._summary = Summary()
        self._generation, self._saved_id, self._last_id, self._count = generation, last_id, last_id, 0
        known: dict[tuple[bytes, bytes], FieldSummary] = {}
        for source, name, *rest in connection.execute(_FIELDS):
            known[source, name] = _known_field(rest)
        for source, name, value in connection.execute("SELECT source, name, value FROM field_values"):
            known[source, name].values.add(value)
        for (source, name), field in known.items():
            self._summary.restore((source.decode(), name.decode(errors="surrogatepass")), field)

    def _take(self, connection: sqlite3.Connection, most: int) -> bool:
        """Take a page of at most so many exchanges; tell whether there may be more."""
        rows = connection.execute(_PAGE, (MAX_BODY_BYTES, self._last_id, most)).fetchall()
        if not rows:
            return False
        totals = [*accumulate(row[-1] for row in rows)]
        count = bisect(totals, _PAGE_BYTES) or 1
        last_id = rows[count - 1][0]
        *columns, _ = zip(*sorted(rows[:count], key=itemgetter(1)), strict=True)
        page = Page(*columns)
        bodies = _read_bodies(connection, rows[0][0], last_id) if totals[count - 1] else NO_BODIES
        self._look_up(connection, {each for each in page.guids if each is not None})
        self._summary.take(page, bodies)
        self._last_id = last_id
        self._count += count
        return len(rows) == most or count < len(rows)

    def _look_up(self, connection: sqlite3.Connection, guids: set[bytes]) -> None:
        """Read what is known of instances that are not in memory."""
        constants = self._summary.constants
        wanted = [guid.decode(errors="surrogateescape") for guid in guids if guid not in constants]
        for start in range(0, len(wanted), _LOOKED_UP):
            some = wanted[start : start + _LOOKED_UP]
            places = ", ".join("?" * len(some))
            sql = f"SELECT guid, fields FROM instance_constants WHERE guid IN ({places})"  # noqa: S608 - question marks
            constants.update((guid, unpack_constants(packed)) for guid, packed in connection.execute(sql, some))

    def save(self, connection: sqlite3.Connection) -> None:
        """Write what is new, unless somebody else did or what it is about was changed meanwhile."""
        if self._last_id == self._saved_id:
            return
        try:
            with transaction(connection):
                if connection.execute(_POSITION).fetchone() == (self._generation, self._saved_id):
                    self._write(connection)
                    self._saved_id = self._last_id
                    self._count = 0
                    self._saved_at = time.monotonic()
                    self._summary.saved()
        except BaseException:
            self._generation = -1  # to be read anew
            raise

    def _write(self, connection: sqlite3.Connection) -> None:
        summary = self._summary
        changed = [(_texts(*key), summary.fields[key]) for key in summary.changed]
        connection.executemany(
            _KEEP_FIELD,
            [
                (
                    *key,
                    *_counted(field.span),
                    field.value_count,
                    *_texts(field.least, field.most),
                    field.varies,
                    field.number,
                )
                for key, field in changed
            ],
        )
        connection.executemany(
            "INSERT OR REPLACE INTO field_sketches VALUES (?, ?, ?)",
            [(*key, pack_sketch(field.sketch)) for key, field in changed if field.sketch is not None and field.is_new],
        )
        connection.executemany(
            "INSERT OR IGNORE INTO field_values VALUES (?, ?, ?)",
            [(*key, *_texts(value)) for key, field in changed for value in field.new_values],
        )
        connection.executemany(
            f"INSERT INTO field_versions VALUES (?, ?, ?, ?, ?, ?) {_MORE}",  # noqa: S608 - our own
            [
                (*key, *_texts(version), *_counted(span))
                for key, field in changed
                for version, span in field.versions.items()
            ],
        )
        connection.executemany(
            f"INSERT INTO instance_versions VALUES (?, ?, ?, ?, ?) {_MORE}",  # noqa: S608 - our own
            [(*_texts(*key), *_counted(span)) for key, span in summary.instances.items()],
        )
        is_constant = {field.number for field in summary.fields.values() if not field.varies}
        connection.executemany(
            "INSERT OR REPLACE INTO instance_constants VALUES (?, ?)",
            [(*_texts(guid), pack_constants(summary.constants[guid], is_constant)) for guid in summary.followed],
        )
        connection.execute(
            "UPDATE progress SET last_id = ?, exchange_count = exchange_count + ? WHERE task = 'summary'",
            (self._last_id, self._count),
        )


def _read_bodies(connection: sqlite3.Connection, first_id: int, last_id: int) -> BodyValues:
    ids, *columns = connection.execute(_BODIES, (first_id, last_id, MAX_BODY_BYTES)).fetchone()
    if ids is None:
        return NO_BODIES
    return BodyValues(_numbers(ids), _apart(*columns[:2]), _apart(*columns[2:]))


def _apart(lengths: bytes, texts: bytes | None) -> list[Any]:
    """Take texts apart that SQLite put together; a length of -1 is none."""
    values: list[Any] = []
    start = 0
    for length in _numbers(lengths):
        end = start + max(length, 0)
        values.append(None if texts is None or length < 0 else texts[start:end])
        start = end
    return values


def _numbers(octets: bytes) -> list[int]:
    return [*map(int, octets.split(b","))]


def _known_field(row: Sequence[Any]) -> FieldSummary:
    count, first, last, least, most, varies, number, sketch = row
    return FieldSummary(
        number, Span(count, first, last), least, most, varies=bool(varies), sketch=unpack_sketch(sketch)
    )


def _counted(span: Span) -> tuple[Any, ...]:
    return span.count, *_texts(span.first, span.last)


def _texts(*octets: bytes | str | None) -> list[str | None]:
    """Give texts that the database can hold; bytes that are no UTF-8 become U+FFFD."""
    return [
        whole_characters(each) if isinstance(each, str) else None if each is None else each.decode(errors="replace")
        for each in octets
    ]
