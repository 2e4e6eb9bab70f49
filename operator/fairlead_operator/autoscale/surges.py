"""Bursts: whether one is on, and how likely it is to last until a new pod would be ready.

A pod that takes five minutes to start is of no use to a burst of one minute. As long as little is known, a
burst is taken to be as stubborn as it is old (Lindy's law): one that has lasted e seconds is still there
after L more with the chance k·e / (k·e + L). The durations of the model's own bursts take over one by one: of
those that lasted at least as long as the present one, against a prior that counts like three.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

LINDY = 4.0
KEPT = 50
# In bursts.
PRIOR_WEIGHT = 3.0
# A burst is half again as much as usual, beyond what chance explains, and it is over when two thirds of
# it are gone.
FACTOR, SIGMAS, REST = 1.5, 3.0, 1 / 3
SHORT = 15.0


class Surges:
    """Follows the rate of arrivals. Durations are in seconds, of the last fifty bursts."""

    def __init__(self, durations: Iterable[float] = ()) -> None:
        self.durations = tuple(durations)
        self._since: float | None = None
        self._base = 0.0
        self._peak = 0.0

    def observe(self, at: float, rate: float, usual: float) -> None:
        """Take the present rate and the usual one, both in requests per second."""
        if self._since is None:
            noise = SIGMAS * math.sqrt((usual + 1 / SHORT) / SHORT)
            if rate > FACTOR * usual + noise:
                # It began somewhere within the window over which the rate is measured.
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
        """Chance that a burst of this age is still there `after` seconds later."""
        prior = LINDY * age / (LINDY * age + after)
        alive = sum(length > age for length in self.durations)
        still = sum(length > age + after for length in self.durations)
        return (still + PRIOR_WEIGHT * prior) / (alive + PRIOR_WEIGHT)

    def mean_persistence(self, age: float, until: float) -> float:
        """The same on average over the next `until` seconds: what share of a burst's requests will come."""
        if not self.durations:
            scale = LINDY * age / until
            return min(1.0, scale * math.log1p(1 / scale))
        parts = 8
        return sum(self.persistence(age, until * (part + 0.5) / parts) for part in range(parts)) / parts
