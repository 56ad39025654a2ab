"""This is something done for a client below HTTP or behind it: since when, and what the store keeps of it.

It refuses to keep itself; who made it notes the record.
"""

import time
from typing import Final

from telemock.exchange import Connection, ConnectionKind, utc_text_at

# What is said of one that came to no end of its own.
BROKEN_OFF: Final = "Broken off: the client left, or telemock stopped."


class Errand:
    """Begins when it is made.

    Args:
        client: IP address of whom it is done for.
    """

    def __init__(self, client: str) -> None:
        self.client = client
        self._opened_ns = time.time_ns()
        self._started = time.perf_counter()

    @property
    def age_ms(self) -> float:
        """Milliseconds since it began."""
        return int((time.perf_counter() - self._started) * 1e6) / 1000

    def record(
        self,
        kind: ConnectionKind,
        host: str,
        port: int | None,
        detail: str,
        *,
        bytes_up: int = 0,
        bytes_down: int = 0,
    ) -> Connection:
        """Make what the store keeps of it, as long as it lasted until now."""
        return Connection(
            opened_at=utc_text_at(self._opened_ns),
            host=host,
            port=port,
            client=self.client,
            kind=kind,
            bytes_up=bytes_up,
            bytes_down=bytes_down,
            duration_ms=self.age_ms,
            detail=detail,
        )
