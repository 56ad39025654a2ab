"""This is HTTP byte by byte for tests: what is sent and what comes back, exactly.

It refuses to repair, reorder or retry, which is what HTTP client libraries are for.
"""

import json
import socket
import ssl
import struct
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

# A test that would hang fails instead; no behaviour depends on it.
HANG_SECONDS = 20

Headers = list[tuple[str, str]]


class Answer(NamedTuple):
    """An answer as it came; `headers` in order and case received, `raw_head` to the last byte."""

    status: int
    headers: Headers
    body: bytes
    raw_head: bytes

    def header(self, name: str) -> str | None:
        """Give the only value of a header; None when it is missing."""
        values = [value for each, value in self.headers if each.lower() == name.lower()]
        assert len(values) < 2, values
        return values[0] if values else None

    def json(self) -> Any:
        """Decode the body."""
        return json.loads(self.body)


class Wire:
    """One client connection."""

    def __init__(self, host: str, port: int) -> None:
        self._socket: socket.socket = socket.create_connection((host, port), timeout=HANG_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._incoming = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave, as a client does that had enough."""
        self._incoming.close()
        self._socket.close()

    def vanish(self) -> None:
        """Leave without a farewell, as a client does that died: the server hears a reset."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def secure(self, context: ssl.SSLContext, name: str | None) -> None:
        """Begin TLS on the connection; raises what a client does that refuses the certificate."""
        self._incoming.close()
        self._socket = context.wrap_socket(self._socket, server_hostname=name)
        self._incoming = self._socket.makefile("rb")

    @property
    def socket(self) -> socket.socket:
        """The connection itself."""
        return self._socket

    def end(self) -> None:
        """End this side, and listen on."""
        self._socket.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        """Send bytes as one segment."""
        self._socket.sendall(data)

    def answer(self, *, body: bool = True) -> Answer:
        """Read one answer; `body` False for one that has none whatever its headers say."""
        line = self._incoming.readline()
        assert line.startswith(b"HTTP/1."), line
        raw_head = line
        headers: Headers = []
        while (raw := self._incoming.readline()) not in (b"\r\n", b""):
            raw_head += raw
            name, _, value = raw.decode().rstrip("\r\n").partition(": ")
            headers.append((name, value))
        status = int(line.split()[1])
        size = next((int(value) for name, value in headers if name == "Content-Length"), 0)
        no_body = not body or status in (100, 204, 304)
        return Answer(status, headers, b"" if no_body else self._incoming.read(size), raw_head)

    def some(self) -> bytes:
        """Read what is there, at least one byte unless the server closed."""
        return self._incoming.read1(65536)

    def rest(self) -> bytes:
        """Read until the server closes; a reset closes as well."""
        try:
            return self._incoming.read()
        except ConnectionError:
            return b""


def request_bytes(
    method: str,
    target: str | bytes,
    headers: Sequence[tuple[str, str | bytes]] | None = None,
    body: bytes | None = None,
    *,
    host: str | None = "telemock.test",
    version: str = "HTTP/1.1",
) -> bytes:
    """Write a request; adds Host unless it is None, and Content-Length when there is a body."""
    raw_target = target if isinstance(target, bytes) else target.encode()
    lines = [method.encode() + b" " + raw_target + b" " + version.encode()]
    if host is not None:
        lines.append(b"Host: " + host.encode())
    for name, value in headers or []:
        lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()))
    if body is not None:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", b""]) + (body or b"")
