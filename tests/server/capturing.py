"""This is capture around a handler of the test's own, with a store of its own, served like telemock."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from marshmallow import Schema

from telemock.authority.folder import open_authority
from telemock.authority.leaves import Leaves
from telemock.exchange import Connection
from telemock.profiles.cribl import CRIBL
from telemock.profiles.profile import Profile
from telemock.server.body_memory import BodyMemory
from telemock.server.capture import Capture
from telemock.server.credentials import Credentials
from telemock.server.dial import Dialer
from telemock.server.door import Door
from telemock.server.elsewhere import Elsewhere
from telemock.server.gate import Gate
from telemock.server.interception import Interception
from telemock.server.listener import Site, bind
from telemock.server.protocol import speaking_http
from telemock.server.timeouts import Timeouts
from telemock.server.upstream import Upstream
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
    interception = Interception(CRIBL.hosts, ("telemock.test",))
    host, port = listening.getsockname()

    async def nothing(_request: web.Request) -> web.Response:
        return web.Response()

    def note(_connection: Connection, _reason: str = "") -> None:
        """Forget what is no exchange."""

    async def serving(ready: Callable[[], None], stop: asyncio.Event) -> None:
        writer = Writer(await SqliteAppender.open(db, "commit"), on_commit=lambda _records, _seconds: None)
        memory = BodyMemory(2**24, MAX_BODY_BYTES, lambda: None)
        capture = Capture(
            gate=Gate(interception, nothing, nothing, Credentials()),
            profile=CRIBL,
            bare=Profile("", hosts=(), path_prefix="\0", schema=Schema(), identity_names={}),
            writer=writer,
            max_body=MAX_BODY_BYTES,
            memory=memory,
            on_refused=lambda _reason, _exchange: None,
        )
        app = web.Application(middlewares=[capture.middleware])
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, handler_cancellation=is_cancelled)
        await runner.setup()
        dialer = Dialer(())
        door = Door(
            speaking_http(runner, on_malformed=note, timeouts=Timeouts()),
            interception=interception,
            default_host=CRIBL.hosts[0],
            credentials=Credentials(),
            leaves=Leaves(open_authority(folder / "ca")),
            elsewhere=Elsewhere(
                dialer, Upstream(dialer), note, credentials=Credentials(), is_open=False, memory=memory
            ),
            note=note,
            timeouts=Timeouts(),
            visit_key=None,
        )
        await Site(runner, listening, door).start()
        ready()
        await stop.wait()
        await runner.cleanup()
        await writer.close()

    with beside(serving) as stop:
        yield Served(host, port, db, stop)
