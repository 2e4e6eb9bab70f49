"""AIBrix's APA: mean per pod times the pods that were ordered (pkg/controller/podautoscaler/algorithm)."""

from __future__ import annotations

import math

from tests.simulator.policies.base import Order, View, Window, clamp

_MEAN_SECONDS, _DOWN_SECONDS = 180.0, 300.0
_TOLERANCE = 0.1


class Aibrix:
    """Every 10 s ceil(current * mean of 180 s per ready pod / target), starting pods being current.

    Not more than twice and not less than half of the current count at once; nothing within 10 %; down to
    the highest answer of 300 s. This is the algorithm before its guard of 2026-09 against scaling while
    pods start. Nothing wakes it, so the least is one. Held requests count as the ready pods' (as if bound
    to them at once, which is what AIBrix's gateway does).
    """

    period = 10.0
    wake_seconds: float | None = None

    def __init__(self, target: float, most: int) -> None:
        self.target, self.most = target, most
        self._means, self._answers = Window(_MEAN_SECONDS), Window(_DOWN_SECONDS)

    def decide(self, view: View) -> Order:
        """See the class."""
        current = max(1, view.replicas)
        if not view.ready or not view.engines_visible:
            return Order(current)
        self._means.add(view.at, view.load / view.ready)
        ratio = self._means.mean() / self.target
        wanted = current
        if abs(1 - ratio) > _TOLERANCE:
            wanted = clamp(math.ceil(current * ratio), current // 2, 2 * current)
        self._answers.add(view.at, wanted)
        return Order(clamp(self._answers.most(), 1, self.most))

    def restart(self, at: float) -> None:
        """The windows are lost."""
        self._means, self._answers = Window(_MEAN_SECONDS), Window(_DOWN_SECONDS)
