"""This is what happened below HTTP, summed up: what became of connections, by host, and the last ones of each kind.

It refuses to grow with the number of connections: hosts are limited, and those beyond are counted.
"""

from collections import deque
from dataclasses import dataclass, field

from telemock.exchange import Connection, ConnectionKind

MAX_TARGETS = 1000
LATEST = 10

# Captured text, of which a client says how long it is.
_MOST_CHARACTERS = 4096


@dataclass(slots=True)
class Target:
    """Where clients wanted to go, and what became of that.

    Attributes:
        host, port: as in `Connection`.
        count: connections.
        bytes_up, bytes_down: of all of them.
        first_at, last_at: when the first and the last one in the order of storing was opened.
    """

    kind: ConnectionKind
    host: str
    port: int | None
    count: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    first_at: str = ""
    last_at: str = ""


@dataclass(slots=True)
class Connections:
    """Connections that were taken.

    Attributes:
        kinds: how many there were of which kind.
        targets: by kind, host and port.
        left_out: connections of targets beyond MAX_TARGETS; they are in `kinds`.
    """

    kinds: dict[ConnectionKind, int] = field(default_factory=dict)
    targets: dict[tuple[ConnectionKind, str, int | None], Target] = field(default_factory=dict)
    left_out: int = 0
    _latest: dict[ConnectionKind, deque[Connection]] = field(default_factory=dict)

    def take(self, connection: Connection) -> None:
        """Count a connection."""
        kind = connection.kind
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        connection.detail = connection.detail[:_MOST_CHARACTERS]
        self._latest.setdefault(kind, deque(maxlen=LATEST)).append(connection)
        key = kind, connection.host, connection.port
        target = self.targets.get(key)
        if target is None:
            if len(self.targets) >= MAX_TARGETS:
                self.left_out += 1
                return
            target = self.targets[key] = Target(*key)
        target.count += 1
        target.bytes_up += connection.bytes_up
        target.bytes_down += connection.bytes_down
        target.first_at = target.first_at or connection.opened_at
        target.last_at = connection.opened_at

    def latest(self) -> list[Connection]:
        """Give the last ones of each kind, the newest first."""
        kept = [connection for latest in self._latest.values() for connection in latest]
        return sorted(kept, key=lambda connection: -(connection.id or 0))
