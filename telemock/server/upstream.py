"""This is the HTTP client: a request that was received is sent on to the server it names, as a proxy must.

It refuses to follow redirects, to keep cookies, to decode bodies, and to touch what is not hop-by-hop.
"""

import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Final, Literal, TypedDict
from urllib.parse import urlsplit

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
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

from telemock.errors import UpstreamError, UpstreamForbidden
from telemock.hosts import as_address, authority
from telemock.server.dial import DIAL_SECONDS, Dialer, is_stranger
from telemock.server.messages import MAX_LINE_BYTES
from telemock.server.target import host_name
from telemock.server.upstream_proxy import UpstreamProxy, refusal

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
_HOST: Final = re.compile("[A-Za-z0-9._~:-]+")

# What is read ahead of a slow client, so far as there is memory: where a server closes first all the same, uvloop
# loses the rest. Half of what aiohttp holds by itself, and what is read from it at once.
AHEAD_BYTES: Final = 8 * 2**20
_PIECE_BYTES: Final = 2**17

# A server that says nothing for so long is given up.
_SILENT_SECONDS: Final = 300.0

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
        self, request: web.BaseRequest, url: URL, body: AsyncIterator[bytes] | BytesIO | None
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
        host, port = url.raw_host or "", url.port or 0
        for_stranger = is_stranger(request.remote or "")
        proxy = self._dialer.proxy_for(host, port)
        if as_address(host) is not None:  # for which aiohttp, or the proxy, asks no resolver
            await self._dialer.resolve(host, port, for_stranger=for_stranger)
        way: _Way = {}
        fields = end_to_end(request.raw_headers)
        if proxy is not None:
            way["proxy"] = str(proxy.place)
            if proxy.place.authorization is not None and url.scheme == "https":  # where it is asked for a tunnel
                way["proxy_headers"] = {hdrs.PROXY_AUTHORIZATION: proxy.place.authorization}
            elif proxy.place.authorization is not None:
                fields[hdrs.PROXY_AUTHORIZATION] = proxy.place.authorization
        fields.popall(hdrs.HOST, None)  # RFC 9112 section 3.2.2: the target says it
        fields.add(hdrs.VIA, VIA)
        # The connection is ended here: servers that are asked to end it make uvloop lose what was not read yet
        # (https://github.com/MagicStack/uvloop/pull/661).
        fields[hdrs.CONNECTION] = "keep-alive"
        _count_down(request.method, fields)
        session = self._session(None if proxy is not None else for_stranger)
        try:
            answer = await session.request(request.method, url, headers=fields, data=body, allow_redirects=False, **way)
        except (ClientError, OSError) as error:
            raise UpstreamError(_why_not(error, host, port, proxy)) from error
        async with answer:
            if answer.status == HTTPStatus.SWITCHING_PROTOCOLS:
                raise UpstreamError(f"{host} port {port} switched protocols, which nobody asked for.")
            if proxy is not None and answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                raise UpstreamError(refusal(proxy, host, port, f"{answer.status} {answer.reason}"))
            yield answer

    def _session(self, for_stranger: bool | None) -> ClientSession:  # noqa: FBT001 - a key
        """Give the session for a client here or elsewhere; None for the proxy, which resolves names itself."""
        if for_stranger not in self._sessions:
            self._sessions[for_stranger] = ClientSession(
                connector=TCPConnector(
                    resolver=None if for_stranger is None else _Resolver(self._dialer, for_stranger=for_stranger),
                    socket_factory=None if for_stranger is None else self._dialer.socket_for(for_stranger=for_stranger),
                    use_dns_cache=False,
                    ssl=self._trusted,
                    limit=0,
                    # What is sent on a connection that the other side is giving up may be lost, or done twice.
                    force_close=True,
                ),
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_NOT_ADDED,
                timeout=ClientTimeout(total=None, sock_connect=DIAL_SECONDS, sock_read=_SILENT_SECONDS),
                read_bufsize=_PIECE_BYTES,
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


def read_ahead(answer: ClientResponse, size: int) -> None:
    """Let so many bytes of an answer wait for whoever reads it; never fewer than before."""
    answer.content.set_read_chunk_size(size // 2)


async def pieces(answer: ClientResponse) -> AsyncIterator[bytes]:
    """Give the body of an answer as it comes.

    Raises:
        UpstreamError: it broke off.
    """
    try:
        async for piece in answer.content.iter_chunked(_PIECE_BYTES):
            yield piece
    except (ClientError, OSError) as error:
        raise UpstreamError(f"{answer.url.raw_host} broke off in the middle of an answer: {_words(error)}.") from error


def http_url(scheme: str, received: str, path: str, query: str) -> URL:
    """Write where a request is sent on to, from what was received; user and password are left out.

    Args:
        scheme: lower case.
        received: `[user@]host[:port]`.
        path: percent-encoded.
        query: the same, without the question mark.

    Raises:
        UpstreamError: it is not the URL of a server that speaks HTTP.
    """
    host = host_name(received)
    if scheme in ("http", "https") and _HOST.fullmatch(host) and path.startswith("/"):
        with contextlib.suppress(ValueError):  # of the port
            port = urlsplit("//" + received).port
            if port != 0:
                return URL.build(
                    scheme=scheme, authority=authority(host, port), path=path, query_string=query, encoded=True
                )
    said = f"{scheme}://{received.rpartition('@')[2]}{path}"[:300]
    raise UpstreamError(f"{said!r} is not the URL of a server that speaks HTTP.")


def _count_down(method: str, fields: CIMultiDict[str]) -> None:
    """Count a field down that says how often a request may be forwarded (RFC 9110 section 7.6.2)."""
    left = fields.get(hdrs.MAX_FORWARDS, "")
    if method not in ("OPTIONS", "TRACE") or not (left.isascii() and left.isdecimal()):
        return
    if int(left) == 0:
        raise UpstreamForbidden(f"{method} is not passed on: its Max-Forwards is 0.")
    fields[hdrs.MAX_FORWARDS] = str(int(left) - 1)


def _why_not(error: Exception, host: str, port: int, proxy: UpstreamProxy | None) -> str:
    """Say in a sentence why a request got no answer."""
    where = f"{host} port {port}"
    match error:
        case ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or _words(error.certificate_error)
            return f"The certificate of {where} is not trusted: {why}; name its authority with --upstream-ca."
        case ClientConnectorSSLError():
            return f"TLS with {where} failed: {_words(error.os_error)}."
        case ClientProxyConnectionError():
            return f"{where}, by way of {proxy and proxy.place}, cannot be reached: {_words(error.os_error)}."
        case ClientConnectorError():
            return f"{where} cannot be reached: {_words(error.os_error)}."
        case ClientHttpProxyError() if proxy is not None:
            return refusal(proxy, host, port, f"{error.status} {error.message}")
    return f"{where} did not answer: {_words(error)}."


def _words(error: Exception) -> str:
    said = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return str(said).splitlines()[0].rstrip(":. ")


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
        missing = [name for name in (hdrs.CONTENT_TYPE, hdrs.CONTENT_LENGTH, hdrs.SERVER) if name not in self.headers]
        await super()._prepare_headers()
        for name in missing:
            # aiohttp makes the length of a body that it has, and of none for HEAD.
            if name != hdrs.CONTENT_LENGTH or (self._req is not None and self._req.method == hdrs.METH_HEAD):
                self.headers.popall(name, None)


class PassedOn(AsGiven):
    """An answer that is passed on piece by piece.

    Attributes:
        given: its fields, without those that are about the connection to the client.
    """

    def __init__(self, answer: ClientResponse) -> None:
        super().__init__(status=answer.status, reason=answer.reason, headers=end_to_end(answer.raw_headers))
        self.headers.add(hdrs.VIA, VIA)
        self.given = self.headers.copy()

    def break_off(self, request: web.BaseRequest) -> None:
        """End the connection where the other server did: nobody must take what came for whole."""
        if request.transport is not None:
            request.transport.close()


class Whole(AsGiven, web.Response):
    """An answer whose body is known."""

    def __init__(self, answer: ClientResponse, body: bytes) -> None:
        super().__init__(status=answer.status, reason=answer.reason, headers=end_to_end(answer.raw_headers), body=body)
        self.headers.add(hdrs.VIA, VIA)
