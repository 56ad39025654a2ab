"""This is another server for tests: it hears bytes, says bytes, and keeps what it heard.

It refuses to understand more of HTTP than where a request ends.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from tests.server.wire import HANG_SECONDS

Speak = Callable[[socket.socket], None]


class Origin:
    """A server on this machine; `heard` has each request, oldest first."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[bytes] = []
        self.connections = 0

    @property
    def authority(self) -> str:
        """Host and port, as a URL has them."""
        return f"127.0.0.1:{self.port}"

    def heard_fields(self, place: int = -1) -> list[tuple[str, str]]:
        """Give the fields of a request that was heard."""
        lines = self.heard[place].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


def read_request(client: socket.socket) -> bytes:
    """Read a request with its body; what there is when the client leaves."""
    heard = b""
    while b"\r\n\r\n" not in heard and (more := client.recv(65536)):
        heard += more
    head, _, body = heard.partition(b"\r\n\r\n")
    fields = {line.partition(b":")[0].lower(): line.partition(b":")[2].strip() for line in head.split(b"\r\n")[1:]}
    if fields.get(b"transfer-encoding") == b"chunked":
        while not body.endswith(b"0\r\n\r\n") and (more := client.recv(65536)):
            body += more
    while len(body) < int(fields.get(b"content-length", 0)) and (more := client.recv(65536)):
        body += more
    return head + b"\r\n\r\n" + body


@contextmanager
def origin(speak: Speak, context: ssl.SSLContext | None = None) -> Iterator[Origin]:
    """Serve each connection with a function of its own thread until the block ends.

    Args:
        speak: owns the connection while it runs; it is closed then.
        context: for TLS.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(64) as pool:
        server = Origin(listening.getsockname()[1])

        def serve(client: socket.socket) -> None:
            client.settimeout(HANG_SECONDS)
            with suppress(OSError), client:
                if context is None:
                    speak(client)
                    return
                with context.wrap_socket(client, server_side=True) as secured:
                    speak(secured)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    server.connections += 1
                    pool.submit(serve, client)

        pool.submit(accept)
        try:
            yield server
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)


@contextmanager
def answering(answer: bytes, context: ssl.SSLContext | None = None) -> Iterator[Origin]:
    """Serve the same answer to every request, and close."""

    def speak(client: socket.socket) -> None:
        heard = read_request(client)
        if heard.strip():
            server.heard.append(heard)
            client.sendall(answer)
        if isinstance(client, ssl.SSLSocket):
            client.unwrap()

    with origin(speak, context) as server:
        yield server
