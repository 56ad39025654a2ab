"""Descriptors that are kept back: near the limit, the connections that were idle longest are closed for new ones."""

import heapq
import resource
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Final, NamedTuple

# Of what a process may open: for files, for telemock's own questions, and for whoever comes next.
_MOST_KEPT_BACK: Final = 128
_KEPT_BACK_SHARE: Final = 4

_CLOSED_AT_ONCE: Final = 16


class IdleConnection(NamedTuple):
    """A connection on which nobody waits for an answer (RFC 9112 section 9.5 lets a server close it at any time).

    Attributes:
        since: the loop's time at which its last answer ended, or it began.
        close: ends it.
    """

    since: float
    close: Callable[[], object]


class Descriptors:
    """The limit of a process, as numbers of descriptors tell it: each new one is the least that is free.

    Args:
        on_scarce: told how many idle connections were closed, and how many new ones were not taken.
    """

    def __init__(self, on_scarce: Callable[[int, int], None]) -> None:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        kept_back = min(_MOST_KEPT_BACK, limit // _KEPT_BACK_SHARE)
        self._scarce_from = limit - kept_back
        self._none_from = limit - kept_back // 2
        self._on_scarce = on_scarce

    def are_scarce(self, number: int) -> bool:
        """Tell whether idle connections have to go, by the number of the newest descriptor."""
        return number >= self._scarce_from

    def are_gone(self, number: int) -> bool:
        """Tell whether the newest connection cannot be taken, as there are only those for files left; which is told."""
        are_gone = number >= self._none_from
        if are_gone:
            self._on_scarce(0, 1)
        return are_gone

    def close_idle(self, idle: Iterable[IdleConnection]) -> None:
        """Close those that were idle for longest, at most half of them: the newest is about to speak."""
        candidates = list(idle)
        count = min(_CLOSED_AT_ONCE, len(candidates) // 2)
        longest = heapq.nsmallest(count, candidates, key=attrgetter("since"))
        for connection in longest:
            connection.close()
        if longest:
            self._on_scarce(len(longest), 0)
