"""This is one of several serving processes, started by the supervisor as `python -m telemock.worker`.

It refuses to outlive its parent: standard input holds its settings, and ends when the parent does.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from telemock.app import run
from telemock.journal import Journal
from telemock.server.listener import bind
from telemock.settings import ServeSettings, settings_from_json


def main() -> None:
    """Serve with the settings that stand on the first line of standard input."""
    order: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    settings: ServeSettings = settings_from_json(order["settings"])
    journal = Journal(settings.log_format, settings.log_dir, Path(order["lock"]))
    listening = [bind(settings.host, port, shared=True) for port in settings.port]

    def say_ready() -> None:
        os.write(order["ready"], b"1")
        os.close(order["ready"])

    try:
        run(settings, listening, journal, on_ready=say_ready, parent=sys.stdin.fileno())
    finally:
        journal.close()


if __name__ == "__main__":
    main()
