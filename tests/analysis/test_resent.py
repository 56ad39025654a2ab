"""What a client sent again is told so, of endpoints, in lines, JSON and the report."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from telemock.exchange import Exchange
from tests.conftest import Cli
from tests.corpus import database, moment, ping


def post(second: float, body: bytes, **changes: Any) -> Exchange:
    made = {"method": "POST", "host": "a.test", "path": "/v1", "query": "", "status": 503, "profile": None}
    return ping(**{**made, "received_at": moment(second), "request_body": body, **changes})


BATCH = b'{"batch_id": "4fd2f0c2-%04d", "n": 1}'


def cadence_of(cli: Cli, folder: Path, *exchanges: Exchange, every: bool = False) -> dict[str, Any]:
    db = database(folder, *exchanges)
    (endpoint,) = json.loads(cli("analyze", "--db", db, "--format", "json").stdout)["endpoints"]
    (cadence,) = endpoint["cadences"]
    return (
        cadence
        if every
        else {name: cadence[name] for name in ("requests", "interval_s", "missed", "bursts", "retries", "resent")}
    )


@pytest.mark.parametrize("beats", [2, 3, 4, 1000])
def test_a_batch_that_is_sent_again_though_it_was_answered_is_no_beat(cli: Cli, tmp_path: Path, beats: int) -> None:
    times = [(60 * beat + delay, BATCH % beat) for beat in range(beats) for delay in (0, 1, 3)]
    told = cadence_of(cli, tmp_path, *(post(second, body, status=204) for second, body in times))
    assert (told["requests"], told["retries"], told["resent"]) == (3 * beats, 0, 2 * beats)
    if beats > 3:
        assert (told["interval_s"], told["missed"], told["bursts"]) == (60, 0, 0)


def test_what_follows_a_failure_is_a_retry_though_it_is_sent_again(cli: Cli, tmp_path: Path) -> None:
    statuses = ((0, 503), (1, 503), (3, 204), (7, 204))
    posts = [post(60 * beat + at, BATCH % beat, status=status) for beat in range(10) for at, status in statuses]
    told = cadence_of(cli, tmp_path, *posts)
    assert (told["interval_s"], told["retries"], told["resent"]) == (60, 20, 10)


@pytest.mark.parametrize("status", [404, 200])
def test_many_paths_of_one_template_are_no_retries_of_each_other(cli: Cli, tmp_path: Path, status: int) -> None:
    gets = [ping(number, path=f"/api/users/{number}", query="", guid=None, status=status) for number in range(1, 301)]
    told = cadence_of(cli, tmp_path, *gets)
    assert (told["requests"], told["retries"], told["resent"]) == (300, 0, 0)


def test_several_batches_at_once_are_each_retried_for_themselves(cli: Cli, tmp_path: Path) -> None:
    times = [(2**attempt + batch / 10, batch) for attempt in range(5) for batch in range(3)]
    told = cadence_of(cli, tmp_path, *(post(second, BATCH % batch) for second, batch in times), every=True)
    assert (told["retries"], told["retry_s"], told["backoff"]) == (12, 1.0, 2.0)


def test_who_tries_the_same_batch_for_ever_has_no_beat(cli: Cli, tmp_path: Path) -> None:
    told = cadence_of(cli, tmp_path, *(post(10 * number, BATCH % 1) for number in range(50)), every=True)
    assert (told["retries"], told["retry_s"], told["backoff"]) == (49, 10.0, 1.0)
    assert told["jitter_s"] is None


def test_who_asks_for_what_is_not_there_does_not_retry(cli: Cli, tmp_path: Path) -> None:
    probes = [ping(second, path="/wp-login.php", query="", status=404, guid=None) for second in (0, 1, 3, 9)]
    told = cadence_of(cli, tmp_path, *probes)
    assert (told["requests"], told["retries"], told["resent"]) == (4, 0, 0)
    assert "sent again" not in cli("analyze", "--db", tmp_path / "telemetry.db").stdout


def test_an_outage_of_several_beats_has_its_beats_and_their_retries(cli: Cli, tmp_path: Path) -> None:
    """Each beat asks the same, so that only its pace tells it from a retry."""
    times = [(60 * beat, 503 if 10 <= beat < 20 else 200) for beat in range(40)]
    retries = [(second + delay, 503) for second, status in times for delay in (1, 3, 7) if status == 503]
    pings = [ping(second, status=status) for second, status in sorted(times + retries)]
    told = cadence_of(cli, tmp_path, *pings, every=True)
    assert (told["interval_s"], told["missed"], told["retries"], told["retry_s"], told["backoff"]) == (60, 0, 30, 1, 2)


@pytest.mark.parametrize("count", [5, 200, 3000])
def test_who_says_the_same_at_each_beat_has_a_beat(cli: Cli, tmp_path: Path, count: int) -> None:
    posts = [post(10 * beat, b"alive" if beat != 150 else b"busy", status=204) for beat in range(count)]
    told = cadence_of(cli, tmp_path, *posts)
    assert (told["interval_s"], told["resent"], told["missed"]) == (10, 0, 0)


def test_how_often_an_instance_sent_again_is_in_lines_and_in_the_report(cli: Cli, tmp_path: Path) -> None:
    posts = [post(60 * beat + at, BATCH % beat, status=204) for beat in range(7) for at in (0, 2)]
    db = database(tmp_path, *posts)
    (cells,) = (line.split("\t") for line in cli("analyze", "--db", db).stdout.splitlines() if "\t14\t60.0\t" in line)
    assert cells[-3] == "7"
    page = tmp_path / "report.html"
    cli("report", "--db", db, "-o", page)
    assert "those sent again though one like it was answered: 7." in page.read_text()


def test_what_was_sent_again_is_told_of_its_endpoint(cli: Cli, tmp_path: Path) -> None:
    batch = b'{"messageId": "4fd2f0c2-7c2b-4e4f-a4b5-0f7bd5f2c5aa", "sentAt": "%d"}'
    times = [(0, 1), (1, 2), (30, 3), (5000, 4)]
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


FRESH = b'{"events": [{"name": "start", "ts": 1770278500}], "timestamp": %d, "retryCount": %d, "request_id": "%032x"}'


def fresh(second: float, attempt: int, status: int = 503, **changes: Any) -> Exchange:
    """Post the same batch with what is another in each attempt."""
    at = datetime.fromisoformat(moment(second)).timestamp()
    return post(second, FRESH % (at * 1000, attempt, hash((second, attempt)) & (1 << 63) - 1), status=status, **changes)


def test_a_batch_that_is_tried_again_with_a_fresh_clock_is_retried(cli: Cli, tmp_path: Path) -> None:
    times = [(60 * beat, attempt) for beat in range(10) for attempt in range(4)]
    posts = [fresh(beat + 2**attempt - 1, attempt, 204 if attempt == 3 else 503) for beat, attempt in times]
    told = cadence_of(cli, tmp_path, *posts, every=True)
    assert (told["interval_s"], told["bursts"], told["retries"], told["retry_s"], told["backoff"]) == (60, 0, 30, 1, 2)
    assert told["resent"] == 0


@pytest.mark.parametrize(
    "query", ["v=1&_={ms}", "v=1&nonce={n}", "v=1&attempt={n}", "v=1&X-Request-Id={n}", "v=1&sent={iso}"]
)
def test_a_query_with_something_fresh_is_retried(cli: Cli, tmp_path: Path, query: str) -> None:
    gets = []
    for number, second in enumerate((0, 1, 3, 7)):
        at = datetime.fromisoformat(moment(second))
        said = query.format(ms=int(at.timestamp() * 1000), n=number, iso=at.isoformat().replace("+00:00", "Z"))
        gets.append(post(second, b"", method="GET", query=said, status=502))
    told = cadence_of(cli, tmp_path, *gets)
    assert told["retries"] == 3


@pytest.mark.parametrize("status", [200, 204, 302, 400, 404])
def test_what_differs_in_its_clock_is_no_retry_of_what_was_answered(cli: Cli, tmp_path: Path, status: int) -> None:
    told = cadence_of(cli, tmp_path, *(fresh(second, 0, status) for second in (0, 1, 3, 7, 60, 61)))
    assert (told["requests"], told["retries"], told["resent"]) == (6, 0, 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"timestamp": %d, "event": "a"}', b'{"timestamp": %d, "event": "b"}'),
        (b'{"timestamp": %d, "messageId": "4fd2f0c2-1"}', b'{"timestamp": %d, "messageId": "4fd2f0c2-2"}'),
        (b'{"timestamp": %d, "n": 1}', b'{"timestamp": %d, "n": 2}'),
        (b'{"events": [{"ts": %d}]}', b'{"events": [{"ts": %d}]}'),
        (b'{"timestamp": %d, "attempt": "x"}', b'{"timestamp": %d, "attempt": "y"}'),
    ],
)
def test_what_differs_in_more_is_another_request(cli: Cli, tmp_path: Path, one: bytes, other: bytes) -> None:
    now_ms = round(datetime.fromisoformat(moment(0)).timestamp() * 1000)
    posts = [post(number, body % (now_ms + 1000 * number)) for number, body in enumerate((one, other, other))]
    assert cadence_of(cli, tmp_path, *posts, every=True)["retries"] == (0 if b"[" in one else 1)


def test_a_retry_with_a_fresh_clock_long_after_is_a_request_of_its_own(cli: Cli, tmp_path: Path) -> None:
    assert cadence_of(cli, tmp_path, fresh(0, 0), fresh(61, 1))["retries"] == 0


def test_beats_with_a_clock_are_beats_in_an_outage(cli: Cli, tmp_path: Path) -> None:
    posts = [fresh(30 * beat, 0, 503 if 10 <= beat < 20 else 200) for beat in range(40)]
    told = cadence_of(cli, tmp_path, *posts)
    assert (told["interval_s"], told["missed"], told["retries"]) == (30, 0, 0)
