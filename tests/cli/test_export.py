import csv
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from pyarrow import parquet

from telemock.exports.flat import FIRST, MAX_FIELDS
from telemock.exports.records import NAMES
from tests.cli.process import HANG_SECONDS, TELEMOCK, run
from tests.conftest import Cli
from tests.corpus import GUID, database, moment, ping
from tests.exports.har import check_har
from tests.exports.hostile import FORMULA, HOSTILE

OTHER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    return database(tmp_path, *HOSTILE)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def rows_of(path: Path) -> list[list[Any]]:
    """Read any table back, its header first."""
    if path.suffix == ".csv":
        before = csv.field_size_limit(2**24)
        try:
            with path.open(newline="") as file:
                return [*csv.reader(file)]
        finally:
            csv.field_size_limit(before)
    if path.suffix == ".xlsx":
        return [[*row] for row in load_workbook(path)["exchanges"].values]
    table = parquet.read_table(path)
    return [table.schema.names, *([*row] for row in zip(*(column.to_pylist() for column in table), strict=True))]


def shell(command: str) -> subprocess.CompletedProcess[str]:
    script = f"set -o pipefail; {command}".replace("telemock", " ".join(TELEMOCK))
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=HANG_SECONDS, check=False)


@pytest.mark.parametrize("exchanges", [[ping(number) for number in range(501)], [*HOSTILE]])
def test_json_lines_are_those_of_query(cli: Cli, tmp_path: Path, exchanges: list[Any]) -> None:
    database(tmp_path, *exchanges)
    exported = cli("export", "--format", "jsonl").stdout
    queried = cli("query", "--format", "jsonl", "--limit", 0, "--oldest").stdout
    assert sorted(exported.splitlines()) == sorted(queried.splitlines())
    assert [line["id"] for line in lines(exported)] == [*range(1, len(exchanges) + 1)]


def test_standard_output_is_json_lines_unless_told_otherwise(cli: Cli, pings: Path) -> None:
    assert cli("export", "--db", pings, "-o", "-").stdout == cli("export", "--format", "jsonl").stdout != ""


def test_filters_are_those_of_query(cli: Cli, tmp_path: Path) -> None:
    database(tmp_path, *(ping(number, guid=OTHER if number % 2 else GUID) for number in range(6)))
    done = cli("export", "--guid", OTHER, "--since", moment(2))
    assert [line["id"] for line in lines(done.stdout)] == [4, 6]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.xlsx", "out.har", "out.parquet", "OUT.CSV"])
def test_the_end_of_the_name_tells_the_format(cli: Cli, pings: Path, name: str) -> None:
    by_name, by_option = pings.with_name(name), pings.with_name("data")
    assert cli("export", "-o", by_name).exit_code == 0
    assert cli("export", "-o", by_option, "--format", name.lower()[4:]).exit_code == 0
    assert by_name.read_bytes()[:4] == by_option.read_bytes()[:4]
    assert abs(by_name.stat().st_size - by_option.stat().st_size) < 100


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_a_table_has_the_columns_of_an_exchange(cli: Cli, pings: Path, suffix: str) -> None:
    cli("export", "-o", f"out.{suffix}")
    head, *rows = rows_of(pings.with_name(f"out.{suffix}"))
    assert tuple(head) == NAMES
    assert [int(row[0]) for row in rows] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_flat_has_a_column_for_each_field(cli: Cli, tmp_path: Path, suffix: str) -> None:
    database(tmp_path, ping(query="v=a&n=7"), ping(1, query="w=b", request_body=b'{"user":{"id":1}}'))
    cli("export", "-o", f"out.{suffix}", "--fields", "flat")
    head, one, two = rows_of(tmp_path / f"out.{suffix}")
    assert head == [*FIRST, "query.v", "query.n", "header.host", "header.connection", "query.w", "body.$.user.id"]
    assert [str(cell or "") for cell in one[len(FIRST) :]] == ["a", "7", "cdn.cribl.io", "keep-alive", "", ""]
    assert [str(cell or "") for cell in two[len(FIRST) :]] == ["", "", "cdn.cribl.io", "keep-alive", "b", "1"]


def test_flat_json_lines_have_an_object_of_fields(cli: Cli, pings: Path) -> None:
    one, *_ = lines(cli("export", "--db", pings, "--fields", "flat").stdout)
    assert tuple(one) == (*FIRST, "fields")
    assert one["fields"]["query.guid"] == GUID


def test_har_has_an_entry_for_each_exchange(cli: Cli, pings: Path) -> None:
    cli("export", "-o", "out.har")
    assert [entry["_id"] for entry in check_har(json.loads(pings.with_name("out.har").read_text()))] == [1, 2, 3, 4, 5]


def test_hostile_exchanges_are_harmless_in_every_format(cli: Cli, hostile: Path) -> None:
    folder = hostile.parent
    for name in ("out.jsonl", "out.csv", "out.xlsx", "out.har", "out.parquet"):
        assert cli("export", "-o", name).exit_code == 0
    assert lines((folder / "out.jsonl").read_text())[0]["guid"] == FORMULA
    assert len(check_har(json.loads((folder / "out.har").read_text()))) == len(HOSTILE)
    for name, guid in (("out.csv", f"'{FORMULA}"), ("out.xlsx", FORMULA), ("out.parquet", FORMULA)):
        head, first, *rest = rows_of(folder / name)
        assert (first[head.index("guid")], len(rest)) == (guid, len(HOSTILE) - 1)
    for name in ("out.jsonl", "out.csv", "out.har"):
        seen = (folder / name).read_text().replace("\n", "").replace("\t", "")
        assert seen.isprintable()


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_fields_without_a_column_are_told(cli: Cli, hostile: Path, suffix: str) -> None:
    done = cli("export", "-o", f"out.{suffix}", "--fields", "flat")
    assert done.exit_code == 0
    assert f"values of further fields; there are columns for {MAX_FIELDS}.\n" in done.stderr
    head, *rows = rows_of(hostile.with_name(f"out.{suffix}"))
    assert (len(head), len(rows)) == (len(FIRST) + MAX_FIELDS, len(HOSTILE))


def test_cells_that_were_cut_are_told(cli: Cli, hostile: Path) -> None:
    assert "Cut, and ending in …: " in cli("export", "--db", hostile, "-o", "out.xlsx").stderr


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "xlsx", "har", "parquet"])
def test_nothing_that_matches_is_told_and_leaves_what_was_there(cli: Cli, pings: Path, suffix: str) -> None:
    path = pings.with_name(f"out.{suffix}")
    done = cli("export", "--guid", OTHER, "-o", path)
    assert (done.exit_code, done.stderr) == (1, f"Error: No exchange matches; '{path}' was not written.\n")
    done = cli("export", "-o", path)
    assert (done.exit_code, done.stdout) == (0, "")
    assert re.search(r"Wrote \S+: 5 exchanges, [\d.]+ KiB\.\n\Z", done.stderr)
    before = path.read_bytes()
    done = cli("export", "--guid", OTHER, "-o", path)
    assert (done.exit_code, done.stderr) == (1, f"Error: No exchange matches; '{path}' was left as it is.\n")
    assert (path.read_bytes(), {*pings.parent.iterdir()}) == (before, {pings, path})


def test_nothing_that_matches_ends_a_pipe_well(cli: Cli, pings: Path) -> None:
    done = cli("export", "--db", pings, "--guid", OTHER)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "No exchange matches.\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-o", "out.txt"], "'out.txt' does not end in .jsonl, .csv, .xlsx, .har or .parquet;"),
        (["-o", "out"], "'out' does not end in"),
        (["--format", "xlsx"], "--format xlsx needs a file"),
        (["--format", "parquet", "-o", "-"], "--format parquet needs a file"),
        (["-o", "out.har", "--fields", "flat"], "--fields flat cannot be used with --format har"),
    ],
)
def test_what_cannot_be_is_a_usage_error(cli: Cli, pings: Path, arguments: list[str], sentence: str) -> None:
    done = cli("export", *arguments)
    assert (done.exit_code, sentence in done.stderr) == (2, True), done.stderr
    assert [*pings.parent.iterdir()] == [pings]


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "xlsx", "har", "parquet"])
def test_what_people_made_of_the_file_can_be_written(cli: Cli, tmp_path: Path, suffix: str) -> None:
    database(tmp_path, ping(request_body="text", response_body="text", method=b"\xff", status="ok", latency_ms="slow"))
    assert cli("export", "-o", f"out.{suffix}").exit_code == 0
    assert cli("export", "-o", f"flat.{suffix}", "--fields", "flat").exit_code == (2 if suffix == "har" else 0)


def test_a_database_that_is_not_there_is_named(cli: Cli) -> None:
    done = cli("export", "-o", "out.csv")
    assert (done.exit_code, done.stderr.startswith("Error: There is no database at")) == (1, True)
    assert [*Path().iterdir()] == []


def test_parquet_without_pyarrow_says_what_to_install(pings: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys\nsys.modules['pyarrow'] = None\n")
    target = tmp_path / "out.parquet"
    done = run("export", "--db", pings, "-o", target, environment={"PYTHONPATH": f"{site}{os.pathsep}{Path.cwd()}"})
    assert done.returncode == 1
    assert done.stderr == b"Error: Parquet needs pyarrow; install it with: pip install 'telemock[parquet]'.\n"
    assert not target.exists()


@pytest.mark.parametrize("name", ["jsonl", "csv", "har"])
def test_a_reader_that_has_seen_enough_ends_it_quietly(hostile: Path, name: str) -> None:
    done = shell(f"telemock export --db {hostile} --format {name} | head -c 100")
    assert (done.returncode, len(done.stdout.encode()), done.stderr) == (0, 100, "")


def test_a_full_disk_behind_standard_output_is_told(pings: Path) -> None:
    done = shell(f"telemock export --db {pings} > /dev/full")
    assert (done.returncode, done.stderr) == (1, "Error: The output cannot be written: No space left on device.\n")
