"""Of a process's descriptors some are kept back, and near the limit those idle longest are closed."""

import resource

from telemock.server.descriptors import Descriptors, IdleConnection

LIMIT, _ = resource.getrlimit(resource.RLIMIT_NOFILE)


def test_some_are_kept_back_for_new_connections_and_some_of_those_for_files() -> None:
    told: list[tuple[int, int]] = []
    descriptors = Descriptors(lambda *counts: told.append(counts))
    scarce = [number for number in range(LIMIT) if descriptors.are_scarce(number)]
    gone = [number for number in range(LIMIT) if descriptors.are_gone(number)]
    assert len(scarce) == min(128, LIMIT // 4)
    assert len(gone) == len(scarce) // 2
    assert told == [(0, 1)] * len(gone)
    assert scarce[-1] == gone[-1] == LIMIT - 1


def test_those_idle_longest_are_closed_and_told() -> None:
    told: list[tuple[int, int]] = []
    closed: list[int] = []

    def idle(number: int) -> IdleConnection:
        return IdleConnection(float(number), lambda: closed.append(number))

    descriptors = Descriptors(lambda *counts: told.append(counts))
    descriptors.close_idle(map(idle, [*range(50, 100), *range(50)]))
    assert (closed, told) == (list(range(16)), [(16, 0)])
    for few in ([], [idle(1000)]):
        descriptors.close_idle(few)
    assert told == [(16, 0)]
    descriptors.close_idle(map(idle, [7, 5, 6]))
    assert (closed[16:], told[1:]) == ([5], [(1, 0)])
