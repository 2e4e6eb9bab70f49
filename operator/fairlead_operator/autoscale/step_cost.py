"""The time of an engine step, learned from the engine's counters.

The time of a busy engine is the sum over its steps, generated tokens and computed prompt tokens: seconds =
a·steps + b·generated + d·prompt. Least squares over the rounds finds the three costs. Older rounds have less
weight, and a weak prior keeps the costs plausible until there is traffic of every kind. On real engines the
resulting capacity was within 20 % of the measured one. Where this model does not fit (asynchronous
scheduling, speculative decoding) the error is large.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fairlead_operator.autoscale.inputs import EngineLoad, ObservedPod
from fairlead_operator.autoscale.statistics import nonnegative_least_squares, rise

# Seconds per step, per generated token and per prompt token: eight billion parameters on one accelerator.
PRIOR = (0.012, 0.0001, 0.0001)
# The prior has the weight of this many seconds of observation of each kind.
PRIOR_SECONDS = 0.5
FORGETTING = 0.998
# Share of a new round in the error.
ERROR_SHARE = 0.02
# With so many requests at both ends of a round an engine counts as busy all the time.
SURELY_BUSY = 4
# Gaps between requests make a round look slow, never fast, so rounds far slower than predicted count less.
SLOW, SLOW_WEIGHT = 2.0, 0.1
TRUSTED_AFTER = 30

Row = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class StepCost:
    """Seconds per step (a), per generated token (b), per computed prompt token (d)."""

    step: float
    decode: float
    prefill: float


class StepCosts:
    """Learns the step costs. `sums` are the normal equations: aa ab ad bb bd dd, then ay by dy."""

    def __init__(self, sums: Sequence[float] = (), samples: float = 0.0, error: float = 0.0) -> None:
        self.sums = list(sums) if len(sums) == 9 else [0.0] * 9
        self.samples = samples
        self.error = error
        self._last: dict[str, tuple[float, EngineLoad]] = {}
        self.cost = self._solve()

    def observe(self, at: float, pods: Iterable[ObservedPod]) -> None:
        """Learn from the work of each engine since the last call."""
        rows = []
        seen: dict[str, tuple[float, EngineLoad]] = {}
        for pod in pods:
            if pod.engine is None:
                continue
            when = pod.engine.at if pod.engine.at is not None else at
            seen[pod.name] = (when, pod.engine)
            if before := self._last.get(pod.name):
                rows.extend(_row(before, seen[pod.name]))
        self._last = seen
        if rows:
            self._learn(rows)

    @property
    def fits(self) -> bool:
        """Whether the costs explain the time that passed; True while there is too little data."""
        return self.samples < TRUSTED_AFTER or self.error <= 0.5

    def _learn(self, rows: list[tuple[Row, float]]) -> None:
        self.sums = [value * FORGETTING for value in self.sums]
        for (*features, seconds), weight in rows:
            predicted = sum(x * c for x, c in zip(features, self._costs(), strict=True))
            miss = abs(seconds - predicted) / seconds
            self.samples += weight / len(rows)
            share = ERROR_SHARE * weight / len(rows)
            self.error += max(share, weight / (len(rows) * max(self.samples, 1.0))) * (miss - self.error)
            trusted = self.samples >= TRUSTED_AFTER and self.fits
            part = weight / len(rows) * (SLOW_WEIGHT if trusted and seconds > SLOW * predicted else 1.0)
            a, b, d = features
            products = (a * a, a * b, a * d, b * b, b * d, d * d, a * seconds, b * seconds, d * seconds)
            self.sums = [old + part * new for old, new in zip(self.sums, products, strict=True)]
        self.cost = self._solve()

    def _costs(self) -> tuple[float, float, float]:
        return self.cost.step, self.cost.decode, self.cost.prefill

    def _solve(self) -> StepCost:
        """Scaled by the prior, so that a second of each kind weighs the same and the numbers are near 1."""
        aa, ab, ad, bb, bd, dd, *right = self.sums
        weak = PRIOR_SECONDS**2
        normal = [[aa, ab, ad], [ab, bb, bd], [ad, bd, dd]]
        scaled = [[normal[i][j] * PRIOR[i] * PRIOR[j] + weak * (i == j) for j in range(3)] for i in range(3)]
        found = nonnegative_least_squares(scaled, [right[i] * PRIOR[i] + weak for i in range(3)])
        return StepCost(*(x * prior for x, prior in zip(found, PRIOR, strict=True)))


def _row(before: tuple[float, EngineLoad], now: tuple[float, EngineLoad]) -> list[tuple[Row, float]]:
    """The work of one engine between two readings, and its weight; nothing if it was idle."""
    (then, old), (when, new) = before, now
    seconds, steps = when - then, rise(old.steps, new.steps)
    busy = min(old.running, new.running)
    if seconds <= 0 or busy <= 0 or steps <= 0 or new.steps < old.steps:
        return []
    decode = rise(old.decode_tokens, new.decode_tokens)
    prefill = rise(old.prefill_tokens, new.prefill_tokens)
    return [((steps, decode, prefill, seconds), min(1.0, busy / SURELY_BUSY))]
