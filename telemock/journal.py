"""This is the journal: one line per exchange and per event of the server's own life, in order.

It refuses to fail or delay an answer: lines are written by a thread of its own, and when an output does
not take them they are counted as lost, and the count is written once it does.
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
from pathlib import Path
from typing import Any, Literal

from telemock.exchange import Connection, Exchange, Record, compact_json, utc_text_at

Level = Literal["info", "warning", "error"]

# What may wait for a slow output before it is counted as lost: lines, and the bodies they hold on to.
MAX_WAITING_BYTES = 64 * 2**20
_LINE_BYTES = 4096

_GATHER_SECONDS = 0.02

_Event = Mapping[str, Any]


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
        self._items: queue.SimpleQueue[tuple[int, Sequence[Record] | _Event] | None] = queue.SimpleQueue()
        self._lost = 0
        self._put_bytes = 0  # counted by those who put, the next by the thread
        self._written_bytes = 0
        self._closing = threading.Event()
        self._output = None if sys.stdout is None else sys.stdout.fileno()
        self._file: tuple[str, int] | None = None
        self._folder_works = True
        self._thread = threading.Thread(target=self._write_all, name="journal", daemon=True)
        self._thread.start()

    def share(self, lock: Path) -> None:
        """From now on hold the file's lock while writing to standard output, which is other processes' as well."""
        self._lock = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def records(self, records: Sequence[Record]) -> None:
        """Note stored exchanges and connections."""
        self._put(records, len(records))

    def event(self, event: str, message: str, *, level: Level = "info", **details: Any) -> None:
        """Note an event of the server's own life: a short name, a sentence, and named details."""
        self._put(_event(event, message, level, details), 1)

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Write what waits, for at most the given time."""
        self._closing.set()
        self._items.put(None)
        self._thread.join(timeout_seconds)

    def _put(self, item: Sequence[Record] | _Event, lines: int) -> None:
        weight = lines * _LINE_BYTES
        if not isinstance(item, Mapping):
            weight += sum(len(record.request_body or b"") for record in item if isinstance(record, Exchange))
        if self._put_bytes - self._written_bytes + weight > MAX_WAITING_BYTES:
            self._lost += lines
        else:
            self._put_bytes += weight
            self._items.put((weight, item))

    def _write_all(self) -> None:
        while (first := self._items.get()) is not None:
            waiting: list[tuple[int, Sequence[Record] | _Event] | None] = [first]
            while not self._items.empty():
                waiting.append(self._items.get())
            ended = waiting[-1] is None
            lost = self._lost
            self._write_safely([item for item in waiting if item is not None])
            if self._lost and (ended or self._lost == lost):  # nothing more comes, or the outputs take lines again
                lost, self._lost = self._lost, 0
                said = _event("lines_lost", f"{lost} log lines were lost.", "warning", {"lines": lost})
                self._write_safely([(0, said)])
            if ended:
                return
            # Waking for every commit would take the interpreter lock from the loop each time.
            self._closing.wait(_GATHER_SECONDS)

    def _write_safely(self, waiting: Sequence[tuple[int, Sequence[Record] | _Event]]) -> None:
        """Write, whatever happens: a line that cannot be written must not end those after it."""
        shown: list[str] = []
        filed: list[tuple[str, str]] = []
        for weight, item in waiting:
            try:
                self._format(item, shown, filed)
            except Exception:  # noqa: BLE001
                self._lost += 1
            self._written_bytes += weight
        self._write_output(shown)
        if self._folder is not None:
            self._write_folder(self._folder, filed)

    def _format(self, item: Sequence[Record] | _Event, shown: list[str], filed: list[tuple[str, str]]) -> None:
        """Add the lines of an item: to those for standard output, and with their times to those for files."""
        if self._as_text:
            if isinstance(item, Mapping):
                shown.append(_event_text(item) + "\n")
            else:
                shown.extend([record_text(record) + "\n" for record in item])
        if self._folder is not None or not self._as_text:
            if isinstance(item, Mapping):
                lines = [(str(item["time"]), compact_json(item) + "\n")]
            else:
                lines = [(_time(record), record_json(record) + "\n") for record in item]
            filed.extend(lines)
            if not self._as_text:
                shown.extend([line for _, line in lines])

    def _write_output(self, lines: Sequence[str]) -> None:
        if self._output is None:
            return
        try:
            if self._lock is not None:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            try:
                _write_fully(self._output, "".join(lines))
            finally:
                if self._lock is not None:
                    fcntl.flock(self._lock, fcntl.LOCK_UN)
        except BrokenPipeError:
            self._output = None  # nobody reads any more; the store still keeps everything
        except OSError:
            self._lost += len(lines)

    def _write_folder(self, folder: Path, lines: Sequence[tuple[str, str]]) -> None:
        try:
            if self._file is not None and not os.fstat(self._file[1]).st_nlink:
                self._close_file()  # somebody removed it
            for moment, line in lines:
                _write_fully(self._descriptor(folder, moment[:10].replace("-", "")), line)
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
            self._file = (day, os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return self._file[1]

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file[1])
            self._file = None


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
        return compact_json(_connection(record))
    quote = _quote
    optional = "".join(
        [
            f',"{name}":{_quote(value)}'
            for name, value in (
                ("profile", record.profile),
                ("version", record.version),
                ("guid", record.guid),
                ("env", record.env),
                ("session_id", record.session_id),
                ("client_time", record.client_time),
            )
            if value is not None
        ]
    )
    return (
        f'{{"time":"{record.received_at}","level":"info","event":"exchange","method":{quote(record.method)},'
        f'"scheme":"{record.scheme}","host":{quote(record.host)},"path":{quote(record.path)},'
        f'"status":{record.status},"outcome":"{record.outcome}","via":"{record.via}",'
        f'"client":{quote(record.client)},"latency_ms":{record.latency_ms},'
        f'"body_bytes":{len(record.request_body or b"")}{optional},'
        f'"params":{record.params},"problems":{record.problems or "[]"}}}'
    )


def record_text(record: Record) -> str:
    """Write a record as one readable line; control characters are escaped."""
    if isinstance(record, Connection):
        return _printable(f"{record.opened_at} {record.kind} {record.client} {record.detail}")
    guid = "" if record.guid is None else f" guid={record.guid}"
    version = "" if record.version is None else f" version={record.version}"
    problems = "" if record.problems is None else f" problems={record.problems}"
    return _printable(
        f"{record.received_at} {record.method} {record.host}{record.path} {record.status} {record.outcome} "
        f"{record.latency_ms} ms {record.client}{guid}{version}{problems}"
    )


def _event_text(event: _Event) -> str:
    level = "" if event["level"] == "info" else f"{event['level']}: "
    lines = [event["message"], *str(event.get("traceback", "")).splitlines()]
    return f"{event['time']} {level}" + "\n".join(map(_printable, lines))


def _event(event: str, message: str, level: Level, details: Mapping[str, Any]) -> _Event:
    return {"time": utc_text_at(time.time_ns()), "level": level, "event": event, "message": message, **details}


_quote: Callable[[str], str] = json.JSONEncoder(ensure_ascii=False).encode


def _connection(record: Connection) -> dict[str, Any]:
    return {
        "time": record.opened_at,
        "level": "warning",
        "event": "connection",
        "kind": record.kind,
        "host": record.host,
        "client": record.client,
        "detail": record.detail,
    }


def _time(record: Record) -> str:
    return record.opened_at if isinstance(record, Connection) else record.received_at


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _write_fully(descriptor: int, text: str) -> None:
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
