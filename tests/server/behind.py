"""This is the proxy behind telemock for tests: it tunnels to this machine, whatever the host is called.

It refuses to look at what passes through.
"""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from tests.server.origin import Origin, origin, read_request


@contextmanager
def proxying(answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> Iterator[Origin]:
    """Serve a proxy; `heard` has what it was asked.

    Args:
        answer: to CONNECT; other requests get it as well. A tunnel begins after one of 200 without a body.
    """

    def speak(client: socket.socket) -> None:
        asked = read_request(client)
        if not asked.strip():
            return
        proxy.heard.append(asked)
        client.sendall(answer)
        method, target = asked.split(b" ", 2)[:2]
        if method == b"CONNECT" and answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", int(target.rpartition(b":")[2])), timeout=20) as there:
                _relay(client, there)

    with origin(speak) as proxy:
        yield proxy


def _relay(client: socket.socket, there: socket.socket) -> None:
    def pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(pass_on, client, there)
        pass_on(there, client)
