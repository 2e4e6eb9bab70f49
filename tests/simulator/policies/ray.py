"""Ray Serve's default policy (python/ray/serve/autoscaling_policy.py)."""

from __future__ import annotations

import math

from tests.simulator.policies.base import Order, View, Window, clamp

_LOOK_BACK, _METRICS_INTERVAL = 30.0, 10.0
_UP_DELAY, _DOWN_DELAY = 30.0, 600.0


class RayServe:
    """ceil(mean of 30 s of running and queued requests / target), default 2 per replica.

    Up when every look of the last 30 s asked for more, down when every look of the last 600 s asked for
    less; from zero at once to one. Metrics come every 10 s; it looks every 5 s here (0.1 s in Ray).
    """

    period = 5.0
    wake_seconds: float | None = 0.1

    def __init__(self, target: float, most: int) -> None:
        self.target, self.most = target, most
        self._load = Window(_LOOK_BACK)
        self._told = -math.inf
        self._up_since: float | None = None
        self._down_since: float | None = None

    def decide(self, view: View) -> Order:
        """See the class."""
        if view.at >= self._told + _METRICS_INTERVAL:
            self._told = view.at
            self._load.add(view.at, view.load)
        current = view.replicas
        if current == 0:
            return Order(1 if view.load else 0)
        wanted = clamp(math.ceil(self._load.mean() / self.target), 0, self.most)
        if current > 1:
            wanted = max(wanted, 1)  # zero is only ever reached from one
        self._up_since = _since(self._up_since, wanted > current, view.at)
        self._down_since = _since(self._down_since, wanted < current, view.at)
        rising = self._up_since is not None and view.at - self._up_since >= _UP_DELAY
        falling = self._down_since is not None and view.at - self._down_since >= _DOWN_DELAY
        if rising or falling:
            self._up_since = self._down_since = None
            return Order(wanted)
        return Order(current)

    def restart(self, at: float) -> None:
        """Looks and samples are lost."""
        self._load = Window(_LOOK_BACK)
        self._up_since = self._down_since = None


def _since(before: float | None, holds: bool, at: float) -> float | None:
    """Since when something holds without a break."""
    if not holds:
        return None
    return at if before is None else before
