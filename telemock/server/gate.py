"""This is the gate: the host decides whether the product, an administrator or somebody else's client speaks.

It refuses to let a request that names a product's host reach the admin side, whatever its path.
"""

import re
from functools import partial
from urllib.parse import unquote

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from telemock.answers import json_answer
from telemock.errors import InvalidHost
from telemock.hosts import MOST_CHARACTERS
from telemock.hosts import host_name as normal_host
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

    def way_round(self, target: Target, host_field: str, arrival: Arrival) -> Handler | None:
        """Give who answers a request that is not captured; None for traffic, which is.

        Args:
            target: where it wants to go.
            host_field: value of its Host field, "" when there is none.
            arrival: how its connection came.
        """
        if target.via == "proxy":
            return None if self._products.covers(target.host) else self._elsewhere
        path = target.path
        if path not in ADMIN_PATHS and not (path + "/").startswith(ADMIN_PREFIX + "/"):
            return None
        if target.via == "connect":
            return None
        named = {arrival.host, target.host, _meant(host_field)}
        if any(map(self._products.is_product, named)):
            return None
        foreign = next((host for host in named if not self._products.is_own(host)), None)
        return self._admin if foreign is None else partial(_misdirected, foreign)


def _meant(host_field: str) -> str:
    """Take the host from a Host field that may be spelled in an odd way: percent-encoded, or with other characters."""
    host = unquote(host_field).rpartition("@")[2].strip()
    if not host.endswith("]"):
        host = re.sub(":[0-9]*$", "", host)
    try:
        return host and normal_host(host)
    except InvalidHost:
        return host


async def _misdirected(host: str, _request: web.Request) -> web.Response:
    """Answer 421 (RFC 9110 section 15.5.20): a page may have led its browser here by its own name (DNS rebinding)."""
    shown = host[:MOST_CHARACTERS]
    return json_answer(
        421,
        {
            "error": f"The admin side does not answer for the host {shown!r}; start telemock with --admin-host {shown} "
            "if that is a name of its own, or ask for an address of this machine."
        },
    )
