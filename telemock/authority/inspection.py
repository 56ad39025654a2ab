"""This is what can be said of certificates without a key: an authority as clients are given it, and leaves they see.

It refuses to stand in for a handshake: whether a client takes a leaf, TLS alone decides.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from telemock.authority.chain import Chain
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


class PublicAuthority(Chain):
    """The certificates of an authority, as clients have them."""

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
