"""This is the one route: every target goes to the same handler, also those that aiohttp's patterns cannot name.

It refuses to look at paths; the gate and the mock do.
"""

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


class _OneRoute(web.UrlDispatcher):
    """Finds `route` for any request: a path, an absolute URL, `*`, or an authority."""

    route: web.AbstractRoute

    async def resolve(self, _request: web.Request) -> web.UrlMappingMatchInfo:
        return web.UrlMappingMatchInfo({}, self.route)


def application(
    middleware: Middleware, handler: Handler, expect_handler: Callable[[web.Request], Awaitable[Any]]
) -> web.Application:
    """Make an application that gives everything to one handler, through one middleware.

    Args:
        middleware: around every answer.
        handler: answers any method and target.
        expect_handler: called for requests with an Expect field, before the middleware.
    """
    router = _OneRoute()
    with warnings.catch_warnings():
        # aiohttp would rather have its own router, whose patterns begin with a slash: CONNECT and `OPTIONS *` do not.
        warnings.simplefilter("ignore", DeprecationWarning)
        app = web.Application(router=router, middlewares=[middleware])
    router.route = router.add_route("*", "/", handler, expect_handler=expect_handler)
    return app
