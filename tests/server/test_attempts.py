"""A client has so many tries for a wrong password, and gets one more a second; other clients lose nothing by it."""

from telemock.server.attempts import BURST, Attempts

CLIENT = "192.0.2.1"


class Clock:
    """Seconds that a test counts."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def used_up(clock: Clock, client: str = CLIENT) -> Attempts:
    attempts = Attempts(clock)
    assert [attempts.take(client) for _ in range(BURST)] == [0.0] * BURST
    return attempts


def test_who_used_all_tries_up_waits_for_the_next() -> None:
    clock = Clock()
    attempts = used_up(clock)
    assert attempts.take(CLIENT) == 1.0
    clock.seconds += 0.75
    assert attempts.take(CLIENT) == 0.25
    clock.seconds += 0.25
    assert attempts.take(CLIENT) == 0.0
    assert attempts.take(CLIENT) == 1.0


def test_tries_come_back_up_to_the_burst() -> None:
    clock = Clock()
    attempts = used_up(clock)
    clock.seconds += 10_000
    assert sum(not attempts.take(CLIENT) for _ in range(2 * BURST)) == BURST


def test_a_right_one_costs_nothing() -> None:
    attempts = Attempts(Clock())
    for _ in range(3 * BURST):
        assert attempts.take(CLIENT) == 0.0
        attempts.give_back(CLIENT)


def test_another_address_has_its_own_tries_and_another_of_the_same_ipv6_network_has_not() -> None:
    assert used_up(Clock()).take("192.0.2.2") == 0.0
    assert used_up(Clock()).take("::ffff:192.0.2.1") > 0
    attempts = used_up(Clock(), "2001:db8:0:1::1")
    assert attempts.take("2001:db8:0:1:ffff::2") > 0
    assert attempts.take("2001:db8:0:2::1") == 0.0


def test_it_is_news_once_each_time_that_somebody_has_to_wait() -> None:
    clock = Clock()
    attempts = used_up(clock)
    assert [attempts.is_news(CLIENT) for _ in range(3)] == [True, False, False]
    clock.seconds += 1
    attempts.take(CLIENT)
    assert [attempts.is_news(CLIENT) for _ in range(3)] == [True, False, False]


def test_of_too_many_clients_the_one_heard_of_longest_ago_is_forgotten() -> None:
    attempts = used_up(Clock())
    for number in range(4096):
        attempts.take(f"10.0.{number // 256}.{number % 256}")
    assert attempts.take(CLIENT) == 0.0
