"""README's commands and queries do what it says."""

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from telemock.cli import COMMANDS
from tests.corpus import GUID, database, moment, ping
from tests.server.served import Served
from tests.store.summing import sum_up

README = (Path(__file__).parents[2] / "README.md").read_text()
HANG_SECONDS = 60


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


USE = next(block for block in blocks("sh") if block.startswith("curl "))
QUERIES = [query.strip() for query in "".join(blocks("sql")).split(";") if query.strip()]
AUTHORITY = next(block for block in blocks("sh") if block.startswith("telemock ca create"))
ASKING = re.findall(r"^telemock (?:query|show|report|export)[^|\n]*", "".join(blocks("sh")), re.MULTILINE)
COMPARING = re.findall(r"^telemock diff[^#\n]*", "".join(blocks("sh")), re.MULTILINE)


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run lines of shell in a folder, with `telemock` on the path; a line that fails ends them."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def test_the_first_commands_work_on_a_running_server(server: Served, tmp_path: Path) -> None:
    script = USE.replace("127.0.0.1:8080", f"{server.host}:{server.port}")
    script = script.replace("sqlite3 telemetry.db", f"sqlite3 {server.db}")
    done = run(script, tmp_path, TELEMOCK_DB=str(server.db))
    assert done.returncode == 0, done.stderr
    pong, *said = done.stdout.splitlines()
    assert pong == "cribl /// living the stream!"
    assert "healthy" in said
    assert server.exchange()["guid"] == GUID
    assert sum(GUID in line for line in said) >= 3


@pytest.mark.parametrize("command", ASKING)
def test_every_command_that_asks_is_understood(command: str, tmp_path: Path) -> None:
    database(tmp_path, ping())
    done = run(command, tmp_path)
    assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr


@pytest.mark.parametrize("command", COMPARING)
def test_every_comparison_is_understood(command: str, tmp_path: Path) -> None:
    before, after = ping(0, version="4.16.1-a"), ping(86_400, version="4.17.0-b")
    database(tmp_path, before, after)
    database(tmp_path, before, name="before.db")
    database(tmp_path, after, name="after.db")
    done = run(command, tmp_path)
    assert (done.returncode, done.stderr.count("Error")) == (0, 0), done.stderr


def test_the_authority_is_made_shown_and_evaluated(tmp_path: Path) -> None:
    done = run(AUTHORITY + 'test -s "$SSL_CERT_FILE"; test -s "$NODE_EXTRA_CA_CERTS"', tmp_path, HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "only for     cribl.io" in done.stdout
    assert (tmp_path / ".telemock" / "public").is_dir()


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_gives_rows(query: str, tmp_path: Path) -> None:
    old = ping(0, version="4.15.0", query="v=4.15.0", params='{"v":"4.15.0"}')
    other = ping(5, guid="other", query="guid=other&by=a@b.example", params='{"guid":"other","by":"a@b.example"}')
    late = [ping(second) for second in (1, 2, 3, 9)]
    db = database(tmp_path, old, *late, other, replace(other, received_at=moment(7)))
    sum_up(db)
    with closing(sqlite3.connect(db)) as connection:
        assert connection.execute(query).fetchall()


def test_intervals_are_told_of_each_call_and_a_gap_once_also_where_two_calls_have_one_time(tmp_path: Path) -> None:
    db = database(tmp_path, *(ping(second) for second in (0, 1, 2, 9, 9, 10, 11)))
    between = next(query for query in QUERIES if query.startswith("-- how long between two calls"))
    missing = next(query for query in QUERIES if query.startswith("-- beats that did not come"))
    with closing(sqlite3.connect(db)) as connection:
        assert [row[2] for row in connection.execute(between)] == [None, 1, 1, 7, 0, 1, 1]
        assert [row[2] for row in connection.execute(missing)] == [7]


def test_every_command_has_its_options_listed() -> None:
    assert [name for name in COMMANDS if f"\n`telemock {name}" not in README] == []
