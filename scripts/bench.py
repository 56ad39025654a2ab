"""This is the measurement: telemock and a bare aiohttp handler in turns, on one machine, in one go.

    scripts/bench               throughput, latency, memory and bytes on disk, as ratios to the bare handler
    scripts/bench --long        a million exchanges: throughput and memory for every 100,000
    scripts/bench --crash       50 rounds of kill -9 in the middle of 32 clients

Timings are noisy; only the ratios of one run mean something.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
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
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", server.url + path]
    if script is not None:
        command[1:1] = ["-s", str(script)]
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
    with _running([*command, *options]) as process:
        _wait(process, ready.exists)
        yield Server(name, f"http://127.0.0.1:{json.loads(ready.read_text())['port']}", process, db)


@contextlib.contextmanager
def bare() -> Iterator[Server]:
    """Run the bare handler."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with _running([sys.executable, str(HERE / "bare.py"), str(port)]) as process:
        _wait(process, lambda: _answers(port))
        yield Server("bare", f"http://127.0.0.1:{port}", process, None)


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator[psutil.Process]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(15)


def _wait(process: psutil.Process, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline or not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            raise SystemExit("a server did not start")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def disk_bytes(db: Path) -> tuple[int, float]:
    """Count exchanges, and bytes of the closed database for each."""
    connection = sqlite3.connect(db)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    count = connection.execute("SELECT count(*) FROM exchanges").fetchone()[0]
    connection.close()
    return count, db.stat().st_size / max(count, 1)


def compare(rounds: int, seconds: int) -> None:
    """Load all servers in turns and print medians and their ratios to the bare handler."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        script = folder / "post.lua"
        script.write_text(POST_SCRIPT)
        servers = [
            stack.enter_context(bare()),
            stack.enter_context(telemock(folder, "telemock")),
            stack.enter_context(telemock(folder, "fsync", "--durability", "fsync")),
            stack.enter_context(telemock(folder, "async", "--durability", "async")),
            stack.enter_context(telemock(folder, "workers-2", "--workers", "2")),
        ]
        print(f"{rounds} rounds of {seconds} s, medians; the ratio is to the bare handler of the same rounds")
        print("method conns server         req/s  ratio    p50 ms  above bare   p99 ms  p99/p50  errors   MiB")
        for method, connections in (("GET", 1), ("GET", 32), ("POST", 1), ("POST", 32)):
            path, lua = (GET_PATH, None) if method == "GET" else (POST_PATH, script)
            turns = [[run_wrk(server, path, connections, seconds, lua) for server in servers] for _ in range(rounds)]
            for index, server in enumerate(servers):
                mine = [turn[index] for turn in turns]
                ratio = statistics.median(turn[index].rate / turn[0].rate for turn in turns)
                above = statistics.median(turn[index].p50_ms - turn[0].p50_ms for turn in turns)
                p50 = statistics.median(result.p50_ms for result in mine)
                p99 = statistics.median(result.p99_ms for result in mine)
                print(
                    f"{method:6} {connections:5} {server.name:10} {statistics.median(r.rate for r in mine):9.0f}"
                    f" {ratio:6.2f} {p50:9.3f} {above:11.3f} {p99:8.2f} {p99 / p50:8.1f}"
                    f" {sum(r.errors for r in mine):7} {server.memory_mib():5.0f}"
                )
    with tempfile.TemporaryDirectory() as name:
        with telemock(Path(name), "size") as server:
            run_wrk(server, GET_PATH, 32, seconds, None)
        count, size = disk_bytes(Path(name) / "size.db")
        print(f"bytes on disk for a ping: {size:.0f} (of {count} exchanges)")


def run_long(total: int) -> None:
    """Capture `total` pings, with the bare handler in turns; print throughput and memory on the way."""
    with tempfile.TemporaryDirectory() as name, bare() as plain, telemock(Path(name), "long") as server:
        print("exchanges   req/s  ratio  p99 ms   MiB")
        captured, step = 0, total // 10
        while captured < total:
            before = run_wrk(plain, GET_PATH, 32, 2, None)
            results: list[Result] = []
            while sum(result.requests for result in results) < step:
                results.append(run_wrk(server, GET_PATH, 32, 2, None))
            result = results[-1]
            captured += sum(each.requests for each in results)
            rate = statistics.median(each.rate for each in results)
            print(
                f"{captured:9} {rate:7.0f} {rate / before.rate:6.2f} {result.p99_ms:7.2f} {server.memory_mib():5.0f}",
                flush=True,
            )
        db = str(server.db)
        for command in (["query", "--guid", "b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec", "--limit", "10"], ["--help"]):
            took = min(_seconds([sys.executable, "-m", "telemock", *command], db) for _ in range(3))
            print(f"telemock {' '.join(command)}: {took:.2f} s from start to exit")


def _seconds(command: list[str], db: str) -> float:
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"TELEMOCK_DB": db})
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns for each measurement (5)")
    parser.add_argument("--seconds", type=int, default=3, help="length of one turn (3)")
    parser.add_argument(
        "--long", nargs="?", const=1_000_000, type=int, metavar="N", help="capture N exchanges (1000000)"
    )
    parser.add_argument("--crash", nargs="?", const=50, type=int, metavar="N", help="N rounds of kill -9 (50)")
    options = parser.parse_args()
    if options.long:
        run_long(options.long)
    elif options.crash:
        environment = os.environ | {"TELEMOCK_CRASH_ROUNDS": str(options.crash)}
        test = HERE.parent / "tests/journeys/test_durability.py"
        raise SystemExit(
            subprocess.call([sys.executable, "-m", "pytest", "-q", "-k", "kill", str(test)], env=environment)
        )
    else:
        compare(options.rounds, options.seconds)


if __name__ == "__main__":
    main()
