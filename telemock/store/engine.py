"""This is the only place that knows how SQLite is opened, tuned and told; dialect differences end here.

It refuses to know what an exchange means.
"""

import os
import shlex
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from telemock.errors import InvalidSetting, StoreForeign, StoreMissing, StoreUnavailable
from telemock.settings import Durability

if TYPE_CHECKING:
    # `telemock query` reads without them: they take three times as long to import as a query to run.
    import aiosqlite
    from sqlalchemy.engine import Connection as SqlConnection

_T = TypeVar("_T")

# PRAGMA application_id: "TMK2" in ASCII; `file telemetry.db` shows it.
APPLICATION_ID = 0x544D4B32

# That of files before schema 0004, "TMCK". Whoever knows only this one, and looks at no schema, refuses newer files.
_FIRST_APPLICATION_ID = 0x544D434B

# The revision of migrations/versions that this code reads and writes.
HEAD = "0005"

_OURS = (APPLICATION_ID, _FIRST_APPLICATION_ID)

# Less is left free beside a database for the commits that answers wait for.
LEAST_FREE_BYTES = 64 * 2**20

# Rows of one ping fill a page of this size with the least waste; see README, "Size on disk".
PAGE_BYTES = 16384

# A log that starts anew is cut to this size. It is seldom longer; cutting takes longer than a hundred commits.
LOG_LIMIT_BYTES = 32 * 2**20

_OTHERS = stat.S_IRWXG | stat.S_IRWXO

# How long one attempt waits for another process's lock; the writer retries, so that answers can time out.
BUSY_SECONDS = 0.25

# How long opening waits for a process that reads the log of one that was killed.
_OPENING_SECONDS = 5

# Statements for every batch size stay prepared: preparing one for 32 rows costs as much as running it.
_CACHED_STATEMENTS = 512

# NORMAL survives the death of the process, FULL also syncs every commit (https://sqlite.org/pragma.html).
_SYNCHRONOUS: dict[Durability, str] = {"commit": "NORMAL", "fsync": "FULL", "async": "NORMAL"}


def locate(db: str) -> Path:
    """Give the absolute path of the database that `--db` names: a path, or an `sqlite:` URL.

    Raises:
        InvalidSetting: a URL of another database, without a path, or with options.
    """
    if "://" not in db:
        if not db or "\0" in db:
            raise InvalidSetting(f"{db!r} is not a database path; name a file, such as telemetry.db.")
        return Path(db).absolute()
    scheme, _, rest = db.partition("://")
    location, question, _ = rest.partition("?")
    if scheme.partition("+")[0] != "sqlite" or question or not (location.startswith("/") or not location):
        raise InvalidSetting(
            f"{scheme}:// is not a database that telemock can use here; write a path, or sqlite:///relative.db, "
            "or sqlite:////absolute.db."
        )
    if location[1:] in ("", ":memory:"):
        raise InvalidSetting(f"{db!r} names no file; telemock keeps exchanges in a file, such as telemetry.db.")
    return Path(location[1:]).absolute()


def check_is_ours(path: Path) -> None:
    """Make sure that a file that exists is empty or was made by telemock; it is opened read-only.

    Raises:
        StoreForeign: it is something else; the file was not touched.
    """
    _check_is_file(path)
    with path.open("rb") as file:
        head = file.read(100)
    if head and not is_our_head(head):
        raise StoreForeign(f"{path} is not a telemock database and was left untouched; choose another file with --db.")


def _check_is_file(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise StoreForeign(f"{path} is no file that could hold a database; choose another with --db.")


def make_private(path: Path) -> None:
    """Make an empty file for its owner only, whatever the umask, where there is none.

    SQLite gives the files beside a database the mode that the database has.

    Raises:
        StoreForeign: something is there that is no file.
        OSError: it cannot be made.
    """
    if path.exists():
        _check_is_file(path)
    else:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def exposed_files(path: Path) -> str:
    """Say, with the command that mends it, which files of a database others may read or change; empty when none."""
    files = [each for each in (path, write_ahead_log(path), index_path(path)) if _mode(each) & _OTHERS]
    if not files:
        return ""
    names = " ".join(shlex.quote(str(each)) for each in files)
    return (
        f"Others may read or change {path} (mode {_mode(path):04o}), in which what was captured stands whole; "
        f"type chmod 600 {names}"
    )


def _mode(path: Path) -> int:
    """Give the permission bits; none where there is nothing."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0


def is_our_head(head: bytes) -> bool:
    """Tell whether a file that begins with these 100 bytes is a database that telemock made."""
    application_id = int.from_bytes(head[68:72], "big")  # https://sqlite.org/fileformat.html, offset 68
    return head.startswith(b"SQLite format 3\0") and application_id in _OURS


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done in the block, or nothing of it; nobody else writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def open_for_writing(path: Path, durability: Durability, *, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """Open in autocommit mode: each statement is one transaction; checkpoints are the caller's business.

    Args:
        path: a migrated database.
        durability: what a commit survives.
        busy_seconds: how long a statement waits for another process's lock.
    """
    connection = sqlite3.connect(
        _uri(path, "mode=rw"),
        uri=True,
        isolation_level=None,
        timeout=_OPENING_SECONDS,
        cached_statements=_CACHED_STATEMENTS,
        check_same_thread=False,
    )
    try:
        connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_LIMIT_BYTES}")
        # Opens the log now: later, its path may lead to another file.
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        connection.execute(f"PRAGMA busy_timeout = {busy_seconds * 1000:.0f}")
    except BaseException:
        connection.close()
        raise
    return connection


async def open_beside(path: Path, durability: Durability) -> "aiosqlite.Connection":
    """Open as `open_for_writing` does, with a thread of its own that waits for locks and disks."""
    import aiosqlite  # noqa: PLC0415 - only who writes needs it

    return await aiosqlite.Connection(lambda: open_for_writing(path, durability), iter_chunk_size=64)


class ReadOnlyFile:
    """A database open for reading, which another process may serve meanwhile, on a disk that may be read-only.

    Nothing is left beside the file: SQLite would make a -wal and a -shm for a database that nobody has open,
    and a reader may not remove them. Such a database is read as immutable instead, and whatever was
    read is read anew when it turns out that a server started under way.

    Any thread may use it, one at a time.

    Args:
        path: a migrated database.
        prepare: is given every connection that gets opened.

    Raises:
        StoreMissing: there is no such file.
        StoreForeign: it is no telemock database.
        StoreUnavailable: it cannot be opened.
    """

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self._path = path
        self._prepare = prepare
        self._state: object = None
        self._connection = self._open()

    def read(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        """Give what a query gives; it may be called more than once.

        Raises:
            sqlite3.Error: as the query does.
        """
        while True:
            try:
                result = query(self._connection)
            except sqlite3.DatabaseError:
                if self.is_current():
                    raise
            else:
                if self.is_current():
                    return result
            self._connection.close()
            self._connection = self._open()

    @property
    def connection(self) -> sqlite3.Connection:
        """Give the connection, for what is too long to be read twice; `is_current` tells whether it was right."""
        return self._connection

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def is_current(self) -> bool:
        """Tell whether what was read since it was opened is what the file holds."""
        try:
            return self._state is None or self._state == _file_state(self._path)
        except OSError:
            return False  # removed; opening it anew says so

    def _open(self) -> sqlite3.Connection:
        try:
            if self._path.is_dir():
                raise StoreMissing(f"{self._path} is a folder; name the database in it.")
            if not self._path.exists():
                raise StoreMissing(
                    f"There is no database at {self._path}; start `telemock serve` there, or name one with --db."
                )
            check_is_ours(self._path)
            self._state = _file_state(self._path)
            connection = _open_immutable(self._path) if self._state else _open_shared(self._path)
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise StoreUnavailable(f"The database {self._path} cannot be read: {reason}.") from error
        self._prepare(connection)
        return connection


@contextmanager
def migrating_connection(path: Path) -> "Iterator[SqlConnection]":
    """Give a connection inside one write transaction that also covers DDL; committed at the end.

    A new file gets its page size, its write-ahead log and its application id first, which no
    transaction can hold.
    """
    from sqlalchemy.engine import create_engine  # noqa: PLC0415 - only who migrates needs it

    fresh = not path.exists() or path.stat().st_size == 0
    engine = create_engine("sqlite://", creator=lambda: _plain_connection(path, fresh=fresh))
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()


def _plain_connection(path: Path, *, fresh: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(_uri(path, "mode=rwc"), uri=True, isolation_level=None, timeout=10)
    try:
        if fresh:
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        # First of all: a start that ends half-way must leave a file that the next one takes for ours, and that no
        # older telemock takes for its own.
        if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA journal_mode = WAL")
        # What is asked is the file, not its log; somebody who reads may keep it from being written for a while.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except BaseException:
        connection.close()
        raise
    return connection


def _file_state(path: Path) -> object:
    """Tell one state of a write-ahead database that nobody has open from another; None when it may be open."""
    with path.open("rb") as file:
        journal_mode = file.read(20)[18:19]  # https://sqlite.org/fileformat.html, offset 18: 2 is write-ahead
    if journal_mode != b"\x02" or write_ahead_log(path).exists():
        return None
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _open_immutable(path: Path) -> sqlite3.Connection:
    return _connect_read_only(path, "immutable=1")


def _open_shared(path: Path) -> sqlite3.Connection:
    """Open beside a server, or after one that was killed.

    On a read-only disk the index of the log, -shm, cannot be made; without locks and for one connection
    alone, SQLite keeps it in memory (https://sqlite.org/wal.html#noshm).
    """
    connection = _connect_read_only(path, "cache=private")
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        connection = _connect_read_only(path, "vfs=unix-none")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    return connection


def _connect_read_only(path: Path, option: str) -> sqlite3.Connection:
    return sqlite3.connect(
        _uri(path, f"mode=ro&{option}"), uri=True, isolation_level=None, timeout=5, check_same_thread=False
    )


def revision(connection: sqlite3.Connection) -> str | None:
    """Read the schema revision that Alembic noted; None for an empty database.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
        return None
    return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def write_ahead_log(path: Path) -> Path:
    """Give the path of the log that goes with a database; it need not be there."""
    return path.with_name(path.name + "-wal")


def index_path(path: Path) -> Path:
    """Give the path of the index that goes with a database's log."""
    return path.with_name(path.name + "-shm")


def _uri(path: Path, options: str) -> str:
    """Write a path as an SQLite URI filename (https://sqlite.org/uri.html)."""
    return f"file:{quote(str(path))}?{options}"
