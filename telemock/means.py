"""This is what settings name, read: the certificate authority, files of passwords and certificates, modes.

It refuses to serve; whoever starts telemock reads the means first, to say early what is wrong with them.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from telemock.authority.authority import Authority
from telemock.authority.folder import open_authority
from telemock.authority.redaction_key import redaction_key
from telemock.authority.visit_proof import visit_key
from telemock.errors import InvalidSetting
from telemock.profiles.cribl import CRIBL
from telemock.server.credentials import Credentials
from telemock.server.interception import Interception
from telemock.server.unmatched import Unmatched, read_unmatched
from telemock.server.upstream_proxy import UpstreamProxy
from telemock.settings import Mode, ServeSettings, parse_mode


class Means(NamedTuple):
    """Everything that was read.

    Attributes:
        authority: signs the certificates of intercepted hosts.
        credentials: who may use the proxy.
        proxy: through which other hosts are reached, if any.
        trusted: the authorities that other hosts are verified with; True is the system's.
        modes: of profiles by name; of None for all others.
        unmatched: answers what nothing else answers, if anybody said how.
        redaction_key: of the fingerprints that are stored in place of secrets; None where secrets are stored.
        visit_key: of the doctor's proofs; None where the authority's key is not in its folder.
    """

    authority: Authority
    credentials: Credentials
    proxy: UpstreamProxy | None
    trusted: ssl.SSLContext | Literal[True]
    modes: Mapping[str | None, Mode]
    unmatched: Unmatched | None
    redaction_key: bytes | None
    visit_key: bytes | None

    def is_recorded(self, profile: str | None) -> bool:
        """Tell whether a profile's requests go to the real host."""
        return self.modes.get(profile, self.modes.get(None, "mock")) == "record"


def read_means(settings: ServeSettings) -> Means:
    """Read what settings name; makes the certificate authority on first use.

    Raises:
        InvalidSetting: something named is not what it should be.
        AuthorityError: the authority cannot be made or used.
    """
    modes = dict(parse_mode(text) for text in settings.mode)
    unknown = modes.keys() - {None, CRIBL.name}
    if unknown:
        raise InvalidSetting(f"--mode names the unknown profile {unknown.pop()!r}; known is {CRIBL.name}.")
    products = Interception((*CRIBL.hosts, *settings.intercept))
    taken = next(filter(products.names, settings.admin_host), None)
    if taken is not None:
        raise InvalidSetting(f"--admin-host {taken} is intercepted, and so never reaches the admin side; name another.")
    return Means(
        credentials=Credentials(settings.proxy_auth_file),
        proxy=None if settings.upstream_proxy is None else UpstreamProxy.read(settings.upstream_proxy),
        trusted=True if settings.upstream_ca is None else _trusting(settings.upstream_ca),
        modes=modes,
        unmatched=read_unmatched(settings.answer, settings.answer_body, settings.answer_type),
        # Last, as it may be made here.
        authority=open_authority(settings.ca_dir, settings.ca_cert, settings.ca_key),
        redaction_key=redaction_key(settings.ca_dir) if settings.redact_secrets else None,
        visit_key=visit_key(settings.ca_dir),
    )


def _trusting(path: Path) -> ssl.SSLContext:
    """Trust the system's authorities and those in a file."""
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(path)
    except OSError as error:
        why = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise InvalidSetting(f"--upstream-ca {path} cannot be used: {why}.") from error
    return context
