"""This is how often somebody calls: the beat, what is around it, and when the next one is due.

It refuses to keep the times; a thousand at a time become a few figures.
"""

import math
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from telemock.analysis.resent import Again

# So many requests are looked at together.
_AT_ONCE = 1024

# Delays of the latest retries that are kept.
KEPT_DELAYS = 1024

# Fewer intervals make no beat.
_LEAST = 3

# An interval is of a beat when it lies within this share of the period around one, two … of them.
_TOLERANCE = 0.2
_MOST_PERIODS = 4

# The shortest beat explains all that a longer one does, and this much of what the best one does.
_AS_GOOD = 0.8

# What comes faster is a program that does one thing after the other, and no beat.
_LEAST_PERIOD_S = 0.1

# Shorter intervals, as a share of the period, are inside of a burst; after a failure, shorter ones are retries.
_IN_BURST = 0.25
_IN_RETRY = 0.75

# With fewer of them fitting, intervals have no beat.
_REGULAR = 0.5

# Two intervals of five fit any period by chance: with fewer than this, and of so few, what nobody ever serves has no
# beat to go by.
_SURELY_REGULAR = 0.9
_LEAST_SURE = 10

# What a request was: answered with a failure, a retry of one that was, the same as one that was answered, and the same
# events, which no beat sends twice.
_FAILED = 1
_RETRY = 2
_RESENT = 4
_SAME_EVENTS = 8

# Longer ones are no missed beats: the client was away.
_SILENCE_PERIODS = 10.5

# So many times in a row, two … periods are no missed beats, but another pace; of losses, one in a thousand times.
_LEAST_PACE = 8

# Beats that tell the pace of now.
_KEPT_BEATS = 9

# Delays that tell by what factor they grow.
_GROWING = 4


class Times(array):  # type: ignore[type-arg]  # not generic when it runs
    """Numbers in 8 bytes each, under a name that can be written down."""

    def __new__(cls, numbers: Iterable[float] = ()) -> Self:
        """Hold some numbers."""
        return super().__new__(cls, "d", numbers)  # type: ignore[return-value]  # typeshed says array


_Numbers = npt.NDArray[np.float64]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often one instance calls one endpoint; times in seconds since the epoch, lengths in seconds.

    Attributes:
        requests: how many there were.
        interval_s: the median time from beat to beat, or where there is no beat from request to request; None when
            there are too few.
        jitter_s: half of the intervals lie within so much of the median; None when there is no beat.
        regularity: share of intervals that are one, two … periods long; with less than half there is no beat.
        missed: beats that did not come while the client was there; at another pace, of that one.
        silences: times when it was away for more than ten beats.
        longest_silence_s: the longest of them; 0 when there was none.
        bursts: times when it called more often than its beat.
        largest_burst: requests of the largest one; 0 when there was none.
        retries: requests that were the same as one that failed, sooner than the beat.
        retry_s: the median time from a failure to the first retry; None when there was none.
        resent: requests that were the same as one before, though that was answered, sooner than the beat.
        backoff: by what factor the next time is longer, median; None when there never was a second retry.
        last_s: when it called last.
        next_s: when it is expected next; None when there is no beat.
    """

    requests: int
    interval_s: float | None
    jitter_s: float | None
    regularity: float
    missed: int
    silences: int
    longest_silence_s: float
    bursts: int
    largest_burst: int
    retries: int
    retry_s: float | None
    resent: int
    backoff: float | None
    last_s: float
    next_s: float | None


@dataclass(slots=True)
class Rhythm:
    """The requests of one instance to one endpoint: `add` them, roughly in the order they came.

    Attributes:
        repeats: how many were the same as one before, at a beat or not.
    """

    requests: int = 0
    repeats: int = 0
    _times: Times = field(default_factory=Times)
    _flags: bytearray = field(default_factory=bytearray)
    _is_served: bool = False
    _again: dict[int, Again] = field(default_factory=dict)
    _last_s: float = 0.0
    _last_delay_s: float | None = None
    _period_s: float | None = None
    _unserved_s: float | None = None
    _singles: Times = field(default_factory=Times)
    _all_medians: list[tuple[float, int]] = field(default_factory=list)
    _medians: list[tuple[float, int]] = field(default_factory=list)
    _jitters: list[tuple[float, int]] = field(default_factory=list)
    _fitting: int = 0
    _intervals: int = 0
    _missed: int = 0
    _held: Times = field(default_factory=Times)
    _latest: Times = field(default_factory=Times)
    _silences: int = 0
    _longest_silence_s: float = 0.0
    _bursts: int = 0
    _largest_burst: int = 0
    _retries: int = 0
    _resent: int = 0
    _first_retries: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_DELAYS))
    _chains: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_DELAYS))
    _last_chain: int = 0
    _factors: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_DELAYS))

    def add(self, received_s: float, *, failed: bool, again: Again | None = None) -> None:
        """Take a request.

        Args:
            received_s: seconds since the epoch.
            failed: it was answered so that clients try again.
            again: how it is the same as one before.
        """
        self.requests += 1
        self._is_served |= not failed
        flags = failed * _FAILED
        if again is not None:
            self.repeats += 1
            self._again[len(self._times)] = again
            flags |= (_RETRY if again.is_retry else _RESENT) | again.is_same_events * _SAME_EVENTS
        self._times.append(received_s)
        self._flags.append(flags)
        if len(self._times) > _AT_ONCE:
            self._learn()

    def cadence(self) -> Cadence:
        """Tell what was learnt; nothing can be added any more."""
        self._learn(is_end=True)
        self._fold()
        regularity = self._fitting / self._intervals if self._intervals else 0.0
        has_beat = regularity >= _REGULAR
        return Cadence(
            requests=self.requests,
            interval_s=_weighted(self._medians if has_beat else self._all_medians),
            jitter_s=_mean(self._jitters) if has_beat else None,
            regularity=regularity,
            missed=self._missed * has_beat,
            silences=self._silences * has_beat,
            longest_silence_s=self._longest_silence_s * has_beat,
            bursts=self._bursts * has_beat,
            largest_burst=self._largest_burst * has_beat,
            retries=self._retries,
            retry_s=_median(self._first_retries),
            resent=self._resent,
            backoff=_median(self._factors),
            last_s=self._last_s,
            next_s=self._next_s(_weighted(self._medians) if has_beat else None),
        )

    def _next_s(self, interval_s: float | None) -> float | None:
        retry_s = _median(self._first_retries)
        is_served = self._is_served or interval_s is None
        is_failed = bool(self._flags) and self._flags[-1] & _FAILED
        if is_failed and retry_s is not None and (is_served or self._goes_on()):
            is_first = self._last_delay_s is None
            return self._last_s + (retry_s if is_first else (self._last_delay_s or 0) * (_median(self._factors) or 1))
        if interval_s is None:
            return None
        latest_s = _median(self._latest) or interval_s
        pace_s = latest_s if abs(latest_s - interval_s) > _TOLERANCE * interval_s else interval_s
        # A burst may have gone on for longer than that.
        beat_s: float = self._times[-1]
        return beat_s + pace_s * (math.floor((self._last_s - beat_s) / pace_s) + 1)

    def _goes_on(self) -> bool:
        """Tell of somebody who is never served whether another retry is to come before the next beat."""
        usual = _median(self._chains) or 0
        return 2 * len(self._chains) >= self._intervals and self._last_chain < usual

    def _learn(self, *, is_end: bool = False) -> None:
        """Look at what waits, and keep only the last beat, from which the next interval counts.

        What follows that beat at once, in a burst or in retries, may go on: it waits, too, unless this is the end.
        """
        if not self._times:
            return
        order = np.argsort(np.frombuffer(self._times), kind="stable")
        said = {place: self._again[was] for place, was in enumerate(order.tolist()) if was in self._again}
        times = np.frombuffer(self._times)[order]
        flags = np.frombuffer(self._flags, dtype=np.uint8)[order]
        gaps = np.diff(times)
        period, again = self._find_beat(times, gaps, flags[1:])
        retries = [*_runs(again)]
        follows = _mask(retries, len(gaps))
        bursts = [] if period is None else [*_runs((gaps < _IN_BURST * period) & ~follows)]
        starts = np.flatnonzero(np.concatenate(([True], ~(follows | _mask(bursts, len(gaps))))))
        last = int(starts[-1])
        done = len(gaps) if is_end or not last else last
        for run in retries:
            if run.start < done:
                self._take_again([said[place] for place in range(run.start + 1, run.stop + 1)])
        for run in bursts:
            if run.start < done:
                self._bursts += 1
                self._largest_burst = max(self._largest_burst, run.stop - run.start + 1)
        if len(gaps):
            self._all_medians.append((float(np.median(gaps)), len(gaps)))
        if period is not None:
            self._take_beats(np.diff(times[starts]), period, is_end=is_end)
        self._last_s = max(self._last_s, float(times[-1]))
        self._last_delay_s = said[len(gaps)].delay_s if len(gaps) and follows[-1] else None
        self._last_chain = retries[-1].stop - retries[-1].start if retries and retries[-1].stop == len(gaps) else 0
        waiting = slice(last, None if done == last else last + 1)
        self._times = Times(times[waiting].tolist())
        self._flags = bytearray((flags[waiting] if done == last else flags[-1:]).tobytes())
        self._again = {place - last: again for place, again in said.items() if place >= last and done == last}

    def _find_beat(self, times: _Numbers, gaps: _Numbers, flags: npt.NDArray[np.uint8]) -> tuple[float | None, _Flags]:
        """Return the period, None when there is none, and which requests after a gap are one before, sent again."""
        again = (flags & (_RETRY | _RESENT)).astype(np.bool_)
        is_same = (flags & _SAME_EVENTS).astype(np.bool_)
        period = self._period_s = _period(np.diff(times[np.concatenate(([True], ~again))]), self._period_s)
        if period is None:
            others = gaps[~is_same]
            likely = _period(others, self._unserved_s)
            least = _LEAST_SURE if (~again).any() or (flags & _RETRY).any() else _LEAST
            if likely is not None and (self._unserved_s is not None or _is_sure(others, likely, least)):
                # Nobody ever serves it, or it says the same all the time: what comes at a beat is no retry.
                period = self._unserved_s = likely
        if period is not None:
            again &= is_same | (gaps < _IN_RETRY * period) | ~_fits(gaps, period)
        return period, again

    def _fold(self) -> None:
        """Make two figures of the intervals that wait."""
        if self._singles:
            singles = np.array(self._singles)
            median = float(np.median(singles))
            self._medians.append((median, len(singles)))
            self._jitters.append((float(np.median(np.abs(singles - median))), len(singles)))
            self._singles = Times()

    def _take_again(self, again: list[Again]) -> None:
        retries = [each for each in again if each.is_retry]
        self._resent += len(again) - len(retries)
        if not retries:
            return
        self._retries += len(retries)
        self._chains.append(len(retries))
        # After a beat that was the same, its own retries begin.
        later = [each for each in retries[1:] if each.attempt > 1]
        self._first_retries += [each.delay_s for each in retries if each not in later]
        # Most who wait longer each time do so up to a limit.
        self._factors += [each.delay_s / each.before_s for each in later if each.attempt <= _GROWING and each.before_s]

    def _take_beats(self, beats: _Numbers, period: float, *, is_end: bool) -> None:
        beats = np.concatenate((np.frombuffer(self._held), beats))
        periods = np.maximum(np.rint(beats / period), 1)
        held = np.argmax(periods[::-1] == 1) if np.any(periods == 1) else len(periods)
        # Whether the last ones are missed beats or another pace, the next ones tell.
        done = len(beats) - (0 if is_end else min(int(held), _LEAST_PACE))
        self._held = Times(beats[done:].tolist())
        beats, pace, periods = beats[:done], _pace(periods)[:done], periods[:done]
        self._latest = Times([*self._latest, *beats[-_KEPT_BEATS:].tolist()][-_KEPT_BEATS:])
        self._singles.extend(beats[periods == 1].tolist())
        if len(self._singles) > _AT_ONCE:
            self._fold()
        self._intervals += len(beats)
        self._fitting += int(np.count_nonzero(_fits(beats, period)))
        away = beats > _SILENCE_PERIODS * pace * period
        self._missed += int(np.sum(np.maximum(np.rint(periods / pace), 1)[~away] - 1))
        self._silences += int(np.count_nonzero(away))
        self._longest_silence_s = max(self._longest_silence_s, float(np.max(beats[away], initial=0)))


def _period(gaps: _Numbers, known: float | None) -> float | None:
    """Find the shortest interval of which the others are multiples; None when there are too few to tell.

    What explains most of the time is looked for, not most of the intervals: those inside of bursts are many.
    """
    gaps = np.sort(gaps[gaps > 0])
    if len(gaps) < _LEAST:
        return known
    places = np.linspace(0.05, 0.95, 19)
    elapsed = np.cumsum(gaps)
    by_time = gaps[np.searchsorted(elapsed, places * elapsed[-1])]
    explained: dict[float, float] = {}
    for candidate in {*np.quantile(gaps, places, method="nearest").tolist(), *by_time.tolist(), *filter(None, [known])}:
        near = gaps[np.abs(gaps - candidate) <= _TOLERANCE * candidate]
        if len(near) < _LEAST:
            continue
        # In order as they are, their median needs no search.
        period = float((near[(len(near) - 1) // 2] + near[len(near) // 2]) / 2)
        if period >= _LEAST_PERIOD_S and period not in explained:
            explained[period] = float(np.sum(gaps[_fits(gaps, period) & (gaps < (_MOST_PERIODS + 0.5) * period)]))
    best = max(explained.values(), default=0.0)
    return min((period for period, time in explained.items() if time >= _AS_GOOD * best), default=known)


def _fits(gaps: _Numbers, period: float) -> _Flags:
    """Tell which intervals are one, two … periods long."""
    periods = np.maximum(np.rint(gaps / period), 1)
    fits: _Flags = np.abs(gaps - periods * period) <= _TOLERANCE * period
    return fits


def _is_sure(gaps: _Numbers, period: float, least: int) -> bool:
    """Tell whether most intervals that are no retries', and at least so many, are of a beat."""
    beats = gaps[gaps >= _IN_RETRY * period]
    return bool(np.count_nonzero(_fits(beats, period)) >= max(_SURELY_REGULAR * len(beats), least))


def _pace(periods: _Numbers) -> _Numbers:
    """Give how many periods a beat takes at least, where it takes more than one so many times in a row."""
    if len(periods) < _LEAST_PACE:
        return np.ones_like(periods)
    least = sliding_window_view(periods, _LEAST_PACE).min(axis=1)
    around = np.pad(least, _LEAST_PACE - 1, constant_values=1)
    pace: _Numbers = sliding_window_view(around, _LEAST_PACE).max(axis=1)
    return pace


def _mask(runs: Sequence[slice], length: int) -> _Flags:
    mask = np.zeros(length, dtype=np.bool_)
    for run in runs:
        mask[run] = True
    return mask


def _runs(flags: _Flags) -> Iterator[slice]:
    """Give where flags are set in a row."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    yield from (slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2))


def _mean(pairs: Sequence[tuple[float, int]]) -> float | None:
    count = sum(each for _, each in pairs)
    return sum(value * each for value, each in pairs) / count if count else None


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _weighted(pairs: Sequence[tuple[float, int]]) -> float | None:
    """Give the median of values that count so many times each; None when there are none."""
    if not pairs:
        return None
    values, counts = np.array(sorted(pairs)).T
    return float(values[np.searchsorted(np.cumsum(counts), np.sum(counts) / 2)])
