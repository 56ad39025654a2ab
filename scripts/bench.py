"""This is the measurement: telemock and a bare aiohttp handler in turns, on one machine, in one go.

    scripts/bench               throughput, latency, memory and bytes on disk, as ratios to the bare handler
    scripts/bench --long        a million exchanges: throughput and memory for every 100,000
    scripts/bench --https       pings through CONNECT and TLS, against plain HTTP and against mitmproxy
    scripts/bench --analyze     a million stored pings: seconds and memory of the commands that read them
    scripts/bench --labels      values of tests/labels: how often they are told right, and whether often enough
    scripts/bench --shapes      200 shapes of hostile bodies: seconds that a mebibyte of each takes
    scripts/bench --crash       50 rounds of kill -9 in the middle of 32 clients

Timings are noisy; only the ratios of one run mean something.
"""

import argparse
import contextlib
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_analyze import measure_analysis
from bench_https import compare_https
from bench_labels import measure_labels
from bench_shapes import measure_shapes
from load import GET_PATH, HERE, POST_PATH, POST_SCRIPT, Result, bare, run_wrk, telemock


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
    parser.add_argument("--https", action="store_true", help="through CONNECT and TLS, and against mitmproxy")
    parser.add_argument(
        "--analyze", nargs="?", const=1_000_000, type=int, metavar="N", help="read N stored pings (1000000)"
    )
    parser.add_argument("--labels", action="store_true", help="precision and recall over the labelled values")
    parser.add_argument("--shapes", action="store_true", help="what a mebibyte of each hostile shape costs")
    parser.add_argument("--crash", nargs="?", const=50, type=int, metavar="N", help="N rounds of kill -9 (50)")
    options = parser.parse_args()
    if options.long:
        run_long(options.long)
    elif options.https:
        compare_https(options.rounds, options.seconds)
    elif options.analyze:
        measure_analysis(options.analyze)
    elif options.labels:
        raise SystemExit(not measure_labels())
    elif options.shapes:
        raise SystemExit(not measure_shapes())
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
