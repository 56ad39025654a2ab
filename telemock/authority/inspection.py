"""This is what can be said of certificates without a key: an authority as clients are given it, and leaves they see.

It refuses to stand in for a handshake: whether a client takes a leaf, TLS alone decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from telemock.authority.loading import read_chain
from telemock.errors import AuthorityError


@dataclass(frozen=True, slots=True)
class SeenLeaf:
    """What a server's certificate says of itself.

    Attributes:
        issuer: the name of who signed it, as RFC 4514 writes it.
        not_before: UTC.
        not_after: UTC.
        is_ours: the authority that it was compared with signed it.
    """

    issuer: str
    not_before: datetime
    not_after: datetime
    is_ours: bool


class PublicAuthority:
    """The certificates of an authority.

    Args:
        chain: the signer's first, what clients must trust last.

    Attributes:
        certificate_pem: what clients must trust.
        subject: its name, as RFC 4514 writes it.
        fingerprint: its SHA-256, pairs of hex digits with colons between.
        valid_from: since when all of the chain are valid, UTC.
        valid_until: the last moment at which all of the chain are valid, UTC.
    """

    def __init__(self, chain: Sequence[x509.Certificate]) -> None:
        anchor = chain[-1]
        self._chain = tuple(chain)
        self.certificate_pem = anchor.public_bytes(Encoding.PEM)
        self.subject = anchor.subject.rfc4514_string()
        self.fingerprint = anchor.fingerprint(SHA256()).hex(":").upper()
        self.valid_from = max(each.not_valid_before_utc for each in chain)
        self.valid_until = min(each.not_valid_after_utc for each in chain)

    @classmethod
    def read(cls, file: Path) -> "PublicAuthority":
        """Read the certificates of a PEM file.

        Raises:
            AuthorityError: it cannot be read, or holds none.
        """
        return cls(read_chain(file, "name the file that clients are to trust"))

    @classmethod
    def parse(cls, content: bytes) -> "PublicAuthority":
        """Read the certificates of PEM text.

        Raises:
            AuthorityError: it holds none.
        """
        try:
            return cls(x509.load_pem_x509_certificates(content))
        except ValueError as error:
            raise AuthorityError("What should be a certificate is none.") from error

    def look_at(self, leaf_der: bytes) -> SeenLeaf:
        """Read a server's certificate.

        Raises:
            AuthorityError: it is damaged.
        """
        try:
            leaf = x509.load_der_x509_certificate(leaf_der)
            return SeenLeaf(
                issuer=leaf.issuer.rfc4514_string(),
                not_before=leaf.not_valid_before_utc,
                not_after=leaf.not_valid_after_utc,
                is_ours=any(_is_signed_by(leaf, each) for each in self._chain),
            )
        except ValueError as error:
            raise AuthorityError("The server's certificate is damaged.") from error


def _is_signed_by(leaf: x509.Certificate, signer: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(signer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
