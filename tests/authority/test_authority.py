from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID

from telemock.authority.authority import Authority, new_authority
from telemock.authority.leaves import server_context
from telemock.errors import AuthorityError
from telemock.hosts import host_names, host_range
from tests.authority.certificates import DAY, KEYS, NOW, certify, handshake, key_pem, openssl, verdict

SERVER_KEY = KEYS["EC"]


def issued(authority: Authority, *names: str) -> bytes:
    return authority.issue(host_names(*names), SERVER_KEY.public_key(), NOW).chain_pem


def leaf(chain: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificates(chain)[0]


def confined(*only: str) -> Authority:
    return new_authority(NOW, map(host_range, only))


def test_the_authoritys_certificate_is_what_clients_expect_of_one(tmp_path: Path) -> None:
    authority = new_authority(NOW)
    (tmp_path / "ca.pem").write_bytes(authority.certificate_pem)
    text = openssl("x509", "-in", tmp_path / "ca.pem", "-noout", "-text").stdout
    lines = [line.strip() for line in text.splitlines()]

    def behind(heading: str) -> str:
        return lines[next(index for index, line in enumerate(lines) if line.startswith(heading)) + 1]

    assert behind("X509v3 Basic Constraints: critical") == "CA:TRUE, pathlen:0"
    assert behind("X509v3 Key Usage: critical") == "Certificate Sign, CRL Sign"
    assert behind("X509v3 Subject Key Identifier")
    assert "ASN1 OID: prime256v1" in lines
    assert "Signature Algorithm: ecdsa-with-SHA256" in lines
    assert "Name Constraints" not in text
    certificate = x509.load_der_x509_certificate(authority.certificate_der)
    assert certificate == x509.load_pem_x509_certificate(authority.certificate_pem)
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (NOW - 2 * DAY, NOW + 3652 * DAY)
    assert (authority.valid_from, authority.valid_until) == (NOW - 2 * DAY, NOW + 3652 * DAY)


def test_two_authorities_can_be_told_apart_by_name() -> None:
    one, two = (new_authority(NOW).describe()["subject"] for _ in range(2))
    assert one.startswith(f"CN=telemock authority {NOW:%Y-%m-%d} ")
    assert one.endswith(",O=telemock")
    assert one != two


@pytest.mark.parametrize(
    "name", ["cdn.cribl.io", "a.b", "localhost", "my_host.example", "x" * 63 + ".example", "127.0.0.1", "::1"]
)
def test_openssl_takes_a_leaf_for_its_name(tmp_path: Path, name: str) -> None:
    authority = new_authority(NOW)
    assert verdict(tmp_path, authority.certificate_pem, issued(authority, name), name) == "OK"


def test_a_leaf_stands_for_all_its_names_and_for_no_other(tmp_path: Path) -> None:
    authority = new_authority(NOW)
    chain = issued(authority, "*.cribl.io", "Bücher.example", "10.0.0.1", "[::1]")
    for name in ("cdn.cribl.io", "xn--bcher-kva.example", "10.0.0.1", "::1"):
        assert verdict(tmp_path, authority.certificate_pem, chain, name) == "OK"
    for name, reason in (
        ("cribl.io", "hostname mismatch"),
        ("a.b.cribl.io", "hostname mismatch"),
        ("10.0.0.2", "IP address mismatch"),
    ):
        assert verdict(tmp_path, authority.certificate_pem, chain, name) == reason


def test_a_leaf_is_for_servers_and_lasts_a_season(tmp_path: Path) -> None:
    authority = new_authority(NOW)
    signed = authority.issue(("cdn.cribl.io",), SERVER_KEY.public_key(), NOW + DAY)
    certificate = leaf(signed.chain_pem)
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (NOW - DAY, NOW + 91 * DAY)
    assert (signed.not_before, signed.not_after) == (NOW - DAY, NOW + 91 * DAY)
    (tmp_path / "leaf.pem").write_bytes(signed.chain_pem)
    text = " ".join(openssl("x509", "-in", tmp_path / "leaf.pem", "-noout", "-text").stdout.split())
    assert "X509v3 Basic Constraints: critical CA:FALSE" in text
    assert "X509v3 Key Usage: critical Digital Signature" in text
    assert "X509v3 Extended Key Usage: TLS Web Server Authentication" in text
    assert "X509v3 Subject Alternative Name: DNS:cdn.cribl.io" in text
    identifier = x509.load_der_x509_certificate(authority.certificate_der).extensions.get_extension_for_class(
        x509.SubjectKeyIdentifier
    )
    assert (
        certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        == identifier.value.digest
    )
    assert certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_KEY_IDENTIFIER)


def test_no_two_leaves_have_one_serial_number() -> None:
    authority = new_authority(NOW)
    assert len({leaf(issued(authority, "a.example")).serial_number for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("name", "common_name"),
    [
        ("a" * 56 + ".example", ["a" * 56 + ".example"]),
        ("a" * 57 + ".example", []),
        ("127.0.0.1", []),
    ],
)
def test_a_common_name_is_given_where_it_fits(name: str, common_name: list[str]) -> None:
    subject = leaf(issued(new_authority(NOW), name)).subject
    assert [each.value for each in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == common_name


def test_a_leaf_is_never_valid_when_its_authority_is_not() -> None:
    root = certify("root", start=NOW - timedelta(hours=1), end=NOW + 5 * DAY)
    signed = Authority(root.key, [root.certificate]).issue(("a.example",), SERVER_KEY.public_key(), NOW)
    assert (signed.not_before, signed.not_after) == (NOW - timedelta(hours=1), NOW + 5 * DAY)


@pytest.mark.parametrize(("moment", "reason"), [(31 * DAY, "expired on "), (-31 * DAY, "is valid only from ")])
def test_an_authority_that_is_not_valid_signs_nothing(moment: timedelta, reason: str) -> None:
    root = certify("root")
    with pytest.raises(AuthorityError, match=reason):
        Authority(root.key, [root.certificate]).issue(("a.example",), SERVER_KEY.public_key(), NOW + moment)


@pytest.mark.parametrize("kind", KEYS)
def test_an_authority_may_have_any_kind_of_key(tmp_path: Path, kind: str) -> None:
    root = certify("root", KEYS[kind])
    authority = Authority(root.key, [root.certificate])
    assert verdict(tmp_path, root.certificate_pem, issued(authority, "a.example"), "a.example") == "OK"


def test_an_authority_without_a_key_identifier_is_found_by_its_key(tmp_path: Path) -> None:
    root = certify("root", identifier=False)
    chain = issued(Authority(root.key, [root.certificate]), "a.example")
    (tmp_path / "root.pem").write_bytes(root.certificate_pem)
    (tmp_path / "chain.pem").write_bytes(chain)
    assert openssl("verify", "-CAfile", tmp_path / "root.pem", tmp_path / "chain.pem").returncode == 0


def test_a_leaf_comes_with_its_chain_but_without_the_root() -> None:
    root = certify("root", KEYS["RSA"])
    middle = certify("middle", KEYS["Ed25519"], by=root, path_length=1)
    signer = certify("signer", KEYS["EC of 384 bits"], by=middle, path_length=0)
    authority = Authority(signer.key, [each.certificate for each in (signer, middle, root)])
    chain = issued(authority, "a.example")
    assert x509.load_pem_x509_certificates(chain)[1:] == [signer.certificate, middle.certificate]
    assert authority.certificate_pem == root.certificate_pem
    served = server_context(chain, key_pem(SERVER_KEY))
    assert handshake(served, root.certificate_pem, "a.example").version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("only", "allowed", "forbidden"),
    [
        (("cribl.io",), ("cribl.io", "cdn.cribl.io"), ("notcribl.io", "io", "127.0.0.1", "::1")),
        (("10.0.0.0/8",), ("10.1.2.3",), ("11.1.2.3", "::1", "cdn.cribl.io", "localhost")),
        (("fd00::/8",), ("fd00::1",), ("::1", "10.1.2.3", "cdn.cribl.io")),
        (("cribl.io", "::1", "127.0.0.1"), ("cdn.cribl.io", "::1", "127.0.0.1"), ("::2", "127.0.0.2", "a.example")),
    ],
)  # fmt: skip
def test_a_confined_authority_is_of_use_for_nothing_else(
    tmp_path: Path, only: tuple[str, ...], allowed: tuple[str, ...], forbidden: tuple[str, ...]
) -> None:
    authority = confined(*only)
    trusted = authority.certificate_pem
    for name in allowed:
        chain = issued(authority, name)
        assert verdict(tmp_path, trusted, chain, name) == "OK"
        handshake(server_context(chain, key_pem(SERVER_KEY)), trusted, name)
    for name in forbidden:
        chain = issued(authority, name)
        assert "subtree violation" in verdict(tmp_path, trusted, chain, name)
        with pytest.raises(Exception, match="subtree violation"):
            handshake(server_context(chain, key_pem(SERVER_KEY)), trusted, name)


def test_a_name_cannot_hide_behind_one_that_is_permitted(tmp_path: Path) -> None:
    authority = confined("cribl.io")
    chain = issued(authority, "cdn.cribl.io", "a.example")
    assert "subtree violation" in verdict(tmp_path, authority.certificate_pem, chain, "cdn.cribl.io")


@pytest.mark.parametrize(
    ("only", "told"),
    [
        ((), {"only for": "any host"}),
        (("cribl.io", "10.0.0.0/8", "::1"), {"only for": "cribl.io, 10.0.0.0/8, ::1/128"}),
        (("cribl.io",), {"only for": "cribl.io", "never for": "0.0.0.0/0, ::/0"}),
        (("10.0.0.0/8",), {"only for": "10.0.0.0/8", "never for": "::/0"}),
    ],
)
def test_what_an_authority_is_confined_to_is_told(only: tuple[str, ...], told: dict[str, str]) -> None:
    facts = confined(*only).describe()
    assert {name: value for name, value in facts.items() if name.endswith(" for")} == told


def test_the_fingerprint_is_the_one_that_openssl_prints(tmp_path: Path) -> None:
    authority = new_authority(NOW)
    (tmp_path / "ca.pem").write_bytes(authority.certificate_pem)
    printed = openssl("x509", "-in", tmp_path / "ca.pem", "-noout", "-fingerprint", "-sha256").stdout
    assert printed.partition("=")[2].strip() == authority.describe()["SHA-256"]


@pytest.mark.parametrize(
    ("kind", "told"),
    [("EC", "EC secp256r1"), ("RSA", "RSA 2048 bits"), ("Ed25519", "Ed25519"), ("Ed448", "Ed448")],
)
def test_the_key_that_signs_and_the_chain_are_told(kind: str, told: str) -> None:
    root = certify("root")
    signer = certify("signer", KEYS[kind], by=root, end=NOW + DAY)
    facts = Authority(signer.key, [signer.certificate, root.certificate]).describe()
    assert (facts["subject"], facts["signs as"], facts["key"]) == ("CN=root", "CN=signer", told)
    assert facts["valid until"] == f"{NOW + DAY:%Y-%m-%d %H:%M:%S} UTC"


def test_the_key_is_written_with_all_of_its_chain() -> None:
    root = certify("root", KEYS["RSA"])
    signer = certify("signer", by=root)
    written = Authority(signer.key, [signer.certificate, root.certificate]).private_pem()
    assert written == signer.key_pem + signer.certificate_pem + root.certificate_pem
    assert isinstance(signer.key, ec.EllipticCurvePrivateKey)
