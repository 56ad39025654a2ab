"""telemock counts what it did, right and in Prometheus' own words."""

import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from telemock import __version__
from tests.server.served import PING_TARGET, Served, served
from tests.server.wire import HANG_SECONDS, request_bytes

Numbers = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def numbers(server: Served) -> Numbers:
    """Ask for all samples: by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(server.ask("GET", "/metrics").body.decode())
        for sample in family.samples
    }


def stored(outcome: str, status: int, via: str = "direct") -> tuple[str, tuple[tuple[str, str], ...]]:
    """Name the count of exchanges."""
    return "telemock_exchanges_total", (("outcome", outcome), ("status", str(status)), ("via", via))


def plain(name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Name a sample without labels."""
    return name, ()


def leave_before_the_answer(server: Served) -> None:
    """Announce a body, and leave before its end; return when that is stored."""
    with server.connect() as wire:
        wire.send(b"POST /telemetry/events HTTP/1.1\r\nHost: telemock.test\r\nContent-Length: 10\r\n\r\n{")
        server.settle()
    for _ in range(1000):
        server.settle()
        if any(row["status"] == 499 for row in server.exchanges()):
            return
    raise AssertionError("a client that left is not stored")


def test_known_traffic_has_known_counts(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        before = numbers(server)
        for _ in range(7):
            assert server.ask("GET", PING_TARGET).status == 200
        for _ in range(3):
            assert server.ask("GET", "/nowhere").status == 404
        assert server.ask("PUT", "/telemetry/config").status == 405
        assert server.ask("GET", "http://cdn.cribl.io/telemetry/").status == 200
        for _ in range(2):
            with server.connect() as wire:
                wire.send(b"not http at all\r\n\r\n")
                wire.rest()
        leave_before_the_answer(server)
        assert len(server.malformed()) == 2  # asks for /barrier
        after = numbers(server)
        rows = server.rows("SELECT outcome, status, via, count(*) AS count FROM exchanges GROUP BY 1, 2, 3")
    assert not [key for key in before if key[0] == "telemock_exchanges_total"]
    counted = {key: value for key, value in after.items() if key[0] == "telemock_exchanges_total"}
    assert counted == {
        stored("mock", 200): 7,
        stored("unmatched", 404): 4,
        stored("mock", 405): 1,
        stored("mock", 200, "proxy"): 1,
        stored("refused", 499): 1,
    }
    assert counted == {stored(row["outcome"], row["status"], row["via"]): row["count"] for row in rows}
    assert after["telemock_refused_total", (("reason", "malformed"),)] == 2
    assert after[plain("telemock_request_duration_seconds_count")] == 14
    assert after[plain("telemock_commit_batch_exchanges_sum")] == 14
    assert (
        after[plain("telemock_commit_batch_exchanges_count")] == after[plain("telemock_commit_duration_seconds_count")]
    )
    assert 0 < after[plain("telemock_request_duration_seconds_sum")] < HANG_SECONDS * 14
    assert after[plain("telemock_queue_exchanges")] == 0
    assert after["telemock_build_info", (("version", __version__),)] == 1
    assert after[plain("process_resident_memory_bytes")] > 0


@pytest.mark.parametrize("name", ["telemock_request_duration_seconds", "telemock_commit_duration_seconds"])
def test_a_histograms_last_bucket_holds_all(tmp_path: Path, name: str) -> None:
    with served(tmp_path) as server:
        for _ in range(5):
            server.ask("GET", PING_TARGET)
        after = numbers(server)
    assert after[f"{name}_bucket", (("le", "+Inf"),)] == after[plain(f"{name}_count")] == 5


def test_promtool_has_nothing_to_say(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        server.ask("GET", PING_TARGET)
        server.say(request_bytes("GET", "/x", version="HTTP/9.9"))
        exposition = server.ask("GET", "/metrics").body
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=exposition, capture_output=True, timeout=HANG_SECONDS, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_hostile_paths_and_clients_make_no_series(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        for number in range(20):
            server.ask("GET", f"/path-{number}?guid={number}", host=f"host-{number}.test")
        assert [key for key in numbers(server) if key[0] == "telemock_exchanges_total"] == [stored("unmatched", 404)]
