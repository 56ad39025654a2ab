"""This is where the authority lives: one file with its key, and beside it a folder that may be given to anyone.

It refuses to write the key anywhere else, and to let anyone see a file that is not whole.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, takewhile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    load_pkcs12,
    serialize_java_truststore,
)

from telemock.authority.authority import COMMON_NAME_BEGINS, Authority, new_authority
from telemock.authority.bundle import BUNDLE_NAME, bundle
from telemock.authority.loading import read_authority
from telemock.errors import AuthorityError, InvalidSetting
from telemock.files import make_folder, one_at_a_time, remove_drafts, write_whole
from telemock.hosts import Network

KEY_NAME = "telemock-ca.pem"

# Of the authority that was replaced; those of earlier ones stay, and the later ones have numbers from 2 on.
OLD_KEY_NAME = "telemock-ca.pem.old"
TRUST_STORE_PASSWORD = "changeit"  # noqa: S105 - Java's custom; there is nothing secret in it
_TRUST_STORE_ALIAS = b"telemock"

# How all that is written in DER begins.
_DER_SEQUENCE = b"\x30"


@dataclass(frozen=True, slots=True)
class PublicFiles:
    """What clients need, and nothing that is secret.

    Attributes:
        pem: the certificate they must trust.
        der: the same, as Windows and Android take it.
        p12: the same, a Java trust store; its password is `TRUST_STORE_PASSWORD`.
        bundle: the same behind the roots that this system trusts.
        wgetrc: settings of Wget, which knows no variable, that name the bundle.
        php_ini: settings of PHP that name the file in SSL_CERT_FILE; the only ones in their folder.
    """

    pem: Path
    der: Path
    p12: Path
    bundle: Path
    wgetrc: Path
    php_ini: Path


def utc_now() -> datetime:
    """Read the clock of this machine."""
    return datetime.now(UTC)


def key_file(ca_dir: Path) -> Path:
    """Give the path of the file that holds key and certificate, whether there is one or not.

    Raises:
        AuthorityError: `~` stands for a home that this user has not.
    """
    return _located(ca_dir) / KEY_NAME


def public_files(ca_dir: Path) -> PublicFiles:
    """Give the paths of the public files, whether there are any or not.

    Raises:
        AuthorityError: `~` stands for a home that this user has not.
    """
    folder = _located(ca_dir) / "public"
    return PublicFiles(
        pem=folder / "telemock-ca-cert.pem",
        der=folder / "telemock-ca-cert.cer",
        p12=folder / "telemock-ca-cert.p12",
        bundle=folder / BUNDLE_NAME,
        wgetrc=folder / "telemock.wgetrc",
        php_ini=folder / "telemock.ini",
    )


def open_authority(
    ca_dir: Path, ca_cert: Path | None = None, ca_key: Path | None = None, *, now: Callable[[], datetime] = utc_now
) -> Authority:
    """Give the authority of a folder, made on first use, with its public files; or the one that files bring.

    Of several processes that make it at the same time, one does and all get the same.

    Args:
        ca_dir: not touched when there is `ca_cert`.
        ca_cert: PEM file with the signer's certificate and the chain behind it.
        ca_key: PEM file with its key; when None the key is in `ca_cert`.
        now: the clock, UTC.

    Raises:
        InvalidSetting: a key without a certificate.
        AuthorityError: it cannot be made or read, is damaged, no authority, or not valid now.
    """
    if ca_cert is not None:
        remedy = "name the certificate file with --ca-cert and its key with --ca-key"
        renewal = "replace the files that --ca-cert and --ca-key name"
        return read_authority(ca_cert, ca_key or ca_cert, now(), remedy=remedy, renewal=renewal)
    if ca_key is not None:
        raise InvalidSetting(f"--ca-key {ca_key} needs the certificate that it fits; name its file with --ca-cert.")
    path = key_file(ca_dir)
    if not os.access(path, os.F_OK):
        with _changing(path.parent):
            if not path.exists():
                _write_key(path, new_authority(now()))
    authority = _read(path, now())
    publish(authority, ca_dir)
    return authority


def create_authority(
    ca_dir: Path, *, only: Iterable[str | Network] = (), force: bool = False, now: Callable[[], datetime] = utc_now
) -> Authority:
    """Make the authority of a folder, and its public files.

    Args:
        ca_dir: made if there is none.
        only: what it may sign for, as `hosts.host_range` reads it; anything when empty.
        force: also if there is one already, which is kept; the last of `old_keys` is its file.
        now: the clock, UTC.

    Raises:
        AuthorityError: there is one already, or the folder cannot be written.
    """
    path = key_file(ca_dir)
    with _changing(path.parent):
        if path.exists():
            if not force:
                raise AuthorityError(
                    f"There is a certificate authority already, {path}; `telemock ca show` describes it, and --force "
                    "replaces it."
                )
            write_whole(_next_old_key(path), path.read_bytes(), mode=0o600)
        _write_key(path, new_authority(now(), only))
    authority = _read(path, now())
    publish(authority, ca_dir)
    return authority


def old_keys(key: Path) -> list[Path]:
    """Return the files of authorities that were replaced, in that order."""
    return [*takewhile(Path.exists, _old_key_paths(key))]


def _next_old_key(key: Path) -> Path:
    return next(path for path in _old_key_paths(key) if not os.path.lexists(path))


def _old_key_paths(key: Path) -> Iterator[Path]:
    old = key.with_name(OLD_KEY_NAME)
    yield old
    for number in count(2):
        yield old.with_name(f"{old.name}.{number}")


def publish(authority: Authority, ca_dir: Path) -> PublicFiles:
    """Write those public files that are missing, or not of this authority; give where they are.

    Raises:
        AuthorityError: the folder cannot be written.
    """
    files = public_files(ca_dir)
    folder = files.pem.parent
    with _said(folder):
        make_folder(folder.parent)
        make_folder(folder, 0o755)
        # Last of all the one that clients wait for.
        if not _is_trust_store_of(files.p12, authority):
            _write_public(files.p12, trust_store(authority))
        for path, content in (
            (files.wgetrc, b"ca_certificate = %b\n" % os.fsencode(files.bundle)),
            (files.php_ini, b"openssl.cafile = ${SSL_CERT_FILE}\ncurl.cainfo = ${SSL_CERT_FILE}\n"),
            (files.bundle, bundle(authority.certificate_pem)),
            (files.der, authority.certificate_der),
            (files.pem, authority.certificate_pem),
        ):
            if not path.exists() or path.read_bytes() != content:
                _write_public(path, content)
    return files


def trust_store(authority: Authority) -> bytes:
    """Give a PKCS #12 file whose one entry Java takes for trusted; each time other bytes."""
    entry = PKCS12Certificate(x509.load_der_x509_certificate(authority.certificate_der), _TRUST_STORE_ALIAS)
    return serialize_java_truststore([entry], BestAvailableEncryption(TRUST_STORE_PASSWORD.encode()))


def is_exported_certificate(content: bytes, authority: Authority) -> bool:
    """Tell whether a file's content is what `telemock ca export` writes, of this authority or an earlier one.

    That is one certificate in PEM, DER or PKCS #12; bundles, keys and the certificates of others are not.
    """
    try:
        if content.startswith(b"-----BEGIN"):
            (certificate,) = x509.load_pem_x509_certificates(content)
            if content.count(b"-----BEGIN ") != 1:
                return False
        elif content.startswith(_DER_SEQUENCE):
            certificate = _der_certificate(content)
        else:
            return False
    except ValueError:
        return False
    own = certificate.subject.rfc4514_string().startswith(f"CN={COMMON_NAME_BEGINS} ")
    return own or certificate.public_bytes(Encoding.DER) == authority.certificate_der


def _der_certificate(content: bytes) -> x509.Certificate:
    """Read a certificate in DER, or the only one in a trust store that has no key."""
    try:
        return x509.load_der_x509_certificate(content)
    except ValueError:
        store = load_pkcs12(content, TRUST_STORE_PASSWORD.encode())
        (entry,) = store.additional_certs
        if store.key is not None or store.cert is not None:
            raise
        return entry.certificate


def _is_trust_store_of(path: Path, authority: Authority) -> bool:
    try:
        found = load_pkcs12(path.read_bytes(), TRUST_STORE_PASSWORD.encode()).additional_certs
    except (FileNotFoundError, ValueError):
        return False
    return [each.certificate for each in found] == [x509.load_der_x509_certificate(authority.certificate_der)]


def _read(path: Path, moment: datetime) -> Authority:
    remedy = "put back a copy, or make a new authority with `telemock ca create --force`"
    return read_authority(path, path, moment, remedy=remedy)


def _write_key(path: Path, authority: Authority) -> None:
    remove_drafts(path)  # each holds a key
    write_whole(path, authority.private_pem(), mode=0o600)


def _write_public(path: Path, content: bytes) -> None:
    write_whole(path, content, mode=0o644)


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    """Have the folder, for this process alone."""
    with _said(folder):
        make_folder(folder)
        with one_at_a_time(folder):
            yield


@contextmanager
def _said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AuthorityError(
            f"The folder {folder} cannot be written ({error.strerror}); make it writable, or choose another with "
            f"--ca-dir, or name an authority's own files with --ca-cert and --ca-key."
        ) from error


def _located(ca_dir: Path) -> Path:
    try:
        return ca_dir.expanduser().absolute()
    except RuntimeError as error:
        raise AuthorityError(f"{ca_dir} is in no home that is known; name a folder with --ca-dir.") from error
