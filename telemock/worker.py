"""This is one of several serving processes, started by its parent as `python -m telemock.worker`.

It refuses to outlive its parent: standard input holds its settings, and ends when the parent does.
"""

import asyncio
import os
import socket
import sys
from contextlib import suppress
from functools import partial

from telemock.app import run
from telemock.errors import StoreDamaged
from telemock.journal import Journal
from telemock.means import read_means
from telemock.order import BEAT_SECONDS, Order


def main() -> None:
    """Serve with the settings that stand on the first line of standard input."""
    line = sys.stdin.buffer.readline()
    if not line:
        return  # the parent is gone already
    settings, ready, lock, given = Order.read(line)
    journal = Journal(settings.log_format, settings.log_dir, lock)
    listening = [socket.socket(fileno=each) for each in given]
    os.set_blocking(ready, False)
    try:
        run(
            settings,
            read_means(settings),
            listening,
            journal,
            on_ready=partial(_beat, ready),
            parent=sys.stdin.fileno(),
        )
    except StoreDamaged as error:
        # The journal has it. What is open stays open: closing it would write to what is damaged.
        journal.close()
        os._exit(error.exit_code)
    finally:
        journal.close()


def _beat(ready: int) -> None:
    """Say that the loop turns, now and again and again, while anybody listens."""
    try:
        with suppress(BlockingIOError):  # who listens is stopped itself
            os.write(ready, b"1")
    except BrokenPipeError:
        os.close(ready)
    else:
        asyncio.get_running_loop().call_later(BEAT_SECONDS, _beat, ready)


if __name__ == "__main__":
    main()
