"""This is the measurement of what is read: a million captured pings, and what it takes to tell what is in them."""

import os
import random
import re
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from load import GET_PATH

from telemock.exchange import Exchange, compact_json, utc_text
from telemock.store.migration import migrate
from telemock.store.rows import EXCHANGES

INSTANCES = 200
VERSIONS = ("4.16.1-20904e45", "4.17.0-1f2e3d4c")

# What grows from ping to ping.
VOLUMES = ("mc", "ib", "ob", "ie", "oe", "im")
PERIOD = timedelta(minutes=5)


def measure_analysis(count: int) -> None:
    """Print how long each command takes on so many pings, and how much memory."""
    with tempfile.TemporaryDirectory() as name:
        db = Path(name) / "million.db"
        fill(db, count)
        print(
            f"{count} pings of {INSTANCES} instances and {len(VERSIONS)} versions, {db.stat().st_size / 2**20:.0f} MiB"
        )
        print("command                       seconds  CPU s  exchanges/CPU s  MiB")
        for command in (
            ["query", "--limit", "1"],
            ["analyze"],
            ["analyze", "--format", "json"],
            ["export", "-o", str(db.with_name("out.jsonl"))],
        ):
            seconds, cpu_seconds, mebibytes = _cost([sys.executable, "-m", "telemock", *command], db)
            said = " ".join(command).replace(f"{db.parent}/", "")
            print(
                f"{said:28} {seconds:8.1f} {cpu_seconds:6.1f} {count / cpu_seconds:16.0f} {mebibytes:4.0f}", flush=True
            )


def fill(db: Path, count: int) -> None:
    """Store pings whose clocks go and whose volumes grow; the second half is of another version."""
    migrate(db)
    names = ", ".join(EXCHANGES.columns)
    places = ", ".join("?" * len(EXCHANGES.columns))
    connection = sqlite3.connect(db)
    connection.execute("PRAGMA synchronous = OFF")
    with connection:
        connection.executemany(
            f"INSERT INTO exchanges ({names}) VALUES ({places})",
            ([getattr(ping, column) for column in EXCHANGES.columns] for ping in _pings(count)),
        )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _pings(count: int) -> Iterator[Exchange]:
    rng = random.Random(1)
    path, _, query = GET_PATH.partition("?")
    instances = [
        dict(parse_qsl(query)) | {"guid": str(uuid.UUID(int=rng.getrandbits(128), version=4))} for _ in range(INSTANCES)
    ]
    started = datetime(2026, 2, 5, tzinfo=UTC)
    headers = compact_json([["Host", "cdn.cribl.io"], ["Connection", "keep-alive"]])
    for number in range(count):
        said = instances[number % INSTANCES]
        received = started + PERIOD * (number / INSTANCES) + timedelta(seconds=rng.random())
        milliseconds = int(received.timestamp() * 1000)
        said["v"] = VERSIONS[2 * number // count]
        said |= {"et": str(milliseconds - 300_000), "lt": str(milliseconds)}
        said |= {name: str(int(said[name]) + rng.randrange(1000)) for name in VOLUMES}
        yield Exchange(
            received_at=utc_text(received),
            scheme="https",
            method="GET",
            host="cdn.cribl.io",
            path=path,
            query=urlencode(said),
            params=compact_json(said),
            request_headers=headers,
            request_body=None,
            request_truncated=0,
            client="10.0.0.1",
            via="connect",
            status=200,
            response_headers="[]",
            response_body=b"cribl /// living the stream!\n",
            latency_ms=round(rng.expovariate(4), 3),
            outcome="mock",
            profile="cribl",
            version=said["v"],
            guid=said["guid"],
            env=said["env"],
        )


def _cost(command: list[str], db: Path) -> tuple[float, float, float]:
    """Run a command to its end; give seconds, those of a core, and the most memory that it had at a time, in MiB."""
    started = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    mebibytes = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"TELEMOCK_DB": str(db)}) as process:
        while process.poll() is None:
            mebibytes = _peak_mebibytes(process.pid) or mebibytes
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {process.returncode}.")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, cpu_seconds, mebibytes


def _peak_mebibytes(pid: int) -> float:
    """Read the peak of a process; `getrusage` would count what its parent had when it was forked, too."""
    status = Path(f"/proc/{pid}/status").read_text()
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) / 1024 if peak else 0.0
