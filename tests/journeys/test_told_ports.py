"""Three services on three ports of one host stay three, wherever is told where requests went."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from telemock.exchange import compact_json
from tests.conftest import Cli
from tests.corpus import connection, database, ping

PORTS = (8443, 9443, 443, None)
URLS = ["https://x.example.com:8443/a", "https://x.example.com:9443/a", "https://x.example.com/a"]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """One request to each of the ports, and one to that of the scheme which nobody noted."""
    exchanges = [
        ping(number, scheme="https", host="x.example.com", path="/a", query="n=1", params='{"n":"1"}', port=port)
        for number, port in enumerate(PORTS)
    ]
    return database(tmp_path, *exchanges)


def test_each_port_is_an_endpoint_of_its_own_and_that_of_the_scheme_is_not_written(cli: Cli, capture: Path) -> None:
    endpoints = json.loads(cli("analyze", "--db", capture, "--format", "json").stdout)["endpoints"]
    assert sorted((each["port"] or 0, each["count"]) for each in endpoints) == [(0, 2), (8443, 1), (9443, 1)]
    said = cli("analyze", "--db", capture).stdout
    assert sorted(re.findall(r"GET (\S+)", said)) == sorted(URLS)
    assert cli("report", "--db", capture, "-o", "r.html").exit_code == 0
    page = (capture.parent / "r.html").read_text()
    assert {url for url in URLS if f"GET {url}<" in page} == {*URLS}


def test_a_finding_says_at_which_port_it_was(cli: Cli, tmp_path: Path) -> None:
    made: dict[str, Any] = {"scheme": "https", "host": "x.example.com", "path": "/a", "query": "mail=joe@corp.example"}
    db = database(tmp_path, ping(**made, port=8443), ping(**made, port=9443))
    found = json.loads(cli("analyze", "--db", db, "--format", "json").stdout)["sensitive"]
    assert sorted(each["port"] for each in found) == [8443, 9443]


def test_a_new_port_is_a_new_endpoint(cli: Cli, tmp_path: Path) -> None:
    made: dict[str, Any] = {"scheme": "https", "host": "x.example.com", "path": "/a"}
    db = database(tmp_path, ping(version="1", port=443, **made), ping(version="2", port=8443, **made))
    done = cli("diff", "1", "2", "--db", db, "--format", "json", "--fail-on", "added")
    changes = json.loads(done.stdout)["changes"]
    assert [(each["change"], each["what"], each["port"]) for each in changes] == [
        ("added", "endpoint", 8443),
        ("removed", "endpoint", None),
    ]
    assert done.exit_code == 1
    said = cli("diff", "1", "2", "--db", db).stdout
    assert "GET https://x.example.com:8443/a" in said
    assert "GET https://x.example.com/a" in said


def test_one_exchange_is_shown_with_its_port_and_trailers(cli: Cli, tmp_path: Path) -> None:
    trailers = compact_json([["X-Checksum", "a\x1b"], ["x-checksum", "b"]])
    db = database(
        tmp_path, ping(host="::1", port=8080, path="/a", query="", request_body=b"x", request_trailers=trailers)
    )
    lines = cli("show", 1, "--db", db).stdout.splitlines()
    assert lines[0] == "GET http://[::1]:8080/a"
    assert lines[3:10] == ["", "x", "", "(trailers)", "X-Checksum: a\\x1b", "x-checksum: b", ""]


def test_lists_and_records_have_it(cli: Cli, capture: Path) -> None:
    listed = cli("query", "--db", capture, "--oldest").stdout
    assert re.findall(r"x\.example\.com\S*", listed) == [
        "x.example.com:8443",
        "x.example.com:9443",
        *["x.example.com"] * 2,
    ]
    for arguments in (("query", "--oldest", "--format", "json"), ("export", "--format", "jsonl")):
        said = cli(*arguments, "--db", capture).stdout
        rows = json.loads(said) if said.startswith("[") else [*map(json.loads, said.splitlines())]
        assert [row["port"] for row in rows] == [*PORTS]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ("x.example.com", [1, 2, 3, 4]),
        ("X.example.com:8443", [1]),
        ("x.example.com:443", [3, 4]),
        ("x.example.com:80", []),
        ("x.example.com:", [1, 2, 3, 4]),
    ],
)
def test_a_host_may_be_asked_for_with_its_port(cli: Cli, capture: Path, wanted: str, ids: list[int]) -> None:
    said = cli("query", "--db", capture, "--host", wanted, "--oldest", "--format", "json").stdout
    assert [row["id"] for row in json.loads(said)] == ids


@pytest.mark.parametrize("wanted", ["::1", "[::1]", "[::1]:8080"])
def test_an_address_may_be_asked_for_with_its_port(cli: Cli, tmp_path: Path, wanted: str) -> None:
    db = database(tmp_path, ping(host="::1", port=8080), ping(host="::2", port=8080), connection(host="::1", port=8080))
    assert cli("query", "--db", db, "--host", wanted, "--count").stdout == "1\n"
    assert cli("query", "--db", db, "--host", wanted, "--connections", "--count").stdout == "1\n"


@pytest.mark.parametrize(("text", "count"), [("x.example.com:9443/a", 1), ("x.example.com/a", 2), ("check", 1)])
def test_a_url_with_its_port_and_a_trailer_can_be_searched_for(cli: Cli, capture: Path, text: str, count: int) -> None:
    database(capture.parent, ping(request_trailers='[["X-Check","1"]]'))
    assert cli("query", "--db", capture, "--grep", text, "--count").stdout == f"{count}\n"


def test_a_trailer_is_told_as_one_by_every_command(cli: Cli, tmp_path: Path) -> None:
    trailers = '[["X-Sum","abc"],["X-Sum","def"],["Authorization","Bearer sesame123456"]]'
    db = database(tmp_path, ping(version="1"), ping(version="2", request_trailers=trailers))
    lines = [
        line.split("\t") for line in cli("analyze", "--db", db).stdout.splitlines() if line.startswith("trailer\t")
    ]
    assert [(name, values) for _, name, _, _, _, _, values, *_ in lines] == [
        ("x-sum", "abc | def"),
        ("authorization", "masked: secret"),
    ]
    changes = json.loads(cli("diff", "1", "2", "--db", db, "--format", "json").stdout)["changes"]
    assert [(each["change"], each["source"], each["name"]) for each in changes] == [
        ("added", "trailer", "x-sum"),
        ("added", "trailer", "authorization"),
    ]
    flat = tmp_path / "flat.jsonl"
    cli("export", "--db", db, "-o", flat, "--fields", "flat")
    fields = json.loads(flat.read_text().splitlines()[1])["fields"]
    assert (fields["trailer.x-sum"], fields["trailer.authorization"]) == (["abc", "def"], "Bearer se********56")
    page = tmp_path / "report.html"
    cli("report", "--db", db, "-o", page)
    assert re.search(r">trailer</td>\s*<td[^>]*>[^x]*x-sum", page.read_text())
    sql = "SELECT name, value FROM fields WHERE source = 'trailer' AND name = 'X-Sum'"
    assert cli("query", "--db", db, "--sql", sql).stdout.splitlines()[-2:] == ["X-Sum\tabc", "X-Sum\tdef"]


def test_what_is_sensitive_in_a_trailer_is_found(cli: Cli, tmp_path: Path) -> None:
    db = database(tmp_path, ping(request_trailers='[["X-User","joe@corp.example"]]'))
    found = json.loads(cli("analyze", "--db", db, "--format", "json").stdout)["sensitive"]
    assert [(each["source"], each["name"], each["class"]) for each in found] == [("trailer", "x-user", "email")]


def test_trailers_count_in_what_was_sent_but_not_in_the_body(cli: Cli, tmp_path: Path) -> None:
    made: dict[str, Any] = {"method": "POST", "request_body": b"body"}
    sizes = []
    for name, trailers in (("without", None), ("with", '[["X-Sum","abc"],["Y","\u00fc"]]')):
        (tmp_path / name).mkdir()
        db = database(tmp_path / name, ping(**made, request_trailers=trailers))
        (endpoint,) = json.loads(cli("analyze", "--db", db, "--format", "json").stdout)["endpoints"]
        sizes.append(endpoint["bytes_up"])
        har = tmp_path / name / "a.har"
        cli("export", "--db", db, "-o", har)
        (entry,) = json.loads(har.read_text())["log"]["entries"]
        assert (entry["request"]["bodySize"], entry["request"]["headersSize"]) == (4, -1)
    assert sizes[1] - sizes[0] == len("X-Sum: abc\r\nY: ü\r\n".encode())
