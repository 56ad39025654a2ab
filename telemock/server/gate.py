"""This is the gate: the host decides whether the product or an administrator speaks, before any route.

It refuses to let a request that names a profile's host reach the admin side, whatever its path.
"""

from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from telemock.server.target import read_target

ADMIN_PATHS = frozenset({"/health", "/metrics"})
ADMIN_PREFIX = "/__admin"


def gate(admin: Handler, product_hosts: Collection[str]) -> Middleware:
    """Make the middleware that sends admin requests to `admin`, and everything else on."""

    @web.middleware
    async def gated(request: web.Request, handler: Handler) -> web.StreamResponse:
        raw = request.raw_path
        if raw.startswith(("/telemetry/", "/telemetry?")):
            return await handler(request)
        target = read_target(raw, request.headers.get("Host", ""))
        is_admin = (
            target.path in ADMIN_PATHS or target.path == ADMIN_PREFIX or target.path.startswith(ADMIN_PREFIX + "/")
        )
        if is_admin and target.via == "direct" and target.host not in product_hosts:
            return await admin(request)
        return await handler(request)

    return gated
