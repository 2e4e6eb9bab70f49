"""How many pods may wait for a node.

A pod without a node serves no request. So only a few wait, however great the need: enough for a node
autoscaler to see, and to be placed as soon as there is capacity. With `unschedulablePods: 0` none may stay.
One is tried from time to time, with growing pauses.
"""

from __future__ import annotations

from fairlead_operator.autoscale.pods import PodCounts

FIRST, LONGEST = 30.0, 300.0


class PlacementBackoff:
    """Back-off in seconds between attempts when no pod may wait."""

    def __init__(self) -> None:
        self._wait = FIRST
        self._next = float("-inf")
        self._scheduled = 0

    def allowance(self, at: float, pod_counts: PodCounts, settled: int) -> int:
        """Pods that may be without a node now, where `settled` may stay so."""
        if pod_counts.scheduled > self._scheduled:
            self._wait, self._next = FIRST, float("-inf")
        self._scheduled = pod_counts.scheduled
        if settled > 0:
            return settled
        if pod_counts.unschedulable and at >= self._next:
            self._next, self._wait = at + self._wait, min(LONGEST, 2 * self._wait)
        return 1 if at >= self._next else 0

    def retry_in(self, at: float) -> float | None:
        """Seconds until the next attempt; None: it may be made now."""
        return self._next - at if self._next > at else None
