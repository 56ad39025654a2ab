import json
import signal
from pathlib import Path

import pytest

from tests.cli.process import run, run_on_terminal, started
from tests.corpus import database, ping

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT {} FROM n"


def test_rows_are_printed_in_every_format(tmp_path: Path) -> None:
    db = database(tmp_path, ping(0, request_body=b"\xff"), ping(1, request_body=b'{"a":1}'))
    sql = "SELECT id, request_body AS body, NULL AS empty, 0.5 AS half FROM exchanges"
    said = {
        name: run("query", "--db", db, "--sql", sql, "--format", name).stdout.decode()
        for name in ("json", "csv", "table")
    }
    assert json.loads(said["json"]) == [
        {"id": 1, "body": {"base64": "/w=="}, "empty": None, "half": 0.5},
        {"id": 2, "body": '{"a":1}', "empty": None, "half": 0.5},
    ]
    assert said["csv"] == 'id,body,empty,half\n1,"{""base64"":""/w==""}",,0.5\n2,"{""a"":1}",,0.5\n'
    assert said["table"] == '1\t{"base64":"/w=="}\t\t0.5\n2\t{"a":1}\t\t0.5\n'
    code, screen = run_on_terminal("query", "--db", db, "--sql", sql, columns=80)
    assert code == 0
    assert "empty" in screen


def test_captured_text_and_names_cannot_harm(tmp_path: Path) -> None:
    db = database(tmp_path)
    sql = "SELECT '=1+1' AS \"\x1b[31mred\", char(27) || '[2J' AS b"
    for name in ("table", "json", "csv"):
        said = run("query", "--db", db, "--sql", sql, "--format", name).stdout.decode()
        assert "\x1b" not in said
    assert said.endswith("'=1+1,\\x1b[2J\n")
    _, screen = run_on_terminal("query", "--db", db, "--sql", sql, columns=80)
    assert "\x1b[31m" not in screen
    assert "\x1b[2J" not in screen


def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path: Path) -> None:
    db = database(tmp_path)
    for sql, code, sentence in (
        ("DELETE FROM exchanges", 2, b"Error: The SQL cannot be run: it does more than read.\n"),
        ("SELEC", 2, b'Error: The SQL cannot be run: near "SELEC": syntax error.\n'),
        (
            ENDLESS.format("count(*)"),
            1,
            b"Error: The statement was stopped after 0.1 s; make it narrower, or raise --time-limit.\n",
        ),
    ):
        done = run("query", "--db", db, "--sql", sql, "--time-limit", "0.1")
        assert (done.returncode, done.stdout, done.stderr) == (code, b"", sentence)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ([f"zeroblob(30000000) || {number}" for number in range(30)], "needs more than 256 MiB of memory"),
        ([f"zeroblob(20000000) || {number}" for number in range(3)], "makes a row of more than 32 MiB"),
        (["zeroblob(95000000) || 1"], "cannot be run: string or blob too big"),
    ],
)
@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_what_a_statement_may_hold_is_limited(tmp_path: Path, form: str, columns: list[str], reason: str) -> None:
    sql = f"{ENDLESS.format(', '.join(columns))}"
    done = run("query", "--db", database(tmp_path), "--format", form, "--sql", sql)
    assert (done.returncode, done.stdout) == (2, b"")
    assert reason in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_the_time_of_drawing_counts(tmp_path: Path, form: str) -> None:
    sql = ENDLESS.format("x, char(0, 1, 2, 3), zeroblob(100000) || x")
    done = run("query", "--db", database(tmp_path), "--format", form, "--sql", sql, "--time-limit", "0.2")
    assert done.returncode == 1
    assert done.stdout
    assert done.stderr == b"Error: The statement was stopped after 0.2 s; make it narrower, or raise --time-limit.\n"


def test_pragmas_of_the_schema_are_tables_too(tmp_path: Path) -> None:
    db = database(tmp_path)
    for sql in ("SELECT name FROM pragma_table_info('exchanges')", "SELECT name FROM pragma_table_list"):
        assert run("query", "--db", db, "--sql", sql).stdout
    for sql in ("SELECT * FROM pragma_journal_mode", "UPDATE sqlite_master SET sql = ''", "PRAGMA writable_schema = 1"):
        assert run("query", "--db", db, "--sql", sql).returncode == 2


def test_options_without_a_meaning_are_refused(tmp_path: Path) -> None:
    db = database(tmp_path, ping(0))
    done = run("query", "--db", db, "--sql", "SELECT 1", "--guid", "x", "--limit", "3", "--count")
    assert done.returncode == 2
    assert b"--guid, --limit, --count cannot be used with --sql." in done.stderr
    config = tmp_path / "telemock.yaml"
    config.write_text("guid: x\n")
    done = run("query", "--db", db, "--sql", "SELECT 1", "--config", config)
    assert (done.returncode, done.stdout) == (0, b"1\n")


def test_ctrl_c_ends_a_statement(tmp_path: Path) -> None:
    with started("query", "--db", database(tmp_path), "--sql", ENDLESS.format("x")) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130
