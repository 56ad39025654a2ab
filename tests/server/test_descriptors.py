"""Of a process's descriptors some are kept back, and near the limit those idle longest are closed."""

import resource
import socket

from telemock.server.descriptors import Descriptors, IdleConnection, close_idle, has_unread, least_free

LIMIT, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
NOW = 1000.0


def test_some_are_kept_back_for_new_connections_and_some_of_those_for_files() -> None:
    descriptors = Descriptors()
    scarce = [number for number in range(LIMIT) if descriptors.are_scarce(number)]
    gone = [number for number in range(LIMIT) if descriptors.are_gone(number)]
    assert len(scarce) == min(128, LIMIT // 4)
    assert len(gone) == len(scarce) // 2
    assert scarce[-1] == gone[-1] == LIMIT - 1


def test_those_idle_longest_are_closed_but_not_who_spoke_or_may_be_about_to() -> None:
    closed: list[int] = []

    def idle(seconds: int, *, has_spoken: bool = False) -> IdleConnection:
        return IdleConnection(NOW - seconds, lambda: has_spoken, lambda: closed.append(seconds))

    assert close_idle(map(idle, [*range(50, 100), *range(50)]), NOW - 2) == 16
    assert sorted(closed) == [*range(84, 100)]
    closed.clear()
    assert close_idle([idle(0), idle(1), idle(9, has_spoken=True), idle(8)], NOW - 2) == 1
    assert closed == [8]
    assert close_idle([], NOW - 2) == 0


def test_what_a_socket_received_is_unread_until_it_is_read() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert not has_unread(one.fileno())
        other.send(b"a")
        assert has_unread(one.fileno())
        one.recv(1)
        assert not has_unread(one.fileno())
    assert not has_unread(one.fileno())


def test_the_next_descriptor_is_the_least_that_is_free() -> None:
    number = least_free(0)
    with socket.socket() as taken:
        assert taken.fileno() == number
        assert least_free(0) > number
    assert least_free(0) == number
