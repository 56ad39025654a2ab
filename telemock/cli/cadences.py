"""This is how the cadence of instances looks.

It refuses to find it; `telemock.analysis.cadence` does.
"""

from datetime import UTC, datetime
from typing import Any

from telemock.analysis.cadence import Cadence
from telemock.cli.output import Column, Shape
from telemock.exchange import utc_text

# An instance, and how it calls.
Beating = tuple[str, Cadence]


def cadence_to_json(beating: Beating) -> dict[str, Any]:
    """Give a cadence as what JSON holds; lengths are seconds."""
    instance, cadence = beating
    return {
        "instance": instance,
        "requests": cadence.requests,
        "interval_s": _rounded(cadence.interval_s),
        "jitter_s": _rounded(cadence.jitter_s),
        "regularity": round(cadence.regularity, 6),
        "missed": cadence.missed,
        "silences": cadence.silences,
        "longest_silence_s": _rounded(cadence.longest_silence_s),
        "bursts": cadence.bursts,
        "largest_burst": cadence.largest_burst,
        "retries": cadence.retries,
        "retry_s": _rounded(cadence.retry_s),
        "backoff": _rounded(cadence.backoff),
        "resent": cadence.resent,
        "last_seen": _moment(cadence.last_s),
        "next_expected": _moment(cadence.next_s),
    }


def by_trouble(beating: Beating) -> tuple[float, ...]:
    """Sort those first of whom most is missing or odd."""
    _, cadence = beating
    return -cadence.missed - cadence.silences, -cadence.retries, -cadence.bursts, -cadence.requests


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _moment(seconds: float | None) -> str | None:
    """Write a time in the form of `Exchange.received_at`; None when no calendar has it."""
    try:
        return None if seconds is None else utc_text(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _second(seconds: float | None) -> str | None:
    """Write a time without the fraction that nobody needs of a beat."""
    moment = _moment(seconds)
    return None if moment is None else moment.partition(".")[0] + "Z"


CADENCES: Shape[Beating] = Shape(
    columns=(
        Column(name="instance", value=lambda beating: beating[0], least=8, cut="wrap"),
        Column(name="requests", value=lambda beating: beating[1].requests, right=True),
        Column(name="interval_s", value=lambda beating: _rounded(beating[1].interval_s), right=True),
        Column(name="jitter_s", may_go=2, value=lambda beating: _rounded(beating[1].jitter_s), right=True),
        Column(name="missed", value=lambda beating: beating[1].missed, right=True),
        Column(name="silences", value=lambda beating: beating[1].silences, right=True),
        Column(name="bursts", may_go=2, value=lambda beating: beating[1].bursts, right=True),
        Column(name="retries", value=lambda beating: beating[1].retries, right=True),
        Column(name="retry_s", may_go=2, value=lambda beating: _rounded(beating[1].retry_s), right=True),
        Column(name="backoff", may_go=2, value=lambda beating: _rounded(beating[1].backoff), right=True),
        Column(name="resent", may_go=2, value=lambda beating: beating[1].resent, right=True),
        Column(name="last_seen", may_go=2, value=lambda beating: _second(beating[1].last_s)),
        Column(name="next_expected", may_go=1, value=lambda beating: _second(beating[1].next_s)),
    ),
    names=(),
    flat=lambda _: (),
    nested=cadence_to_json,
)
