import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from telemock.analysis.changes import Change, find_changes, not_compared
from telemock.analysis.endpoint import Seen
from telemock.analysis.inventory import MAX_ENDPOINTS, MAX_HOSTS, MAX_INSTANCES, take_inventory
from tests.analysis.test_inventory import seen

Told = tuple[str, str, str, str, str, str]


def changes(before: Iterable[Seen], after: Iterable[Seen]) -> list[Change]:
    return find_changes(take_inventory(before), take_inventory(after))


def told(before: Iterable[Seen], after: Iterable[Seen]) -> list[Told]:
    return [
        (each.change, each.what, each.name or each.path or each.host, each.aspect, each.before, each.after)
        for each in changes(before, after)
    ]


def sent(
    value: Callable[[int], object], count: int = 100, instances: int = 1, every: float = 300, **changes: Any
) -> list[Seen]:
    """Let instances send one field in turns; None is a request without it."""
    return [
        seen(
            int(number * every),
            query="" if value(number) is None else f"x={value(number)}",
            instance=str(number % instances),
            **changes,
        )
        for number in range(count)
    ]


def test_hosts_endpoints_and_fields_come_and_go() -> None:
    before = [seen(query="a=1&b=2"), seen(host="old.example"), seen(path="/old")]
    after = [seen(query="b=2&c=eA"), seen(host="new.example", query=""), seen(method="POST"), seen(method="POST")]
    assert told(before, after) == [
        ("added", "host", "new.example", "", "", "1 exchange"),
        ("removed", "host", "old.example", "", "1 exchange", ""),
        ("added", "endpoint", "/telemetry/index.html", "", "", "1 exchange"),
        ("added", "endpoint", "/telemetry/index.html", "", "", "2 exchanges"),
        ("removed", "endpoint", "/telemetry/index.html", "", "1 exchange", ""),
        ("removed", "endpoint", "/old", "", "1 exchange", ""),
        ("added", "field", "c", "", "", "text: eA"),
        ("removed", "field", "a", "", "integer: 1", ""),
    ]


def test_a_change_says_where_it_was() -> None:
    (change,) = changes([seen(query="a=1")], [seen(query="a=1&b=x")])
    assert change == Change(
        "added",
        "field",
        "",
        "GET",
        "https",
        "cdn.cribl.io",
        "/telemetry/index.html",
        None,
        "query",
        "b",
        after="text: x",
    )


def bodies(seed: int, count: int) -> list[Seen]:
    """Post between one and eight events at a time."""
    rng = random.Random(seed)
    return [
        seen(number, query="", body=b"[" + b",".join([b'{"event":"opened"}'] * rng.randint(1, 8)) + b"]")
        for number in range(count)
    ]


STEADY = [f"u{number}@corp.example" for number in range(4)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (sent(lambda _: 7), sent(lambda _: "seven"), ("types", "integer", "text")),
        (sent(lambda _: 7, 1), sent(lambda _: "seven", 1), ("types", "integer", "text")),
        (sent(lambda _: "", 5), sent(lambda _: "something", 5), ("types", "empty", "text")),
        (
            sent(lambda n: ["a", "b", "c", ""][n], 4),
            sent(lambda n: n, 4),
            ("types", "text 75%, empty 25%", "integer"),
        ),
        (
            sent(lambda n: n, 200),
            sent(lambda n: n if n % 4 else f"{n}.5", 200),
            ("types", "integer", "integer 75%, float 25%"),
        ),
        (sent(lambda _: 7), sent(lambda n: n), ("behaviour", "constant", "counter")),
        (sent(lambda n: n), sent(lambda n: n * 37 % 101), ("behaviour", "counter", "varying")),
        (
            sent(lambda _: "a", instances=5),
            sent(lambda n: f"b{n % 5}", instances=5),
            ("behaviour", "constant", "constant per instance"),
        ),
        (
            sent(lambda n: STEADY[n * n % 3]),
            sent(lambda n: f"u{n}@corp.example"),
            ("behaviour", "one of few", "varying"),
        ),
        (sent(lambda _: 7), sent(lambda n: 7 if n % 2 else None), ("presence", "in 100%", "in 50%")),
        (sent(lambda _: "x" * 10), sent(lambda _: "x" * 30), ("size", "10 characters", "30 characters")),
    ],
)
def test_what_a_field_is_and_does_is_compared(before: list[Seen], after: list[Seen], expected: tuple[str, ...]) -> None:
    assert told(before, after) == [("changed", "field", "x", *expected)]
    back = [("changed", "field", "x", expected[0], expected[2], expected[1])]
    assert told(after, before) == back


def test_size_and_beat_of_an_endpoint_are_compared() -> None:
    body = b'{"a":"' + b"x" * 500 + b'"}'
    path = "/telemetry/index.html"
    assert told(sent(lambda _: 7), sent(lambda _: 7, body=body)) == [
        ("changed", "endpoint", path, "size", "62 bytes an exchange", "570 bytes an exchange"),
        ("added", "field", "$.a", "", "", "text: " + "x" * 199 + "…"),
    ]
    assert told(sent(lambda _: 7), sent(lambda _: 7, every=60)) == [
        ("changed", "endpoint", path, "cadence", "every 300 s", "every 60 s")
    ]
    rng = random.Random(1)
    times = sorted(rng.randrange(10**6) for _ in range(100))
    at_random = [seen(time, query="x=7") for time in times]
    assert told(sent(lambda _: 7), at_random) == [("changed", "endpoint", path, "cadence", "every 300 s", "no beat")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (sent(lambda _: 7, 1), sent(lambda n: n)),
        (sent(lambda _: 7, 4), sent(lambda n: n // 50)),
        (sent(lambda n: n, 100), sent(lambda n: n % 90, 100)),
        (sent(lambda _: 7, 3), sent(lambda n: 7 if n else None, 3)),
        (sent(lambda _: 7, 3), sent(lambda _: 7.5, 3)),
        (sent(lambda _: "", 3), sent(lambda _: "something", 3)),
        (sent(lambda _: "", 100), sent(lambda _: "something", 1)),
        (sent(lambda n: f"word{n}", 20), sent(lambda n: f"word{n % 5}", 20)),
        (sent(lambda _: "a"), sent(lambda n: f"b{n % 5}", instances=5)),
        (sent(lambda n: 10**n, 9), sent(lambda n: 10**n, 18)),
        (sent(lambda _: "x" * 10, every=300), sent(lambda _: "x" * 12, every=310)),
        (sent(lambda _: "dev"), sent(lambda _: "prod")),
        (bodies(1, 10), bodies(2, 10)),
        (sent(lambda n: "x" * (10 + n), 3), sent(lambda n: "x" * (30 + n), 3)),
        (sent(lambda n: n % 2, 9, every=60), sent(lambda n: n % 2, 9, every=300)),
    ],
)
def test_what_chance_or_more_exchanges_explain_is_no_change(before: list[Seen], after: list[Seen]) -> None:
    assert [change for change in told(before, after) if change[3] != "cadence"] == []


def test_two_parts_of_the_same_are_the_same() -> None:
    """Of 8,000 comparisons of what is no other, chance may look like a change in a few."""
    alarms = 0
    for seed in range(50):
        rng = random.Random(seed)
        shares = [rng.random() for _ in range(20)]

        def part(count: int, rng: random.Random = rng, shares: list[float] = shares) -> list[Seen]:
            return [
                seen(
                    60 * number,
                    query="&".join(
                        f"f{place}={rng.choice(('a', '7', '4.2', 'x' * rng.randrange(30)))}"
                        for place, share in enumerate(shares)
                        if rng.random() < share
                    ),
                )
                for number in range(count)
            ]

        alarms += sum(change.change == "changed" for change in changes(part(300), part(80)))
    assert alarms <= 8


ENDPOINTS_LEFT_OUT = (
    "500 exchanges on the {} side went to further endpoints than the 1000 that are told apart, so that no endpoint is "
    "called {}."
)
FIELDS_LEFT_OUT = (
    "2000 values on the {} side were of further fields than the 10000 of an endpoint that are told apart, so that none "
    "is called {} where there were so many."
)


@pytest.mark.parametrize(
    ("many", "further", "sentence"),
    [
        (
            [seen(path=f"/p{number}") for number in range(1500)],
            seen(path="/new"),
            ENDPOINTS_LEFT_OUT,
        ),
        (
            [seen(query=f"f{number}=1", request_headers="[]") for number in range(12_000)],
            seen(query="new=1", request_headers="[]"),
            FIELDS_LEFT_OUT,
        ),
    ],
)
def test_what_was_beyond_a_limit_is_not_called_new_or_gone(many: list[Seen], further: Seen, sentence: str) -> None:
    """The same in another order leaves out others."""
    whole = take_inventory(many)
    backwards = take_inventory([further, *many[::-1]])
    assert [each for each in find_changes(whole, backwards) if each.change != "changed"] == []
    assert [*not_compared(whole, whole)] == [
        (("added",), sentence.format("first", "added")),
        (("removed",), sentence.format("second", "removed")),
    ]
    few = take_inventory([further])
    assert {each.change for each in find_changes(whole, few)} == {"removed"}
    assert {each.change for each in find_changes(few, whole)} == {"added"}
    assert [*not_compared(few, whole)] == [(("removed",), sentence.format("second", "removed"))]
    assert [*not_compared(few, few)] == []


def test_hosts_are_known_beyond_the_endpoints() -> None:
    many = [seen(path=f"/p{number}", host=f"{number}.example") for number in range(MAX_ENDPOINTS + 10)]
    many += [seen(path="/again", host=f"{MAX_ENDPOINTS}.example"), seen(path="/same")]
    hosts = {each.host: each.before for each in changes(many, [seen(path="/same")]) if each.what == "host"}
    assert len(hosts) == MAX_ENDPOINTS + 10
    assert (hosts["0.example"], hosts[f"{MAX_ENDPOINTS}.example"]) == ("1 exchange", "2 exchanges")


def test_of_more_hosts_than_are_known_none_is_called_new() -> None:
    many = take_inventory(seen(path=f"/p{n}", host=f"{n}.example") for n in range(MAX_ENDPOINTS + MAX_HOSTS + 1))
    few = take_inventory([seen(host="new.example")])
    assert [change for change in find_changes(many, few) if change.change == "added"] == []
    ((directions, sentence),) = not_compared(many, few)
    assert directions == ("added",)
    assert sentence.endswith("so that no host or endpoint is called added.")


def test_of_more_instances_than_are_followed_behaviour_is_not_compared() -> None:
    def once(each: int) -> Seen:
        return seen(each, query="x=7", instance=f"i{each % (MAX_INSTANCES + 1)}")

    def again(each: int) -> Seen:
        return seen(each, query=f"x={each}", instance="i0")

    still = [once(each) for each in range(MAX_INSTANCES + 1)]
    rising = [again(each) for each in range(1000)]
    assert [change.aspect for change in changes(still[1:], rising)] == ["behaviour"]
    assert [change.aspect for change in changes(still, rising)] == []
    sentence = "More than 10000 instances called on the {} side, so that behaviour and cadence are not compared."
    for sides, side in (((still, rising), "first"), ((rising, still), "second")):
        assert [*not_compared(*map(take_inventory, sides))] == [(("changed",), sentence.format(side))]


def test_bodies_that_were_not_looked_at_are_told() -> None:
    part, whole = take_inventory([seen(body=b"{", is_whole=False)]), take_inventory([seen()])
    for sides, side, direction in (((part, whole), "first", "added"), ((whole, part), "second", "removed")):
        ((directions, sentence),) = not_compared(*sides)
        assert directions == ("added", "removed", "changed")
        assert sentence == (
            f"Of bodies on the {side} side that were longer than what was kept, of an unknown or damaged coding, "
            f"or with too much inside, not all fields were seen, so that one may be called {direction} that is not: 1."
        )


def test_nothing_is_compared_with_nothing() -> None:
    assert changes([], []) == []
    assert [change.change for change in changes([], [seen(query="a=1")])] == ["added", "added"]
