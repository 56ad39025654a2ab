"""An inventory that goes on from what was written down tells the same as one that took everything."""

import json
import random
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemock.analysis.endpoint import Seen
from telemock.analysis.inventory import Inventory
from telemock.analysis.learnt import MOST_FOLLOWED, learnt_key, read_learnt, write_learnt
from telemock.analysis.planted import Planted
from telemock.exchange import compact_json
from tests.analysis.test_inventory import seen
from tests.steady import STEADY

PLANTED = [Planted("host", "build7"), Planted("number", "123456")]
BODIES = (
    None,
    b'{"a":[1,2],"user":"bob"}',
    b'{"a":["1",null],"n":1770278520}',
    b'{"a":1}\n{"a":3.20}',
    b"\xff\xfe\x00",
    b'"\\ud800"',
    b"a=1&b=bob@corp.example",
    b"x" * 5000,
)


def capture(seed: int, count: int) -> list[Seen]:
    """Make requests of all sorts: of some instances, with fields that come and go, failures, and odd bytes."""
    rng = random.Random(seed)
    exchanges = []
    for number in range(count):
        names = rng.sample(("v", "n", "ip", "x\udcff", "card"), rng.randint(0, 5))
        values = {"v": "4.16.1", "n": str(number), "ip": "10.1.2.3", "x\udcff": "build7", "card": "4111111111111111"}
        headers = [["Host", "cdn.cribl.io"], ["Cookie", f"sid={rng.randrange(3)}"], ["X", rng.choice("ab")]]
        exchanges.append(
            seen(
                number * rng.choice((1, 60)),
                path=rng.choice(("/a", "/home/build7", f"/users/{number}", "/users/123456/x")),
                query="&".join(f"{name}={values[name]}" for name in names),
                body=rng.choice(BODIES),
                request_headers=compact_json(headers[: rng.randint(0, 3)]),
                status=rng.choice((200, 200, 503)),
                instance=rng.choice(("one", "two", "three")),
            )
        )
    return exchanges


def told(inventory: Inventory) -> dict[str, Any]:
    """Give all that can be told of it."""
    inventory.close()
    return {
        "count": inventory.count,
        "findings": [vars_of(finding) for finding in (*inventory.findings.sensitive(), *inventory.findings.planted())],
        "endpoints": [
            (
                endpoint.key,
                (endpoint.count, endpoint.instances, endpoint.statuses, endpoint.bytes_up, endpoint.bytes_down),
                (endpoint.first_seen, endpoint.last_seen, endpoint.cadences, endpoint.latency.at(0.5, 1)),
                [
                    (vars_of(field), field.types, field.behaviour, field.distinct, field.examples())
                    for field in endpoint.all_fields()
                ],
            )
            for endpoint in inventory.endpoints.values()
        ],
    }


def vars_of(record: Any) -> dict[str, Any]:
    hidden = ("watch", "_sketch")
    return {name: getattr(record, name) for name in type(record).__dataclass_fields__ if name not in hidden}


def gone_on(exchanges: list[Seen], *cuts: int) -> Inventory:
    inventory = Inventory(PLANTED)
    for number, exchange in enumerate(exchanges):
        if number in cuts:
            written = write_learnt(inventory)
            assert written is not None
            again = read_learnt(written, PLANTED)
            assert again is not None
            inventory = again
        inventory.take(exchange)
    return inventory


@STEADY
@given(st.integers(0, 10**6), st.lists(st.integers(0, 120), max_size=3))
def test_it_makes_no_difference_where_it_was_interrupted(seed: int, cuts: list[int]) -> None:
    exchanges = capture(seed, 120)
    assert told(gone_on(exchanges, *cuts)) == told(gone_on(exchanges))


def test_sketches_beats_and_long_series_go_on() -> None:
    exchanges = capture(1, 4000)
    assert told(gone_on(exchanges, 1500, 3999)) == told(gone_on(exchanges))


def written() -> Any:
    content = write_learnt(gone_on(capture(2, 50)))
    assert content is not None
    return json.loads(zlib.decompress(content))


def asking(plain: Any) -> Any:
    """Give an instance whose last request had a query."""
    return next(instance for instance in plain["instances"] if instance["query"]["items"])


def packed(plain: Any) -> bytes:
    return zlib.compress(json.dumps(plain).encode())


@pytest.mark.parametrize("content", [b"", b"x", packed(7), packed({"count": "x"}), packed({"endpoints": [{}]})])
def test_what_is_something_else_is_not_used(content: bytes) -> None:
    assert read_learnt(content, ()) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain["endpoints"].pop(),
        lambda plain: plain["findings"].clear(),
        lambda plain: plain["endpoints"][0].update(number=7),
        lambda plain: plain["endpoints"][0]["fields"].pop("query"),
        lambda plain: plain["endpoints"][0].update(latency="00"),
        lambda plain: asking(plain)["query"].update(names=["other"]),
        lambda plain: asking(plain)["query"]["followed"].clear(),
        lambda plain: plain["instances"][0].update(headers=7),
        lambda plain: plain["instances"][0]["others"].clear(),
    ],
)
def test_what_does_not_hang_together_is_not_used(change: Any) -> None:
    plain = written()
    assert read_learnt(packed(plain), PLANTED) is not None
    change(plain)
    assert read_learnt(packed(plain), PLANTED) is None


def test_a_truncated_or_swollen_one_is_not_used() -> None:
    content = packed(written())
    assert read_learnt(content[: len(content) // 2], PLANTED) is None
    assert read_learnt(zlib.compress(b'{"count":1,' + b" " * (300 * 2**20) + b"}"), PLANTED) is None


def test_too_much_is_not_written_down() -> None:
    inventory = Inventory()
    for instance in range(MOST_FOLLOWED // 1000 + 1):
        inventory.take(seen(query="&".join(f"n{number}=1" for number in range(1000)), instance=str(instance)))
    assert write_learnt(inventory) is None


def test_the_key_tells_apart_what_was_read_and_what_was_looked_for() -> None:
    keys = {learnt_key("a", ()), learnt_key("b", ()), learnt_key("a", PLANTED), learnt_key("a", PLANTED[:1])}
    assert len(keys) == 4
    assert learnt_key("a", [Planted("host", "build7")]) == learnt_key("a", PLANTED[:1])
