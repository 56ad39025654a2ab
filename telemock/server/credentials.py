"""Who may use the proxy: users and passwords from a file (RFC 7617), what all others are told, how often they may try.

No password that a client sent is kept, only a keyed hash of the field with the verdict.
"""

import asyncio
import hmac
import logging
import math
import re
import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

import bcrypt
from aiohttp import web

from telemock.answers import json_answer
from telemock.errors import InvalidSetting
from telemock.server.attempts import Attempts

_logger = logging.getLogger(__name__)

CHALLENGE: Final = 'Basic realm="telemock", charset="UTF-8"'
WRONG: Final = "Wrong user or password."
NEEDED: Final = "This proxy wants a user and a password; give them as http://user:password@ in the proxy's URL."

_BCRYPT: Final = (b"$2a$", b"$2b$", b"$2y$")
_OTHER_HASH: Final = re.compile(rb"\$[0-9A-Za-z-]+\$|\{S?SHA\}")

_MOST_VERDICTS: Final = 1024  # of each kind

# bcrypt takes a core for a fifth of a second, on purpose: one thread does it, and only so many wait for that.
_MOST_WAITING: Final = 32
_BUSY_SECONDS: Final = 5


@dataclass(frozen=True, slots=True)
class ProxyRefusal:
    """Why a client may not use the proxy.

    Attributes:
        status: 407, or 429 where it tried too often, or 503 where too many are checked.
        error: a sentence for the client.
        fields: of the answer's header.
        detail: what the store keeps of it; empty for nothing.
    """

    status: HTTPStatus
    error: str
    fields: Mapping[str, str]
    detail: str = ""

    async def answer(self, _request: web.Request) -> web.Response:
        """Answer a request (RFC 9110 section 15.5.8, RFC 6585 section 4)."""
        return json_answer(self.status, {"error": self.error}, self.fields)


_CHALLENGED: Final = {"Proxy-Authenticate": CHALLENGE}
_IS_NEEDED: Final = ProxyRefusal(HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, NEEDED, _CHALLENGED)
_IS_WRONG: Final = ProxyRefusal(HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, NEEDED, _CHALLENGED, WRONG)
_IS_BUSY: Final = ProxyRefusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Too many passwords are being checked; try again later.",
    {"Retry-After": str(_BUSY_SECONDS)},
    "Too many passwords were being checked.",
)


class Credentials:
    """Users and their passwords, as they are or as bcrypt made them; without any, everybody may use the proxy.

    Args:
        path: the file, which is read again when it has changed.

    Raises:
        InvalidSetting: it cannot be read, holds nobody, or a line is neither.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._version = None if path is None else _version(path)
        self._users = {} if path is None else read_users(path)
        self._attempts = Attempts()
        self._key = secrets.token_bytes(32)
        self._verdicts: Mapping[bool, OrderedDict[bytes, None]] = {True: OrderedDict(), False: OrderedDict()}
        self._checking: dict[bytes, asyncio.Task[bool]] = {}
        # Of its own: whoever waits for a certificate, or for a body to be read, shall not wait for passwords.
        self._pool = ThreadPoolExecutor(1, "password")

    def close(self) -> None:
        """Check no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def refusal(self, field: str | None, client: str) -> ProxyRefusal | None:
        """Say why a client may not use the proxy; None when it may.

        Args:
            field: value of its Proxy-Authorization field; None is none.
            client: its IP address.
        """
        if self._path is None:
            return None
        if field is None:
            return _IS_NEEDED
        self._read_again(self._path)
        digest = blake2b(field.encode("utf-8", "surrogateescape"), key=self._key, digest_size=32).digest()
        for verdict, digests in self._verdicts.items():
            if digest in digests:
                digests.move_to_end(digest)
                return None if verdict else _IS_WRONG
        return await self._try(digest, field, client)

    async def _try(self, digest: bytes, field: str, client: str) -> ProxyRefusal | None:
        """Check a field whose verdict is not known, if the client may try one more."""
        wait_seconds = self._attempts.take(client)
        if wait_seconds:
            return self._too_often(client, math.ceil(wait_seconds))
        if digest not in self._checking:
            if len(self._checking) >= _MOST_WAITING:
                self._attempts.give_back(client)
                return _IS_BUSY
            self._checking[digest] = asyncio.create_task(self._check(digest, field))
        # Who stops waiting must not take the verdict from the others.
        if not await asyncio.shield(self._checking[digest]):
            return _IS_WRONG
        self._attempts.give_back(client)
        return None

    def _too_often(self, client: str, seconds: int) -> ProxyRefusal:
        error = f"Too many wrong passwords came from {client}; try again in {seconds} s."
        detail = error if self._attempts.is_news(client) else ""
        return ProxyRefusal(HTTPStatus.TOO_MANY_REQUESTS, error, {"Retry-After": str(seconds)}, detail)

    async def _check(self, digest: bytes, field: str) -> bool:
        users = self._users
        try:
            check = asyncio.get_running_loop().run_in_executor(self._pool, _is_right, users, field)
            verdict = await check
        finally:
            del self._checking[digest]
        if users is self._users:  # else it was about a file that has changed
            digests = self._verdicts[verdict]
            digests[digest] = None
            while len(digests) > _MOST_VERDICTS:
                digests.popitem(last=False)
        return verdict

    def _read_again(self, path: Path) -> None:
        """Take over a file that has changed; one that cannot be meant changes nothing."""
        version = _version(path)
        if version == self._version:
            return
        self._version = version
        try:
            self._users = read_users(path)
        except InvalidSetting as error:
            _logger.error("%s The passwords before it stay in force.", error)  # noqa: TRY400 - it says why
            return
        for digests in self._verdicts.values():
            digests.clear()


def read_users(path: Path) -> Mapping[bytes, bytes]:
    """Read a file of `user:password` lines, or of htpasswd's with bcrypt (`htpasswd -B`); `#` begins a comment.

    Raises:
        InvalidSetting: it cannot be read, holds nobody, or a line is neither.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InvalidSetting(f"The proxy's passwords {path} cannot be read: {error.strerror}.") from error
    users: dict[bytes, bytes] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        user, colon, password = line.partition(b":")
        if not colon or not user:
            raise InvalidSetting(f"Line {number} of {path} is not user:password.")
        if _OTHER_HASH.match(password) and not _is_bcrypt(password):
            raise InvalidSetting(f"Line {number} of {path} holds a hash that is not bcrypt's; use htpasswd -B.")
        users[user] = password
    if not users:
        raise InvalidSetting(f"{path} holds no user:password line, so nobody could use the proxy.")
    return users


def _version(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file does; None where there is none."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


def _is_right(users: Mapping[bytes, bytes], field: str) -> bool:
    # Who gives an unknown name waits as long as who gives a known one.
    anybody = max(users.values(), key=_is_bcrypt, default=b"")
    return any(_fits(users.get(user, anybody), password) and user in users for user, password in _readings(field))


def _readings(field: str) -> Iterator[tuple[bytes, bytes]]:
    """Read a field as it is, and as clients mean it that leave the encoding of their proxy's URL in place."""
    scheme, _, code = field.partition(" ")
    if scheme.lower() != "basic":
        return
    try:
        pair = b64decode(code.strip(), validate=True)
    except (NotBase64, ValueError):
        return
    try:
        pair.decode()
    except UnicodeDecodeError:  # Python's clients write ISO 8859-1
        pair = pair.decode("latin-1").encode()
    user, colon, password = pair.partition(b":")
    if colon:
        yield user, password
        if b"%" in pair:
            yield unquote_to_bytes(user), unquote_to_bytes(password)


def _is_bcrypt(kept: bytes) -> bool:
    return kept.startswith(_BCRYPT)


def _fits(kept: bytes, given: bytes) -> bool:
    if not _is_bcrypt(kept):
        return hmac.compare_digest(kept, given)
    try:
        return bcrypt.checkpw(given[:72], kept)  # no more counts for bcrypt
    except ValueError:
        return False  # a hash cut short, or a NUL
