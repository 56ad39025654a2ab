"""This is the chain of an authority's certificates, and what can be said of them.

It refuses to judge whether they are fit to sign; `loading` does that.
"""

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding


class Chain:
    """Certificates, each signed by the next.

    Args:
        certificates: the signer's first, what clients must trust last.

    Attributes:
        certificate_pem: what clients must trust.
        certificate_der: the same.
        subject: its name, as RFC 4514 writes it.
        fingerprint: its SHA-256, pairs of hex digits with colons between.
        valid_from: since when all are valid, UTC.
        valid_until: the last moment at which all are valid, UTC.
    """

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        anchor = certificates[-1]
        self._chain = tuple(certificates)
        self.certificate_pem = anchor.public_bytes(Encoding.PEM)
        self.certificate_der = anchor.public_bytes(Encoding.DER)
        self.subject = anchor.subject.rfc4514_string()
        self.fingerprint = anchor.fingerprint(SHA256()).hex(":").upper()
        self.valid_from = max(each.not_valid_before_utc for each in certificates)
        self.valid_until = min(each.not_valid_after_utc for each in certificates)
