"""This is the way out: a name is resolved once, its addresses are checked, and one of those is dialled.

It refuses addresses that nobody may be let through to, however they are written or named.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Collection, Sequence
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
        may_be_private: private addresses are dialled as well.
    """

    def __init__(
        self, own_ports: Collection[int], proxy: UpstreamProxy | None = None, *, may_be_private: bool = True
    ) -> None:
        self._own_ports = own_ports
        self._proxy = proxy
        self._may_be_private = may_be_private

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
                for_stranger = is_stranger(client)
                if proxy is None or as_address(host) is not None:
                    found = await self.resolve(host, port, for_stranger=for_stranger)
                if proxy is None:
                    return await _start_connection(found, self.socket_for(for_stranger=for_stranger))
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
            why = self._why_forbidden(info, for_stranger=for_stranger)
            if why is None:
                allowed.append(info)
            else:
                why_not = f"{info[4][0]} {why}"
        if not allowed:
            raise UpstreamForbidden(f"{host} port {port} is not passed on: {why_not}.")
        return allowed

    def socket_for(self, *, for_stranger: bool) -> Callable[[AddrInfoType], socket.socket]:
        """Give what makes the socket that dials an address: the last place where one that nobody may have is refused.

        Who dials without `resolve`, or resolves once more, gets PermissionError.
        """

        def checked(info: AddrInfoType) -> socket.socket:
            why = self._why_forbidden(info, for_stranger=for_stranger)
            if why is not None:
                raise PermissionError(errno.EACCES, f"{info[4][0]} {why}")
            return socket.socket(family=info[0], type=info[1], proto=info[2])

        return checked

    def _why_forbidden(self, info: AddrInfoType, *, for_stranger: bool) -> str | None:
        return why_forbidden(
            read_address(str(info[4][0])),
            info[4][1],
            own_ports=self._own_ports,
            for_stranger=for_stranger,
            may_be_private=self._may_be_private,
        )


async def _look_up(host: str, port: int) -> Sequence[AddrInfoType]:
    try:
        return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no host name"
        raise UpstreamError(f"{host} cannot be resolved: {why}.") from error


async def _start_connection(
    found: Sequence[AddrInfoType], socket_for: Callable[[AddrInfoType], socket.socket] | None = None
) -> socket.socket:
    return await start_connection(found, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, socket_factory=socket_for)


def is_stranger(client: str) -> bool:
    """Tell whether a client, by its IP address, is not on this machine."""
    return not is_here(read_address(client))
