"""This is the measurement of what is read: a million captured pings, and what it takes to tell what is in them."""

import itertools
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
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from load import GET_PATH

from telemock.exchange import Exchange, compact_json, utc_text
from telemock.store.background import PAGE_ROWS
from telemock.store.engine import open_for_writing
from telemock.store.migration import migrate
from telemock.store.rows import EXCHANGES
from telemock.store.summary_store import SummaryStore

README = Path(__file__).parents[1] / "README.md"

INSTANCES = 200
VERSIONS = ("4.16.1-20904e45", "4.17.0-1f2e3d4c")

# What grows from ping to ping.
VOLUMES = ("mc", "ib", "ob", "ie", "oe", "im")
PERIOD = timedelta(minutes=5)


def measure_analysis(count: int) -> None:
    """Print seconds and memory of each command on so many pings, and of what it takes to read one in a hundred more."""
    with tempfile.TemporaryDirectory() as name:
        db = Path(name) / "million.db"
        pings = _pings(count)
        fill(db, itertools.islice(pings, count))
        print(
            f"{count} pings of {INSTANCES} instances and {len(VERSIONS)} versions, {db.stat().st_size / 2**20:.0f} MiB"
        )
        _measure_summary(db, count)
        print("command                       seconds  CPU s  exchanges/CPU s  MiB")
        _measure(["query", "--limit", "1"], db, count)
        _measure(["export", "-o", str(db.with_name("out.jsonl"))], db, count)
        _measure(["report", "-o", str(db.with_name("report.html")), "--anew"], db, count)
        _measure(["analyze", "--format", "json", "--anew"], db, count)
        first = _measure(["analyze", "--anew"], db, count)
        fill(db, itertools.islice(pings, count // 100))
        start = _measure(["analyze", "--guid", "nobody"], db, count)
        again = _measure(["analyze"], db, count)
        print(f"1 % more, without start-up: {100 * (again - start) / (first - start):.1f} % of the first time")


def _measure_summary(db: Path, count: int) -> None:
    """Print what the summary of fields and instances takes, and how long README's queries do."""
    store, before, cpu_seconds, longest = SummaryStore(), db.stat().st_size, time.process_time(), 0.0
    with closing(open_for_writing(db, "commit")) as connection:
        connection.text_factory = bytes
        is_more = True
        while is_more:
            started = time.monotonic()
            is_more = store.advance(connection, PAGE_ROWS)
            longest = max(longest, time.monotonic() - started)
        store.save(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    cpu_seconds = time.process_time() - cpu_seconds
    print(
        f"summed up: {1e6 * cpu_seconds / count:.1f} us and {(db.stat().st_size - before) / count:.1f} bytes a ping, "
        f"longest page {1000 * longest:.0f} ms"
    )
    blocks = re.findall(r"^```sql\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    print("query of README                                              seconds   CPU s     rows")
    for query in filter(None, map(str.strip, "".join(blocks).split(";"))):
        with closing(sqlite3.connect(db)) as connection:
            started, cpu_seconds = time.monotonic(), time.process_time()
            rows = sum(1 for _ in connection.execute(query))
            took, cpu_seconds = time.monotonic() - started, time.process_time() - cpu_seconds
            print(f"{query.splitlines()[0][3:63]:60} {took:7.2f} {cpu_seconds:7.2f} {rows:8}", flush=True)


def _measure(command: list[str], db: Path, count: int) -> float:
    seconds, cpu_seconds, mebibytes = _cost([sys.executable, "-m", "telemock", *command], db)
    said = " ".join(command).replace(f"{db.parent}/", "")
    print(f"{said:28} {seconds:8.1f} {cpu_seconds:6.1f} {count / cpu_seconds:16.0f} {mebibytes:4.0f}", flush=True)
    return seconds


def fill(db: Path, pings: Iterable[Exchange]) -> None:
    """Store pings."""
    migrate(db)
    names = ", ".join(EXCHANGES.columns)
    places = ", ".join("?" * len(EXCHANGES.columns))
    connection = sqlite3.connect(db)
    connection.execute("PRAGMA synchronous = OFF")
    with connection:
        connection.executemany(
            f"INSERT INTO exchanges ({names}) VALUES ({places})",
            ([getattr(ping, column) for column in EXCHANGES.columns] for ping in pings),
        )
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _pings(count: int) -> Iterator[Exchange]:
    """Make pings whose clocks go and whose volumes grow; from half of the count on they are of another version."""
    rng = random.Random(1)
    path, _, query = GET_PATH.partition("?")
    instances = [
        dict(parse_qsl(query)) | {"guid": str(uuid.UUID(int=rng.getrandbits(128), version=4))} for _ in range(INSTANCES)
    ]
    started = datetime(2026, 2, 5, tzinfo=UTC)
    headers = compact_json([["Host", "cdn.cribl.io"], ["Connection", "keep-alive"]])
    for number in itertools.count():
        said = instances[number % INSTANCES]
        received = started + PERIOD * (number / INSTANCES) + timedelta(seconds=rng.random())
        milliseconds = int(received.timestamp() * 1000)
        said["v"] = VERSIONS[min(2 * number // count, 1)]
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
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"TELEMOCK_DB": str(db)}
    ) as process:
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
