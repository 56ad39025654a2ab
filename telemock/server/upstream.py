"""This is the HTTP client: a request that was received is sent on to the server it names, as a proxy must.

It refuses to follow redirects, to keep cookies, to decode bodies, and to touch what is not hop-by-hop.
"""

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Final, Literal, TypedDict

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    hdrs,
    web,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.typedefs import RawHeaders
from multidict import CIMultiDict
from yarl import URL

from telemock.errors import UpstreamError
from telemock.hosts import as_address
from telemock.server.dial import DIAL_SECONDS, Dialer, is_stranger
from telemock.server.protocol import MAX_LINE_BYTES

VIA: Final = "1.1 telemock"

# Fields that are about one connection (RFC 9110 section 7.6.1), those for proxies, and those that aiohttp writes.
_HOP_BY_HOP: Final = frozenset(
    name.lower()
    for name in (
        hdrs.CONNECTION,
        hdrs.EXPECT,
        hdrs.KEEP_ALIVE,
        "Proxy-Connection",
        hdrs.PROXY_AUTHENTICATE,
        hdrs.PROXY_AUTHORIZATION,
        hdrs.TE,
        hdrs.TRAILER,
        hdrs.TRANSFER_ENCODING,
        hdrs.UPGRADE,
    )
)
_NOT_ADDED: Final = (hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE)


class _Way(TypedDict, total=False):
    """How a request leaves, in aiohttp's words."""

    proxy: str
    proxy_headers: Mapping[str, str]


class Upstream:
    """Sends requests on; made once the loop runs, and closed by its owner.

    Args:
        dialer: checks where names lead.
        trusted: the authorities of other servers; True is the system's.
    """

    def __init__(self, dialer: Dialer, *, trusted: ssl.SSLContext | Literal[True] = True) -> None:
        self._dialer = dialer
        self._trusted = trusted
        self._sessions: dict[bool | None, ClientSession] = {}

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    @contextlib.asynccontextmanager
    async def send(
        self, request: web.BaseRequest, url: URL, body: AsyncIterator[bytes] | bytes | None
    ) -> AsyncIterator[ClientResponse]:
        """Send a request on, and give the answer, whose body is not read yet.

        Args:
            request: whose method and fields are sent.
            url: where to, percent-encoded as received.
            body: of the request.

        Raises:
            UpstreamForbidden: nobody, or not this client, may be let through to it.
            UpstreamError: it cannot be reached, or what it says is not HTTP.
        """
        for_stranger = is_stranger(request.remote or "")
        host, port = url.raw_host or "", url.port or 0
        proxy = self._dialer.proxy_for(host, port)
        if as_address(host) is not None:  # aiohttp asks its resolver only for names
            await self._dialer.resolve(host, port, for_stranger=for_stranger)
        way: _Way = {}
        if proxy is not None:
            way["proxy"] = str(proxy.place)
            if proxy.place.authorization is not None:
                way["proxy_headers"] = {hdrs.PROXY_AUTHORIZATION: proxy.place.authorization}
        fields = end_to_end(request.raw_headers)
        fields.popall(hdrs.HOST, None)  # RFC 9112 section 3.2.2: the target says it
        fields.add(hdrs.VIA, VIA)
        session = self._session(None if proxy is not None else for_stranger)
        try:
            answer = await session.request(request.method, url, headers=fields, data=body, allow_redirects=False, **way)
        except (ClientError, OSError) as error:
            raise UpstreamError(f"{host} port {port} did not answer: {_words(error)}.") from error
        async with answer:
            yield answer

    def _session(self, for_stranger: bool | None) -> ClientSession:  # noqa: FBT001 - a key
        """Give the session for a client here or elsewhere; None for the proxy, which resolves names itself."""
        if for_stranger not in self._sessions:
            self._sessions[for_stranger] = ClientSession(
                connector=TCPConnector(
                    resolver=None if for_stranger is None else _Resolver(self._dialer, for_stranger=for_stranger),
                    use_dns_cache=False,
                    ssl=self._trusted,
                    limit=0,
                ),
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_NOT_ADDED,
                timeout=ClientTimeout(total=None, sock_connect=DIAL_SECONDS),
                max_line_size=MAX_LINE_BYTES,
                max_field_size=MAX_LINE_BYTES,
            )
        return self._sessions[for_stranger]


class _Resolver(AbstractResolver):
    """Gives aiohttp only addresses that may be dialled."""

    def __init__(self, dialer: Dialer, *, for_stranger: bool) -> None:
        self._dialer = dialer
        self._for_stranger = for_stranger

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - all are asked for
    ) -> list[ResolveResult]:
        """See aiohttp."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for family, _, protocol, _, address in await self._dialer.resolve(
                host, port, for_stranger=self._for_stranger
            )
        ]

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


async def pieces(answer: ClientResponse) -> AsyncIterator[bytes]:
    """Give the body of an answer as it comes.

    Raises:
        UpstreamError: it broke off.
    """
    try:
        async for piece in answer.content.iter_any():
            yield piece
    except (ClientError, OSError) as error:
        raise UpstreamError(f"{answer.url.raw_host} broke off in the middle of an answer: {_words(error)}.") from error


def _words(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def end_to_end(fields: RawHeaders) -> CIMultiDict[str]:
    """Give the fields of a message that are for its receiver, not for this connection, in case and order received.

    Which are not is said in RFC 9110 section 7.6.1.
    """
    read = [tuple(part.decode("utf-8", "surrogateescape") for part in line) for line in fields]
    named = {each.strip().lower() for name, value in read if name.lower() == "connection" for each in value.split(",")}
    return CIMultiDict((name, value) for name, value in read if name.lower() not in named | _HOP_BY_HOP)


class AsGiven(web.StreamResponse):
    """An answer with the fields of another server, and none that it did not give."""

    async def _prepare_headers(self) -> None:
        typed = hdrs.CONTENT_TYPE in self.headers
        await super()._prepare_headers()
        if not typed:
            self.headers.popall(hdrs.CONTENT_TYPE, None)


class PassedOn(AsGiven):
    """An answer that is passed on piece by piece."""

    def __init__(self, answer: ClientResponse) -> None:
        super().__init__(status=answer.status, reason=answer.reason, headers=end_to_end(answer.raw_headers))
        self.headers.add(hdrs.VIA, VIA)


class Whole(AsGiven, web.Response):
    """An answer whose body is known."""

    def __init__(self, answer: ClientResponse, body: bytes) -> None:
        super().__init__(status=answer.status, reason=answer.reason, headers=end_to_end(answer.raw_headers), body=body)
        self.headers.add(hdrs.VIA, VIA)
