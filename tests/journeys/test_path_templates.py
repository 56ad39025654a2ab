"""Endpoints whose paths differ in ids only are one, in `analyze`, `diff` and `report`."""

import json
import re
from pathlib import Path
from typing import Any

from tests.cli.process import run
from tests.corpus import VERSION, database, moment, ping

NEWER = "4.17.0-1f2e3d4c"
UUID = "550e8400-e29b-41d4-a716-446655440000"


def analyzed(db: Path, *options: str) -> dict[str, Any]:
    done = run("analyze", "--format", "json", "--db", db, *options)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_paths_that_differ_in_ids_are_one_endpoint_and_the_ids_fields(tmp_path: Path) -> None:
    paths = [f"/api/users/{1000 + number}/items/{7 * number}" for number in range(300)]
    db = database(tmp_path, *(ping(number, path=path, query="") for number, path in enumerate(paths)))
    (endpoint,) = analyzed(db)["endpoints"]
    assert (endpoint["path"], endpoint["count"]) == ("/api/users/{int}/items/{int}", 300)
    told = {field["name"]: field for field in endpoint["fields"] if field["source"] == "path"}
    assert {name: (field["least"], field["most"], field["types"]) for name, field in told.items()} == {
        "users": (1000, 1299, {"integer": 1.0}),
        "items": (0, 2093, {"integer": 1.0}),
    }
    apart = analyzed(db, "--no-path-templates")["endpoints"]
    assert sorted(each["path"] for each in apart) == sorted(paths)
    assert not [field for each in apart for field in each["fields"] if field["source"] == "path"]


def test_that_paths_were_put_together_is_said(tmp_path: Path) -> None:
    db = database(tmp_path, *(ping(number, path=f"/users/{number}00", query="") for number in range(3)))
    done = run("analyze", "--db", db)
    said = "{int} and its like stand for values in paths; --no-path-templates tells such endpoints apart.\n"
    assert done.stdout.decode().endswith(said)
    assert said not in run("analyze", "--db", db, "--no-path-templates").stdout.decode()
    page = tmp_path / "report.html"
    for choices, times in (((), 1), (("--no-path-templates",), 0)):
        assert run("diff", moment(1), "--db", db, *choices).stderr.decode().count(said) == times
        run("report", "--db", db, "-o", str(page), *choices)
        assert page.read_text().count(said.strip()) == times
        page.unlink()


def test_sides_are_compared_by_template(tmp_path: Path) -> None:
    old = [ping(number, path=f"/users/{number + 10}/x", query="") for number in range(5)]
    new = [ping(number, path=f"/users/{number + 500}/x", query="", version=NEWER) for number in range(5)]
    db = database(tmp_path, *old, *new, ping(99, path=f"/users/{UUID}/x", query="", version=NEWER))
    changes = json.loads(run("diff", VERSION, NEWER, "--db", db, "--format", "json").stdout)["changes"]
    assert [(each["change"], each["what"], each["path"]) for each in changes] == [
        ("added", "endpoint", "/users/{uuid}/x")
    ]
    done = run("diff", VERSION, NEWER, "--db", db, "--fail-on", "removed", "--no-path-templates")
    assert done.returncode == 1


def test_what_is_sensitive_or_planted_in_a_path_is_found_once_and_by_its_name(tmp_path: Path) -> None:
    paths = (
        f"/subscriptions/{UUID}/x",
        "/cards/4111111111111111",
        "/cards/4111111111111112",
        "/u/8675309000",
        "/u/8675309001",
        "/bob@corp.example/1234",
    )
    db = database(tmp_path, *(ping(number, path=path, query="") for number, path in enumerate(paths)))
    said = analyzed(db, "--plant", "id=8675309000")
    found = {(each["class"], each["path"], each["source"], each["name"], each["values"]) for each in said["sensitive"]}
    assert found == {
        ("cloud_account", "/subscriptions/{uuid}/x", "path", "", 1),
        ("card_number", "/cards/{int}", "path", "cards", 1),
        ("email", "/bob@corp.example/{int}", "path", "", 1),
    }
    planted = [(each["path"], each["name"], each["values"]) for each in said["planted"][0]["found"]]
    assert planted == [("/u/{int}", "u", 1)]


def test_a_report_has_templates_too(tmp_path: Path) -> None:
    db = database(tmp_path, *(ping(number, path=f"/users/{number}00", query="") for number in range(3)))
    page = tmp_path / "page.html"
    for options, shown in (
        ((), {"/users/{int}"}),
        (("--no-path-templates",), {"/users/000", "/users/100", "/users/200"}),
    ):
        assert run("report", "--db", db, "-o", page, *options).returncode == 0
        assert {*re.findall(r"/users/[{}\w]+", page.read_text("utf-8"))} == shown
