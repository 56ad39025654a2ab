"""The measurement of hostile bodies: seconds that a mebibyte of each shape takes to be looked through."""

import sys
import time
from collections.abc import Callable

from shapes import shapes

from telemock.analysis.endpoint import Seen
from telemock.analysis.inventory import take_inventory

# Seconds of a core for a mebibyte that no shape may exceed.
MOST_SECONDS = 1.0

_BYTES = 2**20
_WARM_BYTES = 2**12


def measure_shapes() -> bool:
    """Print seconds of a core for a mebibyte of each shape, the slowest first; tell whether all are fast enough."""
    makers = shapes()
    for make in makers.values():
        look_through(make(_WARM_BYTES))
    cost = {name: _seconds(name, make) for name, make in makers.items()}
    print(f"{len(cost)} shapes, 1 MiB each; CPU seconds a MiB")
    for name, seconds in sorted(cost.items(), key=lambda each: -each[1]):
        print(f"{seconds:7.2f}  {name}{'   too slow' if seconds > MOST_SECONDS else ''}")
    return max(cost.values()) <= MOST_SECONDS


def look_through(body: bytes) -> None:
    """Learn from one request with such a body."""
    take_inventory(
        [
            Seen(
                method="POST",
                scheme="https",
                host="telemetry.vendor.example",
                port=None,
                path="/",
                query="",
                request_headers="[]",
                body=body,
                is_whole=True,
                request_bytes=len(body),
                received_at="2026-02-05T10:55:58.090735Z",
                status=200,
                latency_ms=1.0,
                instance="",
                response_bytes=0,
            )
        ]
    )


def _seconds(name: str, make: Callable[[int], bytes]) -> float:
    """Measure a shape; one that grows faster than its size is measured small, so that it comes to an end."""
    size = _BYTES // 16
    while True:
        body = make(size)
        started = time.process_time()
        look_through(body)
        seconds = (time.process_time() - started) * _BYTES / len(body)
        if size >= _BYTES or seconds > 20 * MOST_SECONDS:
            return seconds
        size *= 4
        print(f"\r{name:40.40}", end="", file=sys.stderr)
