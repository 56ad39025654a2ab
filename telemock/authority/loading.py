"""This is how an authority gets out of PEM files, its own or one that somebody else's authority gave.

It refuses what would only fail later, in the handshake of some client: each reason is one sentence.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from telemock.authority.authority import Authority
from telemock.authority.chain import MADE_ANEW
from telemock.errors import AuthorityError

_PRIVATE_KEY = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL)
_SIGNING_KEYS = (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey)


def read_authority(
    certificate_file: Path, key_file: Path, moment: datetime, *, remedy: str, renewal: str = MADE_ANEW
) -> Authority:
    """Read an authority from PEM files, which may be one and the same.

    Args:
        certificate_file: the signer's certificate, then its chain up to what clients must trust.
        key_file: the signer's private key, without a passphrase.
        moment: now, UTC.
        remedy: what the user can do where files are damaged; ends the sentence.
        renewal: see `Chain`.

    Raises:
        AuthorityError: unreadable, damaged, not fitting each other, not valid now, or no authority.
    """
    chain = read_chain(certificate_file, remedy)
    key = _read_key(key_file, remedy)
    if _public_bytes(key) != _public_bytes(chain[0]):
        raise AuthorityError(
            f"The private key in {key_file} does not fit the certificate in {certificate_file}; {remedy}."
        )
    for place, certificate in enumerate(chain):
        _check_may_sign(certificate, place, f"The certificate{_which(certificate, chain)} in {certificate_file}")
    for certificate, signer in pairwise(chain):
        try:
            certificate.verify_directly_issued_by(signer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
            raise AuthorityError(
                f"In {certificate_file} the certificate{_which(certificate, chain)} is not signed by the next; "
                "put the signer's first, then each behind the one it signed."
            ) from error
    authority = Authority(key, chain, renewal)
    authority.check_valid(moment)
    return authority


def read_chain(file: Path, remedy: str) -> list[x509.Certificate]:
    """Read the certificates of a PEM file, in their order; at least one.

    Args:
        file: may hold other things between them.
        remedy: as for `read_authority`.

    Raises:
        AuthorityError: unreadable, damaged, or there is none.
    """
    content = _read(file)
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise AuthorityError(f"{file} holds no certificate in PEM; {remedy}.")
    try:
        chain = x509.load_pem_x509_certificates(content)
        for certificate in chain:
            _ = certificate.extensions  # read only now, and damaged ones are an error only now
            certificate.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise AuthorityError(f"The certificate in {file} is damaged or of an unknown kind; {remedy}.") from error
    return chain


def _read_key(file: Path, remedy: str) -> CertificateIssuerPrivateKeyTypes:
    found = _PRIVATE_KEY.search(_read(file))
    if found is None:
        raise AuthorityError(f"{file} holds no private key in PEM; {remedy}.")
    try:
        key = load_pem_private_key(found[0], password=None)
    except TypeError as error:
        raise AuthorityError(
            f"The private key in {file} is locked with a passphrase; write it without one, "
            f"`openssl pkey -in {file} -out unlocked.pem`, and name that."
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AuthorityError(f"The private key in {file} is damaged or of an unknown kind; {remedy}.") from error
    if not isinstance(key, _SIGNING_KEYS):
        raise AuthorityError(f"The private key in {file} cannot sign for servers; use an EC, RSA or Ed25519 key.")
    return key


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AuthorityError(f"{str(file)!r} cannot be read: {reason}.") from error


def _check_may_sign(certificate: x509.Certificate, place: int, name: str) -> None:
    extensions = certificate.extensions
    try:
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        constraints = x509.BasicConstraints(ca=False, path_length=None)
    if not constraints.ca:
        raise AuthorityError(f"{name} is no authority's (its basicConstraints say so); name one that may sign others.")
    if constraints.path_length is not None and constraints.path_length < place:
        raise AuthorityError(
            f"{name} forbids a chain as long as this one (pathlen:{constraints.path_length}); name another."
        )
    try:
        may_sign = extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        may_sign = True  # RFC 5280 section 4.2.1.3: a key without it is not confined
    if not may_sign:
        raise AuthorityError(f"{name} may not sign others (its keyUsage lacks keyCertSign); name one that may.")


def _which(certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> str:
    return f" of {certificate.subject.rfc4514_string()!r}" if len(chain) > 1 else ""


def _public_bytes(owner: CertificateIssuerPrivateKeyTypes | x509.Certificate) -> bytes:
    return owner.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
