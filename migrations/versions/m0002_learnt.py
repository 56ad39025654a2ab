"""What was learnt of exchanges is kept, until one of them is changed or removed."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = (
    """
    CREATE TABLE learnt (
        "key" TEXT NOT NULL PRIMARY KEY,
        kept_at TEXT NOT NULL,
        last_id INTEGER NOT NULL,
        exchange_count INTEGER NOT NULL,
        state BLOB NOT NULL
    )
    """,
    "CREATE TRIGGER exchanges_updated AFTER UPDATE ON exchanges BEGIN DELETE FROM learnt; END",
    "CREATE TRIGGER exchanges_deleted AFTER DELETE ON exchanges BEGIN DELETE FROM learnt; END",
)


def upgrade() -> None:
    """Create the table and its triggers; what is captured stays as it is."""
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
