"""This is the command line as a process of its own: with pipes, on a terminal, or without root's rights."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

TELEMOCK = (sys.executable, "-m", "telemock")
HANG_SECONDS = 30


def run(
    *arguments: object, environment: dict[str, str] | None = None, before: Sequence[str] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run `telemock ARGUMENTS` to its end; `before` is what runs it."""
    return subprocess.run(
        [*before, *TELEMOCK, *map(str, arguments)],
        capture_output=True,
        env={**os.environ, **(environment or {})},
        timeout=HANG_SECONDS,
        check=False,
    )


@contextmanager
def started(*arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """Start `telemock ARGUMENTS` with pipes; killed at the end of the block if it still runs."""
    with subprocess.Popen([*TELEMOCK, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def run_on_terminal(*arguments: object, columns: int, kind: str = "dumb") -> tuple[int, str]:
    """Run on a terminal, a dumb one without bold and colour; give the exit code and all that the terminal got."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [*TELEMOCK, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": kind},
    ) as process:
        os.close(theirs)
        seen = bytearray()
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
        except OSError:
            pass  # Linux says so when the other end is closed
        finally:
            os.close(ours)
        return process.wait(HANG_SECONDS), seen.decode().replace("\r\n", "\n")


def without_root_rights(command: list[str]) -> list[str]:
    """Let permissions bind even root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
