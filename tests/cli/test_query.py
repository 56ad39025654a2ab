import csv
import gzip
import io
import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from telemock.exchange import compact_json
from telemock.store.migration import migrate
from tests.cli.process import run, run_on_terminal, started
from tests.conftest import Cli
from tests.corpus import GUID, PING_BODY, connection, database, moment, ping, store

OTHER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def varied(tmp_path: Path) -> Path:
    """Exchanges that differ from the real ping, 1, in one thing each."""
    damaged = gzip.compress(b"no such text")[:-9]
    return database(
        tmp_path,
        ping(1),
        ping(2, guid=OTHER),
        ping(3, version="4.17.0-abc"),
        ping(4, env="test"),
        ping(5, session_id="s-1"),
        ping(6, path="/telemetry/"),
        ping(7, method="head"),
        ping(8, status=404, outcome="unmatched"),
        ping(9, params=compact_json({"os": ["debian-12", "a=b"], 'x"y.z': "", "ü\n": "\\"})),
        ping(10, request_body='[{"name":"GRÜSSE 100%_"}]'.encode()),
        ping(11, request_headers=compact_json([["X-Note", 'say "hi"'], ["Content-Encoding", "gzip"]])),
        ping(12, request_headers=compact_json([["Content-Encoding", "gzip"]]), request_body=damaged),
        ping(13, host="cloud.example"),
    )


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (["--guid", OTHER], [2]),
        (["--version", "4.17.0-abc"], [3]),
        (["--env", "test"], [4]),
        (["--session", "s-1"], [5]),
        (["--host", "Cloud.Example"], [13]),
        (["--path", "/telemetry/"], [6]),
        (["--method", "HEAD"], [7]),
        (["--status", "404"], [8]),
        (["--outcome", "unmatched"], [8]),
        (["--since", moment(11)], [13, 12, 11]),
        (["--until", moment(3)], [2, 1]),
        (["--since", moment(3), "--until", moment(5)], [4, 3]),
        (["--param", "os=debian-12"], [9]),
        (["--param", "os=a=b"], [9]),
        (["--param", 'x"y.z='], [9]),
        (["--param", "ü\n=\\"], [9]),
        (["--param", "os=debian-12", "--param", "os=a=b"], [9]),
        (["--param", "os=debian"], []),
        (["--param", "debian-12=os"], []),
        (["--param", "guid=" + OTHER], [2]),
        (["--grep", "grüsse 100%_"], [10]),
        (["--grep", 'SAY "hi"'], [11]),
        (["--grep", "%3D%3D&", "--limit", "0"], [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (["--grep", "100%_", "--since", moment(0)], [10]),
        (["--grep", "1%_"], []),
        (["--grep", "debian-12"], [9]),
        (["--grep", "4.17.0"], [3]),
        (["--grep", "cdn.cribl.io/telemetry/?v="], [6]),
        (["--grep", "no such text"], []),
        (["--guid", OTHER, "--status", "404"], []),
        (["--guid", GUID, "--version", "4.17.0-abc", "--path", "/telemetry/index.html", "--method", "get"], [3]),
    ],
)
def test_filters_combine(cli: Cli, varied: Path, arguments: list[str], ids: list[int]) -> None:
    done = cli("query", "--db", varied, "--format", "jsonl", *arguments)
    assert done.exit_code == 0
    found = [json.loads(line)["id"] for line in done.stdout.splitlines()]
    assert found == ids
    assert cli("query", "--db", varied, "--count", *arguments).stdout == f"{len(found)}\n"


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ([], [5, 4, 3, 2, 1]),
        (["--limit", 2], [5, 4]),
        (["--oldest", "--limit", 2], [1, 2]),
        (["--limit", 0, "--oldest"], [1, 2, 3, 4, 5]),
    ],
)
def test_newest_first_and_at_most_the_limit(cli: Cli, pings: Path, arguments: list[object], ids: list[int]) -> None:
    done = cli("query", "--db", pings, *arguments)
    assert [int(line.split("\t")[0]) for line in done.stdout.splitlines()] == ids


def test_fifty_unless_told_otherwise_and_all_when_zero(cli: Cli, tmp_path: Path) -> None:
    # more than a page of rows, all received at one moment
    db = database(tmp_path, *(ping() for _ in range(1201)))
    for oldest in ([], ["--oldest"]):
        ids = [int(line.split("\t")[0]) for line in cli("query", "--limit", 0, *oldest).stdout.splitlines()]
        assert ids == (list(range(1, 1202)) if oldest else list(range(1201, 0, -1)))
    assert len(cli("query", "--db", db).stdout.splitlines()) == 50


def test_text_in_a_pipe_has_the_columns_of_the_view_telemetry(cli: Cli, pings: Path) -> None:
    with closing(sqlite3.connect(pings)) as connection:
        row = connection.execute("SELECT * FROM telemetry WHERE id = 5").fetchone()
    line = cli("query", "--limit", 1).stdout
    assert line == "\t".join("" if value is None else str(value) for value in row) + "\n"


def test_json_is_one_array_of_whole_exchanges(cli: Cli, tmp_path: Path) -> None:
    first = ping(1, problems=compact_json(["lk.max: Not a valid integer."]), request_body=b"\xff\x00")
    second = ping(2, request_body="grün".encode(), request_truncated=1, session_id="\x9b31m\x7f")
    database(tmp_path, first, second)
    done = cli("query", "--format", "json", "--oldest")
    one, two = json.loads(done.stdout)
    expected: dict[str, Any] = {
        **{name: getattr(first, name) for name in ("received_at", "query", "status", "latency_ms", "guid", "stub_id")},
        "id": 1,
        "params": json.loads(first.params),
        "request_headers": [["Host", "cdn.cribl.io"], ["Connection", "keep-alive"]],
        "request_body": {"base64": "/wA="},
        "request_truncated": False,
        "response_headers": json.loads(first.response_headers),
        "response_body": PING_BODY.decode(),
        "problems": ["lk.max: Not a valid integer."],
    }
    assert {name: one[name] for name in expected} == expected
    assert (two["request_body"], two["request_truncated"], two["problems"]) == ("grün", True, None)
    assert two["session_id"] == "\x9b31m\x7f"
    assert done.stdout.replace("\n", "").isprintable()
    with closing(sqlite3.connect("telemetry.db")) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(exchanges)")]
    assert set(one) == set(columns)


def test_json_lines_are_the_objects_of_json(cli: Cli, pings: Path) -> None:
    lines = cli("query", "--db", pings, "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == json.loads(cli("query", "--format", "json").stdout)


def test_csv_has_all_columns_and_no_formula(cli: Cli, tmp_path: Path) -> None:
    hostile = ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"]
    database(tmp_path, *(ping(number, env=text) for number, text in enumerate(hostile)))
    rows = list(csv.DictReader(io.StringIO(cli("query", "--format", "csv", "--oldest").stdout)))
    assert [row["env"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", "'\t=1", r"'\r=1"]
    assert rows[0]["response_body"] == PING_BODY.decode()
    assert rows[0]["params"] == ping().params
    assert (rows[0]["stub_id"], rows[0]["status"], rows[0]["request_truncated"]) == ("", "200", "0")


def test_csv_lets_no_escape_through_and_keeps_bodies_that_are_not_text(cli: Cli, tmp_path: Path) -> None:
    database(tmp_path, ping(env='a,\x1b[31m\n"b"\u202e', request_body=b"\xff"))
    (row,) = csv.DictReader(io.StringIO(cli("query", "--format", "csv").stdout))
    assert row["env"] == 'a,\\x1b[31m\n"b"\\u202e'
    assert row["request_body"] == '{"base64":"/w=="}'


@pytest.mark.parametrize(
    ("format_name", "said", "remark"),
    [("table", "", "No exchange matches.\n"), ("json", "[]\n", ""), ("jsonl", "", "")],
)
def test_nothing_found_is_no_failure(cli: Cli, pings: Path, format_name: str, said: str, remark: str) -> None:
    done = cli("query", "--db", pings, "--guid", "none", "--format", format_name)
    assert (done.exit_code, done.stdout, done.stderr) == (0, said, remark)


def test_csv_of_nothing_is_the_header(cli: Cli, pings: Path) -> None:
    done = cli("query", "--db", pings, "--guid", "none", "--format", "csv")
    assert done.stdout.startswith("id,received_at,scheme,method,")
    assert done.stdout.count("\n") == 1


def test_captured_text_stays_on_its_line(cli: Cli, tmp_path: Path) -> None:
    database(tmp_path, ping(path="/a\tb\x1b[2J", env="line\nfeed"))
    cells = cli("query").stdout.removesuffix("\n").split("\t")
    assert (len(cells), cells[4], cells[9]) == (14, r"/a\tb\x1b[2J", r"line\nfeed")


def test_a_table_on_a_terminal_fits_its_width(pings: Path) -> None:
    for columns in (80, 132, 250):
        code, seen = run_on_terminal("query", "--db", pings, columns=columns)
        lines = [line.rstrip() for line in seen.splitlines()]
        assert code == 0
        assert len(lines) == 6
        assert lines[0].split()[:2] == ["id", "received_at"]
        assert [line.split()[0] for line in lines[1:]] == ["5", "4", "3", "2", "1"]
        assert max(map(len, lines)) <= columns
    assert GUID in lines[1]
    assert "2026-02-05T10:56:02.090735Z" in lines[1]


def test_a_table_has_one_header_however_long_it_is(tmp_path: Path) -> None:
    db = database(tmp_path, *(ping(number) for number in range(120)))
    _, seen = run_on_terminal("query", "--db", db, "--limit", "0", columns=200)
    assert len(seen.splitlines()) == 121
    assert seen.count("received_at") == 1


def test_no_captured_text_makes_a_terminal_do_anything(tmp_path: Path) -> None:
    db = database(tmp_path, ping(host="\x1b]0;owned\x07", path="[red]/x[/red]:smile:\x9b2J", guid="\u202eabc"))
    _, seen = run_on_terminal("query", "--db", db, columns=250)
    assert r"\x1b]0;owned\x07" in seen
    assert r"[red]/x[/red]:smile:\x9b2J" in seen
    assert r"\u202eabc" in seen
    assert seen.replace("\n", "").isprintable()


def test_a_terminal_gets_the_remark_that_nothing_matches(pings: Path) -> None:
    assert run_on_terminal("query", "--db", pings, "--env", "x", columns=80) == (0, "No exchange matches.\n")


async def test_follow_prints_the_last_then_every_new_one_and_ends_with_0(tmp_path: Path) -> None:
    db = tmp_path / "telemetry.db"
    with started("query", "--db", await filled(db, 3), "--follow", "--limit", "2", "--env", "prod") as process:
        assert process.stdout is not None
        assert [process.stdout.readline().split(b"\t")[0] for _ in range(2)] == [b"2", b"3"]
        await store(db, [ping(3), ping(4, env="test"), ping(5)])
        assert [process.stdout.readline().split(b"\t")[0] for _ in range(2)] == [b"4", b"6"]
        await store(db, [ping(0)])  # however late it was received
        assert process.stdout.readline().startswith(b"7\t")
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.read() == b""
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


async def test_a_followed_json_array_is_closed_by_ctrl_c(tmp_path: Path) -> None:
    db = await filled(tmp_path / "telemetry.db", 1)
    with started("query", "--db", db, "--follow", "--limit", "0", "--format", "json") as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        await store(db, [ping(1)])
        said += process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        said += process.stdout.read()
        assert [exchange["id"] for exchange in json.loads(said)] == [1, 2]
        assert process.wait(30) == 0


async def test_follow_goes_on_with_a_database_that_started_over(tmp_path: Path) -> None:
    db = await filled(tmp_path / "telemetry.db", 3)
    new = await filled(tmp_path / "new.db", 1, guid=OTHER)
    with started("query", "--db", db, "--follow", "--limit", "1") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"3\t")
        new.replace(db)
        assert OTHER.encode() in process.stdout.readline()


async def filled(path: Path, count: int, **changes: Any) -> Path:
    migrate(path)
    await store(path, [ping(number, **changes) for number in range(count)])
    return path


@pytest.mark.parametrize("other", ["--oldest", "--count"])
def test_follow_refuses_what_contradicts_it(cli: Cli, other: str) -> None:
    done = cli("query", "--follow", other)
    assert done.exit_code == 2
    assert f"--follow cannot be used with {other}." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--connections", "--guid", "g"], "--guid cannot be used with --connections."),
        (["--connections", "--version", "v"], "--version cannot be used with --connections."),
        (["--connections", "--env", "e", "--session", "s"], "--env, --session cannot be used with --connections."),
        (["--connections", "--path", "/", "--method", "GET"], "--path, --method cannot be used with --connections."),
        (["--connections", "--status", "200"], "--status cannot be used with --connections."),
        (["--connections", "--outcome", "mock"], "--outcome cannot be used with --connections."),
        (["--connections", "--param", "a=b"], "--param cannot be used with --connections."),
        (["--kind", "tunnel"], "--kind cannot be used without --connections."),
    ],
)
def test_filters_that_do_not_fit_what_is_listed_are_a_usage_error(
    cli: Cli, pings: Path, arguments: list[str], complaint: str
) -> None:
    done = cli("query", "--db", pings, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"Error: {complaint}"


def test_filters_of_the_surroundings_are_left_to_the_list_they_fit(cli: Cli, tmp_path: Path) -> None:
    database(tmp_path, ping(1), ping(2, env="test"), connection(), connection(kind="tunnel", host="a.example"))
    config = tmp_path / "telemock.yaml"
    config.write_text("guid: none\nparam: [os=none]\nstatus: 500\n")
    assert cli("query", "--count", "--connections", "--config", config).stdout == "2\n"
    config.write_text("env: test\nkind: tunnel\n")
    assert cli("query", "--count", "--config", config).stdout == "1\n"
    assert cli("query", "--count", "--connections", "--config", config).stdout == "1\n"
    config.write_text("connections: true\nkind: tunnel\nto-host: a.example\n")
    assert cli("query", "--count", "--config", config).stdout == "1\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--kind", "lost"], "'lost' is not one of 'tunnel', 'blocked', 'tls_refused', 'upstream', 'malformed'."),
        (["--param", "os"], "'os' has no equals sign; write NAME=VALUE, such as os=ubuntu-24.04."),
        (["--status", "20"], "20 is not in the range 100<=x<=999."),
        (["--outcome", "lost"], "'lost' is not one of 'mock', 'stub'"),
        (["--format", "xml"], "'xml' is not one of 'table', 'json', 'jsonl', 'csv'."),
        (["--db", "postgresql://host/db"], "postgresql:// is not a database that telemock can use here"),
    ],
)
def test_wrong_values_are_usage_errors(cli: Cli, arguments: list[str], complaint: str) -> None:
    done = cli("query", *arguments)
    assert done.exit_code == 2
    assert complaint in done.stderr


def test_the_database_may_be_a_url(cli: Cli, pings: Path) -> None:
    assert cli("query", "--count", "--db", f"sqlite:///{pings}").stdout == "5\n"
    assert cli("query", "--count", "--db", "sqlite:///telemetry.db").stdout == "5\n"


def test_an_encoding_that_lacks_a_letter_is_no_failure(tmp_path: Path) -> None:
    db = database(tmp_path, ping(env="grün"))
    latin = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    assert b"gr\\xfcn" in run("query", "--db", db, environment=latin).stdout
    said = run("query", "--db", db, "--format", "json", environment=latin).stdout
    assert json.loads(said)[0]["env"] == "grün"


@pytest.mark.parametrize(
    ("written", "ids"),
    [
        ("127.0.0.1", [1]),
        ("2130706433", [1, 2]),
        ("0x7f.1:80", [1]),
        ("fe80:0::1%eth0", [3]),
        ("[FE80::0:1%25lo]:8443", [3]),
        ("[fe80::1]:443", []),
        ("A.example.", [4, 5]),
        ("a.example", [4]),
        ("MÜNCHEN.example", [6]),
        ("xn--mnchen-3ya.EXAMPLE:80", [6]),
        ("a host", [7]),
        ("münchen..", []),
    ],
)
def test_a_host_is_found_by_each_spelling_and_by_the_one_that_an_old_row_has(
    cli: Cli, tmp_path: Path, written: str, ids: list[int]
) -> None:
    stored: list[dict[str, Any]] = [
        {"host": "127.0.0.1", "port": 80},
        {"host": "2130706433", "port": 8080},
        {"host": "fe80::1", "port": 8443},
        {"host": "a.example", "port": 443},
        {"host": "a.example.", "port": 443},
        {"host": "xn--mnchen-3ya.example", "port": 80},
        {"host": "A Host", "port": None},
    ]
    db = database(tmp_path, *(ping(**host) for host in stored), *(connection(**host) for host in stored))
    for arguments in ([], ["--connections"]):
        done = cli("query", *arguments, "--db", db, "--host", written, "--oldest", "--format", "jsonl")
        assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ids
