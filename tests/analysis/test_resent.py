"""What a client sent again is told so, of endpoints, in lines, JSON and the report."""

import json
from pathlib import Path
from typing import Any

import pytest

from telemock.exchange import Exchange
from tests.conftest import Cli
from tests.corpus import database, moment, ping


def post(second: float, body: bytes, **changes: Any) -> Exchange:
    made = {"method": "POST", "host": "a.test", "path": "/v1", "query": "", "status": 503, "profile": None}
    return ping(**{**made, "received_at": moment(second), "request_body": body, **changes})


def cadence_of(cli: Cli, folder: Path, *exchanges: Exchange) -> dict[str, Any]:
    db = database(folder, *exchanges)
    (endpoint,) = json.loads(cli("analyze", "--db", db, "--format", "json").stdout)["endpoints"]
    (cadence,) = endpoint["cadences"]
    return {name: cadence[name] for name in ("requests", "interval_s", "missed", "bursts", "retries", "resent")}


@pytest.mark.parametrize("beats", [2, 3, 4, 1000])
def test_a_batch_that_is_sent_again_though_it_was_answered_is_no_beat(cli: Cli, tmp_path: Path, beats: int) -> None:
    times = [(60 * beat + delay, b'{"batch": %d}' % beat) for beat in range(beats) for delay in (0, 1, 3)]
    told = cadence_of(cli, tmp_path, *(post(second, body, status=204) for second, body in times))
    assert (told["requests"], told["retries"], told["resent"]) == (3 * beats, 0, 2 * beats)
    if beats > 3:
        assert (told["interval_s"], told["missed"], told["bursts"]) == (60, 0, 0)


def test_what_follows_a_failure_is_a_retry_though_it_is_sent_again(cli: Cli, tmp_path: Path) -> None:
    statuses = ((0, 503), (1, 503), (3, 204), (7, 204))
    posts = [post(60 * beat + at, b"%d" % beat, status=status) for beat in range(10) for at, status in statuses]
    told = cadence_of(cli, tmp_path, *posts)
    assert (told["interval_s"], told["retries"], told["resent"]) == (60, 20, 10)


@pytest.mark.parametrize("count", [5, 200, 3000])
def test_who_says_the_same_at_each_beat_has_a_beat(cli: Cli, tmp_path: Path, count: int) -> None:
    posts = [post(10 * beat, b"alive" if beat != 150 else b"busy", status=204) for beat in range(count)]
    told = cadence_of(cli, tmp_path, *posts)
    assert (told["interval_s"], told["resent"], told["missed"]) == (10, 0, 0)


def test_how_often_an_instance_sent_again_is_in_lines_and_in_the_report(cli: Cli, tmp_path: Path) -> None:
    posts = [post(60 * beat + at, b"%d" % beat, status=204) for beat in range(7) for at in (0, 2)]
    db = database(tmp_path, *posts)
    (cells,) = (line.split("\t") for line in cli("analyze", "--db", db).stdout.splitlines() if "\t14\t60.0\t" in line)
    assert cells[-3] == "7"
    page = tmp_path / "report.html"
    cli("report", "--db", db, "-o", page)
    assert "those sent again though one like it was answered: 7." in page.read_text()


def test_what_was_sent_again_is_told_of_its_endpoint(cli: Cli, tmp_path: Path) -> None:
    batch = b'{"messageId": "4fd2f0c2-7c2b-4e4f-a4b5-0f7bd5f2c5aa", "sentAt": "%d"}'
    times = [(0, 1), (1, 2), (30, 3), (90, 4)]
    again = [post(second, batch % sent) for second, sent in times]
    others = [post(2, b"other", path="/v2"), post(3, b"other", path="/v2", guid="another"), post(4, b"", path="/v2")]
    db = database(tmp_path, *again, *others)
    told = json.loads(cli("analyze", "--db", db, "--format", "json").stdout)
    assert {each["path"]: (each["count"], each["resent"]) for each in told["endpoints"]} == {
        "/v1": (4, 2),
        "/v2": (3, 0),
    }
    lines = cli("analyze", "--db", db).stdout
    assert "4 exchanges of 1 instance, 4 x 503, 2 of them sent again; " in lines
    assert lines.count("sent again") == 1
    page = tmp_path / "report.html"
    cli("report", "--db", db, "-o", page)
    assert "2 sent again" in page.read_text()
