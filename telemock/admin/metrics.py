"""This is what telemock counts of itself, for Prometheus; right across worker processes.

It refuses to count per client or per path: a hostile client could make series without end.
"""

import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from telemock import __version__
from telemock.exchange import Connection, Exchange, Record

_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

# Where worker processes share their numbers; prometheus_client reads it when it is imported.
SHARED_FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """Counters of one process; with workers, `exposition` adds up those of all.

    Args:
        waiting: gives the count of exchanges that wait for their commit.
        authority_seconds: gives how long the certificate authority is valid.
        body_bytes: gives the memory that bodies have.
        log_bytes: gives the size of the store's write-ahead log.
    """

    CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

    def __init__(
        self,
        waiting: Callable[[], int],
        authority_seconds: Callable[[], float],
        body_bytes: Callable[[], int],
        log_bytes: Callable[[], int],
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()
        self._waiting = waiting
        self._authority_seconds = authority_seconds
        self._body_bytes = body_bytes
        self._read_log_bytes = log_bytes
        self._exchanges = Counter(
            "telemock_exchanges", "Exchanges stored.", ["outcome", "via", "status"], registry=registry
        )
        self._refused = Counter(
            "telemock_refused", "Requests not stored in time, or not HTTP.", ["reason"], registry=registry
        )
        self._connections = Counter("telemock_connections", "What happened below HTTP.", ["kind"], registry=registry)
        self._tls_refused = Counter(
            "telemock_tls_refused", "TLS handshakes that failed, by what the client said.", ["alert"], registry=registry
        )
        self._idle_closed = Counter(
            "telemock_idle_closed",
            "Idle connections closed, as there were hardly any descriptors left.",
            registry=registry,
        )
        self._accept_pauses = Counter(
            "telemock_accept_pauses",
            "Times that new connections had to wait, as there were no descriptors left and nobody was idle.",
            registry=registry,
        )
        self._request_seconds = _Histogram(
            "telemock_request_duration_seconds",
            "Request head read to answer ready, before the commit.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._commit_seconds = Histogram(
            "telemock_commit_duration_seconds", "Time of one commit.", buckets=_SECONDS, registry=registry
        )
        self._commit_batch = Histogram(
            "telemock_commit_batch_exchanges", "Exchanges in one commit.", buckets=_BATCHES, registry=registry
        )
        self._queue = Gauge(
            "telemock_queue_exchanges",
            "Exchanges that wait for their commit.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._bodies = Gauge(
            "telemock_body_bytes",
            "Memory that bodies have, from their beginning until they are stored.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._authority = Gauge(
            "telemock_authority_expiry_seconds",
            "Seconds until the certificate authority expires; below 0 since then.",
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        self._log_bytes = Gauge(
            "telemock_log_bytes",
            "Size of the write-ahead log beside the database.",
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        build = Gauge(
            "telemock_build_info",
            "Always 1; the label says which telemock this is.",
            ["version"],
            registry=registry,
            multiprocess_mode="max",
        )
        build.labels(__version__).set(1)
        self._registry = _exposed(registry)

    def committed(self, records: Sequence[Record], seconds: float) -> None:
        """Count one commit."""
        self._commit_seconds.observe(seconds)
        exchanges = [record for record in records if not isinstance(record, Connection)]
        self._commit_batch.observe(len(exchanges))
        self._request_seconds.observe_all([exchange.latency_ms / 1000 for exchange in exchanges])
        labels = [(exchange.outcome, exchange.via, exchange.status) for exchange in exchanges]
        for each in set(labels):
            self._exchanges.labels(*each).inc(labels.count(each))
        self._queue.set(self._waiting())

    def connection(self, connection: Connection, reason: str) -> None:
        """Count what happened below HTTP; `reason` is the TLS alert of a refusal, or why it was refused."""
        self._connections.labels(connection.kind).inc()
        if connection.kind == "tls_refused":
            self._tls_refused.labels(reason).inc()
        elif connection.kind == "malformed":
            self.refused(reason)

    def refused(self, reason: str, _exchange: Exchange | None = None) -> None:
        """Count one request that was not stored in time, or was not HTTP."""
        self._refused.labels(reason).inc()

    def descriptors_scarce(self, closed: int, *, is_full: bool) -> None:
        """Count idle connections that were closed for want of descriptors, and that new ones have to wait."""
        self._idle_closed.inc(closed)
        self._accept_pauses.inc(is_full)

    def exposition(self) -> bytes:
        """Write everything in the Prometheus text format."""
        self._log_bytes.set(self._read_log_bytes())
        self._queue.set(self._waiting())
        self._authority.set(self._authority_seconds())
        self._bodies.set(self._body_bytes())
        return generate_latest(self._registry)


class _Histogram(Histogram):
    """A histogram that takes many values at once: one by one they cost a tenth of an answer."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """Observe each of the amounts."""
        ordered = sorted(amounts)
        self._sum.inc(sum(ordered))
        counted = 0
        for bound, bucket in zip(self._upper_bounds, self._buckets, strict=True):
            if counted == len(ordered):
                return
            below = bisect_right(ordered, bound, counted)
            if below > counted:
                bucket.inc(below - counted)
                counted = below


def _exposed(registry: CollectorRegistry) -> CollectorRegistry:
    """Give what is shown of a process's own registry: with workers, the sums over all of them."""
    folder = os.environ.get(SHARED_FOLDER_VARIABLE)
    if folder is None:
        ProcessCollector(registry=registry)
        return registry
    shared = CollectorRegistry()
    MultiProcessCollector(shared, folder)  # type: ignore[no-untyped-call]
    shared.register(_Workers(Path(folder)))
    return shared


class _Workers(Collector):
    """The process metrics of all workers: what they use is added up; of starts and limits the least."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """Read each live worker's process metrics from /proc."""
        names = (re.fullmatch(r"gauge_livesum_(\d+)\.db", path.name) for path in self._folder.iterdir())
        totals: dict[str, Metric] = {}
        for pid in (name[1] for name in names if name):
            for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
                total = totals.setdefault(metric.name, metric)
                if total is metric:
                    continue
                sample, more = total.samples[0], metric.samples[0]
                least = metric.name in ("process_start_time_seconds", "process_max_fds")
                value = min(sample.value, more.value) if least else sample.value + more.value
                total.samples[0] = sample._replace(value=value)
        return totals.values()
