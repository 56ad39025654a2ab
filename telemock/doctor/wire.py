"""This is the doctor's end of a connection: all steps of one end in time, and no answer is longer than it may be.

It refuses to repair what it hears: an answer that is not HTTP is none.
"""

import re
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from time import monotonic
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

_MOST_BYTES: Final = 65536
_BEGIN: Final = b"HTTP/1."
_HEAD_END: Final = b"\r\n\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?\r\n")


class NotHttp(Exception):
    """What came is no answer in HTTP/1; the message says how it began."""


class Answer(NamedTuple):
    """An answer; names of `fields` are in lower case, `body` is empty unless it was asked for."""

    status: int
    fields: Mapping[str, str]
    body: bytes


class Address(NamedTuple):
    """Where a host is, as the socket module takes it; `ip` is for comparing."""

    family: int
    place: Any

    @property
    def ip(self) -> str:
        """The IP address, without a zone."""
        return str(self.place[0]).partition("%")[0]


def resolve(host: str, port: int, seconds: float) -> list[Address]:
    """Ask the system where a host is.

    Raises:
        OSError: nowhere, or no answer in time (TimeoutError).
    """
    answer: Future[list[Address]] = Future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result([Address(family, place) for family, _, _, _, place in found])
        except UnicodeError:
            answer.set_exception(OSError("it is no name"))
        except Exception as error:  # noqa: BLE001 - it is raised by who waits
            answer.set_exception(error)

    # A resolver may take as long as it likes, and cannot be interrupted: nobody waits for this thread.
    Thread(target=ask, daemon=True).start()
    return answer.result(seconds)


class Line:
    """One connection; the caller closes it.

    Args:
        address: where to.
        seconds: what all its steps may take together.

    Raises:
        OSError: nobody takes the connection.
    """

    def __init__(self, address: Address, seconds: float) -> None:
        self._ends_at = monotonic() + seconds
        self._socket = socket.socket(address.family, socket.SOCK_STREAM)
        try:
            self._in_time().connect(address.place)
        except OSError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, method: str, target: str, fields: Mapping[str, str]) -> Answer:
        """Send a request without a body, and read the answer; that to a CONNECT ends with its head if it is 2xx.

        Raises:
            OSError: the connection broke, or it took too long (TimeoutError).
            NotHttp: what came is something else.
        """
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
        self._in_time().sendall("\r\n".join(lines).encode())
        seen = b""
        while _HEAD_END not in seen:
            if not seen.startswith(_BEGIN[: len(seen)]):
                raise NotHttp(f"what it says begins with {seen[:40]!r}")
            more = self._more(seen)
            if not more:
                raise NotHttp(f"it ends after {seen[:40]!r}" if seen else "it says nothing and closes")
            seen += more
        head, _, body = seen.partition(_HEAD_END)
        status = _STATUS.match(head + b"\r\n")
        if status is None:
            raise NotHttp(f"what it says begins with {seen[:40]!r}")
        answered = Answer(int(status[1]), _fields(head), b"")
        if method == "CONNECT" and 200 <= answered.status < 300:
            return answered
        return answered._replace(body=self._rest(body, answered.fields.get("content-length", "")))

    def secure(self, context: ssl.SSLContext, host: str) -> bytes:
        """Shake hands as a client of a host would, say that this was all, and give the server's certificate.

        Raises:
            OSError: the handshake failed (ssl.SSLError), or took too long (TimeoutError).
        """
        secured = context.wrap_socket(self._in_time(), server_hostname=host)
        self._socket = secured
        certificate = secured.getpeercert(binary_form=True) or b""
        with suppress(OSError):  # whatever comes now, the handshake was good
            # Servers skip an empty line before a request (RFC 9112 section 2.2); telemock takes it for a word, and
            # so does not take this end for that of a client which refuses the certificate.
            self._in_time().sendall(b"\r\n")
            self._in_time()
            secured.unwrap()
        return certificate

    def _rest(self, body: bytes, length: str) -> bytes:
        """Read a body as long as it says, or until the server closes, but not for ever."""
        wanted = int(length) if re.fullmatch(r"[0-9]{1,5}", length) else _MOST_BYTES
        while len(body) < min(wanted, _MOST_BYTES) and (more := self._more(b"")):
            body += more
        return body

    def _more(self, seen: bytes) -> bytes:
        if len(seen) > _MOST_BYTES:
            raise NotHttp("its head has no end")
        return self._in_time().recv(4096)

    def _in_time(self) -> socket.socket:
        """Give the socket, which will take no longer than what is left."""
        left = self._ends_at - monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._socket


def _fields(head: bytes) -> dict[str, str]:
    fields = {}
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    return fields


def said_of(error: OSError | NotHttp, seconds: float) -> str:
    """Say in a few words why there was no answer."""
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS was broken off").lower().replace("_", " ")
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error)
