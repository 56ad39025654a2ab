"""This is why a TLS handshake failed, in words: what the client said, and what that usually means.

It refuses to be sure: a client that says nothing leaves only the likely cause.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple

from telemock.errors import AuthorityError

NO_ALERT: Final = "none"
NO_CERTIFICATE: Final = "no_certificate"
TIMED_OUT: Final = "timeout"
CLOSED_HERE: Final = "closed_here"
ONLY_HTTP2: Final = "no_application_protocol"

ENDED_HERE: Final = "telemock stopped, or had hardly any descriptors left, and ended the connection"

_TRUST: Final = "make it trust the certificate that `telemock ca path` names, before it starts"
_REFUSED: Final = (
    f"The client refuses the certificate: it does not trust this authority ({_TRUST}), pins another certificate, "
    "wanted another name, or its clock tells another time."
)
_CAUSES: Final[Mapping[str, str]] = {
    "unknown_ca": f"The client does not trust this authority; {_TRUST}.",
    "certificate_unknown": _REFUSED,
    "bad_certificate": _REFUSED,
    "unsupported_certificate": "The client does not take certificates of this kind (EC P-256).",
    "certificate_expired": "The client takes the certificate for expired or not yet valid; compare the clocks.",
    "access_denied": "The client refuses the certificate by a rule of its own.",
    "handshake_failure": "The client found nothing in common with this server.",
    "unrecognized_name": "The name it asked for is not a host name, so there is no certificate for it.",
    "protocol_version": "The client wants another version of TLS; here it is 1.2 or 1.3.",
    "unsupported_protocol": "The client speaks no version of TLS that is spoken here, 1.2 or 1.3.",
    "no_shared_cipher": "The client has no cipher in common with this server.",
    "wrong_version_number": "What came began like TLS, but is none.",
    NO_ALERT: "The client closed without saying why, as some do that do not trust the certificate, and others with a "
    f"connection that they have to spare; {_TRUST}.",
    ONLY_HTTP2: "The client offers HTTP/2 only, which telemock does not speak; let it speak HTTP/1.1.",
    CLOSED_HERE: f"{ENDED_HERE} in the middle of the handshake.",
    TIMED_OUT: "The client did not finish the handshake in time.",
}


class Refusal(NamedTuple):
    """What went wrong: `alert` is a short fixed word, RFC 8446 section 6.2's where the client sent one."""

    alert: str
    cause: str


def explain(error: BaseException | str | None) -> Refusal:
    """Explain what a handshake ended with: an exception, OpenSSL's word for one, or None for a client that closed."""
    if isinstance(error, TimeoutError):
        alert = TIMED_OUT
    elif isinstance(error, asyncio.CancelledError):
        alert = CLOSED_HERE
    elif isinstance(error, AuthorityError):
        return Refusal(NO_CERTIFICATE, f"There is no certificate for it now. {error}")
    elif isinstance(error, str):
        alert = _alert(error)
    elif isinstance(error, ssl.SSLError) and error.reason:
        alert = _alert(error.reason)
    else:
        alert = NO_ALERT
    return Refusal(alert, _CAUSES.get(alert, f"The handshake ended with {alert.replace('_', ' ')}."))


def _alert(reason: str) -> str:
    return re.sub(r"^(?:tlsv\d+_|sslv\d+_)(?:alert_)?", "", reason.lower())
