"""These are the promises of why a handshake failed: a fixed word, and what it usually means."""

import ssl

import pytest

from telemock.errors import AuthorityError
from telemock.server.refusal import explain


def ssl_error(reason: str) -> ssl.SSLError:
    """Make an error as OpenSSL's words come."""
    error = ssl.SSLError(1, f"[SSL: {reason}] {reason.lower()} (_ssl.c:1)")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "alert", "cause"),
    [
        (ssl_error("TLSV1_ALERT_UNKNOWN_CA"), "unknown_ca", "does not trust this authority"),
        (ssl_error("SSLV3_ALERT_CERTIFICATE_UNKNOWN"), "certificate_unknown", "pins another certificate"),
        (ssl_error("SSLV3_ALERT_BAD_CERTIFICATE"), "bad_certificate", "or its clock tells another time"),
        (AuthorityError("It expired."), "no_certificate", "no certificate for it now. It expired."),
        (ssl_error("SSLV3_ALERT_CERTIFICATE_EXPIRED"), "certificate_expired", "compare the clocks"),
        (ssl_error("TLSV1_ALERT_PROTOCOL_VERSION"), "protocol_version", "another version of TLS"),
        (ssl_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "certificate_required", "ended with certificate required"),
        (ssl_error("NO_SHARED_CIPHER"), "no_shared_cipher", "no cipher in common"),
        ("UNSUPPORTED_PROTOCOL", "unsupported_protocol", "1.2 or 1.3"),
        ("UNRECOGNIZED_NAME", "unrecognized_name", "is not a host name"),
        (TimeoutError(), "timeout", "in time"),
        (ConnectionResetError(), "none", "without saying why"),
        (None, "none", "without saying why"),
    ],
)
def test_a_failed_handshake_is_explained(error: BaseException | str | None, alert: str, cause: str) -> None:
    refusal = explain(error)
    assert refusal.alert == alert
    assert cause in refusal.cause
    assert refusal.cause.endswith(".")
