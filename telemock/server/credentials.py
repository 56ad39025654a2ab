"""This is who may use the proxy: users and passwords from a file (RFC 7617).

It refuses to say which of both was wrong, and to keep a password a client sent.
"""

import asyncio
import hmac
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

import bcrypt

from telemock.errors import InvalidSetting

CHALLENGE: Final = 'Basic realm="telemock", charset="UTF-8"'
WRONG: Final = "Wrong user or password."
NEEDED: Final = "This proxy wants a user and a password; give them as http://user:password@ in the proxy's URL."

_BCRYPT: Final = (b"$2a$", b"$2b$", b"$2y$")
_OTHER_HASH: Final = re.compile(rb"\$[0-9A-Za-z-]+\$|\{S?SHA\}")

_MOST_KNOWN: Final = 1024


class Credentials:
    """Users and their passwords, as they are or as bcrypt made them; without any, everybody may use the proxy."""

    def __init__(self, users: Mapping[bytes, bytes] | None = None) -> None:
        self._users = users
        # Who gives an unknown name waits as long as who gives a known one.
        self._anybody = max((users or {}).values(), key=_is_bcrypt, default=b"")
        self._known: set[bytes] = set()  # digests of fields that were right: bcrypt takes long on purpose

    @classmethod
    def read(cls, path: Path) -> "Credentials":
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
        return cls(users)

    async def accept(self, field: str | None) -> bool:
        """Tell whether the value of a Proxy-Authorization field is right; None is none."""
        if self._users is None:
            return True
        if field is None:
            return False
        digest = sha256(field.encode("utf-8", "surrogateescape")).digest()
        if digest in self._known:
            return True
        if not await asyncio.to_thread(self._is_right, field):
            return False
        if len(self._known) < _MOST_KNOWN:
            self._known.add(digest)
        return True

    def _is_right(self, field: str) -> bool:
        users = self._users or {}
        return any(
            _fits(users.get(user, self._anybody), password) and user in users for user, password in _readings(field)
        )


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
