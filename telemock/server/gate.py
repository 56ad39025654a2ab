"""This is the gate: the host decides whether the product, an administrator or somebody else's client speaks.

It refuses to let a request that names a product's host reach the admin side, whatever its path.
"""

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from telemock.server.credentials import Credentials, ProxyRefusal
from telemock.server.interception import Interception
from telemock.server.target import Arrival, Target

ADMIN_PATHS = frozenset({"/health", "/metrics"})
ADMIN_PREFIX = "/__admin"


class Gate:
    """Tells traffic, which is captured, from what is not.

    Args:
        products: the hosts whose traffic is captured.
        admin: answers administrators.
        elsewhere: answers clients of the proxy that want other hosts.
        credentials: who may use the proxy.
    """

    def __init__(self, products: Interception, admin: Handler, elsewhere: Handler, credentials: Credentials) -> None:
        self._products = products
        self._admin = admin
        self._elsewhere = elsewhere
        self._credentials = credentials

    async def refusal(self, request: web.Request) -> ProxyRefusal | None:
        """Say why a client may not use the proxy for a request that is captured; None when it may."""
        return await self._credentials.refusal(request.headers.get(hdrs.PROXY_AUTHORIZATION), request.remote or "")

    def way_round(self, target: Target, arrival: Arrival) -> Handler | None:
        """Give who answers a request that is not captured; None for traffic, which is."""
        if target.via == "proxy":
            return None if self._products.covers(target.host) else self._elsewhere
        return self._admin if self._is_admin(target, arrival) else None

    def _is_admin(self, target: Target, arrival: Arrival) -> bool:
        """Tell whether a request is an administrator's: it came straight here, and nothing says otherwise."""
        path = target.path
        if path not in ADMIN_PATHS and not (path + "/").startswith(ADMIN_PREFIX + "/"):
            return False
        if target.via == "connect":
            return False
        return not self._products.is_product(target.host) and not self._products.is_product(arrival.host)
