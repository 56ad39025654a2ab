"""This is what a TLS listener asks for: a server's context for the names that a client wants, made once and kept.

It refuses to keep more than a bounded number, to block the loop, and to let a key touch a disk.
"""

import asyncio
import os
import ssl
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from telemock.authority.authority import Authority
from telemock.authority.folder import utc_now
from telemock.errors import AuthorityError
from telemock.hosts import host_names

MOST_LEAVES = 512

# A clock that is set back by more than this was wrong when a leaf was signed, and so are the dates of that.
_CLOCK_SLACK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Kept:
    context: ssl.SSLContext
    signed_at: datetime
    renew_at: datetime


class Leaves:
    """Server contexts by names, the most recently used ones; one loop uses it.

    Args:
        authority: signs the leaves.
        most: how many contexts are kept; each takes about 25 KB.
        now: the clock, UTC.
        pool: in which leaves are signed; owned by the caller. The loop's own, unless said.
    """

    def __init__(
        self,
        authority: Authority,
        *,
        most: int = MOST_LEAVES,
        now: Callable[[], datetime] = utc_now,
        pool: Executor | None = None,
    ) -> None:
        self._pool = pool
        self._authority = authority
        self._most = most
        self._now = now
        self._kept: OrderedDict[tuple[str, ...], _Kept] = OrderedDict()
        self._making: dict[tuple[str, ...], asyncio.Task[ssl.SSLContext]] = {}
        # One for all leaves: to make a key takes as long as to sign a leaf, and all of them would lie in one memory.
        key = ec.generate_private_key(ec.SECP256R1())
        self._public_key = key.public_key()
        self._key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def __len__(self) -> int:
        """Count the contexts that are kept."""
        return len(self._kept)

    def ready(self, *names: str) -> ssl.SSLContext | None:
        """Give the context for names if it is at hand; takes microseconds.

        Raises:
            InvalidHost: a name is no host.
        """
        return self._find(host_names(*names))

    async def context(self, *names: str) -> ssl.SSLContext:
        """Give the context for names, made in a thread if there is none; who asks meanwhile waits for the same one.

        Args:
            names: what the leaf is for, in any spelling.

        Raises:
            InvalidHost: a name is no host.
            AuthorityError: the authority is no longer valid, or its chain is too long or too weak to be sent.
        """
        hosts = host_names(*names)
        found = self._find(hosts)
        if found is not None:
            return found
        making = self._making.get(hosts)
        if making is None:
            making = self._making[hosts] = asyncio.create_task(self._make(hosts))
        # Who stops waiting must not take the context from the others.
        return await asyncio.shield(making)

    def _find(self, hosts: tuple[str, ...]) -> ssl.SSLContext | None:
        kept = self._kept.get(hosts)
        if kept is None or not kept.signed_at - _CLOCK_SLACK <= self._now() < kept.renew_at:
            return None
        self._kept.move_to_end(hosts)
        return kept.context

    async def _make(self, hosts: tuple[str, ...]) -> ssl.SSLContext:
        try:
            kept = await asyncio.get_running_loop().run_in_executor(self._pool, self._sign, hosts)
        finally:
            del self._making[hosts]
        self._kept[hosts] = kept
        self._kept.move_to_end(hosts)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return kept.context

    def _sign(self, hosts: tuple[str, ...]) -> _Kept:
        moment = self._now()
        leaf = self._authority.issue(hosts, self._public_key, moment)
        # A third before its end; where that is the authority's own end, a new leaf would not last longer.
        ends_with_authority = leaf.not_after == self._authority.valid_until
        renew_at = leaf.not_after if ends_with_authority else leaf.not_after - (leaf.not_after - moment) / 3
        return _Kept(server_context(leaf.chain_pem, self._key_pem), moment, renew_at)


def server_context(chain_pem: bytes, key_pem: bytes) -> ssl.SSLContext:
    """Make a context that offers a chain, TLS 1.2 or newer, and HTTP/1.1 only.

    Raises:
        AuthorityError: the chain is too long or too weak, or this system has no /dev/fd.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # Python's ssl reads keys from paths only (https://github.com/python/cpython/issues/60691), and a path can name a
    # pipe: no file holds the key.
    with _path_of(chain_pem) as chain, _path_of(key_pem) as key:
        try:
            context.load_cert_chain(chain, key)
        except ssl.SSLError as error:
            raise AuthorityError(
                f"OpenSSL does not take the certificate chain ({error.reason}); name a stronger one with --ca-cert."
            ) from error
        except OSError as error:
            raise AuthorityError(
                f"Certificates need /dev/fd, which cannot be read: {error.strerror}; mount it."
            ) from error
    return context


@contextmanager
def _path_of(content: bytes) -> Iterator[str]:
    """Give a path that reads as these bytes, once, as long as the block lasts."""
    reading, writing = os.pipe()
    try:
        os.set_blocking(writing, False)  # nobody reads yet, so what does not fit would wait for ever
        try:
            written = os.write(writing, content)
        finally:
            os.close(writing)
        if written < len(content):
            raise AuthorityError(
                f"The certificate chain is too long: {len(content)} bytes, of which a pipe holds {written}; "
                "leave out of --ca-cert what does not belong to the chain."
            )
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)
