"""A name says the same of a value wherever both stand: in lists and exports, and with --redact-secrets in the store."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

from tests.cli.process import run
from tests.server.served import served

UUID = "b117a3cd-37e2-43a8-bb5b-a5d5eb5a5fec"
RANDOM = "aB3dE5gH7jK9mN1pQ3rSuV4w"
SECRETS = {
    **dict.fromkeys(("otp", "totp_code", "mfaCode", "verification_code", "one_time_password", "pin_code"), "482917"),
    **dict.fromkeys(("recovery_code", "backupCode"), "a1b2c-3d4e5"),
    **dict.fromkeys(("instrumentation_key", "license_key", "writeKey", "customer_key", "iKey"), UUID),
    **dict.fromkeys(("XSRF-TOKEN", "_csrf", "csrfmiddlewaretoken", "reset_token", "jsessionid"), RANDOM),
    **dict.fromkeys(("accountKey", "shared_access_key", "AccountKey"), "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA=="),
    **dict.fromkeys(("code_verifier", "client_assertion", "refresh_token", "auth_code", "storage_key"), RANDOM * 2),
    **dict.fromkeys(("github_pat", "pat", "passkey"), RANDOM),
    **dict.fromkeys(("wifi_psk", "creds"), "hunter22x"),
    "client_secret": "qzjwvkxp",
    "seed_phrase": "abandon ability able",
}
OTHERS = {
    **dict.fromkeys(("has_password", "uses_token", "password_set", "requires_api_key", "reset_password"), "true"),
    **dict.fromkeys(("max_tokens", "prompt_tokens", "password_length"), "128000"),
    **dict.fromkeys(("storage_key", "app_key", "admin_key"), "editor.main1"),
    **dict.fromkeys(("primary_key", "foreign_key", "partition_key"), "users.id2"),
    **dict.fromkeys(("cache_key", "idempotency_key", "public_key"), UUID),
    **dict.fromkeys(("next_page_token", "continuation_token"), "CAEQAA12345678"),
    "pwd": "/data/jobs/42",
    "OLDPWD": "C:\\work\\app2",
    "key": "theme.color1",
    "otp_enabled": "true",
    "pin": "17",
    "eos_token": "end-of-text-1",
}


def send(folder: Path, values: dict[str, str], *, redact_secrets: bool) -> Path:
    """Send each value under its name in every place that has names."""
    folder.mkdir(exist_ok=True)
    with served(folder, intercept=("*",), redact_secrets=redact_secrets) as server:
        for name, value in values.items():
            pair = urlencode({name: value})
            nested = json.dumps({"log": json.dumps({"inner": {name: value}}), "item": {"a": {name: [value]}}})
            markup = f'<r><{name.lstrip("_")}>{value}</{name.lstrip("_")}><add key="{name}" value="{value}"/></r>'
            for kind, body in (
                ("application/json", json.dumps({"a": 1, name: value})),
                ("application/json", nested),
                ("application/json", json.dumps({"attributes": [{"key": name, "value": {"stringValue": value}}]})),
                ("application/x-www-form-urlencoded", f"a=1&{pair}"),
                ("text/xml", markup),
                ("text/plain", f"conn=1;{name}={value};b=2" if " " not in value else "none"),
            ):
                server.ask("POST", "/in", [("Content-Type", kind)], body.encode(), host="api.vendor.example")
            field = f"X-{name.strip('_').replace('_', '-')}"
            server.ask("GET", f"/in?a=1&{pair}", [(field, value)], host="api.vendor.example")
    return folder / "telemetry.db"


def shows(content: str, value: str) -> bool:
    forms = (
        value,
        urlencode({"": value})[1:],
        json.dumps(value)[1:-1],
        json.dumps(json.dumps(value))[1:-1].strip('\\"'),
    )
    return any(form in content for form in forms)


def told(db: Path) -> dict[str, str]:
    """Give what each command shows."""
    commands = (
        ("query", "--format", "json", "--limit", "1000"),
        ("export", "--format", "jsonl"),
        ("export", "--format", "har"),
        ("export", "--format", "csv", "--fields", "flat"),
        ("analyze", "--format", "json"),
        ("report", "-o", "-"),
    )
    return {" ".join(command): run(*command, "--db", db).stdout.decode() for command in commands}


def bodies(db: Path) -> str:
    with closing(sqlite3.connect(db)) as connection:
        rows = connection.execute("SELECT query, params, request_headers, request_body FROM exchanges").fetchall()
    return "\n".join(each.decode() if isinstance(each, bytes) else str(each) for row in rows for each in row)


def test_what_a_name_says_is_a_secret_is_masked_everywhere(tmp_path: Path) -> None:
    for command, shown in told(send(tmp_path, SECRETS, redact_secrets=False)).items():
        assert len(shown) > 1000
        assert [name for name, value in SECRETS.items() if shows(shown, value)] == [], command


def test_what_a_name_says_is_a_secret_is_not_stored_with_redact_secrets(tmp_path: Path) -> None:
    kept = bodies(send(tmp_path, SECRETS, redact_secrets=True))
    assert "redacted-" in kept
    assert [name for name, value in SECRETS.items() if shows(kept, value)] == []


def test_what_is_only_called_like_a_secret_stays_readable_everywhere(tmp_path: Path) -> None:
    kept = bodies(send(tmp_path / "kept", OTHERS, redact_secrets=True))
    assert "redacted-" not in kept
    shown = told(send(tmp_path / "shown", OTHERS, redact_secrets=False))
    for command in ("query --format json --limit 1000", "export --format jsonl", "export --format har"):
        assert "**" not in shown[command]
        assert [name for name, value in OTHERS.items() if not shows(shown[command], value)] == []
    assert '"secret"' not in shown["analyze --format json"]


def test_what_a_url_holds_is_masked_everywhere_and_not_stored_with_redact_secrets(tmp_path: Path) -> None:
    secrets = ("abc123q", "af0ifjsldkj12", "p!w0rd", "SplxlOBeZQ")
    for redact_secrets in (False, True):
        folder = tmp_path / str(redact_secrets)
        folder.mkdir()
        with served(folder, intercept=("*",), redact_secrets=redact_secrets) as server:
            referer = ("Referer", "https://app.example/cb?code=SplxlOBeZQ&state=1")
            server.ask("GET", "/in?code=abc123q&state=af0ifjsldkj12", [referer], host="api.vendor.example")
            body = json.dumps({"dsn": "postgresql://u:p!w0rd@h", "user": "u"}).encode()
            server.ask("POST", "/in", [("Content-Type", "application/json")], body, host="api.vendor.example")
        for command, shown in told(folder / "telemetry.db").items():
            assert [secret for secret in secrets if secret in shown] == [], command
        kept = bodies(folder / "telemetry.db")
        assert [secret for secret in secrets if secret in kept] == ([] if redact_secrets else [*secrets])
