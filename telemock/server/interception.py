"""This is the list of hosts whose traffic is answered here, by name, by `*.domain`, or all.

It refuses to resolve names: what a client calls a host decides.
"""

from collections.abc import Iterable

from telemock.hosts import as_address


class Interception:
    """Tells hosts that are answered here from all others.

    Args:
        patterns: `cdn.cribl.io`, `*.example.com` for every name below it, or `*` for every host; lower case,
            international names in punycode, as `telemock.hosts.host_pattern` gives them.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = frozenset(patterns)
        self._suffixes = tuple(pattern[1:] for pattern in self._patterns if pattern.startswith("*."))
        self._all = "*" in self._patterns

    def covers(self, host: str) -> bool:
        """Tell whether a host, lower case and without port, is answered here."""
        return self._all or self._names(host)

    def is_product(self, host: str) -> bool:
        """Tell whether who asks telemock itself for this host is a product; where all hosts are, an address is not."""
        return self._names(host) or (self._all and not _is_local_name(host))

    def _names(self, host: str) -> bool:
        return host in self._patterns or host.endswith(self._suffixes)


def _is_local_name(host: str) -> bool:
    """Tell whether a host may be what an administrator calls telemock: nothing, localhost, or an IP address."""
    return host in ("", "localhost") or as_address(host) is not None
