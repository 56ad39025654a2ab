from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from telemock.analysis.timeline import MOST_BUCKETS, Timeline
from telemock.exchange import utc_text
from tests.corpus import STARTED, moment

DAY_S = 86_400


def taken(*times: str) -> Timeline:
    timeline = Timeline()
    for time in times:
        timeline.take(time, "mock")
    return timeline


def test_exchanges_of_one_second_are_counted_together_by_what_became_of_them() -> None:
    timeline = Timeline()
    for received_at, outcome in (
        (moment(0), "mock"),
        (moment(0.5), "refused"),
        (moment(0.9), "mock"),
        (moment(1), "mock"),
    ):
        timeline.take(received_at, outcome)
    first = int(STARTED.timestamp())
    assert timeline.width_s == 1
    assert timeline.buckets == {first: {"mock": 2, "refused": 1}, first + 1: {"mock": 1}}


def test_buckets_become_wider_as_time_goes_on_and_begin_where_people_begin_to_count() -> None:
    timeline = taken(*(utc_text(STARTED + timedelta(minutes=minute)) for minute in range(2 * 24 * 60)))
    assert timeline.width_s == 900
    assert len(timeline.buckets) == 2 * 24 * 4 + 1
    assert all(begin % 900 == 0 for begin in timeline.buckets)
    years = taken("2023-01-01T00:00:00.000000Z", "2026-02-05T10:55:58.090735Z")
    assert years.width_s == 7 * DAY_S
    assert [utc_text(datetime.fromtimestamp(begin, UTC))[:10] for begin in years.buckets] == [
        "2022-12-26",
        "2026-02-02",
    ]


@given(st.lists(st.integers(min_value=0, max_value=4 * 365 * DAY_S), min_size=1, max_size=50))
def test_nothing_is_lost_whatever_the_order(seconds: list[int]) -> None:
    timeline = taken(*(moment(second) for second in seconds))
    assert len(timeline.buckets) <= MOST_BUCKETS
    width = timeline.width_s
    offset = int(STARTED.timestamp()) - (4 * DAY_S if width >= 7 * DAY_S else 0)
    wanted = Counter((offset + second) // width for second in seconds)
    assert [counts["mock"] for _, counts in sorted(timeline.buckets.items())] == [wanted[key] for key in sorted(wanted)]


def test_all_of_the_calendar_fits() -> None:
    timeline = taken("0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z")
    assert len(timeline.buckets) == 2
    assert sum(counts["mock"] for counts in timeline.buckets.values()) == 2


def test_times_that_people_wrote_otherwise_are_counted_apart() -> None:
    timeline = taken(moment(0), "yesterday", "", moment(0))
    assert timeline.unreadable == 2
    assert [*timeline.buckets.values()] == [{"mock": 2}]
