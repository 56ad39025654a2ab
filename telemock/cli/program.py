"""This is somebody's program as a child of this process: terminal, signals and exit code are its own.

It refuses to stand between: the program has this process's open files, and stays in its process group.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from telemock.cli.descendants import Descendants, LeftRunning, named
from telemock.errors import ProgramError, ProgramMissing

# What somebody may send to this process and means for the program.
_PASSED_ON = frozenset((signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2))
_WAITED_FOR = _PASSED_ON | {signal.SIGCHLD}

# What Python ignores, and a program does not expect to find ignored.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)

# What ends the wait for descendants.
_ENDING = frozenset((signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM))

# Who waits longer than this is told for what.
_SILENT_SECONDS = 1.0

# Where no signal tells that a descendant ended, or signals cannot be waited for with a limit, it is looked up so often.
_LOOK_SECONDS = 0.1


def find_program(name: str) -> str:
    """Give the path of the program that a shell would run for a name.

    Raises:
        ProgramMissing: there is none.
        ProgramError: what has that name is no program.
    """
    path = shutil.which(name)
    if path is not None:
        return path
    if os.sep in name and Path(name).exists():
        why = "it is a folder" if Path(name).is_dir() else "nobody has the right to execute it"
        raise ProgramError(f"{name!r} cannot be run: {why}.")
    raise ProgramMissing(f"There is no program {name!r}; check its name, and that its folder is on the PATH.")


def run_program(path: str, arguments: list[str], environment: Mapping[str, str], descendants: Descendants) -> int:
    """Run a program to its end; give its exit code, 128 and the signal's number when one ended it.

    Until then signals do not end this process but are passed on, unless the terminal sent them to both; who is
    stopped by the terminal goes on with the program. Signals stay blocked afterwards: what came for the program must
    not end whoever has yet to say how it went.

    Args:
        path: of the program.
        arguments: the first is the name it is called by.
        environment: all of it.
        descendants: of the program; those that lost their parent and end before the program are reaped.

    Raises:
        ProgramError: it cannot be executed.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where that is ignored, nobody learns how a child ended
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {*_PASSED_ON, signal.SIGCHLD})
    try:
        pid = os.posix_spawn(path, arguments, environment, setsigmask=mask, setsigdef=_IGNORED_BY_PYTHON)
    except (OSError, ValueError) as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        raise ProgramError(f"{path!r} cannot be run: {_why(error)}.") from error
    while True:
        number, is_terminals = _next_signal()
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if number in _PASSED_ON and not is_terminals:
            os.kill(pid, number)
        if number == signal.SIGCHLD:
            descendants.reap(pid)


def wait_for(
    descendants: Descendants, seconds: float, announce: Callable[[list[LeftRunning]], None]
) -> list[LeftRunning]:
    """Wait, after `run_program`, until all descendants have ended, and give those that still run then.

    A signal that would end this process ends the wait.

    Args:
        descendants: of the program.
        seconds: at most so many.
        announce: told, once, what is waited for, unless that ends at once.
    """
    begun = time.monotonic()
    is_announced = False
    while running := descendants.running():
        passed = time.monotonic() - begun
        if passed >= seconds:
            break
        if passed >= _SILENT_SECONDS and not is_announced:
            announce(named(running))
            is_announced = True
        rest = (seconds if is_announced else min(seconds, _SILENT_SECONDS)) - passed
        if _signal_within(rest if descendants.is_certain else min(rest, _LOOK_SECONDS)) in _ENDING:
            break
    return named(running)


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "what its first line names is not there"  # it is there itself, or it would not have been found
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _signal_within(seconds: float) -> int | None:
    """Wait for a signal for so long at most."""
    if sys.platform == "linux":
        said = signal.sigtimedwait(_WAITED_FOR, seconds)
        number = None if said is None else said.si_signo
    else:
        time.sleep(seconds)
        number = next(iter(signal.sigpending() & _ENDING), None)
    return number


def _next_signal() -> tuple[int, bool]:
    """Wait for a signal; tell which, and whether it is of a key that the terminal tells the program as well."""
    if sys.platform == "linux":
        said = signal.sigwaitinfo(_WAITED_FOR)
        number, is_kernels = said.si_signo, said.si_code > 0  # sigaction(2): what a process sends has none above 0
    else:
        number, is_kernels = signal.sigwait(_WAITED_FOR), True
    return number, is_kernels and number in (signal.SIGINT, signal.SIGQUIT)
