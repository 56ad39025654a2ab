"""Take trailers for fields: in the view `fields`, and in the summary, which is added up anew."""

from alembic import op

revision = "0005"
down_revision = "0004"

# What holds the summary; who serves fills it again.
_SUMMARY = (
    "field_summary",
    "field_sketches",
    "field_versions",
    "field_values",
    "instance_versions",
    "instance_constants",
)

_BEGIN_ANEW = "UPDATE progress SET last_id = 0, exchange_count = 0, generation = generation + 1 WHERE task = 'summary'"
_EMPTIED = tuple(f"DELETE FROM {table}" for table in _SUMMARY)  # noqa: S608 - our own

STATEMENTS = (
    "DROP VIEW fields",
    """
    CREATE VIEW fields AS
    SELECT e.id AS exchange_id, 'query' AS source, p.key AS name, v.value AS value
    FROM exchanges AS e, json_each(e.params) AS p,
         json_each(CASE p.type WHEN 'array' THEN p.value ELSE json_array(p.value) END) AS v
    UNION ALL
    SELECT e.id, 'header', json_extract(h.value, '$[0]'), json_extract(h.value, '$[1]')
    FROM exchanges AS e, json_each(e.request_headers) AS h
    UNION ALL
    SELECT e.id, 'trailer', json_extract(t.value, '$[0]'), json_extract(t.value, '$[1]')
    FROM exchanges AS e, json_each(e.request_trailers) AS t
    UNION ALL
    SELECT e.id, 'body', b.fullkey, b.atom
    FROM exchanges AS e,
         json_tree(CASE WHEN json_valid(CAST(e.request_body AS TEXT))
                        THEN CAST(e.request_body AS TEXT) END) AS b
    WHERE b.type NOT IN ('object', 'array')
    """,
    f"""
    CREATE TRIGGER exchanges_trailers_rewritten AFTER UPDATE OF request_trailers ON exchanges
    BEGIN
        {_BEGIN_ANEW};
        {"; ".join(_EMPTIED)};
    END
    """,
    _BEGIN_ANEW,
    *_EMPTIED,
)


def upgrade() -> None:
    """Replace the view, and empty what did not know trailers."""
    for statement in STATEMENTS:
        op.get_bind().exec_driver_sql(statement)
