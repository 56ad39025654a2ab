import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from telemock.exchange import compact_json
from tests.cli.process import run, run_on_terminal
from tests.conftest import Cli
from tests.corpus import PING_BODY, PING_QUERY, database, ping
from tests.edits import EDITS, edit_row
from tests.packing import PACK


def test_the_real_ping_is_shown_whole_in_the_order_it_happened(cli: Cli, tmp_path: Path) -> None:
    database(tmp_path, ping(query=PING_QUERY, problems=compact_json(["lk.max: Not a valid integer."])))
    lines = cli("show", 1).stdout.splitlines()
    assert lines[:8] == [
        f"GET http://cdn.cribl.io/telemetry/index.html?{PING_QUERY}",
        "Host: cdn.cribl.io",
        "Connection: keep-alive",
        "",
        "200 OK",
        "Content-Type: text/html; charset=utf-8",
        "Content-Length: 29",
        "",
    ]
    assert lines[8:11] == ["cribl /// living the stream!", "", "Parameters"]
    facts = lines.index("Exchange")
    assert [line.split() for line in lines[11 : facts - 1]] == [
        [name, *([value] if value else [])] for name, value in json.loads(ping().params).items()
    ]
    assert lines[facts - 1] == ""
    assert [line.split() for line in lines[facts + 1 : facts + 5]] == [
        ["id", "1"],
        ["received_at", "2026-02-05T10:55:58.090735Z"],
        ["client_time", "2026-02-05T07:58:11.000Z"],
        ["latency_ms", "0.21"],
    ]
    assert lines[-3:] == ["", "Problems", "  lk.max: Not a valid integer."]


def test_repeated_parameters_are_all_shown(cli: Cli, tmp_path: Path) -> None:
    database(tmp_path, ping(params=compact_json({"a": ["1", "2"], "b": "3"})))
    assert "Parameters\n  a  1\n  a  2\n  b  3\n" in cli("show", 1).stdout


@pytest.mark.parametrize("coding", PACK)
def test_a_json_body_is_decoded_and_indented(cli: Cli, tmp_path: Path, coding: str) -> None:
    headers = compact_json([["content-encoding", coding]])
    database(tmp_path, ping(request_headers=headers, request_body=PACK[coding](b'{"name":"load","at":1.50}')))
    assert f'content-encoding: {coding}\n\n{{\n  "name": "load",\n  "at": 1.50\n}}\n\n200 OK\n' in cli("show", 1).stdout


@pytest.mark.parametrize(
    ("headers", "body", "shown"),
    [
        ([], b"\xff\x00", "(2 bytes that are no text; --body writes them)"),
        ([["Content-Encoding", "br"]], b"abc", "(3 bytes that cannot be shown: br is unknown, damaged or holds more"),
        ([["Content-Encoding", "gzip"]], b"abc", "(3 bytes that cannot be shown: gzip is unknown, damaged or holds"),
        ([["Content-Encoding", "gzip"]], gzip.compress(bytes(17 * 2**20)), "bytes that cannot be shown: gzip is"),
        ([], b'{"a":1}\n{"a":2}\n', '{"a":1}\n{"a":2}\n'),
        ([], b"\x1b[2J\r\nnext\ttab", "\\x1b[2J\nnext\ttab\n"),
    ],
)
def test_other_bodies_are_text_or_say_why_not(
    cli: Cli, tmp_path: Path, headers: list[list[str]], body: bytes, shown: str
) -> None:
    database(tmp_path, ping(request_headers=compact_json(headers), request_body=body))
    assert shown in cli("show", 1).stdout


def test_captured_text_reaches_no_terminal_as_an_escape(cli: Cli, tmp_path: Path) -> None:
    esc = "\x1b[31m"
    database(
        tmp_path,
        ping(
            method="G" + esc,
            host=esc,
            path="/" + esc,
            query=esc,
            params=compact_json({esc: esc}),
            request_headers=json.dumps([["X", esc], ["Y", "\udcff"]]),
            request_body=compact_json([esc]).encode(),
            guid=esc,
            problems=compact_json([esc]),
        ),
    )
    said = cli("show", 1).stdout
    assert said.replace("\n", "").isprintable()
    assert "X: \\x1b[31m\nY: \\xff\n" in said


def test_a_truncated_body_and_a_client_that_left_are_named(cli: Cli, tmp_path: Path) -> None:
    database(tmp_path, ping(request_body=b"abc", request_truncated=1, status=499, response_body=None))
    said = cli("show", 1).stdout
    assert "abc\n(the body was longer, or the client left before its end)\n" in said
    assert "499 (the client left before the answer)\n" in said


@pytest.mark.parametrize("edit", EDITS)
def test_what_people_put_in_a_row_is_shown_as_it_is(cli: Cli, tmp_path: Path, edit: str) -> None:
    edit_row(database(tmp_path, ping(request_body=b"{}")), edit)
    done = cli("show", 1)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "\nExchange\n  id " in done.stdout


@pytest.mark.parametrize("headers", ["[1, {}]", '{"ab": 1, "cd": 2}', '["ab"]'])
def test_headers_that_are_no_pairs_are_shown_as_they_are(cli: Cli, tmp_path: Path, headers: str) -> None:
    edit_row(database(tmp_path, ping(request_body=b"{}")), f"request_headers = '{headers}'")
    assert f"\n{headers}\n\n{{}}\n" in cli("show", 1).stdout


def test_body_is_written_as_the_bytes_that_came(tmp_path: Path) -> None:
    body = gzip.compress(b"{}") + b"\r\n\x00\xff"
    db = database(tmp_path, ping(request_body=body))
    assert run("show", 1, "--body", "--db", db).stdout == body
    assert run("show", 1, "--response-body", "--db", db).stdout == PING_BODY


def test_no_body_is_nothing_and_no_failure(pings: Path) -> None:
    done = run("show", 1, "--body", "--db", pings)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_terminal_gets_no_body_that_it_would_obey(tmp_path: Path) -> None:
    db = database(tmp_path, ping(request_body=b"\x1b[2J"), ping(request_body=b"text\n"))
    code, seen = run_on_terminal("show", 1, "--body", "--db", db, columns=200)
    assert (code, seen) == (
        2,
        "Error: The body holds bytes that a terminal would obey; send it to a file with > or a pipe.\n",
    )
    assert run_on_terminal("show", 2, "--body", "--db", db, columns=200) == (0, "text\n")


def test_an_unknown_id_is_a_sentence(cli: Cli, pings: Path) -> None:
    done = cli("show", 99)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: There is no exchange 99 in {pings}; `telemock query` lists what there is.\n"


@pytest.mark.parametrize("wrong", ["0", "x", "9223372036854775808"])
def test_what_is_no_id_is_a_usage_error(cli: Cli, wrong: str) -> None:
    assert cli("show", wrong).exit_code == 2


def test_one_body_at_a_time(cli: Cli) -> None:
    assert "--body cannot be used with --response-body." in cli("show", 1, "--body", "--response-body").stderr


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    db = database(tmp_path, ping(request_body=bytes(10**6)))
    script = f"set -o pipefail; {' '.join(map(str, ('telemock', 'show', '1', '--body', '--db', db)))} | head -c 1"
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"\x00", b"")


def test_trailers_stand_behind_the_body_they_came_with(cli: Cli, tmp_path: Path) -> None:
    trailers = compact_json([["X-Sum", "99"], ["X-\x1b", "\x9b"]])
    database(tmp_path, ping(request_body=b"ab", request_trailers=trailers), ping())
    assert "\n\nab\n\n(trailers)\nX-Sum: 99\nX-\\x1b: \\x9b\n\n200 OK\n" in cli("show", 1).stdout
    assert "trailers" not in cli("show", 2).stdout
