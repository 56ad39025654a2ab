"""The measurement of hostile bodies: CPU seconds that a mebibyte of each shape takes to be looked through."""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from shapes import shapes

from telemock.analysis.endpoint import Seen
from telemock.analysis.inventory import take_inventory
from telemock.analysis.kinds import kind_of
from telemock.analysis.may_hold_secret import may_hold_secret
from telemock.analysis.names import words_of
from telemock.analysis.rule import Rule
from telemock.analysis.rules import RULES
from telemock.analysis.tokens import find_tokens
from telemock.decoding import layers
from telemock.fields import read_body

# CPU seconds for a mebibyte that no rule may exceed.
MOST_SECONDS = 1.0

_BYTES = 2**18
_WARM_BYTES = 2**12
_WINDOW = 4096


def measure_shapes() -> bool:
    """Print what a mebibyte of each shape costs, the slowest first; tell whether every rule is fast enough."""
    makers = shapes()
    for make in makers.values():
        look_through(make(_WARM_BYTES))
    costs = []
    for name, make in makers.items():
        print(f"\r{name:60.60}", end="", file=sys.stderr)
        body = make(_BYTES)
        mebibytes = max(len(body), _BYTES // 2) / 2**20
        by_rule = {rule: seconds / mebibytes for rule, seconds in _by_rule(body)}
        slowest = max(by_rule, key=by_rule.__getitem__)
        costs.append((_seconds(partial(look_through, body)) / mebibytes, name, slowest, by_rule[slowest]))
    print(f"{len(costs)} shapes; CPU seconds a MiB\n    all  slowest rule")
    for seconds, name, rule, of_rule in sorted(costs, reverse=True):
        print(f"{seconds:7.2f} {of_rule:6.2f}  {name}: {rule}{'   too slow' if of_rule > MOST_SECONDS else ''}")
    return max(cost[3] for cost in costs) <= MOST_SECONDS


def look_through(body: bytes) -> None:
    """Learn from one request with such a body."""
    take_inventory(
        [
            Seen(
                method="POST",
                scheme="https",
                host="telemetry.vendor.example",
                port=None,
                path="/",
                query="",
                request_headers="[]",
                body=body,
                is_whole=True,
                request_bytes=len(body),
                received_at="2026-02-05T10:55:58.090735Z",
                status=200,
                latency_ms=1.0,
                instance="",
                response_bytes=0,
            )
        ]
    )


def _by_rule(body: bytes) -> Iterator[tuple[str, float]]:
    """Give how many seconds each rule takes for all values of a body, each once, as an inventory judges them."""
    leaves = dict.fromkeys(read_body(body).leaves)
    windows = [
        (words_of(name), value[start : start + _WINDOW])
        for name, value, _ in leaves
        for start in range(0, len(value), _WINDOW)
    ]
    for number, rule in enumerate(RULES):
        yield f"{number} {rule.sensitivity}", _seconds(partial(_apply, rule, windows))
    yield "may hold a secret", _seconds(lambda: may_hold_secret(body))
    yield "tokens", _seconds(lambda: [[*find_tokens(text)] for _, text in windows])
    yield "types", _seconds(lambda: [kind_of(value, name, 0.0, form) for name, value, form in leaves])
    yield "decoding", _seconds(lambda: [[*layers(value)] for value in {value for _, value, _ in leaves}])


def _apply(rule: Rule, windows: list[tuple[str, str]]) -> None:
    for words, text in windows:
        if rule.hint is None or rule.hint.search(words):
            for match in rule.pattern.finditer(text):
                rule.accepts(match[0], text[max(match.start() - 16, 0) : match.start()] or words + " ")


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
