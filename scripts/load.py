"""This is what all measurements share: servers to load, and wrk to load them with.

It refuses to interpret: it starts, loads and stops.
"""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

HERE = Path(__file__).parent
PING = (HERE.parent / "tests/data/cribl-ping.query").read_text().strip()
EVENTS = json.dumps([{"name": "load", "guid": "b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec", "timestamp": 1770278520000}] * 5)
POST_SCRIPT = f"wrk.method = 'POST'\nwrk.body = [==[{EVENTS}]==]\nwrk.headers['Content-Type'] = 'application/json'\n"
GET_PATH = f"/telemetry/index.html?{PING}"
POST_PATH = "/telemetry/events"


class Result(NamedTuple):
    """One run of wrk: requests per second, latencies in milliseconds, requests answered, and errors."""

    rate: float
    p50_ms: float
    p99_ms: float
    requests: int
    errors: int


class Server(NamedTuple):
    """A running server: where it answers, its processes, and its database when it has one."""

    name: str
    url: str
    process: psutil.Process
    db: Path | None

    def memory_mib(self) -> float:
        """Resident memory of the process and its children."""
        return sum(p.memory_info().rss for p in (self.process, *self.process.children(recursive=True))) / 2**20


def run_wrk(server: Server, path: str, connections: int, seconds: int, script: Path | None) -> Result:
    """Load a server for some seconds."""
    return load(server.url + path, connections, seconds, [] if script is None else ["-s", str(script)])


def load(url: str, connections: int, seconds: int, options: Sequence[str], before: Sequence[str] = ()) -> Result:
    """Run wrk for some seconds; `before` is what runs it."""
    command = [*before, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *options, url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    requests = re.search(r"(\d+) requests in", said)
    if rate is None or requests is None:
        raise SystemExit(f"wrk said nothing of use:\n{said}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    errors = (int(bad[1]) if bad else 0) + (sum(map(int, broken.groups())) if broken else 0)
    return Result(float(rate[1]), _latency(said, "50%"), _latency(said, "99%"), int(requests[1]), errors)


def _latency(said: str, which: str) -> float:
    match = re.search(rf"{which}\s+([\d.]+)(us|ms|s)", said)
    if match is None:
        raise SystemExit(f"wrk gave no {which} latency:\n{said}")
    return float(match[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[str(match[2])]


@contextlib.contextmanager
def telemock(folder: Path, name: str, *options: str) -> Iterator[Server]:
    """Run telemock on a fresh database in the folder."""
    db, ready = folder / f"{name}.db", folder / f"{name}.ready"
    command = [sys.executable, "-m", "telemock", "serve", "--port", "0", "--db", str(db), "--ready-file", str(ready)]
    with running([*command, *options]) as process:
        wait(process, ready.exists)
        yield Server(name, f"http://127.0.0.1:{json.loads(ready.read_text())['port']}", process, db)


@contextlib.contextmanager
def bare() -> Iterator[Server]:
    """Run the bare handler."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with running([sys.executable, str(HERE / "bare.py"), str(port)]) as process:
        wait(process, lambda: answers(port))
        yield Server("bare", f"http://127.0.0.1:{port}", process, None)


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[psutil.Process]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)


def wait(process: psutil.Process, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline or not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            raise SystemExit("a server did not start")
        time.sleep(0.02)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
