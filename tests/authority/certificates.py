"""This is what the authority is held against: certificates of others, openssl, and the TLS client of Python."""

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)

NO_USAGE = dict.fromkeys(
    (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    ),
    False,
)  # fmt: skip

KEYS: dict[str, Any] = {
    "EC": ec.generate_private_key(ec.SECP256R1()),
    "EC of 384 bits": ec.generate_private_key(ec.SECP384R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "Ed448": ed448.Ed448PrivateKey.generate(),
}


class Signed(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return key_pem(self.key)


def key_pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    """Write a key without a passphrase."""
    written: bytes = key.private_bytes(Encoding.PEM, form, NoEncryption())
    return written


def certify(
    name: str,
    key: Any = KEYS["EC"],
    *,
    by: Signed | None = None,
    ca: bool | None = True,
    path_length: int | None = None,
    key_cert_sign: bool | None = True,
    identifier: bool = True,
    start: datetime = NOW - 30 * DAY,
    end: datetime = NOW + 30 * DAY,
) -> Signed:
    """Make somebody's certificate, signed by itself or by another; None leaves an extension out."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = by.key if by else key
    builder = (
        x509.CertificateBuilder(by.certificate.subject if by else subject, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
    if key_cert_sign is not None:
        usage = x509.KeyUsage(**{**NO_USAGE, "key_cert_sign": key_cert_sign, "crl_sign": True})
        builder = builder.add_extension(usage, critical=True)
    if identifier:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    hashed = None if isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else SHA256()
    return Signed(builder.sign(signer, hashed), key)


def dsa_key() -> Any:
    """Give a key of a kind that signs nothing for TLS servers."""
    return dsa.generate_private_key(2048)


def openssl(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run openssl to its end."""
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False)


def verdict(folder: Path, trusted: bytes, chain: bytes, name: str) -> str:
    """Let openssl, as strict as it gets, judge a server's chain for a name; "OK", or why not."""
    folder.joinpath("trusted.pem").write_bytes(trusted)
    folder.joinpath("chain.pem").write_bytes(chain)
    wanted = "-verify_ip" if ":" in name or name.replace(".", "").isdigit() else "-verify_hostname"
    said = openssl(
        "verify", "-x509_strict", "-purpose", "sslserver", wanted, name, "-no-CApath", "-no-CAstore",
        "-CAfile", folder / "trusted.pem", "-untrusted", folder / "chain.pem", folder / "chain.pem",
    )  # fmt: skip
    if said.returncode == 0:
        return "OK"
    return next(line.partition("lookup: ")[2] for line in said.stderr.splitlines() if "lookup: " in line)


def handshake(server: ssl.SSLContext, trusted: bytes, name: str, **wishes: Any) -> ssl.SSLObject:
    """Let Python's client meet a server's context in memory; gives the client's side.

    Raises:
        ssl.SSLError: one of them did not like the other.
    """
    client = ssl.create_default_context(cadata=trusted.decode())
    client.set_alpn_protocols(wishes.get("alpn", ["h2", "http/1.1"]))
    client.maximum_version = wishes.get("version", ssl.TLSVersion.MAXIMUM_SUPPORTED)
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(down, up, server_hostname=name)
    answering = server.wrap_bio(up, down, server_side=True)
    waiting = [asking, answering]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
    return asking
