"""This is the journal: one line per exchange and per event of the server's own life, in order.

It refuses to fail or delay an answer: a thread of its own hands lines to the outputs, and when one does not
take them they are counted as lost, and the count is written once it does.
"""

import fcntl
import json
import logging
import os
import queue
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from telemock.analysis.masking import masked_params, masked_path, masked_read, masked_text
from telemock.exchange import Connection, Record, compact_json, utc_text_at
from telemock.files import open_for_appending
from telemock.hosts import authority, url_authority, url_path
from telemock.remembered import Remembered
from telemock.text import printable_json

Level = Literal["info", "warning", "error"]

# What may wait for a slow output before it is counted as lost, in characters.
MAX_WAITING = 16 * 2**20

# Hosts whose refused handshakes are told in one minute; the store keeps them all.
MAX_REFUSED_HOSTS = 100

_GATHER_SECONDS = 0.02

# How every line of JSON does.
_LINE_BEGINS = b'{"time":"'

_Event = Mapping[str, Any]
_Item = TypeVar("_Item")


class _Lines(NamedTuple):
    """Lines that go out together: all in one text for standard output, and each with its day (UTC) for files."""

    number: int
    shown: str
    filed: Sequence[tuple[str, str]]
    size: int  # in characters


_NO_LINES = _Lines(0, "", (), 0)


class Journal:
    """Writes to standard output, and to a folder when one is given.

    Args:
        log_format: of standard output; files are always JSON lines.
        folder: gets telemetry_YYYYMMDD.jsonl, one file for each UTC day.
        lock: file that processes lock while they write to the same standard output.
    """

    def __init__(
        self, log_format: Literal["text", "json"], folder: Path | None = None, lock: Path | None = None
    ) -> None:
        self._as_text = log_format == "text"
        self._folder = folder
        self._lock: int | None = None
        if lock is not None:
            self.share(lock)
        self._items: queue.SimpleQueue[_Lines | None] = queue.SimpleQueue()
        self._lost = 0
        self._put = 0  # counted by those who put, the next by the thread
        self._written = 0
        self._closing = threading.Event()
        self._output = None if sys.stdout is None else sys.stdout.fileno()
        self._file: tuple[str, int] | None = None
        self._folder_works = True
        self._refused: tuple[str, set[str]] = "", set()  # in which minute which hosts' certificates were
        self._cut: set[int] = set()  # descriptors that stopped in the middle of a line
        self._thread = threading.Thread(target=self._write_all, name="journal", daemon=True)
        self._thread.start()

    def share(self, lock: Path) -> None:
        """From now on hold the file's lock while writing to standard output, which is other processes' as well."""
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def records(self, records: Sequence[Record]) -> None:
        """Note stored exchanges and connections.

        Their lines are made here: the thread would fight the loop for the interpreter lock, at ten times the cost.
        """
        told = (
            [record for record in records if self._is_news(record)] if isinstance(records[0], Connection) else records
        )
        self._queue_up(self._lines(told, _time, record_text, record_json))

    def _is_news(self, record: Record) -> bool:
        """Tell whether a line is worth writing: a client that refuses TLS tries again and again."""
        if not isinstance(record, Connection) or record.kind != "tls_refused":
            return True
        minute = record.opened_at[:16]
        if self._refused[0] != minute:
            self._refused = minute, set()
        hosts = self._refused[1]
        if record.host in hosts or len(hosts) >= MAX_REFUSED_HOSTS:
            return False
        hosts.add(record.host)
        return True

    def event(self, event: str, message: str, *, level: Level = "info", **details: Any) -> None:
        """Note an event of the server's own life: a short name, a sentence, and named details."""
        self._queue_up(self._event_lines(event, message, level, details))

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Write what waits, for at most the given time."""
        self._closing.set()
        self._items.put(None)
        self._thread.join(timeout_seconds)

    def _event_lines(self, event: str, message: str, level: Level, details: Mapping[str, Any]) -> _Lines:
        now = utc_text_at(time.time_ns())
        said = {"time": now, "level": level, "event": event, "message": message, **details}
        said = {name: masked_text(value) if isinstance(value, str) else value for name, value in said.items()}
        return self._lines([said], itemgetter("time"), _event_text, compact_json)

    def _lines(
        self,
        items: Sequence[_Item],
        moment: Callable[[_Item], str],
        as_text: Callable[[_Item], str],
        as_json: Callable[[_Item], str],
    ) -> _Lines:
        """Make the lines of items; those that cannot be made are counted as lost."""
        filed: list[tuple[str, str]] = []
        try:
            if self._folder is not None or not self._as_text:
                filed = [(moment(item)[:10].replace("-", ""), printable_json(as_json(item)) + "\n") for item in items]
            texts = [as_text(item) + "\n" for item in items] if self._as_text else [line for _, line in filed]
        except Exception:  # noqa: BLE001 - no line is worth an answer
            self._lost += len(items)
            return _NO_LINES
        shown = "".join(texts)
        if self._folder is None:
            return _Lines(len(items), shown, (), len(shown))
        return _Lines(len(items), shown, filed, len(shown) + sum([len(line) for _, line in filed]))

    def _queue_up(self, lines: _Lines) -> None:
        if self._put - self._written + lines.size > MAX_WAITING:
            self._lost += lines.number
        else:
            self._put += lines.size
            self._items.put(lines)

    def _write_all(self) -> None:
        while (first := self._items.get()) is not None:
            waiting: list[_Lines | None] = [first]
            while not self._items.empty():
                waiting.append(self._items.get())
            ended = waiting[-1] is None
            lost = self._lost
            queued = [lines for lines in waiting if lines is not None]
            self._write(queued)
            self._written += sum(lines.size for lines in queued)
            if self._lost and (ended or self._lost == lost):  # nothing more comes, or the outputs take lines again
                lost, self._lost = self._lost, 0
                said = f"{lost} log lines were lost."
                self._write([self._event_lines("lines_lost", said, "warning", {"lines": lost})])
            if ended:
                return
            # Waking for every commit would take the interpreter lock from the loop each time.
            self._closing.wait(_GATHER_SECONDS)

    def _write(self, waiting: Sequence[_Lines]) -> None:
        self._write_output("".join([lines.shown for lines in waiting]), sum(lines.number for lines in waiting))
        if self._folder is not None:
            self._write_folder(self._folder, list(chain.from_iterable([lines.filed for lines in waiting])))

    def _write_output(self, text: str, count: int) -> None:
        if self._output is None:
            return
        try:
            if self._lock is not None:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            try:
                self._write_fully(self._output, text)
            finally:
                if self._lock is not None:
                    fcntl.flock(self._lock, fcntl.LOCK_UN)
        except BrokenPipeError:
            self._output = None  # nobody reads any more; the store still keeps everything
        except OSError:
            self._lost += count

    def _write_folder(self, folder: Path, lines: Sequence[tuple[str, str]]) -> None:
        try:
            if self._file is not None and not os.fstat(self._file[1]).st_nlink:
                self._close_file()  # somebody removed it
            for day, group in groupby(lines, itemgetter(0)):
                self._write_fully(self._descriptor(folder, day), "".join([line for _, line in group]))
        except OSError as error:
            if self._folder_works:
                self._folder_works = False
                self.event("log_dir_failed", f"Cannot write to {folder}: {error.strerror}.", level="error")
            self._lost += len(lines)
        else:
            self._folder_works = True

    def _descriptor(self, folder: Path, day: str) -> int:
        if self._file is None or self._file[0] != day:
            self._close_file()
            path = folder / f"telemetry_{day}.jsonl"
            descriptor = open_for_appending(path, _LINE_BEGINS)
            self._file = (day, descriptor)
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                self._cut.add(descriptor)
        return self._file[1]

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file[1])
            self._cut.discard(self._file[1])
            self._file = None

    def _write_fully(self, descriptor: int, text: str) -> None:
        """Write all; a line that was cut short is ended first, so that it swallows no other."""
        data = (("\n" if descriptor in self._cut else "") + text).encode("utf-8", "backslashreplace")
        rest = memoryview(data)
        try:
            while rest:
                try:
                    rest = rest[os.write(descriptor, rest) :]
                except BlockingIOError:
                    select.select([], [descriptor], [])
        finally:
            written = data[: len(data) - len(rest)]
            if written.endswith(b"\n"):
                self._cut.discard(descriptor)
            elif written:
                self._cut.add(descriptor)


class JournalHandler(logging.Handler):
    """Takes what libraries say through `logging` into the journal."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        """Note a log record as an event, with its traceback."""
        details: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[0] is not None:
            details["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit are the caller's mistake, and no reason to fail
            message = str(record.msg)
        self._journal.event("log", message, level=level, **details)


def record_json(record: Record) -> str:
    """Write a record as one JSON object on one line."""
    if isinstance(record, Connection):
        return printable_json(compact_json(_connection(record)))
    quote = _quote
    version, guid, env, session_id, problems = masked_read(
        record.version, record.guid, record.env, record.session_id, record.problems
    )
    optional = "".join(
        [
            f',"{name}":{_quote(value)}'
            for name, value in (
                ("profile", record.profile),
                ("version", version),
                ("guid", guid),
                ("env", env),
                ("session_id", session_id),
                ("client_time", record.client_time),
            )
            if value is not None
        ]
    )
    return printable_json(
        f'{{"time":"{record.received_at}","level":"info","event":"exchange","method":{quote(record.method)},'
        f'"scheme":"{record.scheme}","host":{quote(record.host)},"port":{record.port or "null"},'
        f'"path":{quote(masked_path(record.path))},"status":{record.status},"outcome":"{record.outcome}","via":"{record.via}",'
        f'"client":{quote(record.client)},"latency_ms":{record.latency_ms},'
        f'"body_bytes":{len(record.request_body or b"")}{optional},'
        f'"params":{masked_params(record.params)},"problems":{problems or "[]"}}}'
    )


def record_text(record: Record) -> str:
    """Write a record as one readable line; control characters are escaped."""
    if isinstance(record, Connection):
        where = authority(record.host, record.port)
        return _printable(
            " ".join(filter(None, (record.opened_at, record.kind, record.client, where, masked_text(record.detail))))
        )
    asked = _asked[record.method, record.scheme, record.host, record.port, record.path]
    said = _said[record.guid, record.version, record.problems]
    answered = f"{record.status} {record.outcome} {record.latency_ms:.3f} ms"
    return f"{record.received_at} {asked} {answered} {record.client}{said}"


def _asked_text(asked: tuple[str, str, str, int | None, str]) -> str:
    method, scheme, host, port, path = asked
    return _printable(f"{method} {url_authority(scheme, host, port)}{url_path(masked_path(path))}")


def _said_text(said: tuple[str | None, str | None, str | None]) -> str:
    guid, version, problems = said
    version, guid, _, _, problems = masked_read(version, guid, None, None, problems)
    named = zip(("guid", "version", "problems"), (guid, version, problems), strict=True)
    return _printable("".join([f" {name}={text}" for name, text in named if text]))


# Products ask the same and say the same again and again.
_asked = Remembered(_asked_text, most=512, longest=512)
_said = Remembered(_said_text, most=512, longest=512)


def _event_text(event: _Event) -> str:
    level = "" if event["level"] == "info" else f"{event['level']}: "
    lines = [event["message"], *str(event.get("traceback", "")).splitlines()]
    return f"{event['time']} {level}" + "\n".join(map(_printable, lines))


_quote: Callable[[str], str] = json.JSONEncoder(ensure_ascii=False).encode


def _connection(record: Connection) -> dict[str, Any]:
    return {
        "time": record.opened_at,
        "level": "info" if record.kind in ("tunnel", "upstream") else "warning",
        "event": "connection",
        "kind": record.kind,
        "host": record.host,
        "port": record.port,
        "client": record.client,
        "bytes_up": record.bytes_up,
        "bytes_down": record.bytes_down,
        "duration_ms": record.duration_ms,
        "detail": masked_text(record.detail),
    }


def _time(record: Record) -> str:
    return record.opened_at if isinstance(record, Connection) else record.received_at


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
