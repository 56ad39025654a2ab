import csv
import io
import json
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from telemock.cli.connections import CONNECTIONS, wanted
from telemock.cli.output import FORMATS
from telemock.store.migration import migrate
from tests.cli.process import run_on_terminal, started
from tests.conftest import Cli
from tests.corpus import connection, database, moment, ping, store


@pytest.fixture
def varied(tmp_path: Path) -> Path:
    """One connection of each kind, and as many exchanges between them."""
    connections = (
        connection(1),
        connection(2, kind="tunnel", host="Example.com", port=443, client="10.0.0.7", detail="Passed on"),
        connection(3, kind="blocked", host="example.net", port=443, detail="Nobody may go to EXAMPLE.com"),
        connection(4, kind="tls_refused", host="cdn.cribl.io", port=443, detail="Grüße\x00unknown ca"),
        connection(5, kind="upstream", host="cdn.cribl.io", port=8443),
    )
    return database(tmp_path, *(each for pair in zip(map(ping, range(5)), connections, strict=True) for each in pair))


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ([], [5, 4, 3, 2, 1]),
        (["--limit", "2"], [5, 4]),
        (["--limit", "2", "--oldest"], [1, 2]),
        (["--kind", "blocked"], [3]),
        (["--host", "example.COM"], [2]),
        (["--to-host", "cdn.cribl.io"], [5, 4]),
        (["--host", "cdn.cribl.io", "--kind", "upstream"], [5]),
        (["--host", "cribl.io"], []),
        (["--since", moment(4)], [5, 4]),
        (["--until", moment(3)], [2, 1]),
        (["--since", moment(2), "--until", moment(4), "--oldest"], [2, 3]),
        (["--grep", "EXAMPLE.COM"], [3, 2]),
        (["--grep", "example.com:443"], [2]),
        (["--grep", "10.0.0.7"], [2]),
        (["--grep", "TLS_"], [4]),
        (["--grep", "GRÜSSE"], [4]),
        (["--grep", "unknown CA"], [4]),
        (["--grep", "127.0.0.1"], []),
    ],
)
def test_connections_are_listed_newest_first_by_filters_of_their_own(
    cli: Cli, varied: Path, arguments: list[str], ids: list[int]
) -> None:
    done = cli("query", "--connections", "--db", varied, "--format", "jsonl", *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ids
    if "--limit" not in arguments:
        assert cli("query", "--connections", "--db", varied, "--count", *arguments).stdout == f"{len(ids)}\n"


def test_each_format_has_every_connection(cli: Cli, varied: Path) -> None:
    for format_name in FORMATS:
        said = cli("query", "--connections", "--db", varied, "--format", format_name).stdout
        assert said.count("2026-02-05T10:5") == 5
        assert said.count("tls_refused") == 1


def test_text_has_a_place_to_go_and_no_words_for_what_is_not_known(cli: Cli, tmp_path: Path) -> None:
    tunnel = connection(
        1, kind="tunnel", host="::1", port=443, bytes_up=3, bytes_down=2**40, duration_ms=1.5, detail="-"
    )
    database(tmp_path, connection(client="10.0.0.7", bytes_up=0, detail="a\tb\x1b[2J\n"), tunnel)
    assert cli("query", "--connections").stdout.splitlines() == [
        f"2\t{moment(1)}\ttunnel\t[::1]:443\t::1\t3\t1099511627776\t1.5\t-",
        f"1\t{moment(0)}\tmalformed\t\t10.0.0.7\t0\t0\t\t" + r"a\tb\x1b[2J\n",
    ]


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [("", None, ""), ("a.example", None, "a.example"), ("a.example", 443, "a.example:443"), ("::1", 80, "[::1]:80")],
)
def test_host_and_port_stand_as_in_a_url(host: str, port: int | None, said: str) -> None:
    assert wanted(connection(host=host, port=port)) == said


def test_json_has_the_columns_of_the_file(cli: Cli, varied: Path) -> None:
    with closing(sqlite3.connect(varied)) as file:
        file.row_factory = sqlite3.Row
        rows = [dict(row) for row in file.execute("SELECT * FROM connections ORDER BY id DESC")]
    assert json.loads(cli("query", "--connections", "--format", "json").stdout) == rows


def test_csv_names_the_fields_of_json() -> None:
    assert tuple(CONNECTIONS.nested(connection())) == CONNECTIONS.names
    assert set(CONNECTIONS.names) == asdict(connection()).keys()
    assert len(CONNECTIONS.flat(connection())) == len(CONNECTIONS.names)


def test_csv_lets_no_formula_and_no_escape_through(cli: Cli, tmp_path: Path) -> None:
    database(tmp_path, connection(host="=cmd|' /C calc'!A0", detail='@a,\x1b[31m\n"b"\u202e'))
    (row,) = csv.DictReader(io.StringIO(cli("query", "--connections", "--format", "csv").stdout))
    assert (row["host"], row["port"], row["duration_ms"]) == ("'=cmd|' /C calc'!A0", "", "")
    assert row["detail"] == '\'@a,\\x1b[31m\n"b"\\u202e'


def test_a_table_fits_a_terminal_whatever_clients_sent(tmp_path: Path) -> None:
    hostile = connection(3, host="\x1b]0;owned\x07" * 10_000, detail="\u202e[red]x[/red]" * 10_000)
    tunnel = connection(2, kind="tunnel", host="example.com", port=443, duration_ms=1.25, detail="Passed on")
    db = database(tmp_path, connection(1), tunnel, hostile)
    for columns in (80, 132, 250):
        code, seen = run_on_terminal("query", "--connections", "--db", db, columns=columns)
        lines = [line.rstrip() for line in seen.splitlines()]
        assert code == 0
        assert seen.replace("\n", "").isprintable()
        sizes = ["up", "down", "ms"] if columns > 80 else []
        assert lines[0].split() == ["id", "opened_at", "kind", "host", "client", *sizes, "detail"]
        rows = [line for line in lines[1:] if line[:2].strip()]
        assert [line.split()[0] for line in rows] == ["3", "2", "1"]
        assert max(map(len, lines)) <= columns
        assert len(lines) <= 16, "of what is too long both ends are shown"
    assert r"\x1b]0;owned\x07\x1b]0" in rows[0]
    assert r"\u202e[red]x[/red]" in rows[0]
    assert "example.com:443" in rows[1]
    assert rows[2].endswith(r"It began with b'\x00'")


async def test_follow_prints_connections_as_they_are_stored(tmp_path: Path) -> None:
    db = tmp_path / "telemetry.db"
    migrate(db)
    await store(db, [connection(1), connection(2), *map(ping, range(5))])
    with started("query", "--connections", "--kind", "malformed", "--db", db, "--follow", "--limit", "1") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"2\t")
        await store(db, [ping(9), connection(0, kind="blocked"), connection(0)])
        assert process.stdout.readline().startswith(b"4\t")
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.read() == b""
        assert process.wait(30) == 0


def test_no_connection_is_no_failure(cli: Cli, pings: Path) -> None:
    done = cli("query", "--connections", "--db", pings)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "No connection matches.\n")
