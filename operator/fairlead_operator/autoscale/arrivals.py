"""How many requests a second come, over several windows.

Short windows see a rise early, long ones are steady. The counter is read every few seconds; between two
readings it is taken to rise evenly, so a round without metrics costs nothing.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left

from fairlead_operator.autoscale.counter import rise
from fairlead_operator.autoscale.quantile import quantile

LONGEST = 600.0
# Chance alone passes this once in some hours, so that it does not fill the stabilization window.
SIGMAS = 3.0
TREND_SIGMAS = 1.5
# Peaks are looked for in spans of so many seconds: two rounds of the default interval.
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
        """Take a reading of the counter at `at` (seconds). Readings of one moment replace each other."""
        total = self._totals[-1] + rise(self._counter, counter) if self._totals else 0.0
        self._counter = counter
        if self._times and at <= self._times[-1]:
            self._totals[-1] = total
            return
        self._times.append(at)
        self._totals.append(total)
        # One reading beyond the longest window stays: the total at its edge lies between the two.
        keep = bisect_left(self._times, at - LONGEST - 60.0) - 1
        if keep > 60:
            del self._times[:keep], self._totals[:keep]

    def rate(self, window: float, at: float) -> float:
        """Requests per second in the `window` seconds before `at`."""
        return (self._total(at) - self._total(at - window)) / window

    def trend(self, at: float, window: float) -> float:
        """By how much the rate rises in a second: the last window against the one before, 0 if it does not.

        One and a half standard errors of the difference (arrivals are taken as Poisson) are subtracted: a
        trend that noise explains is none. Nor is one whose last minute is below the window's mean: a burst
        that is over looks so.
        """
        now, then = self.rate(window, at), self.rate(window, at - window)
        if self.rate(60.0, at) < now:
            return 0.0
        noise = TREND_SIGMAS * math.sqrt(max(0.0, now + then) / window)
        return max(0.0, now - then - noise) / window

    def peaks(self, at: float) -> float:
        """The rate of bursts that come again and again, 0 where arrivals change no more than by chance.

        It is the rate that nine of ten short spans of the longest window stayed within, times the share of
        the changes between neighbouring spans that chance (arrivals taken as Poisson) does not explain. The
        largest changes are left out: a rise and a fall that happened once are no rhythm.
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
