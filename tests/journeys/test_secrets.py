"""What hides a secret hides it in vain: lists and exports mask it, and --redact-secrets does not store it."""

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.process import run
from tests.secret_bodies import CODED, PLAIN, SECRETS, shows
from tests.server.served import served


def stored(path: Path) -> dict[str, bytes]:
    """Give the body of each request by the path that it was sent to, with its gzip undone."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT path, request_body FROM exchanges").fetchall()
    undone = {}
    for name, body in rows:
        content = body
        while content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        undone[name] = content
    return undone


def dump(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump()).encode()


def send(folder: Path, bodies: dict[str, tuple[str, bytes]], *, redact_secrets: bool) -> Path:
    with served(folder, intercept=("*",), redact_secrets=redact_secrets) as server:
        for number, (kind, body) in enumerate(bodies.values()):
            server.ask("POST", f"/{number}", [("Content-Type", kind)], body, host="api.vendor.example")
    return folder / "telemetry.db"


def test_with_redact_secrets_no_body_keeps_one(tmp_path: Path) -> None:
    bodies = PLAIN | CODED
    db = send(tmp_path, bodies, redact_secrets=True)
    kept = stored(db)
    assert len(kept) == len(bodies)
    assert [name for number, name in enumerate(bodies) if shows(kept[f"/{number}"], *SECRETS)] == []
    assert shows(dump(db), *SECRETS) == []


def test_with_redact_secrets_no_large_body_keeps_one(tmp_path: Path) -> None:
    words = ", ".join(f'"w{number}"' for number in range(20_000))
    body = f'{{"words": [{words}], "password": "{SECRETS[0]}"}}'.encode()
    (kept,) = stored(send(tmp_path, {"large": ("application/json", body)}, redact_secrets=True)).values()
    assert shows(kept, *SECRETS) == []
    assert b'"w19999"], "password": "redacted-' in kept


def test_no_list_and_no_export_shows_one_that_can_be_read(tmp_path: Path) -> None:
    db = send(tmp_path, PLAIN, redact_secrets=False)
    assert shows(dump(db).lower(), *SECRETS) == []  # bodies are in hexadecimal there
    assert all(shows(body, *SECRETS) for body in stored(db).values())
    for command in (
        ("query", "--format", "json", "--limit", "100"),
        ("export", "--format", "jsonl"),
        ("export", "--format", "har"),
        ("export", "--format", "csv", "--fields", "flat"),
        ("analyze", "--format", "json"),
    ):
        shown = run(*command, "--db", db).stdout
        assert len(shown) > 1000
        assert [secret for secret in SECRETS if secret.encode() in shown] == [], command


@pytest.mark.parametrize("name", ["a member of a password", "an object of header fields", "a property list"])
def test_what_stands_beside_a_secret_stays(tmp_path: Path, name: str) -> None:
    kind, body = PLAIN[name]
    beside = (
        b'{"other": "value 42", "list": [' + body + b"]}" if kind == "application/json" else body + b"<o>value 42</o>"
    )
    (kept,) = stored(send(tmp_path, {name: (kind, beside)}, redact_secrets=True)).values()
    assert b"value 42" in kept
    assert b"redacted-" in kept
