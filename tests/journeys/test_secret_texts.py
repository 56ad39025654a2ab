"""What command lines, logs and paths show of secrets, and what ordinary telemetry says that only looks like one."""

import json
from pathlib import Path

from tests.journeys.test_secret_names import bodies, told
from tests.server.served import served

TOKEN = "aB3dE5gH7jK9mN1pQ3rSuV4w"
WORD = "letmeinplease"
SECRETS = (TOKEN, WORD, "sk-ant-api03-abcd1234efgh5678ijkl9012-AA", "51H8abcdEFGH1234ijkl")
TEXTS = (
    f"deploy --api-key {TOKEN} --verbose",
    f"deploy -v --password {WORD}",
    f"deploy --password {WORD} --verbose",
    f"argv: ['deploy', '--token', '{TOKEN}']",
    f'argv: ["--password","{WORD}","-v"]',
    f"Incorrect key provided: {SECRETS[2]}.",
    f"rk_live_{SECRETS[3]}",
    f"export GITHUB_PAT={TOKEN} && deploy",
)
HARMLESS = {
    "message": [
        "option --password must be given",
        "deploy --token-ttl 3600 --passes 12",
        "    token = get_token(user2)",
        "    secret_key = keys[0]",
    ],
    "cost_per_token": "1.5e-05",
    "counts": {"deploy_keys": "12345678", "access_tokens": "87654321", "users_with_otp": "12345678"},
    "properties": {"$feature/new-auth-token": "variant-b2", "location_authorization": "authorizedWhenInUse"},
    "dependencies": {"token": {"integrity": "sha512-RdJUflcE3cUzKiMqQgsCu06FPu9UdIJO0beYbPhHN4k6"}},
    "resume_token": "CAEQAA12345678",
    "credentials": "~/.vendor/key1.pem",
}


def send(folder: Path, *requests: tuple[str, object], redact_secrets: bool) -> Path:
    folder.mkdir(exist_ok=True)
    with served(folder, intercept=("*",), redact_secrets=redact_secrets) as server:
        for path, body in requests:
            content = json.dumps(body).encode()
            server.ask("POST", path, [("Content-Type", "application/json")], content, host="api.vendor.example")
    return folder / "telemetry.db"


def test_no_secret_of_a_command_line_or_a_log_is_shown_or_stored_with_redact_secrets(tmp_path: Path) -> None:
    requests = [("/in", {"log": text}) for text in TEXTS]
    for command, shown in told(send(tmp_path / "shown", *requests, redact_secrets=False)).items():
        assert [secret for secret in SECRETS if secret in shown] == [], command
    kept = bodies(send(tmp_path / "kept", *requests, redact_secrets=True))
    assert kept.count("redacted-") == len(TEXTS)
    assert [secret for secret in SECRETS if secret in kept] == []


def test_what_stands_behind_the_name_of_a_secret_in_a_path_is_masked_in_lists_as_in_reports(tmp_path: Path) -> None:
    requests: list[tuple[str, object]] = [(f"/api/token/{TOKEN}/x", {}), ("/api/secrets/db-creds-2", {})]
    for command, shown in told(send(tmp_path / "shown", *requests, redact_secrets=False)).items():
        assert TOKEN not in shown, command
        assert "db-creds-2" in shown, command
    (path, _) = requests[0]
    shown = told(send(tmp_path / "kept", *requests, redact_secrets=True))["export --format jsonl"]
    assert path not in shown
    assert "/api/token/redacted-" in shown


def test_ordinary_telemetry_stays_readable(tmp_path: Path) -> None:
    assert "redacted-" not in bodies(send(tmp_path / "kept", ("/in", HARMLESS), redact_secrets=True))
    shown = told(send(tmp_path / "shown", ("/in", HARMLESS), redact_secrets=False))
    assert '"secret"' not in shown["analyze --format json"]
    assert "variant-b2" in shown["export --format jsonl"]
