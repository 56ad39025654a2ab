"""This is who else may listen where telemock was expected; each is a server of a few lines, on a thread."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

HANG_SECONDS = 20


def http(status: str, body: bytes = b"", *fields: str) -> bytes:
    """Write an answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """Answer whatever comes first on each connection, and close it; gives the URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_all() -> None:
            with suppress(OSError):  # the end of the test
                while True:
                    client, _ = server.accept()
                    client.settimeout(HANG_SECONDS)
                    with client, suppress(OSError):  # who has seen enough may leave
                        while asked := client.recv(65536):
                            client.sendall(answer(asked))
                            if not asked.startswith(b"CONNECT "):
                                break

        thread = Thread(target=answer_all)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(HANG_SECONDS)


@contextmanager
def silent() -> Iterator[str]:
    """Take connections, and never say a word; gives the URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def nobody() -> str:
    """Give a URL where nobody listens."""
    with silent() as url:
        return url
