"""This is what the tests' databases are filled with: the real ping, a connection, and a way to store them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from telemock.exchange import Connection, Exchange, Record, compact_json, utc_text
from telemock.store.appender import SqliteAppender
from telemock.store.migration import migrate
from telemock.store.writer import Writer

PING_QUERY = (Path(__file__).parent / "data" / "cribl-ping.query").read_text().strip()
PING_BODY = b"cribl /// living the stream!\n"
GUID = "b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec"
VERSION = "4.16.1-20904e45"
PATH = "/telemetry/index.html"

# The first exchange of a corpus; the n-th comes n seconds later.
STARTED = datetime(2026, 2, 5, 10, 55, 58, 90735, tzinfo=UTC)


def moment(second: float) -> str:
    """Write the time so many seconds after the first exchange."""
    return utc_text(STARTED + timedelta(seconds=second))


def ping(number: int = 0, **changes: Any) -> Exchange:
    """Make the exchange of the real ping; `changes` replace fields, and `guid` or `version` the query's too."""
    pairs = dict(parse_qsl(PING_QUERY, keep_blank_values=True, strict_parsing=True))
    pairs |= {"guid": changes.get("guid") or GUID, "v": changes.get("version") or VERSION}
    fields: dict[str, Any] = {
        "received_at": moment(number),
        "scheme": "http",
        "method": "GET",
        "host": "cdn.cribl.io",
        "path": PATH,
        "query": urlencode(pairs),
        "params": compact_json(pairs),
        "request_headers": compact_json([["Host", "cdn.cribl.io"], ["Connection", "keep-alive"]]),
        "request_body": None,
        "request_truncated": False,
        "client": "127.0.0.1",
        "via": "proxy",
        "status": 200,
        "response_headers": compact_json([["Content-Type", "text/html; charset=utf-8"], ["Content-Length", "29"]]),
        "response_body": PING_BODY,
        "latency_ms": 0.21,
        "outcome": "mock",
        "profile": "cribl",
        "version": VERSION,
        "guid": GUID,
        "env": "prod",
        "client_time": "2026-02-05T07:58:11.000Z",
    }
    return Exchange(**{**fields, **changes})


CONNECTION = Connection(
    opened_at=moment(0),
    host="",
    port=None,
    client="::1",
    kind="malformed",
    bytes_up=3,
    bytes_down=0,
    duration_ms=None,
    detail="It began with b'\\x00'",
)


def connection(number: int = 0, **changes: Any) -> Connection:
    """Make a connection that was no HTTP; `changes` replace fields."""
    return replace(CONNECTION, **{"opened_at": moment(number), **changes})


async def store(path: Path, records: Sequence[Record]) -> None:
    """Commit records as a server does, and close the database."""
    writer = Writer(await SqliteAppender.open(path, "commit"), on_commit=lambda _records, _seconds: None)
    for record in records:
        await writer.keep(record)
    await writer.close()


def database(folder: Path, *records: Record, name: str = "telemetry.db") -> Path:
    """Make a database that holds the records, their ids counting from 1."""
    path = folder / name
    migrate(path)
    asyncio.run(store(path, records))
    return path
