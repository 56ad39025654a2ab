"""First schema: exchanges, connections, and the three views for people."""

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE exchanges (
        id INTEGER NOT NULL PRIMARY KEY,
        received_at TEXT NOT NULL,
        scheme TEXT NOT NULL,
        method TEXT NOT NULL,
        host TEXT NOT NULL,
        path TEXT NOT NULL,
        query TEXT NOT NULL,
        params TEXT NOT NULL,
        request_headers TEXT NOT NULL,
        request_body BLOB,
        request_truncated INTEGER NOT NULL,
        client TEXT NOT NULL,
        via TEXT NOT NULL,
        status INTEGER NOT NULL,
        response_headers TEXT NOT NULL,
        response_body BLOB,
        latency_ms FLOAT NOT NULL,
        outcome TEXT NOT NULL,
        profile TEXT,
        stub_id TEXT,
        version TEXT,
        guid TEXT,
        env TEXT,
        session_id TEXT,
        client_time TEXT,
        problems TEXT
    )
    """,
    "CREATE INDEX exchanges_received_at ON exchanges (received_at)",
    "CREATE INDEX exchanges_path ON exchanges (path, received_at)",
    "CREATE INDEX exchanges_guid ON exchanges (guid, received_at) WHERE guid IS NOT NULL",
    "CREATE INDEX exchanges_version ON exchanges (version, received_at) WHERE version IS NOT NULL",
    """
    CREATE TABLE connections (
        id INTEGER NOT NULL PRIMARY KEY,
        opened_at TEXT NOT NULL,
        host TEXT NOT NULL,
        port INTEGER,
        client TEXT NOT NULL,
        kind TEXT NOT NULL,
        bytes_up INTEGER NOT NULL,
        bytes_down INTEGER NOT NULL,
        duration_ms FLOAT,
        detail TEXT NOT NULL
    )
    """,
    "CREATE INDEX connections_opened_at ON connections (opened_at)",
    """
    CREATE VIEW telemetry AS
    SELECT id, received_at, method, host, path, status, outcome, version, guid, env, session_id,
           client_time, latency_ms, coalesce(json_array_length(problems), 0) AS problem_count
    FROM exchanges
    """,
    # A header's value is data: json_extract of '$[1]' is text even where it looks like a number.
    """
    CREATE VIEW fields AS
    SELECT e.id AS exchange_id, 'query' AS source, p.key AS name, v.value AS value
    FROM exchanges AS e, json_each(e.params) AS p,
         json_each(CASE p.type WHEN 'array' THEN p.value ELSE json_array(p.value) END) AS v
    UNION ALL
    SELECT e.id, 'header', json_extract(h.value, '$[0]'), json_extract(h.value, '$[1]')
    FROM exchanges AS e, json_each(e.request_headers) AS h
    UNION ALL
    SELECT e.id, 'body', b.fullkey, b.atom
    FROM exchanges AS e,
         json_tree(CASE WHEN json_valid(CAST(e.request_body AS TEXT))
                        THEN CAST(e.request_body AS TEXT) END) AS b
    WHERE b.type NOT IN ('object', 'array')
    """,
    """
    CREATE VIEW instances AS
    SELECT guid, group_concat(DISTINCT version) AS versions,
           min(received_at) AS first_seen, max(received_at) AS last_seen, count(*) AS exchange_count
    FROM exchanges
    WHERE guid IS NOT NULL
    GROUP BY guid
    """,
)


def upgrade() -> None:
    """Create everything; runs in the one transaction that also marks the revision."""
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
