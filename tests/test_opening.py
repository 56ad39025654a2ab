"""These are the promises of what stands inside of a value: it is told as fields of its own wherever fields are told."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from telemock.decoding import MAX_DEPTH
from telemock.exchange import Exchange, compact_json
from tests.cli.process import run
from tests.corpus import VERSION, database, ping

NEWER = "4.17.0-1f2e3d4c"
HOST = {"hostname": "lab-buildbox-7"}
BASE = {"project_id": "p1"}


def b64(text: str | bytes) -> str:
    return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).decode().rstrip("=")


def part(content: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="log"\r\n\r\n' + content + b"\r\n--b--\r\n"


def in_query(said: dict[str, Any]) -> Exchange:
    return ping(query=urlencode({"ue_px": b64(compact_json(said))}))


def in_json(said: dict[str, Any]) -> Exchange:
    return ping(query="", request_body=compact_json({"data": [{"cx": b64(compact_json(said))}]}).encode())


def in_form(said: dict[str, Any]) -> Exchange:
    return ping(query="", request_body=urlencode({"data": compact_json([said]), "v": 1}).encode())


def in_part(said: dict[str, Any]) -> Exchange:
    kind = compact_json([["Content-Type", "multipart/form-data; boundary=b"]])
    return ping(query="", request_headers=kind, request_body=part(gzip.compress(compact_json(said).encode(), mtime=0)))


def in_nested_query(said: dict[str, Any]) -> Exchange:
    return ping(query="next=" + quote("https://a.example/?" + urlencode(said | {"n": 1}), safe=""))


def in_cookie(said: dict[str, Any]) -> Exchange:
    return ping(query="", request_headers=compact_json([["Cookie", "s=" + quote(compact_json(said), safe="")]]))


WAYS = [
    (in_query, "query ue_px → base64 → json → $.hostname"),
    (in_json, "body $.data[].cx → base64 → json → $.hostname"),
    (in_form, "body data → json → $[].hostname"),
    (in_part, "body log → gzip → json → $.hostname"),
    (in_nested_query, "query next → query → hostname"),
    (in_cookie, "cookie s → percent → json → $.hostname"),
]


@pytest.mark.parametrize(("wrapped", "name"), WAYS)
def test_a_field_inside_of_a_value_is_told_by_every_command(tmp_path: Path, wrapped: Any, name: str) -> None:
    old, new = wrapped(BASE), wrapped(BASE | HOST)
    new.version = NEWER
    db = database(tmp_path, old, new)

    done = run("diff", VERSION, NEWER, "--db", db, "--fail-on", "added")
    assert done.returncode == 1
    assert f"Something was added: field {name}" in done.stderr.decode()

    said = json.loads(run("analyze", "--values", "--format", "json", "--db", db).stdout)
    fields = {f"{field['source']} {field['name']}": field for field in said["endpoints"][0]["fields"]}
    assert (fields[name]["examples"], fields[name]["exchanges"]) == ([HOST["hostname"]], 1)
    assert fields[name.replace("hostname", "project_id")]["exchanges"] == 2
    found = [
        " → ".join((f"{each['source']} {each['name']}", *each["chain"]))
        for each in said["sensitive"]
        if each["class"] == "host_name"
    ]
    assert found == [name]

    source, _, field = name.partition(" ")
    (_, line) = run("export", "--values", "--fields", "flat", "--format", "jsonl", "--db", db).stdout.splitlines()
    assert json.loads(line)["fields"][f"{source}.{field}"] == HOST["hostname"]

    (masked,) = json.loads(run("analyze", "--format", "json", "--db", db).stdout)["endpoints"]
    shown = {f"{field['source']} {field['name']}": field["examples"] for field in masked["fields"]}
    assert shown[name] == shown[name.partition(" → ")[0]] == []
    assert HOST["hostname"] not in json.dumps(masked)
    assert shown[name.replace("hostname", "project_id")] == ([] if source == "cookie" else ["p1"])

    page = tmp_path / "report.html"
    assert run("report", "--db", db, "-o", page).returncode == 0
    assert HOST["hostname"] not in page.read_text()


def test_a_secret_inside_of_a_value_is_masked_in_a_flat_export(tmp_path: Path) -> None:
    db = database(tmp_path, in_query({"api_key": "a9Xk3LmQ7RtW2ZpB8vNc4Yd6", "n": 1}))
    for format_name in ("jsonl", "csv"):
        shown = run("export", "--fields", "flat", "--format", format_name, "--db", db)
        assert b"a9Xk3LmQ7RtW2ZpB8vNc4Yd6" not in shown.stdout
        assert b"Secrets are masked" in shown.stderr
        asked = run("export", "--values", "--fields", "flat", "--format", format_name, "--db", db)
        assert b"a9Xk3LmQ7RtW2ZpB8vNc4Yd6" in asked.stdout


def test_what_is_inside_of_what_the_profile_knows_is_known(tmp_path: Path) -> None:
    (endpoint,) = json.loads(run("analyze", "--format", "json", "--db", database(tmp_path, ping())).stdout)["endpoints"]
    (field,) = [field for field in endpoint["fields"] if field["name"] == "lic → base64"]
    assert (field["known"], field["examples"]) == (True, ["license-free-4.16.1-20904e45"])


def test_what_only_may_be_a_text_is_no_field(tmp_path: Path) -> None:
    query = urlencode({"a": b64("short text"), "b": "a%20longer%20text%20of%20a%20person", "c": b"web01".hex() * 2})
    db = database(tmp_path, ping(query=query))
    (endpoint,) = json.loads(run("analyze", "--format", "json", "--db", db).stdout)["endpoints"]
    assert [field["name"] for field in endpoint["fields"] if field["source"] == "query"] == ["a", "b", "c"]


def test_more_inside_than_is_opened_fails_a_pipeline(tmp_path: Path) -> None:
    deep = compact_json(HOST)
    for _ in range(MAX_DEPTH + 1):
        deep = b64(deep)
    db = database(tmp_path, ping(query="x=1"), ping(version=NEWER, query="x=" + deep))
    done = run("diff", NEWER, VERSION, "--db", db, "--fail-on", "added")
    assert done.returncode == 1
    assert "added, or not: that could not be told" in done.stderr.decode()
    assert "Of values on the first side that have too much inside, not all fields were seen" in done.stderr.decode()


def test_a_small_body_that_becomes_very_large_is_opened_in_part(tmp_path: Path) -> None:
    packed = [b64(gzip.compress(compact_json([f"{number}" * 400_000]).encode())) for number in range(60)]
    body = compact_json(packed).encode()
    db = database(tmp_path, ping(request_body=body))
    said = json.loads(run("analyze", "--format", "json", "--db", db).stdout)
    assert said["endpoints"][0]["bodies_in_part"] == 1
    assert any("in part only" in sentence for sentence in said["not_looked_at"])
