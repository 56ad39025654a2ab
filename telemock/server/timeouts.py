"""How long a server waits for its clients."""

from typing import NamedTuple


class Timeouts(NamedTuple):
    """How long a client may take, in seconds.

    Attributes:
        head: from the first byte of a request, or of a TLS handshake, until it is whole.
        idle: before a request, and between two parts of a body.
        stop: while the server stops, for a request to be answered, and again for its handler to end.
    """

    head: float = 30.0
    idle: float = 75.0
    stop: float = 2.0
