"""Sum up fields and instances, which takes seconds or minutes to do anew for each question."""

from alembic import op

revision = "0004"
down_revision = "0003"

# What an exchange can be changed in without making the summary untrue.
_BESIDE = "received_at, query, request_headers, request_body, version, guid"

_FORGET = """
    BEGIN
        UPDATE progress SET last_id = 0, exchange_count = 0, generation = generation + 1 WHERE task = 'summary';
        DELETE FROM field_summary;
        DELETE FROM field_sketches;
        DELETE FROM field_versions;
        DELETE FROM field_values;
        DELETE FROM instance_versions;
        DELETE FROM instance_constants;
    END
"""

STATEMENTS = (
    """
    CREATE TABLE progress (
        task TEXT NOT NULL PRIMARY KEY,
        last_id INTEGER NOT NULL,
        until_id INTEGER,
        exchange_count INTEGER NOT NULL,
        generation INTEGER NOT NULL
    )
    """,
    "INSERT INTO progress VALUES ('summary', 0, NULL, 0, 0)",
    "INSERT INTO progress VALUES ('ports', 0, (SELECT coalesce(max(id), 0) FROM exchanges), 0, 0)",
    """
    CREATE TABLE field_summary (
        source TEXT NOT NULL,
        name TEXT NOT NULL,
        exchange_count INTEGER NOT NULL,
        first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        value_count INTEGER NOT NULL,
        least TEXT,
        most TEXT,
        varies_per_instance INTEGER NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (source, name)
    )
    """,
    """
    CREATE TABLE field_sketches (
        source TEXT NOT NULL,
        name TEXT NOT NULL,
        sketch BLOB NOT NULL,
        PRIMARY KEY (source, name)
    )
    """,
    """
    CREATE TABLE field_versions (
        source TEXT NOT NULL,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        exchange_count INTEGER NOT NULL,
        first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        PRIMARY KEY (source, name, version)
    )
    """,
    """
    CREATE TABLE field_values (
        source TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (source, name, value)
    )
    """,
    """
    CREATE TABLE instance_versions (
        guid TEXT NOT NULL,
        version TEXT NOT NULL,
        exchange_count INTEGER NOT NULL,
        first_seen TEXT NOT NULL,
        last_seen TEXT NOT NULL,
        PRIMARY KEY (guid, version)
    )
    """,
    """
    CREATE TABLE instance_constants (
        guid TEXT NOT NULL PRIMARY KEY,
        fields BLOB NOT NULL
    )
    """,
    f"CREATE TRIGGER exchanges_rewritten AFTER UPDATE OF {_BESIDE} ON exchanges {_FORGET}",
    f"CREATE TRIGGER exchanges_removed AFTER DELETE ON exchanges {_FORGET}",
    "DROP VIEW instances",
    """
    CREATE VIEW instances AS
    SELECT guid, group_concat(DISTINCT nullif(version, '')) AS versions,
           min(first_seen) AS first_seen, max(last_seen) AS last_seen, sum(exchange_count) AS exchange_count
    FROM (
        SELECT guid, version, first_seen, last_seen, exchange_count FROM instance_versions
        UNION ALL
        SELECT guid, version, received_at, received_at, 1
        FROM exchanges
        WHERE guid IS NOT NULL AND id > (SELECT last_id FROM progress WHERE task = 'summary')
    )
    GROUP BY guid
    """,
)


def upgrade() -> None:
    """Create the tables, empty; who serves fills them."""
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
