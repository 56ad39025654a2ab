"""This is how the first message of TLS is read before anybody answers it: which name the client asks for.

It refuses to parse: OpenSSL reads a copy of the bytes, and what it would have answered is thrown away.
"""

import ssl
import sys
from typing import Final, NamedTuple


class Hello(NamedTuple):
    """What a ClientHello says (RFC 8446 section 4.1.2).

    Attributes:
        name: SNI name as sent (RFC 6066 section 3); None when there is none.
        refusal: OpenSSL's word for why it cannot be answered, "" when it can.
        alert: TLS record that tells the client so; with no refusal, one that says the name is not served.
    """

    name: str | None
    refusal: str
    alert: bytes


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
            return self._said(error.reason or "TLS_FAILED")
        finally:
            sys.unraisablehook = hook
        raise RuntimeError("a handshake without a certificate came to its end")

    def _said(self, reason: str) -> Hello:
        asked = self._reading.asked if isinstance(self._reading, _Reading) else None
        if asked is not None:
            return Hello(asked[0], "", self._outgoing.read())
        return Hello(None, "UNRECOGNIZED_NAME" if reason == "CALLBACK_FAILED" else reason, self._outgoing.read())


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
