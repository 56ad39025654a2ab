import io
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.cli.output import FORMATS, Column, Shape, printing
from telemock.exchange import ConnectionKind, compact_json
from telemock.text import whole_characters
from tests.cli.process import run_on_terminal
from tests.corpus import connection, database, ping
from tests.steady import STEADY

WORDS: Shape[str] = Shape(
    columns=(Column(name="word", value=str, least=4),),
    names=("word",),
    flat=lambda word: [word],
    nested=lambda word: {"word": word},
)


@pytest.mark.parametrize(
    ("format_name", "said"),
    [
        ("table", "a\\tb\n=c\n"),
        ("json", '[\n{"word":"a\\tb"},\n{"word":"=c"}\n]\n'),
        ("jsonl", '{"word":"a\\tb"}\n{"word":"=c"}\n'),
        ("csv", "word\na\tb\n'=c\n"),
    ],
)
def test_records_may_come_in_several_goes(capsys: pytest.CaptureFixture[str], format_name: str, said: str) -> None:
    with printing(format_name, WORDS) as show:
        assert show(["a\tb"]) == 1
        assert show([]) == 0
        assert show(iter(["=c"])) == 1
    assert capsys.readouterr().out == said


def test_each_format_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    for format_name in FORMATS:
        with printing(format_name, WORDS) as show:
            assert show(["x"]) == 1
    assert capsys.readouterr().out.count("x") == len(FORMATS)


def test_a_cell_is_as_long_as_it_is_where_no_table_cuts_it(capsys: pytest.CaptureFixture[str]) -> None:
    for format_name in FORMATS:
        with printing(format_name, WORDS) as show:
            show(["x" * 100_000])
        assert "x" * 100_000 in capsys.readouterr().out


HOST = "ingest.telemetry.example.com"
PATHS = ("/v1/organizations/acme/projects/alpha/envelope", "/v1/organizations/acme/projects/beta/envelope")
VERSIONS = ("5.0.0-beta.1-20904e45", "5.0.0-beta.2-20904e45")
CLIENTS = ("2001:db8:85a3:8d3:1319:8a2e:37a:7348", "2001:db8:85a3:8d3:1319:8a2e:37b:7348")
DETAIL = f"POST {PATHS[0]}?source=agent was passed on to {HOST}:443, and was answered 503 Service Unavailable, 3 times"
BODY = compact_json({"batch": [{"context": {"device": {"colour": 1}, "content": {"colour": 2}}}]}).encode()


def capture(folder: Path) -> Path:
    made: dict[str, Any] = {
        "host": HOST,
        "method": "POST",
        "query": "",
        "request_body": BODY,
        "profile": None,
        "version": None,
    }
    posts = [ping(port=port, path=path, **made) for port in (8443, 9443) for path in PATHS]
    made |= {"host": "a.example", "path": "/", "method": "OPTIONS", "guid": None}
    asked = [ping(**{**made, "version": version}) for version in VERSIONS]
    met = [
        connection(host=HOST, port=port, kind=kind, client=client, detail=DETAIL)
        for port, client in ((8443, CLIENTS[0]), (9443, CLIENTS[1]))
        for kind in get_args(ConnectionKind)
    ]
    return database(folder, *posts, *asked, *met)


def column(screen: str, first: str, name: str) -> set[str]:
    """Give the texts of a column of the first table that begins with another one, each as its wrapped lines say it."""
    lines = screen.splitlines()
    at = next(at for at, line in enumerate(lines) if line.split()[:1] == [first])
    heads = [(found[0], found.start()) for found in re.finditer(r"\S+", lines[at])]
    place = [head for head, _ in heads].index(name)
    start, end = [*(start for _, start in heads), None][place : place + 2]
    texts: list[str] = []
    for line in lines[at + 1 :]:
        if not line.strip():
            break
        if line[: heads[1][1]].strip():
            texts.append("")
        texts[-1] += line[start:end].strip()
    return set(texts)


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_what_tells_rows_apart_is_whole_however_narrow_a_terminal_is(tmp_path: Path, columns: int) -> None:
    db = capture(tmp_path)
    hosts = {f"{HOST}:8443", f"{HOST}:9443"}
    code, screen = run_on_terminal("query", "--db", db, columns=columns)
    assert (code, column(screen, "id", "host")) == (0, {*hosts, "a.example"})
    assert (column(screen, "id", "path"), column(screen, "id", "method")) == ({*PATHS, "/"}, {"POST", "OPTIONS"})
    assert max(map(len, screen.splitlines())) <= columns
    assert_apart_or_left_away(screen, "version", {"", *VERSIONS})
    _, screen = run_on_terminal("query", "--connections", "--db", db, columns=columns)
    assert column(screen, "id", "host") == hosts
    assert column(screen, "id", "kind") == {*get_args(ConnectionKind)}
    assert {text.replace(" ", "") for text in column(screen, "id", "detail")} == {DETAIL.replace(" ", "")}
    assert_apart_or_left_away(screen, "client", {*CLIENTS})
    _, screen = run_on_terminal("analyze", "--db", db, columns=columns)
    assert {"$.batch[].context.device.colour", "$.batch[].context.content.colour"} <= column(screen, "source", "name")


def assert_apart_or_left_away(screen: str, name: str, texts: set[str]) -> None:
    """Hold that a column of the first table has as many texts as there are, or is not there."""
    if name in screen.splitlines()[0].split():
        assert len(column(screen, "id", name)) == len(texts)


@pytest.mark.parametrize("columns", [60, 100])
def test_rows_of_a_statement_are_told_apart(tmp_path: Path, columns: int) -> None:
    sql = f"SELECT id, path, guid, host, port, status FROM exchanges WHERE host = '{HOST}'"
    _, screen = run_on_terminal("query", "--sql", sql, "--db", capture(tmp_path), columns=columns)
    assert column(screen, "id", "path") == {*PATHS}
    assert column(screen, "id", "host") == {HOST}
    assert column(screen, "id", "port") == {"8443", "9443"}


def test_a_later_page_is_as_wide_as_it_has_to_be(tmp_path: Path) -> None:
    tunnels = [connection(host="a.example", port=443, kind="tunnel", client="::1", detail="-") for _ in range(50)]
    refused = connection(host="a.example", port=443, kind="tls_refused", client="10.0.0.7", bytes_up=10**9, detail="-")
    db = database(tmp_path, *tunnels, *[refused] * 50)
    _, screen = run_on_terminal("query", "--connections", "--oldest", "--limit", "0", "--db", db, columns=100)
    heads = [at for at, line in enumerate(screen.splitlines()) if line.split()[:1] == ["id"]]
    assert heads == [0, 51]
    rows = [line.split() for line in screen.splitlines()[52:]]
    assert [row[0] for row in rows] == [str(number) for number in range(51, 101)]
    assert {tuple(row[2:6]) for row in rows} == {("tls_refused", "a.example:443", "10.0.0.7", str(10**9))}


def test_what_does_not_fit_beside_each_other_stands_below_each_other(tmp_path: Path) -> None:
    sql = "SELECT * FROM exchanges ORDER BY id LIMIT 4"
    code, screen = run_on_terminal("query", "--sql", sql, "--db", capture(tmp_path), columns=80)
    assert code == 0
    lines = [line.rstrip() for line in screen.splitlines()]
    assert [line for line in lines if line.startswith("port ")] == [
        f"{'port':<18}{port}" for port in (8443, 8443, 9443, 9443)
    ]
    assert [line for line in lines if line.startswith("path ")] == [f"{'path':<18}{path}" for path in PATHS] * 2
    assert lines.count("") == 4


def test_a_long_text_is_shown_by_both_ends(tmp_path: Path) -> None:
    db = database(tmp_path, ping(path="/begin" + "x" * 10_000 + "end"))
    _, screen = run_on_terminal("query", "--db", db, columns=80)
    (path,) = column(screen, "id", "path")
    assert (path[:6], path[-3:]) == ("/begin", "end")
    assert "…" in path
    assert len(screen.splitlines()) < 16


@STEADY
@given(st.lists(st.text(st.characters(codec=None, exclude_categories=()))))
def test_json_lines_give_back_any_text(words: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        written = io.BytesIO()
        stream = io.TextIOWrapper(written)
        patch.setattr("sys.stdout", stream)
        with printing("jsonl", WORDS) as show:
            show(words)
        lines = written.getvalue().decode().splitlines()
    assert [json.loads(line)["word"] for line in lines] == [*map(whole_characters, words)]
