"""This is what a report is told in these tests, in the form of `telemock analyze --format json` and a little more."""

from typing import Any

Told = dict[str, Any]


def field(name: str = "v", **changes: Any) -> Told:
    return {
        "source": "query",
        "name": name,
        "known": True,
        "meaning": "version of the product",
        "exchanges": 4,
        "presence": 1.0,
        "values": 4,
        "types": {"version": 1.0},
        "behaviour": "constant",
        "distinct": 1,
        "distinct_is_estimated": False,
        "least": None,
        "most": None,
        "longest": 6,
        "masked": None,
        "examples": ["4.16.1"],
        "decoded": [],
    } | changes


def cadence(instance: str = "one", **changes: Any) -> Told:
    return {
        "instance": instance,
        "requests": 4,
        "interval_s": 300.2,
        "jitter_s": 0.5,
        "missed": 0,
        "silences": 0,
        "bursts": 0,
        "retries": 0,
        "resent": 0,
        "last_seen": "2026-02-05T11:00:00.000000Z",
        "next_expected": "2026-02-05T11:05:00.000000Z",
    } | changes


def endpoint(path: str = "/telemetry/index.html", **changes: Any) -> Told:
    return {
        "method": "GET",
        "scheme": "https",
        "host": "cdn.cribl.io",
        "port": None,
        "path": path,
        "product": "Cribl Stream",
        "count": 4,
        "resent": 0,
        "instances": 1,
        "statuses": {"200": 3, "503": 1},
        "latency_ms": {"p50": 0.2, "p95": 0.75, "p99": 1.25},
        "bytes_up": 2048,
        "bytes_down": 116,
        "first_seen": "2026-02-05T10:55:58.090735Z",
        "last_seen": "2026-02-05T11:00:00.000000Z",
        "values_left_out": 0,
        "fields": [field()],
        "cadences": [cadence()],
    } | changes


def finding(**changes: Any) -> Told:
    return {
        "class": "email",
        "confidence": "high",
        "method": "GET",
        "scheme": "https",
        "host": "cdn.cribl.io",
        "port": None,
        "path": "/telemetry/index.html",
        "source": "query",
        "name": "u",
        "chain": ["base64"],
        "values": 3,
        "example": "ja**@*******.*om",
    } | changes


def connection(**changes: Any) -> Told:
    return {
        "opened_at": "2026-02-05T10:55:58.090735Z",
        "host": "ads.example",
        "port": 443,
        "client": "10.0.0.4",
        "kind": "blocked",
        "detail": "no rule lets it through",
    } | changes


def told(*endpoints: Told, **changes: Any) -> Told:
    """Give all that a report is told, of these endpoints."""
    return {
        "exchanges": sum(each["count"] for each in endpoints),
        "exchanges_left_out": 0,
        "cadences_left_out": 0,
        "findings_left_out": 0,
        "not_looked_at": [],
        "distinct_error": 0.0163,
        "endpoints": list(endpoints),
        "sensitive": [],
        "planted": [],
        "timeline": {
            "width_s": 60,
            "unreadable": 0,
            "buckets": [{"begin": "2026-02-05T10:55:00.000000Z", "begin_s": 1_770_288_900, "counts": {"mock": 4}}]
            if endpoints
            else [],
        },
        "connections": {"kinds": {}, "targets": [], "left_out": 0, "latest": []},
        "changes": [],
        "versions_left_out": 0,
        "products": ["Cribl Stream"],
        "database": {
            "name": "telemetry.db",
            "last_exchange": 4,
            "is_whole": True,
            "is_what_was_read": True,
            "files": [{"path": "/data/telemetry.db", "bytes": 65536, "sha256": "ab" * 32}],
        },
        "filters": [],
        "not_filtered": [],
        "command": "telemock report",
        "shows_values": False,
        "made_at": "2026-02-05T12:00:00.000000Z",
        "telemock": "0.1.0",
    } | changes
