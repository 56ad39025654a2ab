from pathlib import Path

import pytest

from telemock.authority.folder import create_authority, public_files
from tests.authority.certificates import DAY, NOW, certify
from tests.doctor.conftest import ADDRESS, Examine, verdicts
from tests.doctor.strangers import answering, http
from tests.server.served import Served, ended

CHECKS = ("authority", "tls-proxy", "tls-direct")
HEALTHY = http("200 OK", b'{"status": "healthy"}')


def test_the_certificate_is_the_authoritys_by_both_ways(examine: Examine, server: Served) -> None:
    found = examine()
    assert verdicts(found, *CHECKS) == ["ok"] * 3
    assert found["tls-proxy"]["said"].endswith("valid for 89 more days.")
    assert "SHA-256" in found["authority"]["said"]
    assert server.url not in found["authority"]["said"]


def test_an_address_is_reached_by_proxy_only(examine: Examine) -> None:
    assert verdicts(examine(ADDRESS), *CHECKS) == ["ok", "ok", "skipped"]


def test_a_server_with_another_authority_is_told_apart_and_keeps_the_doctor_as_anybody(
    examine: Examine, server: Served, tmp_path: Path
) -> None:
    ours = create_authority(tmp_path / "ours").describe()
    theirs = public_files(server.db.parent / "ca").pem
    found = examine("--ca-dir", tmp_path / "ours")
    assert verdicts(found, *CHECKS) == ["ok", "failed", "failed"]
    for name in CHECKS[1:]:
        assert ours["subject"] in found[name]["said"]
        assert ours["SHA-256"] in found[name]["said"]
        assert "is the server's authority" in found[name]["said"]
    kept = [("malformed", 2), ("tunnel", 0), ("tunnel", 2)]
    assert sorted((row["kind"], row["bytes_up"]) for row in ended(server, 3)) == kept
    assert server.exchanges() == []
    assert verdicts(examine("--ca-cert", theirs), *CHECKS) == ["ok"] * 3


def test_the_private_key_is_not_needed(examine: Examine, certificate: Path, tmp_path: Path) -> None:
    public = public_files(tmp_path / "shared").pem
    public.parent.mkdir(parents=True)
    public.write_bytes(certificate.read_bytes())
    assert verdicts(examine("--ca-dir", tmp_path / "shared"), *CHECKS) == ["ok"] * 3


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_the_certificate_is_said(examine: Examine, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "given.pem"
    if content is not None:
        file.write_bytes(content)
    found = examine("--ca-cert", file)
    assert verdicts(found, *CHECKS, "trust") == ["failed", "skipped", "skipped", "skipped"]
    assert str(file) in found["authority"]["said"]


@pytest.mark.parametrize(
    ("days", "verdict", "said"),
    [((-9, -1), "failed", "expired on"), ((1, 9), "failed", "valid only from"), ((-1, 9), "warning", "valid until")],
)
def test_the_authoritys_own_dates_are_looked_at(
    examine: Examine, tmp_path: Path, days: tuple[int, int], verdict: str, said: str
) -> None:
    start, end = (NOW + day * DAY for day in days)
    file = tmp_path / "given.pem"
    file.write_bytes(certify("given", start=start, end=end).certificate_pem)
    found = examine("--ca-cert", file)["authority"]
    assert (found["verdict"], said in found["said"]) == (verdict, True)


@pytest.mark.parametrize("answer", [b"", b"garbage", b"\x15\x03\x03\x00\x02\x02\x28"])
def test_what_is_no_tls_is_a_failure(examine: Examine, answer: bytes) -> None:
    def say(asked: bytes) -> bytes:
        if asked.startswith(b"CONNECT "):
            return b"HTTP/1.1 200 OK\r\n\r\n"
        return HEALTHY if asked.startswith(b"GET /health ") else answer

    with answering(say) as url:
        found = examine("--url", url, "--timeout", "2")
    assert verdicts(found, "proxy", *CHECKS) == ["ok", "ok", "failed", "failed"]
    assert "does not get through" in found["tls-proxy"]["said"]
