"""This is the authority: a key, the certificates that vouch for it, and the leaves it signs.

It refuses to read files and clocks: who calls hands over keys, certificates and moments.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from telemock.authority.chain import MADE_ANEW, Chain
from telemock.errors import AuthorityError
from telemock.hosts import Network, as_address

ORGANIZATION = "telemock"
COMMON_NAME_BEGINS = "telemock authority"
AUTHORITY_LASTS = timedelta(days=3652)
LEAF_LASTS = timedelta(days=90)  # some clients refuse what lasts longer than 398 days
BACKDATED = timedelta(days=2)  # clocks of clients may be slow
_MOST_COMMON_NAME = 64  # RFC 5280 appendix A.1, ub-common-name

# A DNS constraint that no name of the network meets (RFC 6761 section 6.4). To exclude the empty name would
# say the same, but not all clients can read that.
_NO_NAME = "invalid"
_ALL_ADDRESSES: dict[type[Network], Network] = {IPv4Network: ip_network("0.0.0.0/0"), IPv6Network: ip_network("::/0")}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A signed certificate.

    Attributes:
        chain_pem: it and those behind it, in the order that TLS sends them; without the root.
        not_before: UTC.
        not_after: UTC.
    """

    chain_pem: bytes
    not_before: datetime
    not_after: datetime


class Authority(Chain):
    """A key that signs leaves, and the chain from its own certificate to the one that clients must trust.

    Any thread may use it.

    Args:
        key: fits the first certificate.
        chain: each signed by the next; more than one where the signer is an intermediate.
        renewal: see `Chain`.
    """

    def __init__(
        self, key: CertificateIssuerPrivateKeyTypes, chain: Sequence[x509.Certificate], renewal: str = MADE_ANEW
    ) -> None:
        super().__init__(chain, renewal)
        self._key = key
        self._behind_pem = b"".join(_pem(each) for each in chain if each.issuer != each.subject)
        self._key_identifier = _authority_key_identifier(chain[0])

    def issue(self, hosts: Sequence[str], public_key: ec.EllipticCurvePublicKey, moment: datetime) -> Leaf:
        """Sign a certificate for a server.

        Args:
            hosts: as `hosts.host_names` writes them; at least one.
            public_key: the server's.
            moment: now, UTC.

        Raises:
            AuthorityError: the authority is not valid at that moment.
        """
        moment = moment.replace(microsecond=0)
        self.check_valid(moment)
        not_before = max(moment - BACKDATED, self.valid_from)
        not_after = min(moment + LEAF_LASTS, self.valid_until)
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION)]
        # Only a DNS name, as clients hold a common name against the DNS constraints of an authority.
        if as_address(hosts[0]) is None and len(hosts[0]) <= _MOST_COMMON_NAME:
            subject.append(x509.NameAttribute(NameOID.COMMON_NAME, hosts[0]))
        certificate = (
            x509.CertificateBuilder(self._chain[0].subject, x509.Name(subject), public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(not_before)
            .not_valid_after(not_after)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(map(_general_name, hosts)), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(self._key_identifier, critical=False)
            .sign(self._key, _hash_for(self._key))
        )
        return Leaf(_pem(certificate) + self._behind_pem, not_before, not_after)

    def check_valid(self, moment: datetime) -> None:
        """Make sure that clients take what is signed now.

        Raises:
            AuthorityError: a certificate of the chain has expired, or is not valid yet.
        """
        trouble = self.out_of_date(moment)
        if trouble:
            raise AuthorityError(trouble)

    def private_pem(self) -> bytes:
        """Write key and chain; whoever has it can pose as any host to clients that trust the authority."""
        key = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + b"".join(map(_pem, self._chain))

    def describe(self) -> dict[str, str]:
        """Tell what a person compares: of the certificate that clients must trust, and of the key that signs."""
        facts = {"subject": self.subject}
        if len(self._chain) > 1:
            facts["signs as"] = self._chain[0].subject.rfc4514_string()
        facts["SHA-256"] = self.fingerprint
        facts["valid from"] = f"{self.valid_from:%Y-%m-%d %H:%M:%S} UTC"
        facts["valid until"] = f"{self.valid_until:%Y-%m-%d %H:%M:%S} UTC"
        facts["key"] = _key_type(self._key)
        permitted, excluded = self._constraints()
        facts["only for"] = ", ".join(permitted) if permitted or excluded else "any host"
        if excluded:
            facts["never for"] = ", ".join(excluded)
        return facts

    def _constraints(self) -> tuple[list[str], list[str]]:
        permitted: list[str] = []
        excluded: list[str] = []
        for certificate in self._chain:
            try:
                constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
            except x509.ExtensionNotFound:
                continue
            permitted += [str(each.value) for each in constraints.permitted_subtrees or ()]
            excluded += [str(each.value) for each in constraints.excluded_subtrees or ()]
        return [each for each in permitted if each != _NO_NAME], excluded


def new_authority(moment: datetime, only: Iterable[str | Network] = ()) -> Authority:
    """Make a key and its self-signed certificate.

    Args:
        moment: now, UTC.
        only: what it may sign for, as `hosts.host_range` reads it; anything when empty.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    moment = moment.replace(microsecond=0)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            # Two authorities must have two names: clients look for the issuer of a leaf by name.
            x509.NameAttribute(NameOID.COMMON_NAME, f"{COMMON_NAME_BEGINS} {moment:%Y-%m-%d} {secrets.token_hex(4)}"),
        ]
    )
    builder = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - BACKDATED)
        .not_valid_after(moment + AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    ranges = list(only)
    if ranges:
        builder = builder.add_extension(_confined_to(ranges), critical=True)
    return Authority(key, [builder.sign(key, SHA256())])


def _confined_to(ranges: Iterable[str | Network]) -> x509.NameConstraints:
    """Permit these and nothing else: a constraint on names leaves addresses free, and the other way round.

    Any constraint also has to keep each kind of address from the clients that look at its own kind only
    (RFC 5280 section 4.2.1.10).
    """
    networks = [each for each in ranges if not isinstance(each, str)]
    names = [each for each in ranges if isinstance(each, str)] or [_NO_NAME]
    shut = [whole for kind, whole in _ALL_ADDRESSES.items() if not any(isinstance(each, kind) for each in networks)]
    permitted: list[x509.GeneralName] = [*map(x509.DNSName, names), *map(x509.IPAddress, networks)]
    return x509.NameConstraints(permitted, [*map(x509.IPAddress, shut)] or None)


def _authority_key_identifier(signer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        identifier = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier(
            x509.SubjectKeyIdentifier.from_public_key(signer.public_key()).digest, None, None
        )
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    address = as_address(host)
    return x509.DNSName(host) if address is None else x509.IPAddress(address)


def _hash_for(key: CertificateIssuerPrivateKeyTypes) -> SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else SHA256()


def _key_type(key: CertificateIssuerPrivateKeyTypes) -> str:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return f"EC {key.curve.name}"
    if isinstance(key, rsa.RSAPrivateKey):
        return f"RSA {key.key_size} bits"
    return type(key).__name__.removeprefix("_").removesuffix("PrivateKey")


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
