"""Knative's KPA: stable and panic windows of concurrency (pkg/autoscaler/scaling/autoscaler.go)."""

from __future__ import annotations

import math

from tests.simulator.policies.base import Order, View, Window, clamp

_STABLE, _PANIC = 60.0, 6.0
_PANIC_THRESHOLD = 2.0
_GRACE = 30.0  # scale-to-zero-grace-period


class Knative:
    """Every 2 s ceil(concurrency / target), held requests included, of 60 s or, in panic, of 6 s.

    Panic begins when the short window asks for twice the ready pods, never lowers the count, and ends 60 s
    after the last such tick. At most half of the ready pods go at once. Zero after the stable window
    without a request and the grace period. The default target is 70 % of 100.
    """

    period = 2.0
    wake_seconds: float | None = 0.1

    def __init__(self, target: float, most: int) -> None:
        self.target, self.most = target, most
        self._stable, self._panic = Window(_STABLE), Window(_PANIC)
        self._panic_until: float | None = None
        self._panic_pods = 0
        self._active = 0.0

    def decide(self, view: View) -> Order:
        """See the class."""
        self._stable.add(view.at, view.mean_load)
        self._panic.add(view.at, view.mean_load)
        if view.mean_load > 0 or view.load > 0:
            self._active = view.at
        ready = max(1, view.ready)
        stable = self._bounded(self._stable.mean(), ready)
        panic = self._bounded(self._panic.mean(), ready)
        if panic / ready >= _PANIC_THRESHOLD:
            self._panic_until = view.at + _STABLE
        elif self._panic_until is not None and view.at > self._panic_until:
            self._panic_until, self._panic_pods = None, 0
        wanted = stable
        if self._panic_until is not None:
            self._panic_pods = max(self._panic_pods, panic, stable)
            wanted = self._panic_pods
        if view.at - self._active >= _STABLE + _GRACE:
            return Order(0)
        return Order(clamp(max(wanted, min(1, view.replicas or math.ceil(view.load))), 0, self.most))

    def restart(self, at: float) -> None:
        """Windows are lost; it begins in panic, so that nothing is scaled down at first."""
        self._stable, self._panic = Window(_STABLE), Window(_PANIC)
        self._panic_until = at + _STABLE

    def _bounded(self, concurrency: float, ready: int) -> int:
        return clamp(math.ceil(concurrency / self.target), ready // 2, 1000 * ready)
