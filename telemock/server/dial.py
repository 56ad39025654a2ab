"""This is the way out: a name is resolved once, its addresses are checked, and one of those is dialled.

It refuses addresses that nobody may be let through to, however they are written or named.
"""

import asyncio
import socket
from collections.abc import Collection, Sequence
from typing import Final

from aiohappyeyeballs import AddrInfoType, start_connection

from telemock.errors import UpstreamError, UpstreamForbidden
from telemock.hosts import as_address
from telemock.server.addresses import is_here, read_address, why_forbidden
from telemock.server.upstream_proxy import UpstreamProxy

DIAL_SECONDS: Final = 20.0
_NEXT_ADDRESS_SECONDS: Final = 0.25  # RFC 8305 section 5


class Dialer:
    """Dials other servers.

    Args:
        own_ports: where telemock itself listens.
        proxy: through which others are reached, if any.
    """

    def __init__(self, own_ports: Collection[int], proxy: UpstreamProxy | None = None) -> None:
        self._own_ports = own_ports
        self._proxy = proxy

    def proxy_for(self, host: str, port: int) -> UpstreamProxy | None:
        """Give the proxy through which a host is reached; None when it is dialled."""
        return self._proxy if self._proxy is not None and self._proxy.is_for(host, port) else None

    async def dial(self, host: str, port: int, client: str) -> socket.socket:
        """Connect; the caller owns the non-blocking socket.

        Args:
            host: name or address.
            port: on that host.
            client: IP address of who wants it.

        Raises:
            UpstreamForbidden: nobody, or not this client, may be let through.
            UpstreamError: the name does not resolve, or no address answers in time.
        """
        proxy = self.proxy_for(host, port)
        where = f"{host} port {port}" + ("" if proxy is None else f", by way of {proxy.place},")
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                if proxy is None or is_address(host):
                    found = await self.resolve(host, port, for_stranger=is_stranger(client))
                if proxy is None:
                    return await _start_connection(found)
                connection = await _start_connection(await _look_up(proxy.place.host, proxy.place.port))
                try:
                    await proxy.connect(connection, host, port)
                except BaseException:
                    connection.close()
                    raise
                return connection
        except TimeoutError as error:
            raise UpstreamError(f"{where} did not answer within {DIAL_SECONDS:.0f} seconds.") from error
        except OSError as error:
            raise UpstreamError(f"{where} cannot be reached: {error.strerror or error}.") from error

    async def resolve(self, host: str, port: int, *, for_stranger: bool) -> Sequence[AddrInfoType]:
        """Give the addresses of a host that may be dialled.

        Args:
            host: name or address.
            port: on that host.
            for_stranger: the client is not on this machine.

        Raises:
            UpstreamForbidden: it has none but such as may not.
            UpstreamError: the name does not resolve.
        """
        why_not = ""
        allowed: list[AddrInfoType] = []
        for info in await _look_up(host, port):
            text = str(info[4][0])
            why = why_forbidden(read_address(text), port, own_ports=self._own_ports, for_stranger=for_stranger)
            if why is None:
                allowed.append(info)
            else:
                why_not = f"{text} {why}"
        if not allowed:
            raise UpstreamForbidden(f"{host} port {port} is not passed on: {why_not}.")
        return allowed


async def _look_up(host: str, port: int) -> Sequence[AddrInfoType]:
    try:
        return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no host name"
        raise UpstreamError(f"{host} cannot be resolved: {why}.") from error


async def _start_connection(found: Sequence[AddrInfoType]) -> socket.socket:
    return await start_connection(found, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS)


def is_stranger(client: str) -> bool:
    """Tell whether a client, by its IP address, is not on this machine."""
    return not is_here(read_address(client))


def is_address(host: str) -> bool:
    """Tell whether a host is an IP address in any spelling that a resolver takes, such as 2852039166."""
    if as_address(host) is not None:
        return True
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True
