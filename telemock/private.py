"""This is a telemock for one program alone: a worker process that whoever runs the program starts and stops.

It refuses to outlive who started it, to hear the terminal's Ctrl-C, and to write where the program writes.
"""

import os
import subprocess
from contextlib import ExitStack, suppress

from telemock.errors import ListenError
from telemock.order import WORKER, Order
from telemock.server.listener import listen_beside
from telemock.settings import ServeSettings

# Longer than a server takes that answers what is in flight and commits it.
_STOP_SECONDS = 12.0


def start_private(settings: ServeSettings) -> subprocess.Popen[bytes]:
    """Start to serve in a process of its own; gives it once it answers. It stops by itself when this process ends.

    Args:
        settings: with a port that the caller holds, bound to be shared; the database must be migrated.

    Raises:
        ListenError: it ended before it was ready.
    """
    reading, writing = os.pipe()
    with ExitStack() as own:  # the server's alone once it runs: where it ended, nobody shall wait for an answer
        own.callback(os.close, writing)
        sockets = [own.enter_context(listen_beside(settings.host, port)) for port in settings.port]
        listening = tuple(each.fileno() for each in sockets)
        server = subprocess.Popen(  # noqa: S603 - a constant
            WORKER,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[writing, *listening],
            start_new_session=True,  # Ctrl-C is the program's
        )
    with os.fdopen(reading, "rb") as ready:
        if server.stdin is not None:
            with suppress(BrokenPipeError):  # it ended, which is seen in a moment
                server.stdin.write(Order(settings, writing, None, listening).line())
                server.stdin.flush()
        is_ready = ready.read(1) == b"1"
    if not is_ready:
        status = stop_private(server)
        raise ListenError(f"telemock's own process ended with status {status} before it was ready.")
    return server


def stop_private(server: subprocess.Popen[bytes]) -> int:
    """Stop a server, which answers and commits what is in flight; give its status, 0 unless it failed before."""
    server.terminate()
    try:
        status = server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        status = server.wait()
    if server.stdin is not None:
        server.stdin.close()
    return status
