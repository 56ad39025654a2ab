import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.analysis.cadence import Cadence, Rhythm
from telemock.analysis.resent import Resent, Sending


def followed(requests: Iterable[tuple[float, bool]]) -> Cadence:
    """Follow one instance that always asks the same, and may be answered with a failure."""
    rhythm, resent = Rhythm(), Resent()
    for received_s, failed in requests:
        sending = Sending("one", "GET", "http://a.test/", b"", "", received_s, 503 if failed else 200, 1.0)
        rhythm.add(received_s, failed=failed, again=resent.again(sending))
    return rhythm.cadence()


@dataclass
class Client:
    """A client that calls at a beat, and what is known of it.

    Attributes:
        jitter_s: half of its intervals are within so much of its period.
        loss: share of its beats that never arrive.
        failure: share of its beats that are answered with a failure, and retried until that succeeds.
        retry_s, factor: the first delay, and by how much each is longer than the one before.
        burst: requests at each beat.
    """

    period_s: float
    jitter_s: float = 0.0
    loss: float = 0.0
    failure: float = 0.0
    retry_s: float = 1.0
    factor: float = 2.0
    retry_jitter: float = 0.0
    burst: int = 1
    seed: int = 1
    missed: int = 0
    retries: int = 0
    requests: list[tuple[float, bool]] = field(default_factory=list)

    def call(self, beats: int) -> Cadence:
        rng = random.Random(self.seed)
        now = 1_770_289_200.0
        for beat in range(beats):
            if rng.random() < self.loss and 0 < beat < beats - 1:
                self.missed += 1
            elif rng.random() < self.failure:
                self._retry(now, rng.randint(1, 5), rng)
            else:
                self.requests += [(now + 0.05 * each, False) for each in range(self.burst)]
            now += self.period_s + rng.uniform(-2 * self.jitter_s, 2 * self.jitter_s)
        return followed(self.requests)

    def _retry(self, now: float, times: int, rng: random.Random) -> None:
        self.requests.append((now, True))
        delay = self.retry_s
        for number in range(times):
            now += delay * (1 + rng.uniform(-self.retry_jitter, self.retry_jitter))
            delay *= self.factor
            self.retries += 1
            self.requests.append((now, number < times - 1))


CLIENTS = [
    Client(60),
    Client(60, jitter_s=1),
    Client(300, jitter_s=15, loss=0.3),
    Client(300, jitter_s=5, burst=10),
    Client(300, jitter_s=5, burst=60),
    Client(60, jitter_s=2, loss=0.1, failure=0.1, retry_jitter=0.1),
    Client(3600, jitter_s=10, failure=0.5, retry_s=2, factor=3),
    Client(60, jitter_s=1, failure=0.3, retry_s=0.5, factor=1),
    Client(0.5, jitter_s=0.01, loss=0.05),
    Client(86_400, jitter_s=600, loss=0.2, failure=0.2, retry_s=30),
]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: f"{client.period_s}s-{client.loss}-{client.failure}")
@pytest.mark.parametrize("seed", range(3))
def test_a_simulated_clients_habits_are_found_within_five_percent(client: Client, seed: int) -> None:
    client = Client(**{**vars(client), "seed": seed, "missed": 0, "retries": 0, "requests": []})
    cadence = client.call(4000)
    assert cadence.requests == len(client.requests)
    assert cadence.interval_s == pytest.approx(client.period_s, rel=0.05)
    assert cadence.jitter_s == pytest.approx(client.jitter_s, rel=0.05, abs=1e-6)
    assert cadence.missed == pytest.approx(client.missed, rel=0.05)
    assert cadence.retries == pytest.approx(client.retries, rel=0.05)
    if client.failure:
        assert cadence.retry_s == pytest.approx(client.retry_s, rel=0.05)
        assert cadence.backoff == pytest.approx(client.factor, rel=0.05)
    if client.burst > 1:
        assert (cadence.bursts, cadence.largest_burst) == (4000, client.burst)
    else:
        assert cadence.bursts == 0
    assert cadence.regularity > 0.95
    assert cadence.last_s == max(received_s for received_s, _ in client.requests)


def taken(*times: float, failed: bool = False) -> Cadence:
    return followed((time, failed) for time in times)


def test_what_comes_next_is_the_next_beat_or_the_next_retry() -> None:
    assert taken(0, 60, 120, 180, 240).next_s == 300
    assert taken(0, 60, 120, 180, 180.1, 180.2).next_s == 240, "a burst is one beat"
    assert taken(0, 1, 3, 7, 15, failed=True).next_s == 31
    assert taken(0).next_s is None


def test_a_client_that_was_away_missed_no_beats() -> None:
    away = [*range(0, 6000, 60), *range(100_000, 106_000, 60)]
    cadence = taken(*away)
    assert (cadence.interval_s, cadence.missed, cadence.silences) == (60, 0, 1)
    assert cadence.longest_silence_s == 100_000 - 5940


def at_intervals(*intervals: tuple[float, int]) -> list[float]:
    """Give times that are so many intervals apart, after each other."""
    times = [0.0]
    for interval, count in intervals:
        times += [times[-1] + interval * each for each in range(1, count + 1)]
    return times


@pytest.mark.parametrize(
    ("intervals", "missed", "next_s"),
    [
        ([(60, 100), (120, 50)], 0, 120),
        ([(60, 100), (240, 50)], 0, 240),
        ([(120, 50), (60, 100)], 0, 60),
        ([(60, 1000), (720, 50)], 0, 720),
        ([(60, 3000), (120, 1100)], 0, 120),
        ([(60, 1021), (120, 40)], 0, 120),
        ([(60, 100), (120, 40), (240, 1)], 1, 120),
        ([(60, 100), *[(120, 5), (240, 1)] * 10], 10, 120),
        ([(60, 1009), (120, 20), (60, 50)], 0, 60),
        ([(60, 1009), (720, 20), (60, 50)], 0, 60),
        ([(60, 1000), (120, 24), (60, 50)], 0, 60),
        ([(60, 1000), (120, 3000), (60, 50)], 0, 60),
        ([(60, 100), (120, 7), (60, 100)], 7, 60),
        ([(60, 100), (120, 7)], 7, 120),
        ([(60, 500), (1200, 1), (60, 500)], 0, 60),
    ],
)
def test_another_pace_is_no_missed_beats_and_tells_the_next_one(
    intervals: list[tuple[float, int]], missed: int, next_s: float
) -> None:
    times = at_intervals(*intervals)
    cadence = taken(*times)
    assert cadence.missed == missed
    assert cadence.silences == sum(interval == 1200 for interval, _ in intervals)
    assert cadence.next_s == times[-1] + next_s


@pytest.mark.parametrize("count", [1018, 1019, 1020])
def test_who_is_never_served_is_followed_to_the_end(count: int) -> None:
    times = at_intervals((60, count), (120, 5))
    cadence = taken(*times, failed=True)
    assert (cadence.missed, cadence.next_s) == (5, times[-1] + 120)


def test_the_next_one_is_never_expected_in_the_past() -> None:
    times = at_intervals((300, 30), (60, 30))
    assert (taken(*times).next_s or 0) > times[-1]


def test_a_beat_that_is_never_served_is_a_beat() -> None:
    cadence = taken(*range(0, 30_000, 300), failed=True)
    assert (cadence.interval_s, cadence.jitter_s, cadence.regularity, cadence.retries) == (300, 0, 1, 0)
    assert cadence.next_s == 30_000
    again = [beat + delay for beat in range(0, 30_000, 300) for delay in (0, 2, 6)]
    cadence = taken(*again, failed=True)
    assert (cadence.interval_s, cadence.retries, cadence.retry_s, cadence.backoff) == (300, 200, 2, 2)
    assert cadence.next_s == 30_000, "after both retries"
    assert taken(*again, 30_000, failed=True).next_s == 30_002
    assert taken(*again, 30_000, 30_002, failed=True).next_s == 30_006
    capped = at_intervals(*((2**each, 1) for each in range(6)), (60, 30))
    cadence = taken(*capped, failed=True)
    assert (cadence.interval_s, cadence.retries, cadence.next_s) == (60, 6, capped[-1] + 60)


def test_a_request_long_after_a_failure_is_no_retry() -> None:
    """Whoever guesses paths gets a 404 each time, and comes again some day."""
    rng = random.Random(3)
    for mean_s in (2 * 86_400, 3600):
        cadence = taken(*accumulate(120 + rng.expovariate(1 / mean_s) for _ in range(14)), failed=True)
        assert (cadence.retries, cadence.retry_s, cadence.backoff) == (0, None, None)


def test_retries_of_who_never_had_a_beat_are_those_that_come_soon() -> None:
    cadence = taken(0, 5, 15, 86_400, 86_402, 86_406, 300_000, failed=True)
    assert (cadence.retries, cadence.retry_s, cadence.backoff) == (4, 3.5, 2)


def test_one_request_right_after_the_other_is_no_beat() -> None:
    cadence = taken(0, 0.012, 0.024, 0.036, 0.06)
    assert (cadence.jitter_s, cadence.missed, cadence.bursts, cadence.next_s) == (None, 0, 0, None)


def test_who_calls_at_random_has_no_beat() -> None:
    rng = random.Random(1)
    now, times = 0.0, []
    for _ in range(2000):
        now += rng.expovariate(1 / 60)
        times.append(now)
    cadence = taken(*times)
    assert cadence.regularity < 0.5
    assert cadence.interval_s == pytest.approx(60 * 0.693, rel=0.1), "the median of an exponential distribution"
    assert (cadence.jitter_s, cadence.next_s, cadence.missed, cadence.bursts) == (None, None, 0, 0)


def test_the_order_of_arrival_may_be_a_little_off() -> None:
    times = [60.0 * beat for beat in range(200)]
    times[50], times[51] = times[51], times[50]
    cadence = taken(*times)
    assert (cadence.interval_s, cadence.jitter_s, cadence.missed, cadence.regularity) == (60, 0, 0, 1)


@pytest.mark.parametrize("times", [(), (5,), (5, 5), (5, 5, 5, 5, 5), (0, 1e300, 1e-300)])
def test_too_little_makes_no_beat(times: tuple[float, ...]) -> None:
    cadence = taken(*times)
    assert (cadence.requests, cadence.next_s, cadence.jitter_s) == (len(times), None, None)


@given(st.lists(st.tuples(st.floats(0, 4e9), st.booleans()), max_size=3000))
def test_no_times_break_it(requests: list[tuple[float, bool]]) -> None:
    cadence = followed(requests)
    assert cadence.requests == len(requests)
    assert cadence.retries <= len(requests)
