"""No autoscaler: the same number of replicas all the time."""

from __future__ import annotations

from tests.simulator.policies.base import Order, View


class Static:
    """As many as the target says, but not more than allowed."""

    period = 60.0
    wake_seconds: float | None = None

    def __init__(self, target: float, most: int) -> None:
        self._replicas = min(round(target), most)

    def decide(self, view: View) -> Order:
        """Always the same."""
        return Order(self._replicas)

    def restart(self, at: float) -> None:
        """There is nothing to lose."""
