"""Behind the answers, one of the processes that serve sums up what came, and fills in what older files lack."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telemock.errors import StoreUnavailable
from telemock.store.background import PAGE_ROWS
from telemock.store.engine import HEAD
from telemock.store.migration import migrate
from tests.cli.process import HANG_SECONDS, run
from tests.corpus import PING_QUERY, database, ping
from tests.journeys.serving import WORKERS, starting, until

FROZEN = Path(__file__).parents[1] / "schemas"
TRIES = 6

MIGRATING = """
import sys
from pathlib import Path
from telemock.store.migration import migrate
print("ready", flush=True)
migrate(Path(sys.argv[1]))
"""


def ask(db: Path, sql: str, *values: object) -> Sequence[Any]:
    with closing(sqlite3.connect(db, timeout=HANG_SECONDS)) as connection:
        return connection.execute(sql, values).fetchall()


def is_summed_up(db: Path) -> bool:
    sql = "SELECT last_id = (SELECT max(id) FROM exchanges) FROM progress WHERE task = 'summary'"
    return ask(db, sql) == [(1,)]


def test_what_came_is_summed_up_by_one_of_the_workers(tmp_path: Path) -> None:
    with starting(tmp_path, *WORKERS) as server:
        server.wait_until_ready()
        for number in range(20):
            assert server.ping(f"guid-{number % 2}") == 200
        until(lambda: is_summed_up(server.db))
        counts = "SELECT name, exchange_count, value_count FROM field_summary WHERE name IN ('v', 'guid') ORDER BY name"
        assert ask(server.db, counts) == [("guid", 20, 2), ("v", 20, 1)]
        assert ask(server.db, "SELECT guid, exchange_count FROM instances ORDER BY guid") == [
            ("guid-0", 10),
            ("guid-1", 10),
        ]
        assert ask(server.db, "SELECT count(*) FROM field_summary WHERE source = 'query'") == [(PING_QUERY.count("="),)]


def older_database(folder: Path, count: int) -> Path:
    """Make a database as telemock left it before there were ports, of so many exchanges."""
    db = folder / "telemetry.db"
    with closing(sqlite3.connect(db)) as connection:
        connection.executescript((FROZEN / "0002.sql").read_text())
        columns = [row[1] for row in connection.execute("PRAGMA table_info(exchanges)") if row[1] != "id"]
        said = ("a.example", "b.example:8443", "[::1]:1", "b.example:x", "")
        hosts = ("a.example", "b.example", "::1", "b.example", "c.example")
        with connection:
            connection.executemany(
                f"INSERT INTO exchanges ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                (
                    [getattr(exchange, column) for column in columns]
                    for number in range(count)
                    for exchange in [
                        ping(number, host=hosts[number % 5], request_headers=f'[["host","{said[number % 5]}"]]')
                    ]
                ),
            )
    return db


def test_ports_of_older_exchanges_are_filled_in_as_far_as_they_were_said(tmp_path: Path) -> None:
    db = older_database(tmp_path, 3 * PAGE_ROWS)
    with starting(tmp_path) as server:
        assert "was brought from schema 0002 to" in server.line("migrated")["message"]
        server.wait_until_ready()
        assert "older exchanges are being filled in: 0 % done" in server.line("background")["message"]
        assert server.ask("/health").status == 200
        assert "older exchanges are filled in." in server.line("background")["message"]
        until(lambda: is_summed_up(db))
    assert ask(db, "SELECT DISTINCT host, port FROM exchanges WHERE id > 9 ORDER BY 1, 2") == [
        ("::1", 1),
        ("a.example", 80),
        ("b.example", None),
        ("b.example", 8443),
        ("c.example", None),
    ]
    assert ask(db, "SELECT port FROM exchanges WHERE id <= 9") == [(80,), (None,), (None,)]


@pytest.mark.parametrize("number", range(TRIES))
def test_a_migration_that_is_killed_leaves_an_old_or_a_new_database(tmp_path: Path, number: int) -> None:
    db = older_database(tmp_path, 100)
    command = [sys.executable, "-c", MIGRATING, str(db)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            process.wait(0.04 * number)
        except subprocess.TimeoutExpired:
            process.kill()
    assert ask(db, "PRAGMA integrity_check") == [("ok",)]
    revision = ask(db, "SELECT version_num FROM alembic_version")
    assert revision in ([("0002",)], [(HEAD,)])
    assert ask(db, "SELECT count(*) FROM exchanges") == [(103,)]
    assert run("query", "--count", "--db", db).stdout == b"103\n"
    with starting(tmp_path) as server:
        server.wait_until_ready()
    assert ask(db, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_too_little_free_space_is_said_before_anything_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = older_database(tmp_path, 1)
    before = db.read_bytes()
    full = shutil.disk_usage(tmp_path)._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    with pytest.raises(StoreUnavailable, match="only 1 MiB are free beside it; it takes 64 MiB"):
        migrate(db)
    assert db.read_bytes() == before


def test_a_statement_over_a_summary_that_is_behind_says_so(tmp_path: Path) -> None:
    db = database(tmp_path, ping(), ping())
    done = run("query", "--sql", "SELECT count(*) FROM field_summary", "--db", db)
    assert done.stdout == b"0\n" or b"count" in done.stdout
    assert b"The summary of fields and instances is true up to exchange 0 of 2" in done.stderr
    done = run("query", "--sql", "SELECT count(*) FROM exchanges", "--db", db)
    assert done.stderr == b""


def test_a_look_at_a_file_whose_ports_are_not_filled_in_says_how_far_they_are(tmp_path: Path) -> None:
    db = older_database(tmp_path, 2)
    assert run("analyze", "--db", db).stderr == b""  # nothing will fill them in before somebody serves
    migrate(db)
    assert b"The ports of older exchanges are filled in up to exchange 0 of 11" in run("analyze", "--db", db).stderr
