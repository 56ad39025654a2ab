import re
import sqlite3
from contextlib import closing
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest

from tests.cli.process import run
from tests.corpus import GUID, connection, database, moment, ping
from tests.exports.hostile import HOSTILE

OTHER = "00000000-0000-4000-8000-000000000000"


def said(html: str) -> str:
    """Give the text of a page, its spaces folded."""
    html = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def reported(db: Path, *arguments: str) -> str:
    """Give the text of the page that a report writes."""
    target = db.with_name("report.html")
    done = run("report", "--db", db, "-o", target, *arguments)
    assert (done.returncode, done.stdout) == (0, b"")
    assert re.fullmatch(rb"Wrote \S+report\.html: (?:no|[\d,]+) exchanges?, [\d.]+ MiB\.\n", done.stderr)
    return said(target.read_text(encoding="utf-8"))


def test_a_report_tells_requests_versions_connections_and_when(tmp_path: Path) -> None:
    old = [ping(second, version="4.15.0", query="v=4.15.0&gone=1") for second in range(30)]
    new = [ping(60 + second, query="v=4.16.1&come=1") for second in range(30)]
    db = database(tmp_path, *old, *new, connection(kind="upstream", host="cdn.cribl.io", port=443))
    text = reported(db)
    assert "telemock captured 60 requests from 1 instance of Cribl Stream" in text
    assert "The busiest 1 s began at 2026-02-05 10:55:58 UTC, with 1 request." in text
    assert "4.15.0 → 4.16.1-20904e45 30 requests before, 30 requests after" in text
    assert "added field query come" in text
    assert "removed field query gone" in text
    assert "Something left through telemock: 1 upstream connection to get real answers." in text
    assert "upstream cdn.cribl.io:443 1 3 bytes 0 bytes 2026-02-05 10:55:58" in text


def test_what_others_sent_is_no_installation_of_the_product(tmp_path: Path) -> None:
    others = [
        ping(5, host="stats.example", path="/v1/track", guid=None, client="10.0.0.9", profile=None),
        ping(6, host="127.0.0.1", path="/favicon.ico", guid=None, client="10.0.0.9", profile=None),
        ping(7, path="/.env", guid=None, client="10.0.0.8"),
    ]
    text = reported(database(tmp_path, ping(), ping(1, guid=OTHER), *others))
    assert "telemock captured 2 requests from 2 instances of Cribl Stream" in text
    assert "to 1 host: cdn.cribl.io." in text
    assert "Apart from that 3 requests of others came from 2 clients" in text


def test_the_sum_in_it_is_the_one_of_the_file(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    text = reported(db)
    assert f"{sha256(db.read_bytes()).hexdigest()} {db}" in text
    assert "Exactly what this page was made from" in text


def test_a_log_beside_the_database_has_a_sum_too(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    with closing(sqlite3.connect(db)) as open_elsewhere:
        open_elsewhere.execute("UPDATE exchanges SET env = 'test'")
        open_elsewhere.commit()
        text = reported(db)
        assert sha256(db.with_name("telemetry.db-wal").read_bytes()).hexdigest() in text
    assert "The second file is the write-ahead log" in text


def test_the_command_in_it_makes_it_again_and_keeps_planted_values_to_itself(tmp_path: Path) -> None:
    db = database(tmp_path, ping())
    target = db.with_name("report.html")
    config = tmp_path / "telemock.yaml"
    config.write_text(f"plant: host=db-07.example\nguid: {GUID}\n")
    done = run("report", "--db", db, "-o", target, "--since=2026-02-05", "--param", "p=s", "--config", config)
    assert done.returncode == 0
    html = target.read_text(encoding="utf-8")
    assert "db-07" not in html
    assert (
        f"telemock report --output {target} --guid {GUID} --since 2026-02-05T00:00:00.000000Z --param p=s "
        f"--plant host=... --db {db}"
    ) in said(html)
    assert "host not found" in said(html)


def test_filters_choose_what_is_told_and_what_they_do_not_hold_for_is_said(tmp_path: Path) -> None:
    db = database(tmp_path, ping(0), ping(1, guid=OTHER), connection(0), connection(9))
    text = reported(db, "--guid", OTHER, "--until", moment(5))
    assert "telemock captured 1 request from 1 instance" in text
    assert "malformed 1 no HTTP" in text
    assert "Connections have no guid: all of them are told of, whatever these filters say." in text
    assert f"guid: {OTHER}" in text


def test_a_page_on_standard_output_is_the_page_and_nothing_else(tmp_path: Path) -> None:
    done = run("report", "--db", database(tmp_path, ping()), "-o", "-")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.lstrip().startswith(b"<!DOCTYPE html>")
    assert done.stdout.rstrip().endswith(b"</html>")


def test_connections_alone_are_worth_a_page(tmp_path: Path) -> None:
    assert "No request was captured that fits" in reported(database(tmp_path, connection()))


@pytest.mark.parametrize("arguments", [("--since", "2030-01-01"), ("--guid", OTHER), ("--to-host", "x.example")])
def test_nothing_that_fits_is_told_and_leaves_the_page_that_was_there(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    db = database(tmp_path, ping(), connection())
    reported(db)
    page = tmp_path / "report.html"
    before = page.read_bytes()
    done = run("report", "--db", db, "-o", page, *arguments)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"Error: No exchange matches; '{page}' was left as it is.\n"
    assert (page.read_bytes(), {*tmp_path.iterdir()}) == (before, {db, page})


def test_hostile_captures_give_a_page_without_anything_that_is_not_to_be_seen(tmp_path: Path) -> None:
    db = database(tmp_path, *HOSTILE, connection(host="<b>\u202e", detail="\x1b[31m\x00"))
    text = reported(db)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028-\u202e]", text)
    assert "more fields; telemock analyze --format json has all." in text
    assert "<b>\\u202e" in text
    assert "invoice\\u202egpj.exe" in text
    assert "Left out, as their time cannot be read: 1 request." in text


@pytest.mark.parametrize("name", ["nowhere/report.html", "telemetry.db"])
def test_where_no_page_can_be_the_failure_is_one_sentence_and_nothing_stays(tmp_path: Path, name: str) -> None:
    db = database(tmp_path, ping())
    before = db.read_bytes()
    done = run("report", "--db", db, "-o", tmp_path / name)
    assert done.returncode in (1, 2)
    assert done.stderr.count(b"\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["telemetry.db"]
    assert db.read_bytes() == before


def test_a_database_that_is_not_there_fails_in_a_sentence_and_makes_no_page(tmp_path: Path) -> None:
    done = run("report", "--db", tmp_path / "none.db", "-o", tmp_path / "report.html")
    assert done.returncode == 1
    assert done.stderr.startswith(b"Error: There is no database at ")
    assert not [*tmp_path.iterdir()]


def test_what_was_planted_is_nowhere_in_clear(tmp_path: Path) -> None:
    said_to = ping(host="build7.corp.example", path="/a/BUILD7-x", query="build7=1&x=ab7")
    db = database(tmp_path, said_to, connection(kind="tunnel", host="build7.corp.example", port=443))
    target = tmp_path / "report.html"
    plants = ("--plant", "machine=build7", "--plant", "short=ab7", "--plant", "tiny=1")
    done = run("report", "--db", db, "-o", target, *plants, "--grep", "build7")
    assert done.returncode == 0
    page = target.read_text(encoding="utf-8")
    assert "build7" not in page.lower()
    assert "[machine].corp.example" in page
    assert "ab7" not in re.findall(r"\w+", said(page))
    assert "--plant short=..." in said(page)
    assert "Planted values that were sent, as they are, coded or hashed: machine, short and tiny." in said(page)


def test_what_a_version_brought_is_as_masked_as_it_is_elsewhere(tmp_path: Path) -> None:
    hashed = sha256(b"db-07.example").hexdigest()
    old = [ping(second, version="4.15.0", query="v=4.15.0&old=john.roe@example.org") for second in range(30)]
    new = [ping(60 + second, query=f"v=4.16.1&new=jane.doe@example.org&h={hashed}") for second in range(30)]
    text = reported(database(tmp_path, *old, *new), "--plant", "host=db-07.example")
    assert "added field query new" in text
    assert "removed field query old" in text
    for secret in ("jane.doe", "john.roe", hashed[:20]):
        assert secret not in text


def test_versions_that_are_not_compared_are_counted(tmp_path: Path) -> None:
    db = database(tmp_path, *(ping(number, version=f"5.{number}") for number in range(9)))
    assert "3 earlier versions not compared here." in reported(db)
    assert "The filters chose one version; there is none to compare it with." in reported(db, "--version", "5.1")


def test_filters_are_no_reason_to_say_that_nothing_left(tmp_path: Path) -> None:
    db = database(tmp_path, ping(), connection(kind="tunnel", host="other.example", port=443))
    assert "Something left through telemock: 1 tunnel" in reported(db)
    assert "Of what the filters chose: 0 upstream connections and 0 tunnels." in reported(db, "--host", "cdn.cribl.io")
    nothing = reported(database(tmp_path, connection(), name="no-requests.db"))
    assert "Nothing sensitive was found" not in nothing
    assert "nothing to look at" in nothing
