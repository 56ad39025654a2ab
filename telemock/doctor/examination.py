"""This is the order of the doctor's checks, and which of them needs what others found.

It refuses to stop at the first failure: what does not depend on it is looked at all the same.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from telemock.doctor.finding import Finding, skipped
from telemock.doctor.server import ask_for_tunnel, ask_health, compare_clocks, find_port, read_health
from telemock.doctor.tls import look_at_key, read_authority, shake_hands_by_proxy, shake_hands_directly
from telemock.doctor.trust import look_for_trust
from telemock.doctor.visit import Visit
from telemock.doctor.ways import find_host, read_proxy_variables


class _Check(NamedTuple):
    name: str
    make: Callable[[Visit], Iterable[Finding]]
    needs: tuple[str, ...] = ()


_CHECKS: Final = (
    _Check("port", find_port),
    _Check("telemock", ask_health, ("port",)),
    _Check("database", read_health, ("telemock",)),
    _Check("clock", compare_clocks, ("telemock",)),
    _Check("proxy", ask_for_tunnel, ("telemock",)),
    _Check("authority", read_authority),
    _Check("key", look_at_key),
    _Check("tls-proxy", shake_hands_by_proxy, ("proxy", "authority")),
    _Check("tls-direct", shake_hands_directly, ("telemock", "authority")),
    _Check("https_proxy", read_proxy_variables),
    _Check("name", find_host),
    _Check("trust", look_for_trust, ("authority",)),
)


def examine(visit: Visit) -> Iterator[Finding]:
    """Make all checks, and give what each found as soon as it has; never fails, whatever the server says."""
    lacking: set[str] = set()
    for check in _CHECKS:
        missing = next((name for name in check.needs if name in lacking), None)
        findings = check.make(visit) if missing is None else [skipped(check.name, missing)]
        for finding in findings:
            if finding.verdict in ("failed", "skipped"):
                lacking.add(finding.name)
            yield finding
