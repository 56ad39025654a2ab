import ssl
from pathlib import Path

import pytest

from telemock.authority.authority import new_authority
from telemock.authority.bundle import BUNDLE_NAME, bundle
from tests.authority.certificates import NOW, certify

OURS = new_authority(NOW).certificate_pem
MARK = b"# telemock\n"
ROOTS = [certify(f"root {number}").certificate_pem for number in range(3)]


def test_without_wishes_it_is_the_roots_of_this_system_and_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    made = bundle(OURS, {})
    trusting = ssl.create_default_context()
    assert len(made.split(b"-----END CERTIFICATE-----")) > 50, "the machine that tests has roots"
    assert {ssl.DER_cert_to_PEM_cert(der) for der in trusting.get_ca_certs(binary_form=True)} <= {
        f"{each}-----END CERTIFICATE-----\n" for each in made.decode().split("-----END CERTIFICATE-----\n")
    }
    assert made.endswith(OURS)
    assert made.count(OURS) == 1


def test_a_client_trusts_all_that_is_in_it(tmp_path: Path) -> None:
    users = tmp_path / "users.pem"
    users.write_bytes(b"".join(ROOTS))
    trusting = ssl.create_default_context(cadata=bundle(OURS, {"SSL_CERT_FILE": str(users)}).decode())
    assert len(trusting.get_ca_certs()) == 4


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_the_users_own_roots_are_the_systems(tmp_path: Path, variable: str) -> None:
    for number, root in enumerate([*ROOTS, ROOTS[0]]):
        (tmp_path / f"{number}.pem").write_bytes(b"# a comment\r\n" + root.replace(b"\n", b"\r\n") + b"\xff")
    (tmp_path / "folder").mkdir()
    place = tmp_path / "0.pem" if variable == "SSL_CERT_FILE" else tmp_path
    assert bundle(OURS, {variable: str(place)}) == b"".join([*(ROOTS[:1] if place.is_file() else ROOTS), MARK, OURS])


def test_ours_stands_once_and_last(tmp_path: Path) -> None:
    users = tmp_path / "users.pem"
    users.write_bytes(OURS + ROOTS[0] + OURS)
    assert bundle(OURS, {"SSL_CERT_FILE": str(users)}) == ROOTS[0] + MARK + OURS


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\n\xff\n-----END CERTIFICATE-----\n"])
def test_what_holds_no_roots_is_passed_over(tmp_path: Path, content: bytes | None) -> None:
    users = tmp_path / "users.pem"
    if content is not None:
        users.write_bytes(content)
    assert bundle(OURS, {"SSL_CERT_FILE": str(users), "SSL_CERT_DIR": ""}) == bundle(OURS, {})


def test_a_bundle_made_before_hands_down_the_users_roots_but_not_its_authority(tmp_path: Path) -> None:
    users, earlier = tmp_path / "users.pem", tmp_path / BUNDLE_NAME
    users.write_bytes(ROOTS[0])
    earlier.write_bytes(bundle(new_authority(NOW).certificate_pem, {"SSL_CERT_FILE": str(users)}))
    assert bundle(OURS, {"SSL_CERT_FILE": str(earlier)}) == ROOTS[0] + MARK + OURS
