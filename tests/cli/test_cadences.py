import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from telemock.exchange import utc_text
from tests.cli.process import run, run_on_terminal
from tests.corpus import STARTED, database, moment, ping


def calls(folder: Path) -> Path:
    steady = [ping(60 * beat, guid="steady") for beat in range(20)]
    odd = [ping(300 * beat, guid="odd") for beat in range(20) if beat not in (5, 9, 10)]
    failing = [ping(second, guid="failing", status=503) for second in (0, 2, 6, 14)]
    return database(folder, *sorted((*steady, *odd, *failing), key=lambda each: each.received_at))


def told(db: Path) -> dict[str, Any]:
    (endpoint,) = json.loads(run("analyze", "--format", "json", "--db", db).stdout)["endpoints"]
    return {each.pop("instance"): each for each in endpoint["cadences"]}


def test_each_instance_has_its_cadence(tmp_path: Path) -> None:
    said = told(calls(tmp_path))
    assert said["steady"] == {
        "requests": 20,
        "interval_s": 60.0,
        "jitter_s": 0.0,
        "regularity": 1.0,
        "missed": 0,
        "silences": 0,
        "longest_silence_s": 0.0,
        "bursts": 0,
        "largest_burst": 0,
        "retries": 0,
        "resent": 0,
        "retry_s": None,
        "backoff": None,
        "last_seen": moment(19 * 60),
        "next_expected": moment(20 * 60),
    }
    assert (said["odd"]["missed"], said["odd"]["next_expected"]) == (3, moment(20 * 300))
    assert {name: said["failing"][name] for name in ("retries", "retry_s", "backoff", "next_expected")} == {
        "retries": 3,
        "retry_s": 2.0,
        "backoff": 2.0,
        "next_expected": moment(30),
    }


def test_a_table_has_those_first_of_whom_most_is_missing(tmp_path: Path) -> None:
    lines = run("analyze", "--db", calls(tmp_path)).stdout.decode().splitlines()
    assert [line.split("\t")[0] for line in lines if line.startswith(("steady\t", "odd\t", "failing\t"))] == [
        "odd",
        "failing",
        "steady",
    ]
    code, screen = run_on_terminal("analyze", "--db", tmp_path / "telemetry.db", columns=160)
    assert code == 0
    assert all(name in screen for name in ("interval_s", "jitter_s", "missed", "silences", "bursts", "retries"))


def test_many_instances_are_not_all_printed(tmp_path: Path) -> None:
    db = database(tmp_path, *(ping(number, guid=f"g{number}") for number in range(13)))
    lines = run("analyze", "--db", db).stdout.decode().splitlines()
    assert "3 more instances; --format json has all." in lines
    assert len(told(db)) == 13


def test_a_time_that_people_wrote_breaks_nothing(tmp_path: Path) -> None:
    times = ["yesterday", "", "2026-02-05T10:55:58", "9999-12-31T23:59:59.999999Z", utc_text(STARTED + timedelta(1))]
    db = database(tmp_path, *(ping(0, received_at=time) for time in times))
    assert sum(each["requests"] for each in told(db).values()) == 5
