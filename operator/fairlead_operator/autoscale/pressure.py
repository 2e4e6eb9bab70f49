"""The KV cache as a second opinion: engines that thrash need company whatever the costs say.

When the cache of an engine is full and requests wait for it, or requests are thrown out of the batch, the
concurrency that was planned with was too high. It is lowered by a tenth and regained slowly.
"""

from __future__ import annotations

from fairlead_operator.autoscale.counter import rise
from fairlead_operator.autoscale.inputs import Pod

FULL = 0.95
ROUNDS = 3
STEP_DOWN, LEAST = 0.9, 0.5
# Seconds in which a tenth is regained. Between two steps down there is time for a pod to start and to help.
REGAIN = 600.0


class Pressure:
    """`factor` is by how much the planned concurrency is lowered, 0.5 to 1."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor
        self.on = False
        self._full: dict[str, int] = {}
        self._preemptions: dict[str, float] = {}
        self._rising: dict[str, int] = {}
        self._lowered: float | None = None
        self._last: float | None = None

    def observe(self, at: float, pods: tuple[Pod, ...], lead: float) -> None:
        """Take the caches of the ready pods; a new one takes `lead` seconds."""
        engines = {pod.name: pod.engine for pod in pods if pod.engine is not None}
        self._full = {
            name: self._full.get(name, 0) + 1
            for name, engine in engines.items()
            if engine.kv_usage > FULL and engine.waiting > 0
        }
        self._rising = {
            name: self._rising.get(name, 0) + 1
            for name, engine in engines.items()
            if name in self._preemptions and rise(self._preemptions[name], engine.preemptions) > 0
        }
        self._preemptions = {name: engine.preemptions for name, engine in engines.items()}
        self.on = any(rounds >= ROUNDS for rounds in (*self._full.values(), *self._rising.values()))
        self._adapt(at, lead)

    def _adapt(self, at: float, lead: float) -> None:
        passed = at - self._last if self._last is not None else 0.0
        self._last = at
        if not self.on:
            self.factor = min(1.0, self.factor + 0.1 * passed / REGAIN)
        elif self._lowered is None or at - self._lowered >= lead:
            self.factor, self._lowered = max(LEAST, self.factor * STEP_DOWN), at
