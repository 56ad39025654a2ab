"""This is the list of hosts whose traffic is answered here, by name, by `*.domain`, or all.

It refuses to resolve names: what a client calls a host decides.
"""

import socket
from collections.abc import Iterable

from telemock.hosts import as_address


class Interception:
    """Tells hosts that are answered here from all others.

    Args:
        patterns: `cdn.cribl.io`, `*.example.com` for every name below it, or `*` for every host; lower case,
            international names in punycode, as `telemock.hosts.host_pattern` gives them.
        own_names: what administrators call telemock, besides localhost and its addresses.
    """

    def __init__(self, patterns: Iterable[str], own_names: Iterable[str] = ()) -> None:
        self._own_names = frozenset(("", "localhost", *own_names))
        self._patterns = frozenset(patterns)
        self._suffixes = tuple(pattern[1:] for pattern in self._patterns if pattern.startswith("*."))
        self._all = "*" in self._patterns

    def covers(self, host: str) -> bool:
        """Tell whether a host, lower case and without port, is answered here."""
        return self._all or self.names(host)

    def is_product(self, host: str) -> bool:
        """Tell whether who asks telemock itself for this host is a product; where all are, its own names are not."""
        return self.names(host) or (self._all and not self.is_own(host))

    def is_own(self, host: str) -> bool:
        """Tell whether a host may be what an administrator calls telemock: nothing, an IP address, or a name it has."""
        return host in self._own_names or as_address(host) is not None

    def names(self, host: str) -> bool:
        """Tell whether a host is answered here because a pattern names it, or a domain above it."""
        return host in self._patterns or host.endswith(self._suffixes)


def names_of_this_machine() -> tuple[str, ...]:
    """Give what this machine calls itself, whole and without its domain, lower case; nobody is asked."""
    name = socket.gethostname().lower().rstrip(".")
    return name, name.partition(".")[0]
