import hashlib
import json
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from telemock.analysis.endpoint import MAX_FIELDS
from telemock.decoding import MAX_PARTS
from telemock.exchange import Exchange, compact_json
from tests.cli.process import run
from tests.corpus import database, ping

EVENT = {"user": {"email": "bob@corp.example"}, "h": hashlib.sha256(b"Lab-Host01").hexdigest()}


def captured(folder: Path, **event: Any) -> Path:
    body = compact_json([event or EVENT]).encode()
    return database(folder, ping(0), ping(1, method="POST", path="/telemetry/events", query="", request_body=body))


# Where something was found, values are not shown, and that is said.
MASKED = b"What is sensitive is masked; --values shows it.\n"


def told(db: Path, *arguments: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(run("analyze", "--format", "json", "--db", db, *arguments).stdout)
    return said


def test_what_is_sensitive_is_told_with_its_place_and_masked(tmp_path: Path) -> None:
    said = told(captured(tmp_path))
    assert said["sensitive"] == [
        {
            "class": "email",
            "confidence": "high",
            "method": "POST",
            "scheme": "http",
            "host": "cdn.cribl.io",
            "port": None,
            "path": "/telemetry/events",
            "source": "body",
            "name": "$[].user.email",
            "chain": [],
            "values": 1,
            "example": "bo*@****.*****le",
        }
    ]
    assert (said["planted"], said["findings_left_out"]) == ([], 0)
    lines = run("analyze", "--db", tmp_path / "telemetry.db").stdout.decode().splitlines()
    assert "email\thigh\tbody $[].user.email\t1\tbo*@****.*****le\tPOST http://cdn.cribl.io/telemetry/events" in lines


def test_the_real_ping_holds_nothing_sensitive(tmp_path: Path) -> None:
    assert told(database(tmp_path, ping(0), ping(1)))["sensitive"] == []


def test_a_planted_value_is_found_hashed_and_one_that_stayed_is_named(tmp_path: Path) -> None:
    said = told(captured(tmp_path), "--plant", "host=Lab-Host01", "--plant", "user=nobody-here")
    (host, user) = said["planted"]
    assert (host["name"], user) == ("host", {"name": "user", "whole_only": False, "found": []})
    (finding,) = host["found"]
    assert (finding["form"], finding["source"], finding["name"]) == ("sha256 as hex", "body", "$[].h")
    done = run("analyze", "--db", tmp_path / "telemetry.db", "--plant", "user=nobody-here", "--plant", "host=vm")
    assert (done.returncode, done.stderr) == (0, MASKED)
    assert done.stdout.endswith(
        b"\nuser was not found.\nhost was not found; it is so short that only whole values count.\n"
    )


def test_this_machine_is_looked_for(tmp_path: Path) -> None:
    db = captured(tmp_path, sha=hashlib.sha1(socket.gethostname().encode()).hexdigest())
    found = {each["name"]: each["found"] for each in told(db, "--plant-system")["planted"]}
    assert [each["form"] for each in found["host name"]] == ["sha1 as hex"]
    interfaces = {
        interface
        for interface, addresses in psutil.net_if_addrs().items()
        if any(not each.address.startswith(("127.", "::1", "00:00:00:00:00:00", "ff:ff")) for each in addresses)
    }
    assert {name.partition(" ")[2] for name in found if name.startswith(("MAC ", "IP "))} == interfaces


def test_a_pipeline_fails_on_what_must_not_be_sent(tmp_path: Path) -> None:
    db = captured(tmp_path)
    done = run("analyze", "--db", db, "--fail-on", "sensitive")
    assert (done.returncode, done.stderr) == (1, MASKED + b"Error: Something sensitive was sent: email.\n")
    assert b"POST http://cdn.cribl.io/telemetry/events" in done.stdout, "it is told all the same"
    done = run("analyze", "--db", db, "--format", "json", "--fail-on", "planted", "--plant", "host=Lab-Host01")
    assert (done.returncode, done.stderr) == (1, MASKED + b"Error: Something planted was sent: host.\n")
    assert json.loads(done.stdout)["exchanges"] == 2
    assert run("analyze", "--db", db, "--fail-on", "planted", "--plant", "host=other-host").returncode == 0
    assert run("analyze", "--db", db, "--fail-on", "sensitive", "--path", "/telemetry/index.html").returncode == 0


IN_PART = (
    "body could be looked at in part only: longer than what was kept, of an unknown or damaged coding, "
    "or with too much inside."
)


@pytest.mark.parametrize(
    ("further", "sentence"),
    [
        (
            [ping(path="/x", request_body=b"{", request_truncated=1)],
            f"1 {IN_PART}",
        ),
        ([ping(path=f"/p{number}") for number in range(1001)], "3 exchanges of further endpoints were only counted."),
        (
            [ping(request_body=compact_json({str(number): 1 for number in range(MAX_FIELDS)}).encode())],
            "50 values of further fields were left out; an endpoint has too many.",
        ),
        (
            [ping(request_body=b"meta=" + compact_json(["x"] * (MAX_PARTS + 1)).encode())],
            "1 value could be unwrapped in part only: too much is inside.",
        ),
    ],
)
def test_a_pipeline_fails_where_not_everything_was_looked_at(
    tmp_path: Path, further: list[Exchange], sentence: str
) -> None:
    db = database(tmp_path, ping(1, env="one"), *further, ping(path="/last"))
    assert run("analyze", "--db", db, "--fail-on", "sensitive", "--env", "one").returncode == 0
    done = run("analyze", "--db", db, "--fail-on", "sensitive")
    said = f"Error: Nothing sensitive was found, but not everything was looked at: {sentence}\n"
    assert (done.returncode, done.stderr.decode()) == (1, said)


def test_a_pipeline_fails_where_there_was_nothing(pings: Path) -> None:
    done = run("analyze", "--db", pings, "--fail-on", "sensitive", "--guid", "nobody")
    assert (done.returncode, done.stderr) == (
        1,
        b"No exchange matches.\nError: No exchange matches, so that nobody can say that nothing was sent.\n",
    )


def test_numbers_that_are_cards_by_chance_fail_nothing(tmp_path: Path) -> None:
    pings = [ping(at, query=f"bytes={4_000_000_000_000_000 + 1234567 * at}", guid=f"g{at}") for at in range(50)]
    done = run("analyze", "--db", database(tmp_path, *pings), "--fail-on", "sensitive")
    assert done.returncode == 0
    assert b"card_number\tlow\t" in done.stdout


def test_what_cannot_be_looked_for_is_said(tmp_path: Path) -> None:
    db = captured(tmp_path)
    done = run("analyze", "--db", db, "--fail-on", "planted")
    assert done.returncode == 2
    assert b"needs something to look for" in done.stderr
    done = run("analyze", "--db", db, "--plant", "host= ")
    assert done.returncode == 2
    assert b"The planted value of 'host' is empty" in done.stderr
    assert run("analyze", "--db", db, "--plant", "host").returncode == 2
