"""Bytes that were no UTF-8 are stored as lone surrogates; nothing that is written for others has one (RFC 8259)."""

import csv
import json
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from telemock.exchange import encodable
from telemock.journal import record_json, record_text
from tests.conftest import Cli
from tests.corpus import database, ping
from tests.server.served import Served
from tests.server.wire import request_bytes

Cell = object

ODD: dict[str, Any] = {
    "request_headers": '[["X-N","caf\\udce9"],["X-N","\\udce9"]]',
    "response_headers": '[["X-N","\\udce9"]]',
    "request_trailers": '[["X-T","\\udce9"]]',
    "params": '{"a":"\\ud800"}',
    "problems": '["\\udce9 is no number"]',
    "query": "a=%FF&b=%ED%A0%80",
}


# A stored body is told as it was sent, with its own escapes; its fields are not.
BODY = b'{"a":"\\ud800","b":["\\ud800"]}'


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """One exchange with what is no character wherever it may be."""
    return database(tmp_path, ping(**ODD))


@pytest.mark.parametrize(("fields", "body"), [("stored", b"a=\xff"), ("flat", BODY)])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "xlsx", "parquet"])
def test_no_export_has_one(cli: Cli, tmp_path: Path, kind: str, fields: str, body: bytes) -> None:
    out = tmp_path / f"out.{kind}"
    db = database(tmp_path, ping(**ODD, request_body=body))
    assert cli("export", "--db", db, "-o", out, "--fields", fields).exit_code == 0
    read: dict[str, Any] = {
        "jsonl": Path.read_text,
        "csv": lambda path: [*csv.reader(path.read_text().splitlines())],
        "xlsx": lambda path: [*load_workbook(path).active.iter_rows(values_only=True)],
        "parquet": lambda path: pq.read_table(path).to_pylist(),
    }
    said = read[kind](out)
    assert "caf" in str(said)
    assert not has_surrogates(said)


def has_surrogates(value: Cell) -> bool:
    """Tell whether text, or text in JSON in it, or what JSON holds has a lone surrogate."""
    if isinstance(value, dict):
        return any(map(has_surrogates, chain(value, value.values())))
    if isinstance(value, list | tuple):
        return any(map(has_surrogates, value))
    if not isinstance(value, str):
        return False
    try:
        return has_surrogates(json.loads(value)) if value[:1] in ("[", "{") else not encodable(value)
    except ValueError:
        return not encodable(value)


@pytest.mark.parametrize(
    "command",
    [
        ("export", "--format", "har"),
        ("query", "--format", "json"),
        ("query", "--format", "jsonl"),
        ("query", "--format", "csv"),
        ("query", "--sql", "SELECT * FROM fields", "--format", "json"),
        ("show", "1"),
        ("analyze", "--format", "json"),
    ],
)
def test_nothing_that_is_printed_has_one(cli: Cli, odd: Path, command: tuple[str, ...]) -> None:
    said = cli(*command, "--db", odd).stdout
    assert "caf" in said
    assert not has_surrogates(said)


def test_no_line_of_the_journal_has_one() -> None:
    odd = replace(ping(**ODD), guid="\udce9", path="/\udce9")
    assert not has_surrogates(record_text(odd))
    assert json.loads(record_json(odd)) == json.loads(record_json(odd)) | {
        "params": {"a": "\ufffd"},
        "problems": ["\ufffd is no number"],
        "guid": "\ufffd",
        "path": "/\ufffd",
    }


def test_a_byte_that_is_no_character_is_kept_as_it_was(server: Served) -> None:
    server.say(request_bytes("GET", "/x", [("X-N", b"caf\xe9")], host="h.example"))
    assert ["X-N", "caf\udce9"] in json.loads(server.exchange()["request_headers"])
