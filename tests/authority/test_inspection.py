"""These are the promises of looking at certificates without a key: whose a leaf is, and since when and until when."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from telemock.authority.inspection import PublicAuthority, SeenLeaf
from telemock.errors import AuthorityError
from tests.authority.certificates import DAY, NOW, certify, dsa_key

ROOT = certify("root")
SIGNER = certify("signer", by=ROOT)


def look(authority: PublicAuthority, *, by: object = SIGNER) -> SeenLeaf:
    """Look at a leaf that somebody signed."""
    leaf = certify("a.test", by=by, ca=False, start=NOW - DAY, end=NOW + DAY)  # type: ignore[arg-type]
    return authority.look_at(leaf.certificate.public_bytes(Encoding.DER))


def test_a_leaf_of_any_of_the_chain_is_the_authoritys() -> None:
    authority = PublicAuthority([SIGNER.certificate, ROOT.certificate])
    assert look(authority) == SeenLeaf("CN=signer", NOW - DAY, NOW + DAY, is_ours=True)
    assert look(authority, by=ROOT).is_ours


@pytest.mark.parametrize("stranger", [certify("stranger"), certify("signer"), certify("signer", dsa_key())])
def test_a_leaf_of_somebody_else_is_not_whatever_the_name(stranger: object) -> None:
    authority = PublicAuthority([certify("signer", dsa_key()).certificate])
    assert not look(authority, by=stranger).is_ours


def test_what_is_no_certificate_is_said(tmp_path: Path) -> None:
    with pytest.raises(AuthorityError, match=r"^The server's certificate is damaged\.$"):
        PublicAuthority([ROOT.certificate]).look_at(b"0\x82")
    with pytest.raises(AuthorityError, match=r"^What should be a certificate is none\.$"):
        PublicAuthority.parse(b"no")
    with pytest.raises(AuthorityError, match=r"none\.pem"):
        PublicAuthority.read(tmp_path / "none.pem")


def test_an_authority_is_read_from_its_file_and_from_its_text(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(ROOT.certificate_pem)
    read, parsed = PublicAuthority.read(tmp_path / "ca.pem"), PublicAuthority.parse(ROOT.certificate_pem)
    assert read.certificate_pem == parsed.certificate_pem == ROOT.certificate_pem
