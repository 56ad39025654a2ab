"""This is one of several serving processes, started by its parent as `python -m telemock.worker`.

It refuses to outlive its parent: standard input holds its settings, and ends when the parent does.
"""

import os
import sys
from contextlib import suppress

from telemock.app import run
from telemock.errors import StoreDamaged
from telemock.journal import Journal
from telemock.means import read_means
from telemock.order import Order
from telemock.server.listener import bind


def main() -> None:
    """Serve with the settings that stand on the first line of standard input."""
    line = sys.stdin.buffer.readline()
    if not line:
        return  # the parent is gone already
    settings, ready, lock = Order.read(line)
    journal = Journal(settings.log_format, settings.log_dir, lock)
    listening = [bind(settings.host, port, shared=True) for port in settings.port]

    def say_ready() -> None:
        with suppress(BrokenPipeError):  # the parent is gone, and so is this process in a moment
            os.write(ready, b"1")
        os.close(ready)

    try:
        run(settings, read_means(settings), listening, journal, on_ready=say_ready, parent=sys.stdin.fileno())
    except StoreDamaged as error:
        # The journal has it. What is open stays open: closing it would write to what is damaged.
        journal.close()
        os._exit(error.exit_code)
    finally:
        journal.close()


if __name__ == "__main__":
    main()
