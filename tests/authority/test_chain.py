"""These are the promises of a chain: what clients must trust is told, and how long all of it is valid."""

import ssl
from hashlib import sha256

import pytest

from telemock.authority.chain import MADE_ANEW, Chain
from tests.authority.certificates import DAY, NOW, certify

ROOT = certify("root", start=NOW - 9 * DAY, end=NOW + 99 * DAY)
SIGNER = certify("signer", by=ROOT, start=NOW - 10 * DAY, end=NOW + 9 * DAY)


def test_what_clients_must_trust_is_the_last() -> None:
    chain = Chain([SIGNER.certificate, ROOT.certificate])
    assert chain.subject == "CN=root"
    assert ssl.PEM_cert_to_DER_cert(chain.certificate_pem.decode()) == chain.certificate_der
    assert chain.fingerprint.replace(":", "").lower() == sha256(chain.certificate_der).hexdigest()
    assert chain.fingerprint.count(":") == 31


def test_it_is_valid_as_long_as_all_are() -> None:
    chain = Chain([SIGNER.certificate, ROOT.certificate])
    assert (chain.valid_from, chain.valid_until) == (NOW - 9 * DAY, NOW + 9 * DAY)


@pytest.mark.parametrize("renewal", [MADE_ANEW, "replace your files"])
def test_how_it_is_renewed_is_said_before_it_ends_and_after(renewal: str) -> None:
    chain = Chain([SIGNER.certificate, ROOT.certificate], renewal)
    last_day = f"{NOW + 9 * DAY:%Y-%m-%d}"
    assert chain.ends_soon(NOW).startswith(
        f"The certificate authority expires on {last_day}; before that day {renewal}, "
    )
    assert chain.out_of_date(NOW + 10 * DAY).startswith(
        f"The certificate authority expired on {last_day}; {renewal}, or "
    )
    assert (chain.out_of_date(NOW), chain.ends_soon(NOW + 10 * DAY)) == ("", "")
