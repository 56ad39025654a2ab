"""What is stored in place of secrets that are not to be kept: keyed fingerprints, by which they can be compared."""

import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from telemock.analysis.masking import Replacement, is_fingerprint
from telemock.exchange import Connection, Record, compact_json

_FINGERPRINT_DIGITS = 16

# Columns that hold what the profile read, each under the name of a field.
_READ = ("version", "guid", "env", "session_id")


def redaction(key: bytes) -> Callable[[Record], Record]:
    """Return what makes of a record one without secrets, as far as the rules know them; see `Replacement`.

    In place of each stands `redacted-` and 16 hexadecimal digits (HMAC-SHA256): the same for the same secret, and not
    to be guessed without the key. It may be called from any thread.
    """

    def fingerprint(secret: bytes) -> str:
        return "redacted-" + hmac.digest(key, secret, "sha256").hex()[:_FINGERPRINT_DIGITS]

    def conceal(secret: str) -> str:
        return secret if is_fingerprint(secret) else fingerprint(secret.encode(errors="surrogateescape"))

    replacement = Replacement(conceal, lambda body: fingerprint(body).encode(), looks_inside=True)

    def read_value(name: str, value: str | None) -> str | None:
        return value and replacement.value(name, value)

    def redact(record: Record) -> Record:
        if isinstance(record, Connection):
            return replace(record, detail=replacement.text(record.detail))
        read: dict[str, Any] = {name: read_value(name, getattr(record, name)) for name in _READ}
        problems = record.problems and compact_json([*map(replacement.text, json.loads(record.problems))])
        return replace(replacement.exchange(record), problems=problems, **read)

    return redact
