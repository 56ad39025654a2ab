"""This is TLS as a client meets it: the authority it is to trust, and the certificates that the server shows it.

It refuses to let a handshake fail that it can see failing: each one that does leaves a row in the database.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

from telemock.authority.chain import MADE_ANEW
from telemock.authority.inspection import PublicAuthority
from telemock.doctor.finding import Finding, failed, ok, warning
from telemock.doctor.visit import Visit
from telemock.doctor.wire import Line, NotHttp, said_of
from telemock.errors import AuthorityError
from telemock.hosts import as_address

_PATH: Final = "/__admin/ca.pem"

# Whether the server has its own or one that was brought along, a client's file does not tell.
_RENEWAL: Final = (
    f"{MADE_ANEW}, or replace the files that `telemock serve` has with --ca-cert and --ca-key where it has those"
)


def read_authority(visit: Visit) -> Iterator[Finding]:
    """Read the certificate that clients are to trust; learns it."""
    try:
        authority = PublicAuthority.read(visit.find_certificate())
    except AuthorityError as error:
        yield failed(
            "authority",
            str(error),
            "Name the folder that `telemock serve` has with --ca-dir, or its certificate with --ca-cert; from another "
            "machine, copy the file that `telemock ca path` names.",
        )
        return
    now = visit.now()
    trouble = _out_of_date("The authority", authority.valid_from, authority.valid_until, now)
    if trouble:
        step = f"Set the clock, or {_RENEWAL}, and restart telemock."
        yield failed("authority", trouble, step)
        return
    visit.authority = authority
    said = f"{authority.subject} (SHA-256 {authority.fingerprint}) is valid until {authority.valid_until:%Y-%m-%d}."
    if authority.ends_soon(now):
        step = f"In time {_RENEWAL}, restart telemock and let clients trust the new one."
        yield warning("authority", said, step)
    else:
        yield ok("authority", said)


def look_at_key(visit: Visit) -> Iterator[Finding]:
    """Look who may read the private key, if it is on this machine."""
    if visit.find_exposed is None:
        return
    exposed = visit.find_exposed()
    for sentence in exposed:
        said, _, command = sentence.partition("; type ")
        yield warning("key", f"{said}.", f"Type {command}")
    if not exposed:
        yield ok("key", "The private key of the authority is its owner's alone.")


def shake_hands_by_proxy(visit: Visit) -> Iterator[Finding]:
    """Be a client that has telemock for a proxy."""
    yield _shake_hands(visit, "tls-proxy", visit.tunnel, ["http/1.1"])


def shake_hands_directly(visit: Visit) -> Iterator[Finding]:
    """Be a client whom DNS led to telemock."""
    if as_address(visit.host) is None:
        yield _shake_hands(visit, "tls-direct", visit.line, visit.protocols())
    else:
        yield Finding("tls-direct", "skipped", "Not tried, as clients name no address in TLS, but go to it.")


def _shake_hands(
    visit: Visit, name: str, connect: Callable[[], AbstractContextManager[Line]], protocols: list[str]
) -> Finding:
    authority, host = visit.authority, visit.host
    if authority is None:
        raise RuntimeError("no authority was read yet")
    try:
        looking, trusting = _taking_anything(), ssl.create_default_context(cadata=authority.certificate_pem.decode())
        for context in (looking, trusting):
            context.set_alpn_protocols(protocols)
        with connect() as line:
            leaf = authority.look_at(line.secure(looking, host))
        if not leaf.is_ours:
            return _signed_by_another(visit, name, leaf.issuer, authority)
        trouble = _out_of_date(f"The certificate for {host}", leaf.not_before, leaf.not_after, visit.now())
        if trouble:
            return failed(name, trouble, "Set the clock that is wrong, the server's or this machine's.")
        with connect() as line:
            line.secure(trusting, host)
    except AuthorityError as error:
        return failed(name, str(error), "See what stands between here and telemock.")
    except (OSError, NotHttp) as error:
        return failed(
            name,
            f"A client of {host} that trusts the authority does not get through: {said_of(error, visit.seconds)}.",
            "See what `telemock serve` printed; `telemock ca show` tells for which hosts the authority may sign.",
        )
    days = (leaf.not_after - visit.now()).days
    return ok(name, f"The certificate for {host} is the authority's, and valid for {days} more days.")


def _signed_by_another(visit: Visit, name: str, issuer: str, ours: PublicAuthority) -> Finding:
    said = f"The certificate for {visit.host} is signed by {issuer}"
    ours_said = f"not by {ours.subject} (SHA-256 {ours.fingerprint})."
    try:
        theirs = PublicAuthority.parse(visit.ask_admin(_PATH).body)
    except (OSError, NotHttp, AuthorityError):
        theirs = ours  # it does not say
    if theirs.fingerprint == ours.fingerprint:
        step = f"If that is the real host's, start `telemock serve` with --intercept {visit.host}."
        return failed(name, f"{said}, {ours_said}", step)
    return failed(
        name,
        f"{said} (SHA-256 {theirs.fingerprint} is the server's authority), {ours_said}",
        f"Name the folder that the server has with --ca-dir, or let clients trust what {visit.server}{_PATH} gives.",
    )


def _taking_anything() -> ssl.SSLContext:
    """Make a context that only looks: nothing that matters is ever sent through it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _out_of_date(what: str, since: datetime, until: datetime, now: datetime) -> str:
    """Say what is wrong with dates; empty when nothing is."""
    if now > until:
        return f"{what} expired on {until:%Y-%m-%d}."
    if now < since:
        return f"{what} is valid only from {since:%Y-%m-%d %H:%M} UTC on, and here it is {now:%Y-%m-%d %H:%M}."
    return ""
