from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from telemock.authority.authority import Authority, new_authority
from telemock.authority.loading import read_authority
from telemock.errors import AuthorityError
from tests.authority.certificates import DAY, KEYS, NOW, Signed, certify, dsa_key, key_pem, verdict

ROOT = certify("root", KEYS["RSA"])
SIGNER = certify("signer", by=ROOT, path_length=0)
LOCKED = KEYS["EC"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def read(folder: Path, certificates: bytes, key: bytes | None = None) -> Authority:
    """Read an authority from two files, or from one that holds both."""
    certificate_file = key_file = folder / "ca.pem"
    certificate_file.write_bytes(certificates)
    if key is not None:
        key_file = folder / "key.pem"
        key_file.write_bytes(key)
    return read_authority(certificate_file, key_file, NOW, remedy="name another")


def refusal(folder: Path, certificates: bytes, key: bytes | None = None) -> str:
    with pytest.raises(AuthorityError) as raised:
        read(folder, certificates, key)
    said = str(raised.value)
    assert said.endswith(".")
    assert "\n" not in said
    assert str(folder) in said or "authority expired" in said or "is valid only from" in said
    return said.replace(f"{folder}/", "")


@pytest.mark.parametrize("kind", KEYS)
def test_a_root_of_any_kind_signs_leaves(tmp_path: Path, kind: str) -> None:
    root = certify("root", KEYS[kind])
    authority = read(tmp_path, root.certificate_pem, root.key_pem)
    chain = authority.issue(("a.example",), KEYS["EC"].public_key(), NOW).chain_pem
    assert authority.certificate_pem == root.certificate_pem
    assert verdict(tmp_path, root.certificate_pem, chain, "a.example") == "OK"


def test_what_clients_must_trust_is_the_end_of_the_chain(tmp_path: Path) -> None:
    authority = read(tmp_path, SIGNER.certificate_pem + ROOT.certificate_pem, SIGNER.key_pem)
    assert authority.certificate_pem == ROOT.certificate_pem


def test_a_chain_may_end_before_its_root(tmp_path: Path) -> None:
    authority = read(tmp_path, SIGNER.certificate_pem, SIGNER.key_pem)
    assert authority.certificate_pem == SIGNER.certificate_pem
    chain = authority.issue(("a.example",), KEYS["EC"].public_key(), NOW).chain_pem
    assert chain.endswith(SIGNER.certificate_pem)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_the_key_may_stand_anywhere_in_the_file_of_the_chain(tmp_path: Path, order: tuple[int, ...]) -> None:
    parts = [SIGNER.certificate_pem, b"", SIGNER.key_pem]
    content = b"a comment\n" + b"".join(parts[place] for place in order) + ROOT.certificate_pem
    assert read(tmp_path, content).certificate_pem == ROOT.certificate_pem


@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_a_key_may_have_the_older_form(tmp_path: Path, kind: str) -> None:
    root = certify("root", KEYS[kind])
    key = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" if kind == "EC" else b""
    assert read(tmp_path, root.certificate_pem, key + key_pem(root.key, PrivateFormat.TraditionalOpenSSL))


def test_what_an_authority_writes_of_itself_is_read_again(tmp_path: Path) -> None:
    made = new_authority(NOW)
    assert read(tmp_path, made.private_pem()).private_pem() == made.private_pem()


@pytest.mark.parametrize("kept", [0, 1, 26, 27, 100, 241, 300, 600, -2])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    said = refusal(tmp_path, new_authority(NOW).private_pem()[:kept])
    assert said.endswith("; name another.")
    assert said.startswith(("ca.pem holds no ", "The certificate in ca.pem is damaged"))


@pytest.mark.parametrize(
    ("certificates", "key", "said"),
    [
        (b"\xff\0garbage", ROOT.key_pem, "ca.pem holds no certificate in PEM; name another."),
        (
            ROOT.certificate.public_bytes(Encoding.DER),
            ROOT.key_pem,
            "ca.pem holds no certificate in PEM; name another.",
        ),
        (ROOT.key_pem, None, "ca.pem holds no certificate in PEM; name another."),
        (ROOT.certificate_pem, None, "ca.pem holds no private key in PEM; name another."),
        (ROOT.certificate_pem, b"", "key.pem holds no private key in PEM; name another."),
        (
            ROOT.certificate_pem.replace(b"MII", b"AAA"),
            ROOT.key_pem,
            "The certificate in ca.pem is damaged or of an unknown kind; name another.",
        ),
        (
            ROOT.certificate_pem,
            ROOT.key_pem.replace(b"MII", b"AAA"),
            "The private key in key.pem is damaged or of an unknown kind; name another.",
        ),
        (
            ROOT.certificate_pem,
            SIGNER.key_pem,
            "The private key in key.pem does not fit the certificate in ca.pem; name another.",
        ),
        (
            ROOT.certificate_pem + SIGNER.certificate_pem,
            SIGNER.key_pem,
            "The private key in key.pem does not fit the certificate in ca.pem; name another.",
        ),
        (
            ROOT.certificate_pem,
            LOCKED,
            (
                "The private key in key.pem is locked with a passphrase; write it without one, "
                "`openssl pkey -in key.pem -out unlocked.pem`, and name that."
            ),
        ),
        (
            ROOT.certificate_pem,
            key_pem(dsa_key()),
            "The private key in key.pem cannot sign for servers; use an EC, RSA or Ed25519 key.",
        ),
    ],
)
def test_files_that_are_no_authority_are_refused(
    tmp_path: Path, certificates: bytes, key: bytes | None, said: str
) -> None:
    assert refusal(tmp_path, certificates, key) == said


OTHER = Signed(certify("root", KEYS["Ed25519"]).certificate, KEYS["RSA"])


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ([certify("root", end=NOW - DAY)], "The certificate authority expired on "),
        ([certify("root", start=NOW + DAY)], "The certificate authority is valid only from "),
        ([SIGNER, certify("root", KEYS["RSA"], end=NOW - DAY)], "The certificate authority expired on "),
        ([certify("leaf", ca=False)], "The certificate in ca.pem is no authority's (its basicConstraints say so)"),
        ([certify("leaf", ca=None)], "The certificate in ca.pem is no authority's (its basicConstraints say so)"),
        ([certify("leaf", key_cert_sign=False)], "The certificate in ca.pem may not sign others (its keyUsage lacks"),
        (
            [SIGNER, certify("root", KEYS["RSA"], ca=False)],
            "The certificate of 'CN=root' in ca.pem is no authority's (its basicConstraints say so)",
        ),
        (
            [SIGNER, certify("root", KEYS["RSA"], path_length=0)],
            "The certificate of 'CN=root' in ca.pem forbids a chain as long as this one (pathlen:0)",
        ),
        ([SIGNER, OTHER], "In ca.pem the certificate of 'CN=signer' is not signed by the next; put the signer's first"),
        ([SIGNER, SIGNER, ROOT], "The certificate of 'CN=signer' in ca.pem forbids a chain as long as this one"),
        ([SIGNER, certify("else")], "In ca.pem the certificate of 'CN=signer' is not signed by the next"),
    ],
)
def test_certificates_that_no_client_would_take_are_refused(tmp_path: Path, chain: list[Signed], said: str) -> None:
    certificates = b"".join(each.certificate_pem for each in chain)
    assert refusal(tmp_path, certificates, chain[0].key_pem).startswith(said)


def test_a_certificate_without_key_usage_is_not_confined(tmp_path: Path) -> None:
    root = certify("root", key_cert_sign=None)
    assert read(tmp_path, root.certificate_pem, root.key_pem).valid_until == NOW + 30 * DAY


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none.pem", "No such file or directory"), (".", "Is a directory"), ("a\0b", "embedded null byte")],
)
def test_files_that_cannot_be_read_are_refused(tmp_path: Path, name: str, reason: str) -> None:
    file = tmp_path / name
    with pytest.raises(AuthorityError, match=f"cannot be read: {reason}"):
        read_authority(file, file, NOW, remedy="name another")
