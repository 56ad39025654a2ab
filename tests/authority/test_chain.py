"""These are the promises of a chain: what clients must trust is told, and how long all of it is valid."""

import ssl
from hashlib import sha256

from telemock.authority.chain import Chain
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
