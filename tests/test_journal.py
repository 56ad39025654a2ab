"""The journal writes one line for each exchange and event, and neither fails nor delays whoever tells it something."""

import contextlib
import fcntl
import json
import logging
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import pytest

from telemock.exchange import Connection, Record
from telemock.journal import Journal, JournalHandler
from telemock.text import whole_characters
from tests.corpus import GUID, ping
from tests.server.wire import HANG_SECONDS

Line = dict[str, Any]
LogFormat = Literal["text", "json"]
TIME = "2026-02-05T10:55:58.090735Z"
SAME = (
    "method",
    "scheme",
    "host",
    "port",
    "path",
    "status",
    "outcome",
    "via",
    "client",
    "latency_ms",
    "profile",
    "version",
)
HOSTILE = "\x1b[2J\x9b31m\r\n\x00\x7f\u202e\udcff"


class Pipe:
    """A pipe of one page that a journal writes to, and its reader."""

    def __init__(self) -> None:
        reading, self.writing = os.pipe()
        self.reading = os.fdopen(reading, "rb", buffering=0)
        fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, 4096)
        self._read = b""

    def line(self) -> str:
        """Give the next line; it may take long only where nothing comes."""
        while b"\n" not in self._read:
            assert select.select([self.reading], [], [], HANG_SECONDS)[0], f"nothing came after {self._read!r}"
            self._read += self.reading.read(65536)
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    def until(self, event: str) -> list[Line]:
        """Give the lines up to an event's."""
        lines: list[Line] = [json.loads(self.line())]
        while lines[-1]["event"] != event:
            lines.append(json.loads(self.line()))
        return lines


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.reading.close()
    os.close(pipe.writing)


def in_time(call: Callable[..., None], *arguments: object) -> None:
    """Call what must not hang."""
    calling = Thread(target=call, args=arguments, daemon=True)
    calling.start()
    calling.join(HANG_SECONDS)
    assert not calling.is_alive()


@contextlib.contextmanager
def journal_on(output: int | Path, log_format: LogFormat = "json", folder: Path | None = None) -> Iterator[Journal]:
    """Open a journal whose standard output is a descriptor or a file; closed at the end of the block."""
    with open(output, "w", closefd=isinstance(output, Path)) as stdout, contextlib.redirect_stdout(stdout):
        journal = Journal(log_format, folder)
        try:
            yield journal
        finally:
            in_time(journal.close)


def lines_of(path: Path, *records: Record, log_format: LogFormat = "json") -> list[str]:
    """Give the lines that records become."""
    with journal_on(path, log_format) as journal:
        journal.records(records)
    return path.read_text().split("\n")[:-1]


def refused(detail: str) -> Connection:
    """Make the note of a connection that was not HTTP."""
    below: Line = {"port": None, "bytes_up": 3, "bytes_down": 0, "duration_ms": None}
    return Connection(opened_at=TIME, host="", client="::1", kind="malformed", detail=detail, **below)


def library(journal: Journal) -> logging.Logger:
    """Give a library's logger whose words reach the journal alone.

    It is in no hierarchy: pytest would show what it says, hostile text too, which pytest-xdist cannot pass on.
    """
    logger = logging.Logger("library")  # noqa: LOG001 - in no hierarchy
    logger.addHandler(JournalHandler(journal))
    return logger


def test_an_exchange_and_a_connection_are_each_one_json_object_on_a_line(tmp_path: Path) -> None:
    exchange = ping(request_body=b"12345", problems='["pc: bad"]')
    said, below = map(json.loads, lines_of(tmp_path / "out", exchange, refused("Bad.\n")))
    assert said.pop("params") == json.loads(exchange.params)
    own = {"time": TIME, "level": "info", "event": "exchange", "body_bytes": 5, "problems": ["pc: bad"]}
    assert said == own | {name: getattr(exchange, name) for name in (*SAME, "guid", "env", "client_time")}
    own = {"time": TIME, "level": "warning", "event": "connection", "kind": "malformed"}
    own |= {"host": "", "port": None, "client": "::1", "bytes_up": 3, "bytes_down": 0, "duration_ms": None}
    assert below == own | {"detail": "Bad.\n"}


def test_a_text_line_is_for_people(tmp_path: Path) -> None:
    known, unknown = ping(problems='["pc: bad"]'), ping(guid=None, version=None)
    line = f"{TIME} GET cdn.cribl.io/telemetry/index.html 200 mock 0.210 ms 127.0.0.1"
    assert lines_of(tmp_path / "out", known, unknown, refused("Bad."), log_format="text") == [
        f'{line} guid={GUID} version=4.16.1-20904e45 problems=["pc: bad"]',
        line,
        f"{TIME} malformed ::1 Bad.",
    ]


@pytest.mark.parametrize("text", [HOSTILE, "a\udcffb", '/"\\', "/\u2028\x85", "/ä你"])
def test_any_text_comes_back_from_a_json_line(tmp_path: Path, text: str) -> None:
    (line,) = lines_of(tmp_path / "out", replace(ping(), path=text, guid=text))
    assert (json.loads(line)["path"], json.loads(line)["guid"]) == (whole_characters(text),) * 2
    assert not {"\x1b", "\x00", "\r"} & {*line}


@pytest.mark.parametrize("field", ["method", "host", "path", "guid", "version", "detail"])
def test_control_characters_never_reach_the_terminal_raw(tmp_path: Path, field: str) -> None:
    changed: Line = {field: f"/{HOSTILE}" if field == "path" else HOSTILE}
    record = refused(HOSTILE) if field == "detail" else replace(ping(), **changed)
    (line,) = lines_of(tmp_path / "out", record, log_format="text")
    assert r"\x1b[2J\x9b31m\r\n\x00\x7f\u202e\udcff" in line
    assert line.isprintable()


@pytest.mark.parametrize(("target", "path"), [("/a", "/a"), ("*", ""), ("c.example:8443", "")])
def test_a_line_says_where_a_request_went_once(tmp_path: Path, target: str, path: str) -> None:
    record = replace(ping(), method="CONNECT", host="c.example", port=8443, path=target)
    (line,) = lines_of(tmp_path / "out", record, log_format="text")
    assert f" CONNECT c.example:8443{path} {record.status} " in line


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_event_and_no_traceback_reaches_the_terminal_raw(tmp_path: Path, log_format: LogFormat) -> None:
    with journal_on(tmp_path / "out", log_format) as journal:
        library(journal).error("bad %s", HOSTILE, exc_info=ValueError(HOSTILE))
    written = (tmp_path / "out").read_bytes()
    assert b"ValueError: " in written
    assert not {*b"\x1b\x00\r\x7f"} & {*written}


def test_what_libraries_log_becomes_events_from_warnings_on(pipe: Pipe) -> None:
    with journal_on(pipe.writing) as journal:
        logger = library(journal)
        logger.info("nothing")
        logger.warning("%s left", "somebody")
        try:
            int("why")
        except ValueError:
            logger.exception("crashed")
        journal.event("last", "It ended.", pid=7)
        warning, error, last = pipe.until("last")
    assert (warning["level"], warning["logger"], warning["message"]) == ("warning", "library", "somebody left")
    assert (error["level"], error["event"], error["message"]) == ("error", "log", "crashed")
    assert error["traceback"].startswith("Traceback")
    assert "ValueError: invalid literal" in error["traceback"]
    del last["time"]
    assert last == {"level": "info", "event": "last", "message": "It ended.", "pid": 7}


def test_a_library_that_logs_wrongly_does_not_fail_for_it(pipe: Pipe) -> None:
    wrong = logging.LogRecord("library", logging.WARNING, "file.py", 1, "%d of %d", (1,), None)
    with journal_on(pipe.writing) as journal, contextlib.redirect_stderr(None):
        JournalHandler(journal).handle(wrong)
        journal.event("last", "last")
        pipe.until("last")


def test_an_event_that_json_cannot_hold_is_counted_and_spoils_no_other(pipe: Pipe) -> None:
    with journal_on(pipe.writing) as journal:
        journal.event("before", "before")
        journal.event("bad", "bad", value=object())
        journal.event("after", "after")
        assert [line["event"] for line in pipe.until("after")] == ["before", "after"]
        journal.event("later", "later")
        assert pipe.until("lines_lost")[-1]["lines"] == 1


def test_all_lines_are_written_in_order_into_one_file_for_each_utc_day(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    days = {"20260204": "2026-02-04T23:59:59.999999Z", "20260205": "2026-02-05T00:00:00.000000Z"}
    said = [(number, time) for number in range(100) for time in days.values()]
    with journal_on(tmp_path / "out", "text", folder) as journal:
        for number, time in said:
            journal.records([ping(received_at=time, guid=f"guid-{number}"), ping(received_at=time, guid="again")])
    for day, time in days.items():
        lines = map(json.loads, (folder / f"telemetry_{day}.jsonl").read_text().splitlines())
        expected = [(time, guid) for number in range(100) for guid in (f"guid-{number}", "again")]
        assert [(line["time"], line["guid"]) for line in lines] == expected
    assert re.findall(r"^\S+", (tmp_path / "out").read_text(), re.MULTILINE) == [time for _, time in said for _ in "ab"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("existed", [False, True])
def test_a_log_folder_that_is_not_there_is_said_once_its_lines_are_counted_and_it_is_used_again(
    pipe: Pipe, tmp_path: Path, *, existed: bool
) -> None:
    folder = tmp_path / "log"
    with journal_on(pipe.writing, folder=folder) as journal:

        def tell(event: str) -> list[Line]:
            journal.event(event, event)
            return pipe.until(event)

        if existed:
            folder.mkdir()
            tell("begin")
            tell("begun")  # by then the folder has the line before
            shutil.rmtree(folder)
        shown = [line for number in range(10) for line in tell(f"lost-{number}")]
        folder.mkdir()
        shown += tell("back") + tell("last")
    filed = [json.loads(line) for path in folder.iterdir() for line in path.read_text().splitlines()]
    assert "last" in [line["event"] for line in filed]
    assert [line["event"] for line in shown + filed].count("log_dir_failed") == 1
    lost = {line["time"]: line["lines"] for line in shown + filed if line["event"] == "lines_lost"}
    assert 10 <= sum(lost.values()) <= 12  # with `begun`, or what says that the folder failed


FILL_UP = """
import pathlib, resource, sys
from telemock.journal import Journal
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
journal = Journal("json", pathlib.Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
journal.event("cut", "x" * 300)
sys.stdin.readline()
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
journal.event("after", "There is space again.")
journal.close()
"""


def test_a_line_that_a_full_disk_cut_short_swallows_no_other(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL_UP, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = iter(process.stdout.readline, "")
        assert any(json.loads(line)["event"] == "log_dir_failed" for line in said)
        process.stdin.write("go\n")
        process.stdin.flush()
        assert "after" in [json.loads(line)["event"] for line in said]
    (path,) = tmp_path.iterdir()
    cut, *whole = path.read_text().splitlines()
    assert len(cut) == 200
    assert "after" in [json.loads(line)["event"] for line in whole]


def test_a_line_that_another_run_left_cut_short_swallows_no_other(tmp_path: Path) -> None:
    path = tmp_path / "telemetry_20260205.jsonl"
    path.write_text('{"time":"2026')
    for number in range(2):
        with journal_on(tmp_path / "out", folder=tmp_path) as journal:
            journal.records([ping(received_at=TIME, guid=f"guid-{number}")])
    cut, *whole = path.read_text().splitlines()
    assert cut == '{"time":"2026'
    assert [json.loads(line)["guid"] for line in whole] == ["guid-0", "guid-1"]


def test_a_standard_output_that_nobody_reads_delays_nobody_and_what_it_lost_is_said(pipe: Pipe) -> None:
    records = [ping(number, params=json.dumps({"long": "x" * 2**18})) for number in range(200)]
    with journal_on(pipe.writing) as journal:
        for record in records:
            in_time(journal.records, [record])
        *lines, lost = pipe.until("lines_lost")
        assert lost["lines"] > 0
        assert (times := [line["time"] for line in lines]) == sorted({*times})
        assert len(lines) + lost["lines"] == len(records)


def test_closing_does_not_wait_for_a_standard_output_that_nobody_reads(pipe: Pipe) -> None:
    with journal_on(pipe.writing) as journal:
        journal.records([ping() for _ in range(50)])
        in_time(journal.close, 0.01)
        pipe.reading.close()


@pytest.mark.parametrize("output", ["/dev/full", "nobody reads"])
def test_a_standard_output_that_takes_nothing_does_not_keep_lines_from_the_folder(
    pipe: Pipe, tmp_path: Path, output: str
) -> None:
    pipe.reading.close()
    with journal_on(Path(output) if output == "/dev/full" else pipe.writing, folder=tmp_path) as journal:
        journal.records([ping(number) for number in range(3)])
    assert len((tmp_path / "telemetry_20260205.jsonl").read_text().splitlines()) == 3


def test_a_standard_output_that_does_not_block_takes_every_line(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    with journal_on(pipe.writing) as journal:
        journal.records([ping(number) for number in range(100)])
        journal.event("last", "last")
        assert len(pipe.until("last")) == 101


WRITER = """
import sys
from pathlib import Path
from telemock.journal import Journal
journal = Journal("json", None, Path(sys.argv[1]))
for number in range(60):
    journal.event(sys.argv[2], sys.argv[2] * 9000, number=number)
print(file=sys.stderr, flush=True)
journal.close(20)
"""


def test_processes_that_share_standard_output_and_a_lock_do_not_mix_their_lines(pipe: Pipe, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "lock")]
    writers = [subprocess.Popen([*command, name], stdout=pipe.writing, stderr=subprocess.PIPE) for name in "ab"]
    try:
        assert [writer.stderr and writer.stderr.readline() for writer in writers] == [b"\n", b"\n"]
        lines = [json.loads(pipe.line()) for _ in range(120)]
    finally:
        pipe.reading.close()
        for writer in writers:
            writer.communicate(timeout=HANG_SECONDS)
    for name in "ab":
        assert [line["number"] for line in lines if line["event"] == name] == [*range(60)]


def test_without_a_standard_output_the_folder_still_gets_every_line(tmp_path: Path) -> None:
    writer = WRITER.replace("None", f"Path({str(tmp_path)!r})")
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", writer, str(tmp_path / "lock"), "a"]
    subprocess.run(shell, check=True, capture_output=True, timeout=HANG_SECONDS)
    assert [len(file.read_text().splitlines()) for file in tmp_path.glob("*.jsonl")] == [60]


@pytest.mark.parametrize("hostile", ["\x9b31m", "\u202egnp", "\u2066x\u2069", "\u200b", "\x1b[31m", "\x7f", "\ufeff"])
def test_json_lines_hold_nothing_that_a_terminal_would_obey(tmp_path: Path, hostile: str) -> None:
    said = ping(
        received_at=TIME, guid=hostile, path=f"/{hostile}", params=json.dumps({"x": hostile}, ensure_ascii=False)
    )
    (tmp_path / "log").mkdir()
    with journal_on(tmp_path / "out", "json", folder=tmp_path / "log") as journal:
        journal.records([said])
        journal.records([refused(hostile)])
        journal.event("told", hostile, detail=hostile)
    files = sorted((tmp_path / "log").iterdir())
    for text in ((tmp_path / "out").read_text(), "".join(file.read_text() for file in files)):
        assert text.replace("\n", "").isprintable()
        exchange, tunnel, event = map(json.loads, text.splitlines())
        assert (exchange["guid"], exchange["params"]["x"], tunnel["detail"], event["message"]) == (hostile,) * 4


def test_secrets_are_masked_in_every_line(tmp_path: Path) -> None:
    said = ping(
        received_at=TIME,
        path="/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaww/send",
        query="token=abcDEF123456789",
        params='{"token":"abcDEF123456789"}',
        guid="ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        problems="""["mc: Not a valid integer. Got {'password': 'abcDEF123456789'}."]""",
    )
    for log_format in ("json", "text"):
        with journal_on(tmp_path / log_format, log_format) as journal:
            journal.records([said])
            journal.event("log", "It said Authorization: Bearer abcDEF123456789.", traceback="token=abcDEF123456789")
            journal.event(
                "log", r"It began with b'GET\r\nSet-Cookie: sid=abcDEF123456789\nauthorization: abcDEF123456'"
            )
        text = (tmp_path / log_format).read_text()
        assert not [secret for secret in ("abcDEF1234", "AAHdqTcvCH1vGWJ", "16C7e42F292c") if secret in text]
