"""KubeAI: the mean of ten minutes (internal/modelautoscaler/autoscaler.go, internal/modelclient/scale.go)."""

from __future__ import annotations

import math
from collections import deque

from tests.simulator.policies.base import Order, View, clamp

_SAMPLES = 60
_CONSECUTIVE = 3  # ceil(scaleDownDelaySeconds / interval): 30 s by 10 s


class KubeAI:
    """Every 10 s ceil(mean of 60 samples of the active requests / target); at zero, the proxy asks for one.

    As in the source: no sample while no endpoint is ready, and the count of consecutive scale-downs is not
    reset by one. The history begins full, as that of a controller that runs for long; a restart loses
    nothing, because the mean is kept in a ConfigMap.
    """

    period = 10.0
    wake_seconds: float | None = 0.1

    def __init__(self, target: float, most: int) -> None:
        self.target, self.most = target, most
        self._history: deque[float] = deque(maxlen=_SAMPLES)
        self._scale_downs = 0

    def decide(self, view: View) -> Order:
        """See the class."""
        if view.replicas == 0:
            return Order(1 if view.load else 0)
        if not view.ready:
            return Order(view.replicas)
        if not self._history:
            self._history.extend([view.load] * _SAMPLES)
        self._history.append(view.load)
        wanted = clamp(math.ceil(sum(self._history) / _SAMPLES / self.target), 0, self.most)
        if wanted >= view.replicas:
            self._scale_downs = 0
            return Order(wanted)
        if self._scale_downs < _CONSECUTIVE:
            self._scale_downs += 1
            return Order(view.replicas)
        return Order(wanted)

    def restart(self, at: float) -> None:
        """Nothing is lost."""
