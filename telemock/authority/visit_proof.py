"""Proof that a CONNECT or a TLS handshake is of `telemock doctor`: who makes it can read the authority's private key.

It holds for one target and about a minute, and tells nothing of the key.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from telemock.authority.folder import key_file
from telemock.errors import AuthorityError

VISIT_FIELD: Final = "Telemock-Visit"

# What a proof stands behind among the protocols that a ClientHello offers (RFC 7301).
VISIT_PROTOCOL: Final = "telemock-visit/"

_LASTS_SECONDS: Final = 60


def visit_key(ca_dir: Path) -> bytes | None:
    """Derive the key of proofs from the private key in a folder; None where there is none that may be read."""
    try:
        return sha256(b"telemock doctor\n" + key_file(ca_dir).read_bytes()).digest()
    except (OSError, AuthorityError):
        return None


def visit_proof(key: bytes, target: str, now: float) -> str:
    """Write the proof for a CONNECT to a target, or TLS with a host, from seconds since 1970."""
    return _proof(key, target, int(now) // _LASTS_SECONDS)


def is_visit(key: bytes | None, target: str, said: str | None, now: Callable[[], float]) -> bool:
    """Tell whether what was said proves that a CONNECT to a target, or TLS with a host, is the doctor's."""
    if key is None or said is None:
        return False
    period = int(now()) // _LASTS_SECONDS
    return any(
        hmac.compare_digest(_proof(key, target, period + late).encode(), said.encode("utf-8", "surrogateescape"))
        for late in (-1, 0, 1)
    )


def _proof(key: bytes, target: str, period: int) -> str:
    return hmac.new(key, f"{target} {period}".encode(), sha256).hexdigest()
