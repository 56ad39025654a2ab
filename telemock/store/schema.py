"""This is the schema that people open with `sqlite3`: public interface, changed only by migration.

It refuses to create anything; `migrations/` does, and a test holds the two together.
"""

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text

# The revision of migrations/versions that this code reads and writes.
HEAD = "0003"

metadata = MetaData()

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("received_at", Text, nullable=False),
    Column("scheme", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("request_headers", Text, nullable=False),
    Column("request_body", LargeBinary),
    Column("request_truncated", Integer, nullable=False),
    Column("client", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("response_headers", Text, nullable=False),
    Column("response_body", LargeBinary),
    Column("latency_ms", Float, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("profile", Text),
    Column("stub_id", Text),
    Column("version", Text),
    Column("guid", Text),
    Column("env", Text),
    Column("session_id", Text),
    Column("client_time", Text),
    Column("problems", Text),
    Column("port", Integer),
    Column("request_trailers", Text),
    Index("exchanges_received_at", "received_at"),
    Index("exchanges_path", "path", "received_at"),
)
Index(
    "exchanges_guid",
    exchanges.c.guid,
    exchanges.c.received_at,
    sqlite_where=exchanges.c.guid.is_not(None),
)
Index(
    "exchanges_version",
    exchanges.c.version,
    exchanges.c.received_at,
    sqlite_where=exchanges.c.version.is_not(None),
)

connections = Table(
    "connections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("opened_at", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("port", Integer),
    Column("client", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("bytes_up", Integer, nullable=False),
    Column("bytes_down", Integer, nullable=False),
    Column("duration_ms", Float),
    Column("detail", Text, nullable=False),
    Index("connections_opened_at", "opened_at"),
)

# What was learnt of exchanges; triggers empty it when one of them is changed or removed.
learnt = Table(
    "learnt",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kept_at", Text, nullable=False),
    Column("last_id", Integer, nullable=False),
    Column("exchange_count", Integer, nullable=False),
    Column("state", LargeBinary, nullable=False),
)
