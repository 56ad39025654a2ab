import base64
import json
import random
from collections.abc import Sequence

from telemock.analysis.sent import Opener
from telemock.analysis.series import Series
from telemock.leaves import Leaf
from telemock.opening import open_value
from tests.corpus import moment

Item = tuple[str, str]


def b64(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def inside(items: Sequence[Item]) -> list[Leaf]:
    return [(name + way, text, form) for name, value in items for way, text, form in open_value(value).leaves]


def test_what_is_inside_is_that_of_each_request_whatever_came_before() -> None:
    rng = random.Random(7)
    values = ["1", "plain words", b64({"a": 1}), b64({"a": 2, "b": []}), '{"c":"x"}', "a=1&b=2", "7f" * 16]
    opener = Opener[Item](lambda item: item)
    series = Series[Item](lambda _: None, lambda _: None, lambda item: item)
    items: list[Item] = []
    for second in range(3000):
        if rng.random() < 0.3:
            items = [(rng.choice("xyz"), rng.choice(values)) for _ in range(rng.randrange(6))]
        elif items:
            place = rng.randrange(len(items))
            items = [*items[:place], (items[place][0], rng.choice(values)), *items[place + 1 :]]
        series.take(items, moment(second), 0.0)
        assert [*opener.open(items, series.fresh, 100)] == inside(items)
        if rng.random() < 0.1:
            opener = Opener[Item](lambda item: item, items)
            series = Series[Item](lambda _: None, lambda _: None, lambda item: item, series.state)


def test_more_than_a_request_may_hold_is_not_opened() -> None:
    opener = Opener[Item](lambda item: item)
    items = [("x", b64([f"{number}" * 100_000])) for number in range(30)]
    series = Series[Item](lambda _: None, lambda _: None, lambda item: item)
    series.take(items, moment(0), 0.0)
    found = opener.open(items, series.fresh, 0)
    assert (0 < len(found) < 30, opener.is_spent) == (True, True)
    assert len(opener.open([], [], 0)) == 0
    assert not opener.is_spent
