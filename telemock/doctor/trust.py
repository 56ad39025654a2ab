"""This is whether programs started here trust the authority: by the system's roots, and by variables that name others.

It refuses to know more of those files than whether the certificate is in them.
"""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from telemock.authority.bundle import holds
from telemock.doctor.finding import Finding, ok, warning
from telemock.doctor.visit import Visit

# By whom they are read.
_VARIABLES: Final = {
    "NODE_EXTRA_CA_CERTS": "Node (Cribl Stream)",
    "REQUESTS_CA_BUNDLE": "Python's requests",
    "CURL_CA_BUNDLE": "curl",
    "AWS_CA_BUNDLE": "the AWS CLI",
    "GIT_SSL_CAINFO": "git",
    "PIP_CERT": "pip",
    "DENO_CERT": "Deno",
}
_STEP: Final = 'Run eval "$(telemock ca env)" in the shell that starts the client, and restart that.'


def look_for_trust(visit: Visit) -> Iterator[Finding]:
    """Look for the certificate wherever programs look for roots."""
    yield _by_default(visit)
    for name, reader in _VARIABLES.items():
        value = visit.environment.get(name, "")
        if value:
            yield _by_variable(visit, name, reader, value)
        elif name == "NODE_EXTRA_CA_CERTS":
            said = f"It is not set here, and without it {reader} does not trust the authority."
            yield warning(name, said, _STEP)


def _by_default(visit: Visit) -> Finding:
    built_in = ssl.get_default_verify_paths()
    file = visit.environment.get(built_in.openssl_cafile_env) or built_in.openssl_cafile
    folder = visit.environment.get(built_in.openssl_capath_env) or built_in.openssl_capath
    for place in (file, folder):
        if not _trouble(visit, place):
            return ok("trust", f"OpenSSL, Python and Go trust the authority, which is in {place}.")
    named = f", which {built_in.openssl_cafile_env} names," if built_in.openssl_cafile_env in visit.environment else ""
    said = f"OpenSSL, Python and Go do not trust the authority: {file}{named} {_trouble(visit, file)}."
    return warning("trust", said, _STEP)


def _by_variable(visit: Visit, name: str, reader: str, value: str) -> Finding:
    trouble = _trouble(visit, value)
    if trouble:
        return warning(name, f"It names {value}, which {trouble}; {reader} reads it.", _STEP)
    return ok(name, f"It names a file with the authority; {reader} reads it.")


def _trouble(visit: Visit, place: str) -> str:
    """Say why a place makes nobody trust the authority; empty when it does."""
    if visit.authority is None:
        raise RuntimeError("no authority was read yet")
    try:
        return "" if holds(Path(place), visit.authority.certificate_pem) else "does not hold the authority"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"cannot be read ({reason})"
