"""This is what administrators and their tools may ask, and how they are answered.

It refuses to be reached by a product: the gate in front decides by host.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from aiohttp import web
from aiohttp.typedefs import Handler

from telemock.admin.metrics import Metrics
from telemock.answers import json_answer, method_not_allowed
from telemock.authority.authority import Authority
from telemock.errors import AuthorityError, StoreUnavailable

HEALTHY = b'{"status": "healthy"}'


def admin_handler(
    check_store: Callable[[], Awaitable[Sequence[str]]],
    metrics: Metrics,
    authority: Authority,
    now: Callable[[], datetime],
) -> Handler:
    """Make the handler of all admin requests.

    Args:
        check_store: raises StoreUnavailable when exchanges could not be kept, else gives warnings.
        metrics: what /metrics shows.
        authority: whose public certificate is served, in PEM and in DER (RFC 2585), and whose dates decide on health.
        now: the clock, UTC.
    """

    async def health(_request: web.Request) -> web.Response:
        try:
            warnings = await check_store()
            authority.check_valid(now())
        except (StoreUnavailable, AuthorityError) as error:
            part = "database" if isinstance(error, StoreUnavailable) else "authority"
            return json_answer(503, {"status": "unhealthy", "reason": str(error), "part": part})
        warnings = [warning for warning in (*warnings, authority.ends_soon(now())) if warning]
        if warnings:
            return json_answer(200, {"status": "healthy", "warnings": warnings})
        return web.Response(body=HEALTHY, headers={"Content-Type": "application/json"})

    async def show_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def pem(_request: web.Request) -> web.Response:
        return web.Response(body=authority.certificate_pem, headers={"Content-Type": "application/x-pem-file"})

    async def der(_request: web.Request) -> web.Response:
        return web.Response(body=authority.certificate_der, headers={"Content-Type": "application/pkix-cert"})

    routes = {
        "/health": {"GET": health, "HEAD": health},
        "/metrics": {"GET": show_metrics},
        "/__admin/ca.pem": {"GET": pem, "HEAD": pem},
        "/__admin/ca.cer": {"GET": der, "HEAD": der},
    }

    async def answer(request: web.Request) -> web.StreamResponse:
        methods = routes.get(request.path)
        if methods is None:
            return json_answer(404, {"error": f"The admin side has no {request.path[:300]}.", "answers": [*routes]})
        handler = methods.get(request.method)
        if handler is None:
            return method_not_allowed(request.method, [*methods])
        return await handler(request)

    return answer
