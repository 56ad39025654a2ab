"""This is one of several serving processes, started by its parent as `python -m telemock.worker`.

It refuses to outlive its parent: standard input holds its settings, and ends when the parent does.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from telemock.app import run
from telemock.journal import Journal
from telemock.server.listener import bind
from telemock.settings import ServeSettings, settings_from_json


def main() -> None:
    """Serve with the settings that stand on the first line of standard input."""
    line = sys.stdin.buffer.readline()
    if not line:
        return  # the parent is gone already
    order: dict[str, Any] = json.loads(line)
    settings: ServeSettings = settings_from_json(order["settings"])
    journal = Journal(settings.log_format, settings.log_dir, Path(order["lock"]) if "lock" in order else None)
    listening = [bind(settings.host, port, shared=True) for port in settings.port]

    def say_ready() -> None:
        with suppress(BrokenPipeError):  # the parent is gone, and so is this process in a moment
            os.write(order["ready"], b"1")
        os.close(order["ready"])

    try:
        run(settings, listening, journal, on_ready=say_ready, parent=sys.stdin.fileno())
    finally:
        journal.close()


if __name__ == "__main__":
    main()
