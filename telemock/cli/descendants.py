"""What a program leaves running when it ends: its descendants, found, waited upon as children, and named."""

import ctypes
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import psutil

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)

# A command line can be as long as memory allows.
_MOST_CHARACTERS = 200


class LeftRunning(NamedTuple):
    """A process that outlives the program that started it, by its id and its command line."""

    pid: int
    command: str


class Descendants:
    """The processes that a program starts, and that those start, wherever they detach themselves to.

    On Linux, with its /proc, this process becomes their subreaper (prctl(2)): the kernel makes whoever loses its
    parent a child of this process, and nobody gets lost. Elsewhere a process is recognised by an environment variable
    of the program.

    Args:
        server: id of this process's own child that belongs to nobody's program.
        mark: name and value of a variable that only this program has in its environment.

    Attributes:
        is_certain: no descendant can be overlooked.
    """

    def __init__(self, server: int, mark: tuple[str, str]) -> None:
        self._server = server
        self._mark = mark
        self.is_certain = _become_subreaper() and _sees_processes()

    def running(self) -> list[psutil.Process]:
        """Reap those that have ended, and give those that run."""
        if not self.is_certain:
            # Whoever begins to be another program has no environment for a moment.
            return [*self._marked()] or [*self._marked()]
        found = psutil.Process().children(recursive=True) if self.reap() else []
        return [each for each in found if each.pid != self._server]

    def reap(self, program: int | None = None) -> bool:
        """Reap children of this process that have ended, if it gets any but its own; tell whether others are left.

        Args:
            program: id of a child that the caller reaps.
        """
        while self.is_certain:
            own = {self._server, program}
            children = [child.pid for child in psutil.Process().children() if child.pid not in own]
            # Each that is reaped may leave others behind: only a look that meets none that has ended meets all.
            if not sum(os.waitpid(pid, os.WNOHANG)[0] for pid in children):
                return bool(children)
        return False

    def _marked(self) -> Iterator[psutil.Process]:
        name, value = self._mark
        if not _sees_processes():
            return
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                is_own = process.pid in (os.getpid(), self._server)
                if not is_own and process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                    yield process


def named(processes: list[psutil.Process]) -> list[LeftRunning]:
    """Name processes by their ids and command lines, those that still run."""
    left: list[LeftRunning] = []
    for process in processes:
        with suppress(psutil.Error):
            command = shlex.join(process.cmdline()) or process.name()
            cut = command if len(command) <= _MOST_CHARACTERS else command[: _MOST_CHARACTERS - 1] + "…"
            left.append(LeftRunning(process.pid, cut))
    return sorted(left)


def _become_subreaper() -> bool:
    """Become the parent of whichever descendant loses its own; tell whether the system does that."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, *map(ctypes.c_ulong, (1, 0, 0, 0))) == 0)


def _sees_processes() -> bool:
    """Tell whether processes can be looked up: on Linux, /proc must be there."""
    with suppress(psutil.Error, OSError):
        return psutil.Process().is_running()
    return False
