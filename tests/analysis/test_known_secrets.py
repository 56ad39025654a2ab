"""These are the promises of secrets in unusual places: in a path, under a name of the vendor's, and wherever else."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from telemock.exchange import Exchange, compact_json
from tests.cli.process import run
from tests.corpus import database, ping

KEY = "a9Xk3LmQ7RtW2ZpB8vNc4Yd6"


def secrets(folder: Path, *exchanges: Exchange) -> set[tuple[str, str, int]]:
    done = run("analyze", "--format", "json", "--db", database(folder, *exchanges))
    found: list[dict[str, Any]] = json.loads(done.stdout)["sensitive"]
    assert KEY not in json.dumps(found)
    return {
        (each["source"], " → ".join((each["name"], *each["chain"])), each["values"])
        for each in found
        if each["class"] == "secret"
    }


def sent(body: object = None, headers: dict[str, str] | None = None, path: str = "/v1/x", query: str = "") -> Exchange:
    said = compact_json([*(headers or {}).items()])
    content = None if body is None else compact_json(body).encode()
    return ping(query=query, path=path, request_headers=said, request_body=content)


@pytest.mark.parametrize(
    "path",
    [
        "/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0/sendMessage",
        "/bot123456789%3AAAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0/getMe",
        "/services/T0AAAAAAA/B0BBBBBBB/zYxWvUtSrQpOnMlKjIhGfEdC",
        "/api/webhooks/1122334455667788990/Ab3_" + "x1-Yz" * 12,
        "/v1/download_config_specs/secret-" + KEY + "Qw5Er6Ty.json",
    ],
)
def test_a_secret_in_a_path_is_found(tmp_path: Path, path: str) -> None:
    found = secrets(tmp_path, sent(path=path))
    assert {(source, count) for source, _, count in found} == {("path", 1)}


@pytest.mark.parametrize("name", ["writeKey", "write_key", "serverKey", "sdk_key", "ingestion_key", "license_key"])
def test_keys_that_vendors_name_their_own_way_are_found_in_a_body(tmp_path: Path, name: str) -> None:
    assert secrets(tmp_path, sent({name: KEY})) == {("body", f"$.{name}", 1)}


def test_keys_that_vendors_name_their_own_way_are_found_in_a_header(tmp_path: Path) -> None:
    assert secrets(tmp_path, sent(headers={"Sparrow-Source-Key": KEY})) == {("header", "sparrow-source-key", 1)}


def test_what_is_a_secret_in_one_place_is_one_in_all_others(tmp_path: Path) -> None:
    basic = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    inside = base64.b64encode(compact_json({"k": KEY, "n": 1}).encode()).decode()
    request = sent(
        {"id": KEY, "in": inside, "other": "a9Xk3LmQ"}, {"Authorization": basic}, f"/v1/{KEY}/x", f"q=v{KEY}"
    )
    names = {(source, name) for source, name, _ in secrets(tmp_path, request, request)}
    assert names >= {
        ("header", "authorization"),
        ("body", "$.id"),
        ("body", "$.in → base64 → json → $.k"),
        ("query", "q"),
    }
    assert {source for source, _ in names} == {"header", "body", "query", "path"}
    assert ("body", "$.other") not in names


def test_a_word_that_is_a_password_is_none_elsewhere(tmp_path: Path) -> None:
    request = sent({"password": "production", "env": "production", "n": "production 2"})
    assert {name for _, name, _ in secrets(tmp_path, request)} <= {"$.password"}
