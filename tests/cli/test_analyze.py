import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from telemock.exchange import Exchange, compact_json
from tests.cli.process import run, run_on_terminal
from tests.corpus import GUID, VERSION, database, moment, ping

OTHER = "00000000-0000-4000-8000-000000000000"


# Where something was found, values are not shown, and that is said.
MASKED = b"What is sensitive is masked; --values shows it.\n"


def analyzed(db: Path, *arguments: str) -> dict[str, Any]:
    done = run("analyze", "--format", "json", "--db", db, *arguments)
    assert (done.returncode, done.stderr.replace(MASKED, b"")) == (0, b"")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_bodies_of_which_not_everything_was_looked_at_are_counted(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"host":"db-07.example"}', mtime=0)
    coded = compact_json([["Content-Encoding", "lzma"], ["Content-Type", "application/json"]])
    db = database(
        tmp_path,
        ping(request_body=b"\x0b\x0b\x80db-07.example\x03", request_headers=coded),
        ping(request_body=packed[:-9], request_headers=compact_json([["Content-Encoding", "gzip"]])),
        ping(request_body=b'{"host":"db-0', request_truncated=1),
        ping(request_body=packed),
        ping(request_body=packed[:-5]),
        ping(request_body=gzip.compress(bytes(17 * 2**20))),
        ping(),
    )
    said = analyzed(db, "--plant", "host=db-07.example")
    assert said["endpoints"][0]["bodies_in_part"] == 5
    found = [(each["name"], each["chain"]) for each in said["planted"][0]["found"]]
    assert sorted(found) == [("$", []), ("$.host", [])], "what can be read is looked at"
    sentence, bomb = said["not_looked_at"]
    assert sentence.startswith("5 bodies could be looked at in part only: longer than what was kept, of an unknown")
    done = run("analyze", "--db", db)
    assert bomb == "1 value could be unwrapped in part only: too much is inside."
    assert done.stdout.decode().endswith(f"\n{sentence}\n{bomb}\n")


def sent(body: bytes, kind: str) -> Exchange:
    return ping(query="", request_body=body, request_headers=compact_json([["Content-Type", kind]]))


@pytest.mark.parametrize(
    ("body", "kind", "names"),
    [
        (b"name=Jane Doe&v=1", "application/x-www-form-urlencoded", ["name", "v"]),
        (
            b'x\r\n--bb \r\nContent-Disposition: form-data; name="mail"\r\n\r\na@b.org\r\n--bb--',
            "multipart/form-data; boundary=bb",
            ["$", "mail"],
        ),
        (b"\x0a\x14\x0a\x12\x0a\x09host.name\x12\x05\x0a\x03lab", "application/x-protobuf", ['$.1.1["host.name"]']),
        (b'{"dsn":"d"}\n{"type":"event"}\n{"os":"x"}', "text/plain", ["envelope.dsn", "event (head).type", "event.os"]),
        (b'{"a":[],"b":[{"key":"c","value":1}]}', "text/plain", ["$.a", '$.b["c"]']),
    ],
)
def test_a_body_is_taken_apart_by_its_type_or_by_itself(
    tmp_path: Path, body: bytes, kind: str, names: list[str]
) -> None:
    db = database(tmp_path, sent(body, kind))
    (endpoint,) = analyzed(db)["endpoints"]
    assert [field["name"] for field in endpoint["fields"] if field["source"] == "body"] == names
    flat = run("export", "--fields", "flat", "--format", "jsonl", "--db", db).stdout
    assert [name for name in json.loads(flat)["fields"] if name.startswith("body.")] == [
        f"body.{name}" for name in names
    ]


def test_first_and_last_are_the_earliest_and_the_latest(tmp_path: Path) -> None:
    (endpoint,) = analyzed(database(tmp_path, ping(3), ping(1), ping(7), ping(2)))["endpoints"]
    assert (endpoint["first_seen"], endpoint["last_seen"]) == (moment(1), moment(7))
    assert {(field["first_seen"], field["last_seen"]) for field in endpoint["fields"]} == {(moment(1), moment(7))}


def test_the_inventory_of_real_pings_is_told_field_by_field(tmp_path: Path) -> None:
    said = analyzed(database(tmp_path, ping(0), ping(1), ping(2, guid=OTHER, query="x=1&guid=" + OTHER)))
    (endpoint,) = said["endpoints"]
    assert said["exchanges"] == endpoint["count"] == 3
    assert {name: endpoint[name] for name in ("method", "scheme", "host", "path", "statuses", "instances")} == {
        "method": "GET",
        "scheme": "http",
        "host": "cdn.cribl.io",
        "path": "/telemetry/index.html",
        "statuses": {"200": 3},
        "instances": 2,
    }
    assert endpoint["latency_ms"] == {"p50": 0.21, "p95": 0.21, "p99": 0.21}
    fields = {(field["source"], field["name"]): field for field in endpoint["fields"]}
    assert fields["query", "lic"] == {
        "source": "query",
        "name": "lic",
        "known": True,
        "meaning": "licence, as base64 text",
        "exchanges": 2,
        "presence": 0.666667,
        "values": 2,
        "types": {"base64": 1.0},
        "behaviour": "constant",
        "distinct": 1,
        "distinct_is_estimated": False,
        "least": None,
        "most": None,
        "shortest": 40,
        "longest": 40,
        "masked": None,
        "examples": ["bGljZW5zZS1mcmVlLTQuMTYuMS0yMDkwNGU0NQ=="],
        "decoded": ["base64 → license-free-4.16.1-20904e45"],
        "first_seen": moment(0),
        "last_seen": moment(1),
    }
    assert fields["query", "guid"]["behaviour"] == "constant per instance"
    assert (fields["query", "x"]["known"], fields["query", "x"]["meaning"]) == (False, None)
    (later,) = analyzed(database(tmp_path, ping(query="fc.NEW=1&fc=2"), name="later.db"))["endpoints"]
    known = {field["name"]: field["meaning"] for field in later["fields"] if field["source"] == "query"}
    assert known == {"fc.NEW": "feature counter", "fc": None}
    assert fields["header", "host"]["known"] is None


def test_only_what_the_filters_choose_is_looked_at(tmp_path: Path) -> None:
    db = database(tmp_path, ping(0), ping(1, guid=OTHER), ping(2, version="4.17.0-abc"), ping(3, status=404))
    assert analyzed(db)["exchanges"] == 4
    assert analyzed(db, "--guid", GUID, "--version", VERSION, "--status", "200")["exchanges"] == 1
    assert analyzed(db, "--since", moment(1), "--until", moment(3), "--grep", "LINUXKIT")["exchanges"] == 2
    assert analyzed(db, "--guid", "nobody") == {
        "exchanges": 0,
        "exchanges_left_out": 0,
        "cadences_left_out": 0,
        "not_looked_at": [],
        "distinct_error": 0.0163,
        "endpoints": [],
        "sensitive": [],
        "planted": [],
        "findings_left_out": 0,
    }


def test_events_are_known_by_their_names(tmp_path: Path) -> None:
    body = b'[{"v":"4.16.1","odd":true}]'
    (endpoint,) = analyzed(database(tmp_path, ping(0, method="POST", query="", request_body=body)))["endpoints"]
    told = {
        field["name"]: (field["known"], field["types"]) for field in endpoint["fields"] if field["source"] == "body"
    }
    assert told == {"$[].v": (True, {"version": 1.0}), "$[].odd": (False, {"boolean": 1.0})}


def test_a_table_fits_a_terminal_and_text_a_pipe(tmp_path: Path) -> None:
    db = database(tmp_path, *(ping(second) for second in range(3)))
    for columns in (80, 100, 160):
        code, screen = run_on_terminal("analyze", "--db", db, columns=columns)
        assert code == 0
        assert screen.startswith("GET http://cdn.cribl.io/telemetry/index.html\n3 exchanges of 1 instance, 3 x 200;")
        assert all(len(line) <= columns for line in screen.splitlines()[2:])
        (heads,) = [line.split() for line in screen.splitlines() if line.startswith("instance ")]
        wanted = ["instance", "requests", "interval_s", "missed", "silences", "retries", "next_expected"]
        assert [head for head in heads if head in wanted] == wanted, "what may go goes first"
        assert ("last_seen" in heads) == (columns > 100)
    lines = run("analyze", "--db", db).stdout.decode().splitlines()
    assert "query\tenv\t100%\ttext\tconstant\t1\tprod\tdeployment environment" in lines


def test_captured_text_cannot_harm_a_terminal(tmp_path: Path) -> None:
    query = "%1b%5b31m=%e2%80%ae%0a&b=%1b]0;x%07"
    hostile = ping(0, path="/\x1b[2J", query=query, params="{}", request_headers=compact_json([["X\x9b", "\x1b"]]))
    for arguments in ([], ["--format", "json"]):
        done = run("analyze", "--db", database(tmp_path, hostile), *arguments)
        assert done.returncode == 0
        assert done.stdout.decode().replace("\n", "").replace("\t", "").isprintable()


def test_nothing_to_tell_is_said(tmp_path: Path) -> None:
    done = run("analyze", "--db", database(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"No exchange matches.\n")
    missing = run("analyze", "--db", tmp_path / "none.db")
    assert missing.returncode == 1
    assert missing.stderr.startswith(b"Error: There is no database at ")
