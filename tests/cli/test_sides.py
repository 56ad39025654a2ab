"""What is compared may be named as people do: by version, installation, time or file."""

import json
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.corpus import GUID, STARTED, VERSION, database, moment, ping

OTHER = "00000000-0000-4000-8000-000000000000"
DAY_S = 86_400


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Four days: two exchanges on the first, of one version, then one each, of others and of another installation."""
    database(tmp_path, ping(), name="other.db")
    return database(
        tmp_path,
        ping(0),
        ping(1),
        ping(DAY_S, version="4.17.0-1f"),
        ping(2 * DAY_S, version="4.17.1-2a", guid=OTHER),
        ping(3 * DAY_S, version="2026-02-05", guid=OTHER),
    )


def counts(cli: Cli, first: str, second: str, *arguments: object) -> tuple[int, int]:
    done = cli("diff", first, second, "--format", "json", *arguments)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    return said["a_exchanges"], said["b_exchanges"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (VERSION, "4.17.0-1f", (2, 1)),
        ("4.16", "4.17.1", (2, 1)),
        ("version:4.16.1", "version:4.17.0", (2, 1)),
        (GUID, OTHER, (3, 2)),
        (f"instance:{GUID}", OTHER, (3, 2)),
        ("2026-02-06", "2026-02-07", (1, 1)),
        ("time:2026-02-05", "2026-02-05", (2, 1)),
        ("2026-02-05..2026-02-06", "2026-02-07..", (3, 2)),
        (f"..{moment(1)}", f"{moment(1)}..{moment(DAY_S)}", (1, 1)),
        (moment(1), moment(1), (1, 4)),
        ("telemetry.db", "other.db", (5, 1)),
        ("file:other.db", "4.17.0", (1, 1)),
        ("sqlite:///telemetry.db", "./other.db", (5, 1)),
    ],
)
def test_sides_are_named_as_people_do(cli: Cli, db: Path, first: str, second: str, expected: tuple[int, int]) -> None:
    assert STARTED.date().isoformat() == "2026-02-05"
    assert counts(cli, first, second, "--db", db) == expected


def test_a_moment_alone_parts_what_came_before_from_what_came_since(cli: Cli, db: Path) -> None:
    done = cli("diff", moment(1), "--format", "json", "--db", db)
    said = json.loads(done.stdout)
    assert (said["a_exchanges"], said["b_exchanges"]) == (1, 4)
    assert (said["a"], said["b"]) == (f"time:..{moment(1)}", f"time:{moment(1)}..")
    assert sum(counts(cli, said["a"], said["b"], "--db", db)) == 5
    for name in (VERSION, "2026-02-06", "other.db"):
        done = cli("diff", name, "--db", db)
        assert done.exit_code == 2
        assert f"'{name}' is to be compared with something; give B, or a moment" in done.stderr


def test_filters_narrow_both_sides(cli: Cli, db: Path) -> None:
    assert counts(cli, "2026-02-07", "2026-02-08", "--guid", OTHER, "--db", db) == (1, 1)
    assert counts(cli, "telemetry.db", "other.db", "--version", VERSION, "--db", db) == (2, 1)


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("4.15", "4.17.0", "'4.15' is no version, instance, time or database here; "),
        ("4.17", "4.16", "'4.17' is no version"),
        ("4.1", "4.16", "'4.1' is no version"),
        ("version:" + GUID, "4.16", f"'version:{GUID}' is no version here; "),
        ("time:4.16", "4.16", "'time:4.16' is no time here; "),
        ("2026-02-30", "4.16", "'2026-02-30' is no version"),
        ("..", "4.16", "'..' is no version"),
        ("", "4.16", "'' is no version"),
    ],
)
def test_what_means_nothing_is_said_with_what_there_is(
    cli: Cli, db: Path, first: str, second: str, sentence: str
) -> None:
    done = cli("diff", first, second, "--db", db)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {sentence}")
    assert done.stderr.endswith(f"{VERSION}, 4.17.0-1f, 4.17.1-2a, 2026-02-05.\n")


def test_many_versions_are_not_all_named(cli: Cli, tmp_path: Path) -> None:
    many = database(tmp_path, *(ping(number, version=f"5.{number}.0-x") for number in range(11)))
    assert "5.10.0-x and 3 before." in cli("diff", "9", "8", "--db", many).stderr
    none = database(tmp_path, ping(version=None), name="none.db")
    assert cli("diff", "9", "8", "--db", none).stderr.endswith("none.db has a version.\n")


def test_what_a_filter_says_already_cannot_be_said_again(cli: Cli, db: Path) -> None:
    done = cli("diff", "4.16", "4.17.0", "--db", db, "--version", VERSION)
    assert (done.exit_code, done.stderr) == (
        2,
        "Error: --version cannot be used where what is compared says it, too.\n",
    )
    assert cli("diff", "2026-02-05", "2026-02-06", "--db", db, "--since", "1d").exit_code == 2


def test_a_database_that_is_not_there_is_said(cli: Cli, tmp_path: Path) -> None:
    done = cli("diff", "4.16", "4.17", "--db", tmp_path / "none.db")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: There is no database at {tmp_path / 'none.db'};")


@pytest.mark.parametrize("name", ["before.db", "file:before", "./before", "sqlite:///before.sqlite", "before.sqlite3"])
def test_the_database_that_is_not_there_is_named(cli: Cli, tmp_path: Path, name: str) -> None:
    """Nor is there one at the place where it usually is."""
    done = cli("diff", name, "after.db")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: There is no database at {tmp_path / 'before'}")
