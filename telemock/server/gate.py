"""This is the gate: the host decides whether the product or an administrator speaks, before any route.

It refuses to let a request that names a profile's host reach the admin side, whatever its path.
"""

from collections.abc import Collection

from telemock.server.target import Target

ADMIN_PATHS = frozenset({"/health", "/metrics"})
ADMIN_PREFIX = "/__admin"


class Gate:
    """Tells admin requests from traffic; `product_hosts` are the names that products call, lower case."""

    def __init__(self, product_hosts: Collection[str]) -> None:
        self._product_hosts = frozenset(product_hosts)

    def is_admin(self, target: Target) -> bool:
        """Tell whether a request is an administrator's."""
        path = target.path
        if path not in ADMIN_PATHS and not (path + "/").startswith(ADMIN_PREFIX + "/"):
            return False
        return target.via == "direct" and target.host not in self._product_hosts
