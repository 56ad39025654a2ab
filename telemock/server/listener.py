"""This is the port: a bound socket, and the connections that come through it.

It refuses to guess: an address that cannot be served is said in one sentence.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

from aiohttp import web

from telemock.errors import ListenError
from telemock.exchange import Connection
from telemock.server.protocol import Protocol

BACKLOG = 1024
MAX_LINE_BYTES = 64 * 2**10  # request line and each header field; aiohttp's own 8 KiB is too short for some pings

KEEP_ALIVE_SECONDS = 75  # what an idle connection may last


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


class Site(web.BaseSite):
    """Serves one bound socket with an application.

    Args:
        runner: its application's runner, set up.
        listening: owned by this site from now on.
        on_malformed: told of traffic that is not HTTP.
    """

    def __init__(
        self, runner: web.AppRunner, listening: socket.socket, *, on_malformed: Callable[[Connection], None]
    ) -> None:
        super().__init__(runner, backlog=BACKLOG)
        self._listening = listening
        self._on_malformed = on_malformed

    @property
    def name(self) -> str:
        """The URL of this site, as a client on this machine writes it."""
        return site_url(self._listening)

    async def start(self) -> None:
        """Begin to accept."""
        await super().start()
        loop = asyncio.get_running_loop()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the runner is not set up")
        options: dict[str, Any] = {
            "loop": loop,
            "access_log": None,
            "keepalive_timeout": KEEP_ALIVE_SECONDS,
            "auto_decompress": False,
            "max_line_size": MAX_LINE_BYTES,
            "max_field_size": MAX_LINE_BYTES,
        }
        protocol = partial(Protocol, server, on_malformed=self._on_malformed, **options)
        self._server = await loop.create_server(protocol, sock=self._listening, backlog=self._backlog)


def site_url(listening: socket.socket) -> str:
    """Write the URL of a bound socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use; stop what uses it, or choose another with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} needs privileges; choose one above 1023 with --port, or allow it to this user."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; choose one that is with --host."
    return f"Cannot listen on {host} port {port}: {error.strerror}."
