"""Kubernetes' HPA v2 on requests in flight, and KEDA on requests that wait (replica_calculator.go)."""

from __future__ import annotations

import math
from collections import deque

from tests.simulator.policies.base import Order, View, Window, clamp

_SYNC = 15.0
_TOLERANCE = 0.1
_STABILIZATION = 300.0
# Prometheus scrapes and the adapter asks it: what the HPA reads is so old.
_LAG_SAMPLES = 2


class Hpa:
    """Every 15 s ceil(sum / target) of requests held and on pods, read 10 s late (AverageValue).

    Up at most max(100 %, 4 pods) in 15 s, down to the highest answer of 300 s, nothing within 10 %. The
    least is one replica: nothing wakes it at zero.
    """

    period = 5.0
    wake_seconds: float | None = None
    least = 1

    def __init__(self, target: float, most: int) -> None:
        self.target, self.most = target, most
        self._scraped: deque[float] = deque(maxlen=_LAG_SAMPLES + 1)
        self._answers = Window(_STABILIZATION)
        self._synced = -math.inf

    def measure(self, view: View) -> float | None:
        """The sum that is scaled on; None: missing."""
        return view.load

    def decide(self, view: View) -> Order:
        """See the class."""
        value = self.measure(view)
        if value is not None:
            self._scraped.append(value)
        if view.at < self._synced + _SYNC:
            return Order(view.replicas)
        self._synced = view.at
        if value is None:
            return Order(view.replicas)
        return Order(self.sync(view, self._scraped[0]))

    def sync(self, view: View, value: float) -> int:
        """One round of the controller."""
        current = max(1, view.replicas)
        usage = value / (self.target * current)
        wanted = current if abs(1 - usage) <= _TOLERANCE else math.ceil(value / self.target)
        self._answers.add(view.at, wanted)
        wanted = min(int(self._answers.most()), max(2 * current, current + 4))
        return clamp(wanted, self.least, self.most)

    def restart(self, at: float) -> None:
        """The answers of the last minutes are lost; the HPA begins with the count that there is."""
        self._answers = Window(_STABILIZATION)


class Keda(Hpa):
    """The vLLM production stack's: `vllm:num_requests_waiting` > 5, through KEDA and an HPA.

    Held requests count as waiting, which flatters it: the stack's own router answers 503 at zero, and a
    count of what came then wakes it. KEDA looks every 15 s whether to leave zero, and goes there after
    360 s in which nothing waited. A missing
    metric is an empty answer of Prometheus, which is 0.
    """

    least = 1
    _cooldown = 360.0

    def __init__(self, target: float, most: int) -> None:
        super().__init__(target, most)
        self._active = self._arrivals = 0.0
        self._polled = -math.inf

    def measure(self, view: View) -> float | None:
        """What waits."""
        return view.waiting if view.engines_visible else 0.0

    def decide(self, view: View) -> Order:
        """See the class."""
        if view.at >= self._polled + _SYNC:
            self._polled = view.at
            came = view.totals.arrivals > self._arrivals
            self._arrivals = view.totals.arrivals
            if self.measure(view) or (came and view.replicas == 0):
                self._active = view.at
        if view.replicas == 0:
            return Order(1 if self._active == view.at else 0)
        if view.at - self._active > self._cooldown and view.replicas == 1:
            return Order(0)
        return super().decide(view)
