"""This is what a serving process is told by the one that starts it: a command, and a line on its standard input.

It refuses to start it: one who does waits, the other does not.
"""

import json
import sys
from pathlib import Path
from typing import Final, NamedTuple

from telemock.settings import ServeSettings, settings_from_json, settings_to_json

# -P: in the folder where telemock is run, a file may well be called like a module that is imported here.
WORKER: Final = (sys.executable, "-P", "-m", "telemock.worker")


# How often a serving process says that it is alive.
BEAT_SECONDS: Final = 1.0


class Order(NamedTuple):
    """What to serve, and with whom.

    Attributes:
        settings: with a port that is bound already, to be shared.
        ready: descriptor that hears a byte when it serves, and then one every `BEAT_SECONDS` while its loop turns.
        lock: file that keeps the lines of several processes apart; None for one alone.
        listening: descriptors of the sockets to accept on.
    """

    settings: ServeSettings
    ready: int
    lock: Path | None
    listening: tuple[int, ...]

    def line(self) -> bytes:
        """Write it as one line."""
        lock = None if self.lock is None else str(self.lock)
        said = {
            "settings": settings_to_json(self.settings),
            "ready": self.ready,
            "lock": lock,
            "listening": self.listening,
        }
        return json.dumps(said).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "Order":
        """Undo `line`."""
        said = json.loads(line)
        lock = None if said["lock"] is None else Path(said["lock"])
        return cls(settings_from_json(said["settings"]), said["ready"], lock, tuple(said["listening"]))
