"""What is stored in place of secrets that are not to be kept: keyed fingerprints, by which they can be compared."""

import hmac
from collections.abc import Callable
from dataclasses import replace

from telemock.analysis.replacement import Replacement, is_fingerprint
from telemock.exchange import Connection, Record

_FINGERPRINT_DIGITS = 16


def redaction(key: bytes) -> Callable[[Record], Record]:
    """Return what makes of a record one without secrets, as far as the rules know them; see `Replacement`.

    In place of each stands `redacted-` and 16 hexadecimal digits (HMAC-SHA256): the same for the same secret, and not
    to be guessed without the key. It may be called from any thread.
    """

    def fingerprint(secret: bytes) -> str:
        return "redacted-" + hmac.digest(key, secret, "sha256").hex()[:_FINGERPRINT_DIGITS]

    def conceal(secret: str) -> str:
        return secret if is_fingerprint(secret) else fingerprint(_encoded(secret))

    replacement = Replacement(conceal, lambda body: fingerprint(body).encode(), looks_inside=True)

    def redact(record: Record) -> Record:
        if isinstance(record, Connection):
            return replace(record, detail=replacement.text(record.detail))
        return replacement.exchange(record)

    return redact


def _encoded(text: str) -> bytes:
    """Return the bytes of a text; surrogates stand for bytes (PEP 383), or in JSON for half of a character."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")
