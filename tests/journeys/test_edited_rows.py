"""People may edit the file, it is theirs: whatever they make of a row, no command breaks on it."""

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.corpus import connection, database, ping
from tests.edits import EDITS, edit_row

COMMANDS = [
    "query --limit 0 --format table",
    "query --limit 0 --format json",
    "query --limit 0 --format csv",
    "query --limit 0 --grep zzz",
    "query --param a=1",
    "query --connections",
    "query --connections --grep zzz --format json",
    "analyze",
    "analyze --format json",
    "diff telemetry.db telemetry.db",
    "report -o report.html",
    "export",
    "export --fields flat --format csv",
    *(f"export -o out.{ending}" for ending in ("jsonl", "csv", "xlsx", "har", "parquet")),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_breaks_on_what_people_put_in_rows(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    db = database(tmp_path, *(ping(second, request_body=b"{}") for second in range(len(EDITS))), connection())
    monkeypatch.chdir(tmp_path)
    for number, edit in enumerate(EDITS, 1):
        edit_row(db, f"{edit} WHERE id = {number}")
    edit_row(db, "port = 'x', bytes_up = 'x', duration_ms = x'00', detail = x'FF', host = 7", table="connections")
    done = cli(*command.split())
    assert done.exit_code == 0, done.output
    assert done.exception is None
