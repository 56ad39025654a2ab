"""Migrations only add: columns, tables and views, so that whoever reads a file with SQL finds what was there.

What is summed up behind the answers may be emptied, as it is added up again.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from telemock.store.migration import migrate

CHECKOUT = Path(__file__).parents[2]
MIGRATIONS = sorted((CHECKOUT / "migrations" / "versions").glob("m*.py"))
FROZEN = sorted((CHECKOUT / "tests" / "schemas").glob("*.sql"))

ADDING = re.compile(r"CREATE (TABLE|VIEW|INDEX|TRIGGER)|ALTER TABLE \w+ ADD COLUMN|INSERT INTO", re.IGNORECASE)
ANEW = re.compile(
    r"DELETE FROM (field_(summary|sketches|versions|values)|instance_(versions|constants))"
    r"|UPDATE progress SET last_id = 0, .* WHERE task = 'summary'"
)
LARGE = ("exchanges", "connections")


def statements(migration: Path) -> list[str]:
    namespace: dict[str, object] = {}
    exec(compile(migration.read_text(), migration, "exec"), namespace)
    found = namespace["STATEMENTS"]
    assert isinstance(found, tuple)
    return [" ".join(statement.split()) for statement in found]


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda path: path.stem)
def test_each_statement_adds(migration: Path) -> None:
    said = statements(migration)
    for place, statement in enumerate(said):
        if dropped := re.fullmatch(r"DROP VIEW (\w+)", statement):
            assert any(re.match(rf"CREATE VIEW {dropped[1]}\b", later) for later in said[place:]), statement
        else:
            assert ADDING.match(statement) or ANEW.fullmatch(statement), statement
        if migration.stem > "m0002" and (made := re.match(r"CREATE INDEX \w+ ON (\w+)", statement)):
            assert made[1] not in LARGE, f"{statement}: it takes minutes where there are millions of rows"


def columns(db: Path) -> dict[str, list[str]]:
    """Give the columns of all tables and views."""
    sql = "SELECT t.name, c.name FROM pragma_table_list AS t, pragma_table_info(t.name) AS c ORDER BY t.name, c.cid"
    found: dict[str, list[str]] = {}
    with closing(sqlite3.connect(db)) as connection:
        for table, column in connection.execute(sql):
            found.setdefault(table, []).append(column)
    return found


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.stem)
def test_every_column_of_an_older_schema_is_where_it_was(tmp_path: Path, frozen: Path) -> None:
    db = tmp_path / "old.db"
    with closing(sqlite3.connect(db)) as connection:
        connection.executescript(frozen.read_text())
    before = columns(db)
    migrate(db)
    after = columns(db)
    assert {name: after.get(name, [])[: len(kept)] for name, kept in before.items()} == before
