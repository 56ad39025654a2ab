"""This is the one route: every target goes to the same handler, also those that aiohttp's patterns cannot name.

It refuses to look at paths; the gate and the mock do.
"""

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


class _OneMatch(web.UrlMappingMatchInfo):
    """What aiohttp notes of the route and the application of a request: of every request the same."""

    def __init__(self, route: web.AbstractRoute, app: web.Application) -> None:
        super().__init__({}, route)
        super().add_app(app)

    def add_app(self, app: web.Application) -> None:
        """Do nothing: the one application is known."""


class _OneRoute(web.UrlDispatcher):
    """Finds `match` for any request: a path, an absolute URL, `*`, or an authority."""

    match: _OneMatch

    async def resolve(self, _request: web.Request) -> _OneMatch:
        return self.match


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
    router.match = _OneMatch(router.add_route("*", "/", handler, expect_handler=expect_handler), app)
    return app
