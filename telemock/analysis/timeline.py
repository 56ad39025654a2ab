"""This is the timeline: how many exchanges there were when, by what became of them.

It refuses to grow with time: it has a bounded number of buckets, which become wider instead.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, datetime

MOST_BUCKETS = 240

# Widths in seconds that people count in; weeks double.
_WEEK_S = 604_800
_WIDTHS = (1, 5, 15, 60, 300, 900, 3600, 10_800, 21_600, 86_400, *(_WEEK_S << doubled for doubled in range(16)))

# 1970 began on a Thursday, and weeks begin on Monday.
_FIRST_MONDAY = 4 * 86_400


@dataclass(slots=True)
class Timeline:
    """Exchanges by time: `take` them roughly in the order they came.

    Attributes:
        width_s: seconds that a bucket is wide, of UTC.
        buckets: by their first second since the epoch, how many there were of each outcome; empty ones are not there.
        unreadable: exchanges whose time is written otherwise.
    """

    width_s: int = _WIDTHS[0]
    buckets: dict[int, dict[str, int]] = field(default_factory=dict)
    unreadable: int = 0
    _text: str = ""
    _characters: int = 19
    _counts: dict[str, int] = field(default_factory=dict)
    _first: int = 0
    _last: int = 0

    def take(self, received_at: str, outcome: str) -> None:
        """Count an exchange; the time is in the form of `Exchange.received_at`."""
        text = received_at[: self._characters]
        if text != self._text:
            second = _second(received_at[:19])
            if second is None:
                self.unreadable += 1
                return
            self._counts = self._bucket(second)
            self._text = received_at[: self._characters]  # a wider bucket is known by fewer of them
        counts = self._counts
        counts[outcome] = counts.get(outcome, 0) + 1

    def _bucket(self, second: int) -> dict[str, int]:
        self._first = min(self._first, second) if self.buckets else second
        self._last = max(self._last, second) if self.buckets else second
        while self._begin(self._last) - self._begin(self._first) >= MOST_BUCKETS * self.width_s:
            self._widen()
        return self.buckets.setdefault(self._begin(second), {})

    def _widen(self) -> None:
        narrow, self.buckets = self.buckets, {}
        self.width_s = _WIDTHS[bisect_left(_WIDTHS, self.width_s) + 1]
        self._characters = 16 if self.width_s >= 60 else 19
        for begin, counts in narrow.items():
            wide = self.buckets.setdefault(self._begin(begin), {})
            for outcome, count in counts.items():
                wide[outcome] = wide.get(outcome, 0) + count

    def _begin(self, second: int) -> int:
        offset = _FIRST_MONDAY if self.width_s >= _WEEK_S else 0
        return second - (second - offset) % self.width_s


def _second(text: str) -> int | None:
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None  # people may edit the file; it is theirs
