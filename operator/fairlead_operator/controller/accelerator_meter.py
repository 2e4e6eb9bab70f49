"""Accelerator-seconds of one model: what its pods have held, also those that are gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Holding:
    """A pod's accelerators by resource, and the seconds for which it has held them."""

    pod_uid: str
    accelerators: Mapping[str, int]
    seconds: float


class AcceleratorMeter:
    """Counts from the first observation on: what pods held before it does not count.

    A pod that appears later counts from when it was bound, one that is gone until the observation without it.
    Times are seconds of a monotonic clock, so that the sums never fall.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._held: dict[str, Mapping[str, int]] = {}
        self._at: float | None = None

    def observe(self, holdings: Iterable[Holding], now: float) -> None:
        """Takes the pods that hold accelerators now."""
        previous = now if self._at is None else self._at
        self._seconds = defaultdict(float, self.totals(now))
        held = {}
        for holding in holdings:
            held[holding.pod_uid] = holding.accelerators
            if holding.pod_uid not in self._held:
                self._add(holding.accelerators, min(max(0.0, holding.seconds), now - previous))
        self._held, self._at = held, now

    def totals(self, now: float) -> dict[str, float]:
        """Accelerator-seconds by resource, up to now."""
        totals = defaultdict(float, self._seconds)
        since = 0.0 if self._at is None else now - self._at
        for accelerators in self._held.values():
            for resource, count in accelerators.items():
                totals[resource] += count * since
        return dict(totals)

    def _add(self, accelerators: Mapping[str, int], seconds: float) -> None:
        for resource, count in accelerators.items():
            self._seconds[resource] += count * seconds
