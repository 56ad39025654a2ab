import random

from telemock.analysis.field import Field
from telemock.analysis.series import Series
from tests.corpus import moment

Items = list[tuple[str, str]]


def learnt(requests: list[Items]) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    series = Series[tuple[str, str]](
        lambda name: fields.setdefault(name, Field("query", name)), lambda _: None, lambda item: item
    )
    for second, items in enumerate(requests):
        series.take(items, moment(second), 0.0)
    series.close(0.0)
    return fields


def test_fields_that_come_go_repeat_and_change_places_are_counted_as_if_looked_at_one_by_one() -> None:
    rng = random.Random(4)
    requests: list[Items] = []
    for _ in range(500):
        if requests and rng.random() < 0.6:
            items = [(name, rng.choice("ab") if rng.random() < 0.2 else value) for name, value in requests[-1]]
        else:
            items = [(rng.choice("xyz"), rng.choice("ab")) for _ in range(rng.randrange(4))]
        requests.append(items)
    fields = learnt(requests)
    for name in "xyz":
        having = [second for second, items in enumerate(requests) if name in dict(items)]
        values = [value for items in requests for each, value in items if each == name]
        field = fields[name]
        assert field.values == {value: values.count(value) for value in set(values)}
        assert field.exchanges == len(having)
        assert (field.first_seen, field.last_seen) == (moment(having[0]), moment(having[-1]))


def test_a_counter_goes_on_behind_requests_without_it() -> None:
    requests = [[("n", "1")], [("n", "2")], [("x", "")], [], [("x", ""), ("n", "3")], [("n", "4")], [("n", "4")]]
    assert learnt(requests)["n"].behaviour == "counter"
    assert learnt([*requests, [], [("n", "3")]])["n"].behaviour == "varying"


def test_a_field_that_there_is_no_place_for_is_counted_and_not_kept() -> None:
    left_out: list[int] = []
    series = Series[tuple[str, str]](lambda _: None, left_out.append, lambda item: item)
    for name in ("n", "n", "o", "p"):
        for value in "ab":
            series.take([(name, value), (name, value)], moment(0), 0.0)
        assert len(series.state.followed) == 1
    series.close(0.0)
    assert (sum(left_out), series.state.followed) == (16, {})
