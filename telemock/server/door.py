"""This is the door: what a client says first decides what its connection is, before a byte of that is read away.

It refuses a CONNECT inside a CONNECT, and whoever does not come to the point.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Final

from telemock.authority.leaves import Leaves
from telemock.authority.visit_proof import VISIT_PROTOCOL, is_visit
from telemock.errors import AuthorityError, InvalidHost, MalformedRequest
from telemock.exchange import NOTHING_ASKED, NOTHING_SAID, Connection
from telemock.hosts import authority, plain_host
from telemock.server.connect import METHOD, ConnectRequest, read_connect
from telemock.server.credentials import Credentials
from telemock.server.elsewhere import ESTABLISHED, Elsewhere
from telemock.server.head import whole_head
from telemock.server.hello import INTERNAL_ERROR, NO_APPLICATION_PROTOCOL, Hello, HelloReader
from telemock.server.interception import Interception
from telemock.server.malformed import HEAD_BYTES, malformed_detail, wanted_by
from telemock.server.peek import MAX_PEEKED_BYTES, Peek
from telemock.server.protocol import UnaskedEnd
from telemock.server.refusal import ENDED_HERE, ONLY_HTTP2, explain
from telemock.server.target import DIRECT, Arrival
from telemock.server.timeouts import Timeouts
from telemock.server.tls_end import HalfClosing
from telemock.server.visitor import Visitor

_logger = logging.getLogger(__name__)

_TLS_HANDSHAKE: Final = 0x16  # content type of a record (RFC 8446 section 5.1)

# Who ends a fresh TLS connection so soon without a word did not want the certificate.
_SILENT_MS: Final = 2000.0
_TLS_SHUTDOWN_SECONDS: Final = 2.0

_ONLY_EMPTY_LINES: Final = "Nothing was asked before it ended: only empty lines came."
_TOO_LONG: Final = f"The head is longer than {MAX_PEEKED_BYTES} bytes."


class Door:
    """Takes new connections to where they belong.

    Args:
        protocol: makes what speaks HTTP on a connection, from how it came and from what to call when it ends
            without a request.
        interception: the hosts answered here.
        default_host: whose certificate a client gets that names nobody.
        leaves: certificates.
        elsewhere: takes CONNECTs to all other hosts.
        credentials: who may use the proxy.
        note: keeps what became of a connection, with a short word for why.
        timeouts: of clients.
        visit_key: of the doctor's proofs, whose connections without a request leave no row.
    """

    def __init__(
        self,
        protocol: Callable[[Arrival, UnaskedEnd | None], asyncio.Protocol],
        *,
        interception: Interception,
        default_host: str,
        leaves: Leaves,
        elsewhere: Elsewhere,
        credentials: Credentials,
        note: Callable[[Connection, str], None],
        timeouts: Timeouts,
        visit_key: bytes | None,
    ) -> None:
        self._protocol = protocol
        self._interception = interception
        self._default_host = default_host
        self._leaves = leaves
        self._elsewhere = elsewhere
        self._credentials = credentials
        self._note = note
        self._timeouts = timeouts
        self._visit_key = visit_key

    async def admit(self, visitor: Visitor) -> None:
        """Serve a connection, or hand it on to who does; it is closed or handed on at the end."""
        try:
            await self._admit(visitor, DIRECT)
        except OSError:
            pass  # the client left, or waited too long
        finally:
            visitor.close()

    async def _admit(self, visitor: Visitor, arrival: Arrival) -> None:
        visitor.is_silent = True
        visitor.awaits(client=True)
        async with asyncio.timeout(self._timeouts.idle):
            first = await visitor.peek.more_than(0)
        if not first:
            return
        visitor.is_silent = False
        if first[0] == _TLS_HANDSHAKE:
            await self._serve_tls(visitor, arrival)
        elif arrival is DIRECT and first[0] == METHOD[0]:
            await self._serve_what_may_be_connect(visitor)
        else:
            await self._serve(visitor, arrival)

    async def _serve(self, visitor: Visitor, arrival: Arrival) -> None:
        loop = asyncio.get_running_loop()
        on_unasked_end = None if arrival is DIRECT else partial(self._note_unasked, visitor, arrival)
        await loop.connect_accepted_socket(partial(self._protocol, arrival, on_unasked_end), visitor.hand_on())

    async def _serve_tls(self, visitor: Visitor, arrival: Arrival) -> None:
        """End TLS here; whoever does not want that is noted with the likely cause."""
        with self._noting_refusal(visitor, arrival.host):
            async with asyncio.timeout(self._timeouts.head):
                hello = await _read_hello(visitor.peek)
        host = plain_host(hello.name or arrival.host)
        visitor.is_doctor = visitor.is_doctor or self._is_visit(host, _proof_in(hello.protocols))
        if not hello.refusal and _speaks_only_http2(hello):
            self._note_refusal(visitor, host, ONLY_HTTP2)
            await visitor.say_last(NO_APPLICATION_PROTOCOL)
            return
        try:
            with self._noting_refusal(visitor, host):
                visitor.awaits(client=False)
                context = None if hello.refusal else await self._context(visitor, host)
        except AuthorityError as error:
            _logger.error("no certificate for %s: %s", host or self._default_host, error)  # noqa: TRY400 - it says why
            self._note_refusal(visitor, host, error)
            await visitor.say_last(INTERNAL_ERROR)
            return
        if context is None:
            self._note_refusal(visitor, host, hello.refusal or "unrecognized_name")
            await visitor.say_last(hello.alert)
            return
        context.sslobject_class = HalfClosing
        established = Arrival("connect" if arrival.via == "connect" else "tls", "https", host, arrival.port)
        on_unasked_end = partial(self._note_unasked, visitor, established)
        with self._noting_refusal(visitor, host):
            visitor.awaits(client=True)
            await asyncio.get_running_loop().connect_accepted_socket(
                partial(self._protocol, established, on_unasked_end),
                visitor.hand_on(),
                ssl=context,
                ssl_handshake_timeout=self._timeouts.head,
                ssl_shutdown_timeout=_TLS_SHUTDOWN_SECONDS,
            )

    @contextmanager
    def _noting_refusal(self, visitor: Visitor, host: str) -> Iterator[None]:
        """Note a handshake that ends in the block, whoever ends it."""
        try:
            yield
        except (OSError, asyncio.CancelledError) as error:  # ssl.SSLError as well
            self._note_refusal(visitor, host, error)
            raise

    async def _context(self, visitor: Visitor, host: str) -> ssl.SSLContext | None:
        """Return the certificate of a host, or else of telemock itself; None when the name is no host.

        Raises:
            AuthorityError: there can be none now.
        """
        names = (host,) if host else (self._default_host, visitor.socket.getsockname()[0])
        try:
            return await self._leaves.context(*names)
        except InvalidHost:
            return None

    async def _serve_what_may_be_connect(self, visitor: Visitor) -> None:
        """Take a CONNECT where it leads; anything else that begins with its first letter is served."""
        try:
            head = await self._connect_head(visitor)
            if head is None and len(visitor.peek.last_seen) == MAX_PEEKED_BYTES:
                await self._refuse(visitor, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _TOO_LONG)
                return
            if not head:
                await self._serve(visitor, DIRECT)
                return
            wanted = read_connect(head)
        except TimeoutError:
            await self._refuse(visitor, HTTPStatus.REQUEST_TIMEOUT, "The head took too long.")
            return
        except MalformedRequest as error:
            await self._refuse(visitor, HTTPStatus.BAD_REQUEST, str(error))
            return
        visitor.awaits(client=False)
        refusal = await self._credentials.refusal(wanted.authorization, visitor.client)
        if refusal is not None:
            if refusal.detail:
                self._note(visitor.record("blocked", wanted.host, wanted.port, refusal.detail), "")
            await visitor.refuse(refusal.status, refusal.error, refusal.fields)
            return
        visitor.peek.take(len(head))
        visitor.port = wanted.port
        visitor.is_doctor = self._is_visit(authority(wanted.host, wanted.port), wanted.visit)
        if self._interception.covers(wanted.host):
            await self._serve_tunnel(visitor, wanted)
        else:
            await self._elsewhere.connect(visitor, wanted)

    def _is_visit(self, target: str, said: str | None) -> bool:
        return is_visit(self._visit_key, target, said, time.time)

    async def _connect_head(self, visitor: Visitor) -> bytes | None:
        """Return the head of a CONNECT; nothing when it is none, None when there is no end of it.

        Raises:
            OSError: it took too long, or the client left.
        """
        try:
            async with asyncio.timeout(self._timeouts.head):
                return await visitor.peek.until(_connect_head)
        except TimeoutError:
            raise
        except (OSError, asyncio.CancelledError) as error:
            whose = "The client left" if isinstance(error, OSError) else ENDED_HERE
            self._note_malformed(visitor, f"{whose} in the middle of a head.")
            raise

    async def _serve_tunnel(self, visitor: Visitor, wanted: ConnectRequest) -> None:
        """Serve what comes in a tunnel that ends here; a row tells that nothing came."""
        visitor.is_silent = True
        try:
            await visitor.say(ESTABLISHED)
            await self._admit(visitor, Arrival("connect", "http", wanted.host, wanted.port))
        finally:
            if visitor.is_silent:
                self._note_tunnel(visitor, wanted.host, NOTHING_SAID)

    async def _refuse(self, visitor: Visitor, status: HTTPStatus, error: str) -> None:
        """Answer a CONNECT that cannot be read."""
        try:
            await visitor.refuse(status, error)
        finally:
            self._note_malformed(visitor, error)

    def _note_malformed(self, visitor: Visitor, reason: str) -> None:
        seen = visitor.peek.last_seen
        self._note(
            visitor.record(
                "malformed",
                *wanted_by(seen[:HEAD_BYTES]),
                malformed_detail(reason, seen),
                bytes_up=max(len(seen), visitor.bytes_up),
                bytes_down=visitor.bytes_down,
            ),
            "malformed",
        )

    def _note_unasked(self, visitor: Visitor, arrival: Arrival, error: BaseException | None, bytes_up: int) -> None:
        """Note who ended TLS right after the handshake, before a word, and who asked nothing.

        A connection in which nothing came is a spare one, unless it is a tunnel.
        """
        if arrival.scheme == "https" and not bytes_up and visitor.age_ms < _SILENT_MS:
            self._note_refusal(visitor, arrival.host, error)
        elif arrival.via == "connect":
            self._note_tunnel(visitor, arrival.host, NOTHING_ASKED, bytes_up)
        elif bytes_up and not visitor.is_doctor:
            row = visitor.record("malformed", arrival.host, visitor.port, _ONLY_EMPTY_LINES, bytes_up=bytes_up)
            self._note(row, "malformed")

    def _note_tunnel(self, visitor: Visitor, host: str, detail: str, bytes_up: int = 0) -> None:
        """Note a tunnel that ended here, unless it was the doctor's."""
        if not visitor.is_doctor:
            self._note(visitor.record("tunnel", host, visitor.port, detail, bytes_up=bytes_up), "")

    def _note_refusal(self, visitor: Visitor, host: str, error: BaseException | str | None) -> None:
        refusal = explain(error)
        self._note(
            visitor.record("tls_refused", host, visitor.port, f"{refusal.alert}: {refusal.cause}"), refusal.alert
        )


async def _read_hello(peek: Peek) -> Hello:
    """Read a ClientHello that stands first.

    Raises:
        OSError: the client left before its end.
    """
    hello = await peek.until(HelloReader().read)
    if hello is not None:
        return hello
    if len(peek.seen()) < MAX_PEEKED_BYTES:
        raise ConnectionResetError("the client left in the middle of its first message")
    return Hello(None, "EXCESSIVE_MESSAGE_SIZE", b"")


def _speaks_only_http2(hello: Hello) -> bool:
    """Tell whether a client would not speak HTTP/1; one that names protocols of its own may."""
    return b"h2" in hello.protocols and not any(name.startswith(b"http/1.") for name in hello.protocols)


def _proof_in(protocols: Iterable[bytes]) -> str | None:
    """Give what stands where the doctor's proof does among the protocols that a client offers."""
    prefix = VISIT_PROTOCOL.encode()
    said = (name.removeprefix(prefix) for name in protocols if name.startswith(prefix))
    return next((proof.decode("ascii", "surrogateescape") for proof in said), None)


def _connect_head(seen: bytes) -> bytes | None:
    """Give the head of a CONNECT; nothing when it is none, None when more must be seen."""
    return whole_head(seen) if seen.startswith(METHOD[: len(seen)]) else b""
