"""This is capture around a handler of the test's own, with a store of its own, served like telemock."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from marshmallow import Schema

from telemock.profiles.cribl import CRIBL
from telemock.profiles.profile import Profile
from telemock.server.capture import capture
from telemock.server.gate import Gate
from telemock.server.listener import Site, bind
from telemock.store.appender import SqliteAppender
from telemock.store.migration import migrate
from telemock.store.writer import Writer
from tests.server.served import MAX_BODY_BYTES, Served, beside


@contextmanager
def capturing(folder: Path, handler: Handler, *, is_cancelled: bool = False) -> Iterator[Served]:
    """Serve one handler, captured; `is_cancelled` cancels it when its client leaves."""
    db = folder / "telemetry.db"
    migrate(db)
    listening = bind("127.0.0.1", 0)
    host, port = listening.getsockname()

    async def admin(_request: web.Request) -> web.Response:
        return web.Response()

    async def serving(ready: Callable[[], None], stop: asyncio.Event) -> None:
        writer = Writer(await SqliteAppender.open(db, "commit"), on_commit=lambda _records, _seconds: None)
        middleware = capture(
            gate=Gate(CRIBL.hosts),
            admin=admin,
            profile=CRIBL,
            bare=Profile("", hosts=(), path_prefix="\0", schema=Schema(), identity_names={}),
            writer=writer,
            max_body=MAX_BODY_BYTES,
            on_refused=lambda _reason, _exchange: None,
        )
        app = web.Application(middlewares=[middleware])
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, handler_cancellation=is_cancelled)
        await runner.setup()
        await Site(runner, listening, on_malformed=lambda _connection: None).start()
        ready()
        await stop.wait()
        await runner.cleanup()
        await writer.close()

    with beside(serving) as stop:
        yield Served(host, port, db, stop)
