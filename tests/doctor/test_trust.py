import os
from pathlib import Path

import pytest

from telemock.authority.bundle import bundle
from tests.authority.certificates import certify
from tests.doctor.conftest import Examine, verdicts

VARIABLES = ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
STEP = 'eval "$(telemock ca env)"'


def test_where_nothing_is_said_programs_do_not_trust_it(examine: Examine) -> None:
    found = examine()
    assert verdicts(found, "trust", "NODE_EXTRA_CA_CERTS") == ["warning", "warning"]
    assert STEP in found["trust"]["next_step"]
    assert "CURL_CA_BUNDLE" not in found


def test_a_file_with_the_certificate_is_fine(examine: Examine, certificate: Path, tmp_path: Path) -> None:
    file = tmp_path / "bundle.pem"
    file.write_bytes(bundle(certificate.read_bytes()).replace(b"\n", b"\r\n"))
    found = examine(**dict.fromkeys((*VARIABLES, "SSL_CERT_FILE"), str(file)))
    assert verdicts(found, "trust", *VARIABLES) == ["ok"] * 5
    assert str(file) in found["trust"]["said"]


def test_a_folder_with_the_certificate_is_fine(examine: Examine, certificate: Path, tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "ours.pem").write_bytes(certificate.read_bytes())
    (folder / "gone.pem").symlink_to("nowhere")
    found = examine(SSL_CERT_FILE=str(tmp_path / "none"), SSL_CERT_DIR=str(folder), REQUESTS_CA_BUNDLE=str(folder))
    assert verdicts(found, "trust", "REQUESTS_CA_BUNDLE") == ["ok", "ok"]


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", *VARIABLES])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "cannot be read (No such file or directory)"),
        ("other", "does not hold the authority"),
        ("garbage", "does not hold the authority"),
        ("pipe", "does not hold the authority"),
    ],
)
def test_a_file_without_it_is_a_warning(examine: Examine, tmp_path: Path, name: str, kind: str, said: str) -> None:
    file = tmp_path / f"{kind}.pem"
    if kind == "other":
        file.write_bytes(certify("other").certificate_pem)
    elif kind == "garbage":
        file.write_bytes(b"\xff\0" * 99)
    elif kind == "pipe":
        os.mkfifo(file)
    check = "trust" if name == "SSL_CERT_FILE" else name
    found = examine(**{name: str(file), "SSL_CERT_DIR": str(tmp_path / "none")})[check]
    assert (found["verdict"], said in found["said"], str(file) in found["said"]) == ("warning", True, True)
    assert STEP in found["next_step"]
