"""How fast the number of replicas may change.

Stabilization keeps the recommendations of the last seconds, so that a short dip or peak changes nothing.
Policies have the meaning that they have in autoscaling/v2.
"""

from __future__ import annotations

import math

from fairlead_operator.autoscale.settings import ScalingBehavior, ScalingPolicy, Select, Unit

LONGEST = 3600.0


class Recommendations:
    """Recommended replicas with their times."""

    def __init__(self) -> None:
        self._items: list[tuple[float, int]] = []

    def add(self, at: float, replicas: int) -> None:
        """Add a recommendation."""
        self._items.append((at, replicas))
        if self._items[0][0] < at - LONGEST:
            self._items = [item for item in self._items if item[0] > at - LONGEST]

    def highest(self, window: float, at: float) -> int:
        """The highest recommendation of the last `window` seconds; 0 without one."""
        return max((replicas for when, replicas in self._items if when > at - window), default=0)

    def lowest(self, window: float, at: float, now: int) -> int:
        """The lowest recommendation of the last `window` seconds, `now` included."""
        return min((replicas for when, replicas in self._items if when > at - window), default=now)


UNLIMITED = 1_000_000


class Changes:
    """The recent changes of the desired replicas."""

    def __init__(self) -> None:
        self._replicas: int | None = None
        self._changes: list[tuple[float, int]] = []

    def observe(self, at: float, replicas: int) -> None:
        """Add the desired replicas at `at`."""
        if self._replicas is not None and replicas != self._replicas:
            self._changes.append((at, replicas - self._replicas))
        self._replicas = replicas
        self._changes = [item for item in self._changes if item[0] > at - 3600.0]

    def up_limit(self, behavior: ScalingBehavior, at: float, replicas: int) -> int:
        """The most replicas that the policies for scaling up allow now. A start from zero is not bounded."""
        if behavior.select is Select.DISABLED:
            return replicas
        if replicas == 0:
            return UNLIMITED
        limits = []
        for policy in behavior.policies:
            start = self._start(policy, at, replicas)
            if policy.unit is Unit.PODS:
                limits.append(start + policy.value)
            elif start > 0:  # Percentages of zero do not apply after a start from zero.
                limits.append(math.ceil(start * (1 + policy.value / 100)))
        return max(replicas, _select(behavior, limits, up=True)) if limits else UNLIMITED

    def down_limit(self, behavior: ScalingBehavior, at: float, replicas: int) -> int:
        """The fewest replicas that the policies for scaling down allow now."""
        if behavior.select is Select.DISABLED:
            return replicas
        limits = []
        for policy in behavior.policies:
            start = self._start(policy, at, replicas)
            if policy.unit is Unit.PODS:
                limits.append(start - policy.value)
            else:
                limits.append(int(start * (1 - policy.value / 100)))
        return min(replicas, max(0, _select(behavior, limits, up=False))) if limits else 0

    def _start(self, policy: ScalingPolicy, at: float, replicas: int) -> int:
        """Replicas at the beginning of the policy's period."""
        return replicas - sum(change for when, change in self._changes if when > at - policy.period)


def _select(behavior: ScalingBehavior, limits: list[int], *, up: bool) -> int:
    """`Max` is the policy that allows the greatest change, `Min` the one that allows the least."""
    most = (behavior.select is Select.MAX) == up
    return max(limits) if most else min(limits)
