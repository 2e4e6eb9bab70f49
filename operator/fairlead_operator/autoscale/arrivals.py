"""Arrival rates over several windows, and how long bursts last.

Short windows show a rise early, long windows are steady. The counter is read every few seconds. Between two
readings it is assumed to rise evenly, so a round without metrics loses nothing.

A pod that takes five minutes to start does not help in a burst of one minute. The prior is Lindy's law: a
burst that has lasted e seconds lasts another L seconds with the probability k·e / (k·e + L). The model's own
bursts that lasted at least as long as the present one replace the prior gradually. The prior has the weight
of three bursts.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterable

from fairlead_operator.autoscale.statistics import quantile, rise

LONGEST = 600.0
# Chance alone exceeds this once in some hours, so it does not fill the stabilization window.
SIGMAS = 3.0
TREND_SIGMAS = 1.5
# Peaks are computed over spans of this many seconds: two rounds of the default interval.
SPAN = 10.0
PEAK = 0.9
# Changes that one rise and one fall make: each may lie across the border of two spans.
FLANKS = 4


def present_rate(last_15s: float, last_60s: float) -> float:
    """The rate of the last minute, unless that of the last 15 s differs by more than chance explains."""
    return last_15s if abs(last_15s - last_60s) > SIGMAS * math.sqrt(last_60s / 15) else last_60s


class Arrivals:
    """Requests per second over the last seconds. Time before the first reading is filled with `before`."""

    def __init__(self, before: float = 0.0) -> None:
        self._before = before
        self._times: list[float] = []
        self._totals: list[float] = []
        self._counter = 0.0

    def observe(self, at: float, counter: float) -> None:
        """Add a reading of the counter at `at` (seconds). It replaces a reading of the same time."""
        total = self._totals[-1] + rise(self._counter, counter) if self._totals else 0.0
        self._counter = counter
        if self._times and at <= self._times[-1]:
            self._totals[-1] = total
            return
        self._times.append(at)
        self._totals.append(total)
        # One reading beyond the longest window is kept to interpolate the total at the window's edge.
        keep = bisect_left(self._times, at - LONGEST - 60.0) - 1
        if keep > 60:
            del self._times[:keep], self._totals[:keep]

    def rate(self, window: float, at: float) -> float:
        """Requests per second in the `window` seconds before `at`."""
        return (self._total(at) - self._total(at - window)) / window

    def trend(self, at: float, window: float) -> float:
        """Rise of the rate per second: the last window against the one before; 0 without a rise.

        One and a half standard errors of the difference (arrivals are taken as Poisson) are subtracted: a
        trend that noise explains does not count. Neither does a trend whose last minute is below the window's
        mean: that is a burst that has ended.
        """
        now, then = self.rate(window, at), self.rate(window, at - window)
        if self.rate(60.0, at) < now:
            return 0.0
        noise = TREND_SIGMAS * math.sqrt(max(0.0, now + then) / window)
        return max(0.0, now - then - noise) / window

    def peaks(self, at: float) -> float:
        """The rate of recurring bursts; 0 where chance explains the changes of the arrivals.

        It is the rate that nine of ten short spans of the longest window stayed within, times the share of
        the changes between neighbouring spans that chance (arrivals taken as Poisson) does not explain. The
        largest changes are left out: one rise and one fall do not make recurring bursts.
        """
        spans = round(LONGEST / SPAN)
        totals = [self._total(at - SPAN * number) for number in range(spans, -1, -1)]
        rates = [(after - before) / SPAN for before, after in itertools.pairwise(totals)]
        squares = sorted((after - before) ** 2 for before, after in itertools.pairwise(rates))[:-FLANKS]
        # The difference of two independent values has twice the variance of one.
        variance = sum(squares) / len(squares) / 2
        by_chance = sum(rates) / spans / SPAN
        if variance <= by_chance:
            return 0.0
        return (1 - by_chance / variance) * quantile(rates, PEAK)

    def _total(self, at: float) -> float:
        times, totals = self._times, self._totals
        if not times:
            return self._before * at
        if at <= times[0]:
            return totals[0] - self._before * (times[0] - at)
        index = bisect_left(times, at)
        if index == len(times):
            return totals[-1]
        share = (at - times[index - 1]) / (times[index] - times[index - 1])
        return totals[index - 1] + share * (totals[index] - totals[index - 1])


LINDY = 4.0
KEPT = 50
# In bursts.
PRIOR_WEIGHT = 3.0
# A burst is at least 1.5 times the usual rate and more than chance explains. It ends when two thirds of the
# excess are gone.
FACTOR, BURST_SIGMAS, REST = 1.5, 3.0, 1 / 3
SHORT = 15.0


class Bursts:
    """Detects bursts in the rate of arrivals. Keeps the durations, in seconds, of the last fifty."""

    def __init__(self, durations: Iterable[float] = ()) -> None:
        self.durations = tuple(durations)
        self._since: float | None = None
        self._base = 0.0
        self._peak = 0.0

    def observe(self, at: float, rate: float, usual: float) -> None:
        """Add the present and the usual rate, both in requests per second."""
        if self._since is None:
            noise = BURST_SIGMAS * math.sqrt((usual + 1 / SHORT) / SHORT)
            if rate > FACTOR * usual + noise:
                # It began within the window over which the rate is measured.
                self._since, self._base, self._peak = at - SHORT / 2, usual, rate
            return
        self._peak = max(self._peak, rate)
        fallen = rate <= self._base + REST * (self._peak - self._base)
        if fallen or rate <= FACTOR * usual:
            self.durations = (*self.durations, at - self._since)[-KEPT:]
            self._since = None

    def age(self, at: float) -> float:
        """How long the present burst has lasted; 0 if there is none."""
        return 0.0 if self._since is None else at - self._since

    def persistence(self, age: float, after: float) -> float:
        """Probability that a burst of this age still lasts `after` seconds later."""
        prior = LINDY * age / (LINDY * age + after)
        alive = sum(length > age for length in self.durations)
        still = sum(length > age + after for length in self.durations)
        return (still + PRIOR_WEIGHT * prior) / (alive + PRIOR_WEIGHT)

    def mean_persistence(self, age: float, until: float) -> float:
        """The mean of this probability over the next `until` seconds: the share of a burst's requests that
        will come."""
        if not self.durations:
            scale = LINDY * age / until
            return min(1.0, scale * math.log1p(1 / scale))
        parts = 8
        return sum(self.persistence(age, until * (part + 0.5) / parts) for part in range(parts)) / parts
