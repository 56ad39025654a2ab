"""This is the roots that the system trusts, and ours: for clients that take one file of roots in place of their own.

It refuses to hand down the certificate that an earlier telemock put into such a file.
"""

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

BUNDLE_NAME = "telemock-ca-bundle.pem"

# Stands before our certificate. `eval "$(telemock ca env)"` makes SSL_CERT_FILE name our own file: then what is above
# the mark are the user's roots, and what is below may be of an authority that is gone.
_MARK = b"# telemock\n"

# Where systems keep their roots when OpenSSL does not say (https://go.dev/src/crypto/x509/root_linux.go).
_WELL_KNOWN = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
    "/opt/homebrew/etc/openssl@3/cert.pem",
    "/usr/local/etc/openssl@3/cert.pem",
)
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


def bundle(certificate_pem: bytes, environment: Mapping[str, str] = os.environ) -> bytes:
    """Give the system's roots and a certificate as PEM, each once; only the certificate where there are no roots.

    Args:
        certificate_pem: stands last.
        environment: SSL_CERT_FILE or SSL_CERT_DIR name the user's own roots, which are then the system's.
    """
    roots = next((found for found in map(_certificates, _places(environment)) if found), [])
    ours = _CERTIFICATE.findall(certificate_pem)
    theirs = [root for root in dict.fromkeys(roots) if root not in ours]
    return b"\n".join([*theirs, _MARK + b"\n".join(ours)]) + b"\n"


def holds(place: Path, certificate_pem: bytes) -> bool:
    """Tell whether a certificate is in a file of PEM, or in one of the files of a folder.

    Raises:
        OSError: it cannot be read, or there is nothing.
        ValueError: no file can be called so.
    """
    place.stat()
    wanted = certificate_pem.split()
    return any(found.split() == wanted for content in _contents(place) for found in _CERTIFICATE.findall(content))


def _places(environment: Mapping[str, str]) -> Iterator[Path]:
    """Give files and folders of roots, the ones to be preferred first."""
    built_in = ssl.get_default_verify_paths()
    named = [environment.get(built_in.openssl_cafile_env), environment.get(built_in.openssl_capath_env)]
    for place in (*named, built_in.openssl_cafile, *_WELL_KNOWN, built_in.openssl_capath):
        if place:
            yield Path(place)


def _certificates(place: Path) -> list[bytes]:
    """Read the certificates of a file, or of all files of a folder; what cannot be read has none."""
    try:
        contents = [content.partition(_MARK)[0] for content in _contents(place)]
    except (OSError, ValueError):
        return []
    return [found.replace(b"\r\n", b"\n") for content in contents for found in _CERTIFICATE.findall(content)]


def _contents(place: Path) -> Iterator[bytes]:
    """Read a file, or all files of a folder; what is neither, such as a pipe, is not read."""
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    return (file.read_bytes() for file in files if file.is_file())
