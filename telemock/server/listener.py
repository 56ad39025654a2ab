"""This is the port: a bound socket, and the connections that come through it.

It refuses to guess: an address that cannot be served is said in one sentence.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice

from aiohttp import web

from telemock.errors import ListenError
from telemock.hosts import authority
from telemock.server.descriptors import (
    LEAST_IDLE_SECONDS,
    LEAST_STALLED_SECONDS,
    Descriptors,
    IdleConnection,
    close_idle,
    least_free,
)
from telemock.server.door import Door
from telemock.server.protocol import Protocol
from telemock.server.visitor import Visitor

_logger = logging.getLogger(__name__)

BACKLOG = 1024
_AT_ONCE = 64  # who waits is accepted in turns with what else the loop does
_PAUSE_SECONDS = 1.0
_SHORT_PAUSE_SECONDS = 0.1

# At the end, who asked so shortly ago is given so long to ask once more.
_RECENT_SECONDS = 1.0
_LAST_SECONDS = 0.5


def bind(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Bind a TCP socket; the caller owns it.

    Args:
        host: name or address.
        port: 0 picks a free one.
        shared: several processes bind the same port (SO_REUSEPORT) and the kernel spreads the clients;
            the caller made sure that no stranger has it. Not listening yet, so that one may just hold it.

    Raises:
        ListenError: in use, not ours to take, or no such address.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise ListenError(f"{host!r} is not an address of this machine; use --host with one that is.") from error
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(address)
        if not shared:
            listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise ListenError(_why(host, port, error)) from error
    return listening


def listen_beside(host: str, port: int) -> socket.socket:
    """Listen on a port beside other processes, as `bind` shares it; the caller owns the socket.

    Raises:
        ListenError: as `bind` does.
    """
    listening = bind(host, port, shared=True)
    listening.listen(BACKLOG)
    return listening


class Site(web.BaseSite):
    """Accepts on one bound socket, and shows each client to the door.

    Args:
        runner: its application's runner, set up.
        listening: owned by this site from now on.
        door: takes connections where they belong.
        on_scarce: told, when there are hardly any descriptors left, how many idle connections were closed, and whether
            new ones have to wait.
    """

    def __init__(
        self,
        runner: web.BaseRunner,
        listening: socket.socket,
        door: Door,
        on_scarce: Callable[[int, bool], None] = lambda _closed, _is_full: None,
    ) -> None:
        super().__init__(runner, backlog=BACKLOG)
        self._listening = listening
        self._door = door
        self._visits: dict[asyncio.Task[None], Visitor] = {}
        self._descriptors = Descriptors()
        self._on_scarce = on_scarce

    @property
    def name(self) -> str:
        """The URL of this site, as a client on this machine writes it."""
        return site_url(self._listening)

    async def start(self) -> None:
        """Begin to accept."""
        await super().start()
        self._listening.settimeout(0)
        self._listening.listen(self._backlog)
        asyncio.get_running_loop().add_reader(self._listening, self._accept)

    async def stop(self) -> None:
        """Accept no more; whoever was not handed on yet is closed, tunnels included."""
        asyncio.get_running_loop().remove_reader(self._listening)
        self._listening.close()
        await super().stop()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    def _accept(self) -> None:
        """Take who waits, some at a time; without resources to, leave them waiting for a while."""
        loop = asyncio.get_running_loop()
        for _ in range(_AT_ONCE):
            try:
                connection, (address, *_) = self._listening.accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # this one left already
            except OSError as error:
                _logger.error("cannot accept connections: %s; trying again in %s s", error.strerror, _PAUSE_SECONDS)  # noqa: TRY400
                loop.remove_reader(self._listening)
                loop.call_later(_PAUSE_SECONDS, self._resume)
                return
            number = connection.fileno()
            connection.settimeout(0)
            visitor = Visitor(connection, address)
            visit = loop.create_task(self._admit(visitor))
            self._visits[visit] = visitor
            visit.add_done_callback(self._visits.pop)
            if self._descriptors.are_scarce(number):
                self._make_room(number)
                return  # they are closed before the next one is accepted

    def _make_room(self, number: int) -> None:
        """Close idle connections, or else let others end with their next answer; without room new ones wait.

        Args:
            number: of the newest descriptor.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        closed = close_idle(self._idle(), now - LEAST_IDLE_SECONDS)
        closed = closed or close_idle(self._stalled(), now - LEAST_STALLED_SECONDS)
        if not closed:
            for protocol in islice((each for each in self._protocols() if not each.is_ending), _AT_ONCE):
                protocol.end_soon()
        is_full = self._descriptors.are_gone(number)
        if is_full:
            loop.remove_reader(self._listening)
            loop.call_later(_SHORT_PAUSE_SECONDS, self._resume)
        self._on_scarce(closed, is_full)

    def _idle(self) -> Iterator[IdleConnection]:
        """Give the connections on which nobody waits for an answer."""
        for visit, visitor in self._visits.items():
            if visitor.awaited_since is not None:
                yield IdleConnection(visitor.awaited_since, visitor.has_unread, visit.cancel)
        for protocol in self._protocols():
            if (since := protocol.idle_since) is not None:
                yield IdleConnection(since, protocol.has_unread, protocol.end_idle)

    def _stalled(self) -> Iterator[IdleConnection]:
        """Return the connections on which more of a body is awaited."""
        for protocol in self._protocols():
            if (since := protocol.stalled_since) is not None:
                yield IdleConnection(since, protocol.has_unread, protocol.end_idle)

    def _protocols(self) -> Iterator[Protocol]:
        server = self._runner.server
        for protocol in server.connections if server is not None else ():
            if isinstance(protocol, Protocol):
                yield protocol

    def _resume(self) -> None:
        if self._listening.fileno() < 0:
            return
        with suppress(OSError):  # there is none, which who accepts will tell
            number = least_free(self._listening.fileno())
            if self._descriptors.are_gone(number):
                self._make_room(number)
                return
        asyncio.get_running_loop().add_reader(self._listening, self._accept)

    async def _admit(self, visitor: Visitor) -> None:
        try:
            await self._door.admit(visitor)
        except Exception:
            _logger.exception("a connection from %s crashed", visitor.client)


async def end_connections(runner: web.BaseRunner) -> None:
    """Accept no more, and give the answer to what clients have on its way, saying that it is the last one.

    Who keeps a connection learns from that answer to ask elsewhere; a connection that is just closed may have
    taken a request with it.

    Args:
        runner: with its sites started.
    """
    for site in list(runner.sites):
        await site.stop()
    since = asyncio.get_running_loop().time() - _RECENT_SECONDS
    awaited = []
    for connection in runner.server.connections if runner.server is not None else ():
        if isinstance(connection, Protocol):
            serving = connection.end_soon()
            if serving is not None and (connection.idle_since or since) >= since:
                awaited.append(serving)
    if awaited:
        await asyncio.wait(awaited, timeout=_LAST_SECONDS)


def site_url(listening: socket.socket) -> str:
    """Write the URL of a bound socket."""
    host, port = listening.getsockname()[:2]
    return f"http://{authority(host, port)}"


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use; stop what uses it, or choose another with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} needs privileges; choose one above 1023 with --port, or allow it to this user."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; choose one that is with --host."
    return f"Cannot listen on {host} port {port}: {error.strerror}."
