"""This is the schema that people open with `sqlite3`: public interface, changed only by migration.

It refuses to create anything; `migrations/` does, and a test holds the two together.
"""

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text

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

# How far is what is filled in behind the answers, task by task; see `telemock.store.background`.
progress = Table(
    "progress",
    metadata,
    Column("task", Text, primary_key=True),
    Column("last_id", Integer, nullable=False),
    Column("until_id", Integer),
    Column("exchange_count", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
)

# The fields of the view `fields`, summed up to the id that `progress` tells; triggers empty what follows as well.
field_summary = Table(
    "field_summary",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("exchange_count", Integer, nullable=False),
    Column("first_seen", Text, nullable=False),
    Column("last_seen", Text, nullable=False),
    Column("value_count", Integer, nullable=False),
    Column("least", Text),
    Column("most", Text),
    Column("varies_per_instance", Integer, nullable=False),
    Column("number", Integer, nullable=False),
)

# In which versions a field was, and how often.
field_versions = Table(
    "field_versions",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("exchange_count", Integer, nullable=False),
    Column("first_seen", Text, nullable=False),
    Column("last_seen", Text, nullable=False),
)

# Different values of a field, up to a limit.
field_values = Table(
    "field_values",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, primary_key=True),
)

# Of fields with more of them, what tells how many.
field_sketches = Table(
    "field_sketches",
    metadata,
    Column("source", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("sketch", LargeBinary, nullable=False),
)

# Installations, and the versions they had; an empty one is none.
instance_versions = Table(
    "instance_versions",
    metadata,
    Column("guid", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("exchange_count", Integer, nullable=False),
    Column("first_seen", Text, nullable=False),
    Column("last_seen", Text, nullable=False),
)

# Of installations, which fields have had one value only.
instance_constants = Table(
    "instance_constants",
    metadata,
    Column("guid", Text, primary_key=True),
    Column("fields", LargeBinary, nullable=False),
)
