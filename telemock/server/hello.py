"""How the first message of TLS is read before anybody answers it: which name it asks for, and which protocols.

OpenSSL parses a copy of the bytes, and what it would have answered is thrown away. It does not show Python the
protocols (RFC 7301), which are read here.
"""

import ssl
import sys
from typing import Final, NamedTuple

# A fatal alert that says so (RFC 7301 section 3.2).
NO_APPLICATION_PROTOCOL: Final = b"\x15\x03\x03\x00\x02\x02\x78"

# A fatal alert that blames this side (RFC 8446 section 6.2).
INTERNAL_ERROR: Final = b"\x15\x03\x03\x00\x02\x02\x50"

_RECORD_HEAD_BYTES: Final = 5
_ALPN: Final = 16  # number of the extension


class Hello(NamedTuple):
    """What a ClientHello says (RFC 8446 section 4.1.2).

    Attributes:
        name: SNI name as sent (RFC 6066 section 3); None when there is none.
        refusal: OpenSSL's word for why it cannot be answered, "" when it can.
        alert: TLS record that tells the client so; with no refusal, one that says the name is not served.
        protocols: names of the protocols it offers to speak; empty when it names none.
    """

    name: str | None
    refusal: str
    alert: bytes
    protocols: tuple[bytes, ...] = ()


class _Reading(ssl.SSLObject):
    """Stops at the name."""

    asked: tuple[str | None] | None = None


class HelloReader:
    """Reads one ClientHello as its bytes come."""

    def __init__(self) -> None:
        self._read_bytes = 0
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._reading = _CONTEXT.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def read(self, seen: bytes) -> Hello | None:
        """Read everything received so far; None until the message is whole."""
        self._read_bytes += self._incoming.write(seen[self._read_bytes :])
        # Python complains of a name that is not ASCII where only this hook hears it, and goes on without calling back.
        hook, sys.unraisablehook = sys.unraisablehook, _ignore
        try:
            self._reading.do_handshake()
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLError as error:
            return self._said(error.reason or "TLS_FAILED", offered_protocols(seen))
        finally:
            sys.unraisablehook = hook
        raise RuntimeError("a handshake without a certificate came to its end")

    def _said(self, reason: str, protocols: tuple[bytes, ...]) -> Hello:
        asked = self._reading.asked if isinstance(self._reading, _Reading) else None
        if asked is not None:
            return Hello(asked[0], "", self._outgoing.read(), protocols)
        refusal = "UNRECOGNIZED_NAME" if reason == "CALLBACK_FAILED" else reason
        return Hello(None, refusal, self._outgoing.read(), protocols)


def offered_protocols(seen: bytes) -> tuple[bytes, ...]:
    """Read which protocols a ClientHello offers, in its order; empty when it names none, or is no ClientHello."""
    message = _Bytes(_handshake(seen))
    try:
        message.take(4 + 2 + 32)  # type and length, version, random
        for length_bytes in (1, 2, 1):  # session, cipher suites, compression
            message.vector(length_bytes)
        extensions = _Bytes(message.vector(2))
        while extensions.rest:
            number, content = int.from_bytes(extensions.take(2)), extensions.vector(2)
            if number == _ALPN:
                names = _Bytes(_Bytes(content).vector(2))
                found = []
                while names.rest:
                    found.append(names.vector(1))
                return tuple(found)
    except EOFError:
        pass
    return ()


class _Bytes:
    """Bytes that are read from their beginning on."""

    def __init__(self, content: bytes) -> None:
        self.rest = content

    def take(self, count: int) -> bytes:
        if count > len(self.rest):
            raise EOFError
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def vector(self, length_bytes: int) -> bytes:
        """Take bytes that stand behind their number (RFC 8446 section 3.4)."""
        return self.take(int.from_bytes(self.take(length_bytes)))


def _handshake(records: bytes) -> bytes:
    """Join what TLS records hold (RFC 8446 section 5.1)."""
    parts = []
    while len(records) >= _RECORD_HEAD_BYTES:
        end = _RECORD_HEAD_BYTES + int.from_bytes(records[3:5])
        parts.append(records[_RECORD_HEAD_BYTES:end])
        records = records[end:]
    return b"".join(parts)


def _ignore(_unraisable: "sys.UnraisableHookArgs") -> None:
    """Do nothing."""


def _stop(reading: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int:
    if isinstance(reading, _Reading):
        reading.asked = (name,)
    return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslobject_class = _Reading
    context.sni_callback = _stop
    return context


_CONTEXT: Final = _context()
