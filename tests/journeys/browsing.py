"""This is what the browser journeys run against: a telemock that tells what it stored, and a web site."""

import json
import queue
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

# What would hang fails instead; no behaviour depends on it.
HANG_SECONDS = 20

SCRIPT = files("telemock.server").joinpath("cribl.js").read_bytes()
VERSION = "4.16.1-20904e45"

Row = dict[str, Any]
Event = dict[str, Any]


@contextmanager
def no_longer_than(seconds: float, what: str) -> Iterator[None]:
    """Raise TimeoutError where the main thread waits when the block takes longer, and again while it cleans up."""

    def end_the_wait(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"{what} took longer than {seconds:g} s; it hung where this was raised")

    before = signal.signal(signal.SIGALRM, end_the_wait)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds / 4)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Telemock:
    """A running `telemock serve`; its log says what is stored, line by line."""

    def __init__(self, process: subprocess.Popen[str], db: Path) -> None:
        self._db = db
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        assert process.stdout is not None
        self._output = process.stdout
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()
        self.url: str = self.wait_for(lambda line: line["event"] == "starting")["url"]
        self.wait_for(lambda line: line["event"] == "ready")

    def _listen(self) -> None:
        for line in self._output:
            self._lines.put(line)
        self._lines.put("")

    def hear_out(self) -> None:
        """Return when the process has said its last word."""
        self._listening.join(HANG_SECONDS)

    def wait_for(self, wanted: Any) -> Row:
        """Give the next log line that is wanted; an exchange is logged after its commit."""
        while True:
            text = self._lines.get(timeout=HANG_SECONDS)
            assert text, "telemock ended"
            line: Row = json.loads(text)
            if wanted(line):
                return line

    def wait_for_events(self, guid: str) -> None:
        """Return when the next post of events from a guid is stored."""
        self.wait_for(lambda line: line.get("path") == "/telemetry/events" and line.get("guid") == guid)

    def exchanges(self, where: str, *values: object) -> list[Row]:
        """Give stored exchanges, oldest first."""
        with closing(sqlite3.connect(self._db)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(f"SELECT * FROM exchanges WHERE {where} ORDER BY id", values)
            return [dict(row) for row in found]

    def posts(self, guid: str) -> list[Row]:
        """Give the stored posts of events from a guid, oldest first."""
        return self.exchanges("method = 'POST' AND path = '/telemetry/events' AND guid = ?", guid)


class Site:
    """A web site of an origin of its own: serves pages, and the same script with a configuration to test.

    Attributes:
        config: what its /telemetry/config answers; None for 404.
        statuses: with what the next posts are answered; 200 when there are none left.
        posts: (path, status answered, events) in the order received.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.pages = {"/elsewhere": "<h1>elsewhere</h1>"}
        self.config: Row | None = {}
        self.statuses: list[int] = []
        self.posts: list[tuple[str, int, list[Event]]] = []

    def show(self, body: str, *, script_from: str, guid: str = "", more: str = "") -> str:
        """Make a page that loads the script, then has a body; give its address."""
        path = f"/page-{len(self.pages)}"
        source = f"{script_from}/telemetry/cribl.js"
        tag = f'<script src="{source}" data-guid="{guid}" data-version="{VERSION}" {more}></script>'
        self.pages[path] = f"<!doctype html><html><head>{tag}</head><body>{body}</body></html>"
        return self.url + path

    def names(self, status: int = 200) -> list[str]:
        """Give the names of the events in posts that were answered so."""
        return [event["name"] for _, answered, events in self.posts if answered == status for event in events]

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Give status, media type and content."""
        if method == "POST":
            status = self.statuses.pop(0) if self.statuses else 200
            self.posts.append((path, status, json.loads(body)))
            return status, "application/json", b"{}"
        if path == "/telemetry/cribl.js":
            return 200, "text/javascript", SCRIPT
        if path == "/telemetry/config" and self.config is not None:
            return 200, "application/json", json.dumps(self.config).encode()
        if path in self.pages:
            return 200, "text/html; charset=utf-8", self.pages[path].encode()
        return (204, "image/png", b"") if path == "/favicon.ico" else (404, "text/plain", b"")


@contextmanager
def open_site() -> Iterator[Site]:
    """Serve a site until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, kind, content = opened.answer(self.command, urlsplit(self.path).path, body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # pages leave before they are answered
        opened = Site(server.server_address[1])
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield opened
        finally:
            server.shutdown()
            serving.join()
