"""Descriptors that are kept back: near the limit, the connections that were idle longest are closed for new ones."""

import heapq
import os
import resource
import termios
from array import array
from collections.abc import Callable, Iterable
from fcntl import ioctl
from operator import attrgetter
from typing import Final, NamedTuple

# Of what a process may open: for files, for telemock's own questions, and for whoever comes next.
_MOST_KEPT_BACK: Final = 128
_KEPT_BACK_SHARE: Final = 4

_CLOSED_AT_ONCE: Final = 16

# Who said nothing for less than this may be about to.
LEAST_IDLE_SECONDS: Final = 2.0

# Who stopped in the middle of a body for less than this may only be slow.
LEAST_STALLED_SECONDS: Final = 5.0


class IdleConnection(NamedTuple):
    """A connection on which nobody waits for an answer (RFC 9112 section 9.5 lets a server close it at any time).

    Attributes:
        since: the loop's time at which its last answer ended, or it began, or what it says now began.
        has_unread: tells that it received something that was not looked at yet; it is not idle then.
        close: ends it.
    """

    since: float
    has_unread: Callable[[], bool]
    close: Callable[[], object]


class Descriptors:
    """The limit of a process, as numbers of descriptors tell it: each new one is the least that is free."""

    def __init__(self) -> None:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        kept_back = min(_MOST_KEPT_BACK, limit // _KEPT_BACK_SHARE)
        self._scarce_from = limit - kept_back
        self._none_from = limit - kept_back // 2

    def are_scarce(self, number: int) -> bool:
        """Tell whether idle connections have to go, by the number of the newest descriptor."""
        return number >= self._scarce_from

    def are_gone(self, number: int) -> bool:
        """Return whether there are only those for files left, so that new connections have to wait."""
        return number >= self._none_from


def close_idle(idle: Iterable[IdleConnection], until: float) -> int:
    """Close some that were idle for longest; give how many.

    Args:
        idle: any number of them.
        until: the loop's time since which each must have been idle at least.
    """
    candidates = [each for each in idle if each.since <= until]
    longest = heapq.nsmallest(_CLOSED_AT_ONCE, candidates, key=attrgetter("since"))
    closed = [each.close() for each in longest if not each.has_unread()]
    return len(closed)


def has_unread(descriptor: int) -> bool:
    """Return whether a socket received something that was not read yet; a closed one, whose number is -1, did not."""
    if descriptor < 0:
        return False
    count = array("i", [0])
    ioctl(descriptor, termios.FIONREAD, count)
    return count[0] > 0


def least_free(descriptor: int) -> int:
    """Return the number that the next descriptor gets; needs one that is open."""
    number = os.dup(descriptor)
    os.close(number)
    return number
