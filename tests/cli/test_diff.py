import json
from pathlib import Path

import pytest

from tests.cli.process import run, run_on_terminal
from tests.conftest import Cli
from tests.corpus import VERSION, database, ping

NEWER = "4.17.0-1f2e3d4c"


@pytest.fixture
def two_versions(tmp_path: Path) -> Path:
    """Five pings of a version, and five of the next one: with a field more and one less, and an endpoint more."""
    old = [ping(300 * number, query=f"v={VERSION}&fc.old=1&n={number}") for number in range(5)]
    new = [ping(300 * number, version=NEWER, query=f"v={NEWER}&fc.new=%3Db&n=x") for number in range(5, 10)]
    return database(tmp_path, *old, *new, ping(9999, version=NEWER, method="POST", query=""))


def test_what_a_version_sends_otherwise_is_told(two_versions: Path) -> None:
    done = run("diff", VERSION, NEWER, "--db", two_versions, "--format", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    said = json.loads(done.stdout)
    changes = said.pop("changes")
    assert said == {"a": VERSION, "b": NEWER, "a_exchanges": 5, "b_exchanges": 6, "not_compared": []}
    assert [(each["change"], each["what"], each["name"], each["aspect"]) for each in changes] == [
        ("added", "endpoint", "", ""),
        ("added", "field", "fc.new", ""),
        ("changed", "field", "n", "types"),
        ("removed", "field", "fc.old", ""),
    ]
    assert changes[1] == {
        "change": "added",
        "what": "field",
        "aspect": "",
        "method": "GET",
        "scheme": "http",
        "host": "cdn.cribl.io",
        "port": None,
        "path": "/telemetry/index.html",
        "source": "query",
        "name": "fc.new",
        "before": "",
        "after": "text: =b",
    }


def test_it_is_a_table_text_lines_or_csv(two_versions: Path) -> None:
    text = run("diff", VERSION, NEWER, "--db", two_versions).stdout.decode().splitlines()
    assert text[0] == "added\tendpoint\tPOST http://cdn.cribl.io/telemetry/index.html\t\t\t1 exchange\t"
    assert text[1].startswith("added\tfield\tquery fc.new\t\t\ttext: =b\tGET http://cdn.cribl.io/")
    assert len(run("diff", VERSION, NEWER, "--db", two_versions, "--format", "jsonl").stdout.splitlines()) == 4
    header, _, added, *_ = run("diff", VERSION, NEWER, "--db", two_versions, "--format", "csv").stdout.splitlines()
    assert header == b"change,what,aspect,method,scheme,host,path,port,source,name,before,after"
    assert added.endswith(b"query,fc.new,,text: =b")
    code, screen = run_on_terminal("diff", VERSION, NEWER, "--db", two_versions, columns=100)
    assert code == 0
    assert all(len(line) <= 100 for line in screen.splitlines())


@pytest.mark.parametrize(
    ("direction", "sentence"),
    [
        (
            "added",
            "Error: Something was added: endpoint POST http://cdn.cribl.io/telemetry/index.html, field query fc.new.\n",
        ),
        ("removed", "Error: Something was removed: field query fc.old.\n"),
        ("changed", "Error: Something was changed: field query n.\n"),
    ],
)
def test_a_pipeline_can_fail_on_it(cli: Cli, two_versions: Path, direction: str, sentence: str) -> None:
    done = cli("diff", VERSION, NEWER, "--db", two_versions, "--fail-on", direction)
    assert (done.exit_code, done.stderr) == (1, sentence)
    assert "fc.new" in done.stdout
    same = cli("diff", VERSION, VERSION, "--db", two_versions, "--fail-on", direction)
    said = "Nothing changed, from 5 exchanges to 5; values are not compared.\n"
    assert (same.exit_code, same.stdout, same.stderr) == (0, "", said)


def test_many_reasons_are_counted(cli: Cli, tmp_path: Path) -> None:
    query = "&".join(f"f{number}=1" for number in range(8))
    db = database(tmp_path, ping(), ping(1, version=NEWER, query=query))
    done = cli("diff", VERSION, NEWER, "--db", db, "--fail-on", "added")
    assert "field query f0, field query f1, field query f2, field query f3, field query f4 and 3 more." in done.stderr


def test_all_that_must_not_be_is_told_at_once(cli: Cli, two_versions: Path) -> None:
    done = cli("diff", VERSION, NEWER, "--db", two_versions, "--fail-on", "removed", "--fail-on", "changed")
    assert done.stderr == "Error: Something was removed: field query fc.old; changed: field query n.\n"


def test_what_could_not_be_compared_is_told_and_fails_a_pipeline(cli: Cli, tmp_path: Path) -> None:
    many = [ping(number, path=f"/p{number}") for number in range(1001)]
    db = database(tmp_path, *many, ping(2000, version=NEWER))
    (sentence,) = json.loads(cli("diff", VERSION, NEWER, "--db", db, "--format", "json").stdout)["not_compared"]
    assert sentence == (
        "1 exchange on the first side went to further endpoints than the 1000 that are told apart, so that no endpoint "
        "is called added."
    )
    done = cli("diff", VERSION, NEWER, "--db", db, "--fail-on", "added")
    assert done.exit_code == 1
    assert done.stderr == f"{sentence}\nError: Something was added, or not: that could not be told.\n"
    assert cli("diff", VERSION, NEWER, "--db", db, "--fail-on", "changed").exit_code == 0


def test_nothing_can_be_compared_with_nothing(cli: Cli, two_versions: Path) -> None:
    done = cli("diff", VERSION, NEWER, "--db", two_versions, "--status", "404")
    assert done.exit_code == 2
    assert done.stderr == f"Error: No exchange matches '{VERSION}', so that there is nothing to compare.\n"


def test_captured_text_cannot_harm_a_terminal(tmp_path: Path) -> None:
    hostile = ping(1, version=NEWER, host="a\x1b[2J", path="/\u202e", query="%1b]0;x%07=%1b")
    done = run("diff", VERSION, NEWER, "--db", database(tmp_path, ping(), hostile), "--fail-on", "added")
    assert done.returncode == 1
    for text in (done.stdout, done.stderr):
        assert text.decode().replace("\n", "").replace("\t", "").isprintable()
