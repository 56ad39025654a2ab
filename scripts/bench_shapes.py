"""The measurement of hostile bodies: CPU seconds that a mebibyte of each shape takes to be looked through."""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from shapes import shapes

from telemock.analysis.endpoint import Seen
from telemock.analysis.inventory import take_inventory
from telemock.analysis.kinds import kind_of
from telemock.analysis.masking import masked_exchange, masked_text
from telemock.analysis.may_hold_secret import may_hold_secret
from telemock.analysis.names import words_of
from telemock.analysis.redaction import redaction
from telemock.analysis.rule import Rule
from telemock.analysis.rules import RULES
from telemock.analysis.sensitive import find_sensitive
from telemock.analysis.tokens import find_tokens
from telemock.decoding import layers
from telemock.exchange import Exchange, Record
from telemock.fields import read_body

# CPU seconds for a mebibyte that no rule may exceed.
MOST_SECONDS = 1.0

# CPU seconds for a mebibyte that nothing that looks through all of a body by all rules may exceed; an inventory, which
# learns of each field besides, is only told.
MOST_SECONDS_OF_ALL = 4.0

_BYTES = 2**18
_WARM_BYTES = 2**12
_WINDOW = 4096


def measure_shapes() -> bool:
    """Print what a mebibyte of each shape costs, the slowest first; tell whether all is fast enough."""
    makers = shapes()
    redact = redaction(b"key")
    for make in makers.values():
        _look_all_ways(make(_WARM_BYTES), redact)
    costs = []
    for name, make in makers.items():
        print(f"\r{name:60.60}", end="", file=sys.stderr)
        body = make(_BYTES)
        mebibytes = max(len(body), _BYTES // 2) / 2**20
        by_rule = {rule: seconds / mebibytes for rule, seconds in _by_rule(body)}
        by_operation = {operation: seconds / mebibytes for operation, seconds in _look_all_ways(body, redact).items()}
        inventory = _seconds(partial(look_through, body)) / mebibytes
        costs.append((name, *_slowest(by_operation), *_slowest(by_rule), inventory))
    print(f"{len(costs)} shapes; CPU seconds a MiB\n  slowest operation         slowest rule        inventory")
    for name, operation, seconds, rule, of_rule, inventory in sorted(costs, key=lambda cost: cost[2], reverse=True):
        mark = "   too slow" if of_rule > MOST_SECONDS or seconds > MOST_SECONDS_OF_ALL else ""
        print(f"{seconds:7.2f} {operation:18} {of_rule:6.2f} {rule:18} {inventory:6.2f}  {name}{mark}")
    return all(cost[2] <= MOST_SECONDS_OF_ALL and cost[4] <= MOST_SECONDS for cost in costs)


def _slowest(costs: dict[str, float]) -> tuple[str, float]:
    return max(costs.items(), key=lambda cost: cost[1])


def _look_all_ways(body: bytes, redact: Callable[[Record], Record]) -> dict[str, float]:
    """Return how many seconds each operation takes for a body that nothing was learnt of."""
    exchange = _exchange(body)
    text = body.decode(errors="surrogateescape")
    return {
        "redaction": _seconds(partial(redact, exchange)),
        "a masked body": _seconds(partial(masked_exchange, exchange)),
        "a masked text": _seconds(partial(masked_text, text)),
        "what is sensitive": _seconds(
            lambda: [find_sensitive(value, name) for name, value, _ in dict.fromkeys(read_body(body).leaves)]
        ),
    }


def _exchange(body: bytes) -> Exchange:
    return Exchange(
        received_at="2026-02-05T10:55:58.090735Z",
        scheme="https",
        method="POST",
        host="telemetry.vendor.example",
        path="/",
        query="",
        params="{}",
        request_headers="[]",
        request_body=body,
        request_truncated=0,
        client="192.0.2.1",
        via="connect",
        status=200,
        response_headers="[]",
        response_body=None,
        latency_ms=1.0,
        outcome="mock",
    )


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
