"""This is the chain of an authority's certificates, and what can be said of them.

It refuses to judge whether they are fit to sign; `loading` does that.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

ENDS_SOON: Final = timedelta(days=30)

MADE_ANEW: Final = "make a new one with `telemock ca create --force`"


class Chain:
    """Certificates, each signed by the next.

    Args:
        certificates: the signer's first, what clients must trust last.
        renewal: what the user does to have a new one, in the middle of a sentence.

    Attributes:
        certificate_pem: what clients must trust.
        certificate_der: the same.
        subject: its name, as RFC 4514 writes it.
        fingerprint: its SHA-256, pairs of hex digits with colons between.
        valid_from: since when all are valid, UTC.
        valid_until: the last moment at which all are valid, UTC.
    """

    def __init__(self, certificates: Sequence[x509.Certificate], renewal: str = MADE_ANEW) -> None:
        anchor = certificates[-1]
        self._renewal = renewal
        self._chain = tuple(certificates)
        self.certificate_pem = anchor.public_bytes(Encoding.PEM)
        self.certificate_der = anchor.public_bytes(Encoding.DER)
        self.subject = anchor.subject.rfc4514_string()
        self.fingerprint = anchor.fingerprint(SHA256()).hex(":").upper()
        self.valid_from = max(each.not_valid_before_utc for each in certificates)
        self.valid_until = min(each.not_valid_after_utc for each in certificates)

    def out_of_date(self, moment: datetime) -> str:
        """Say in a sentence why clients refuse what is signed now; empty when its dates are no reason to.

        Args:
            moment: now, UTC.
        """
        remedy = "name a valid one with --ca-cert"
        if moment > self.valid_until:
            return f"The certificate authority expired on {_day(self.valid_until)}; {self._renewal}, or {remedy}."
        if moment < self.valid_from:
            return (
                f"The certificate authority is valid only from {_day(self.valid_from)}; set the clock of this "
                f"machine, or, if that is right, {self._renewal}, or {remedy}."
            )
        return ""

    def ends_soon(self, moment: datetime) -> str:
        """Say in a sentence that the authority expires within `ENDS_SOON`; empty when it does not, or has expired."""
        if not timedelta() <= self.valid_until - moment < ENDS_SOON:
            return ""
        return (
            f"The certificate authority expires on {_day(self.valid_until)}; before that day {self._renewal}, restart "
            "telemock and let clients trust the new one."
        )


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
