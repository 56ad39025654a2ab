"""Keep the port that a client meant, and the trailers of its request."""

from alembic import op

revision = "0003"
down_revision = "0002"

STATEMENTS = (
    "ALTER TABLE exchanges ADD COLUMN port INTEGER",
    "ALTER TABLE exchanges ADD COLUMN request_trailers TEXT",
)


def upgrade() -> None:
    """Add the columns; what was captured before has neither."""
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
