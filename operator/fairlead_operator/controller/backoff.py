"""How long to wait for pods that do not answer, and how soon to query them again."""

from __future__ import annotations

import time
from collections.abc import Callable

from fairlead_operator.bounds import (
    FIRST_BACKOFF_SECONDS,
    LONGEST_BACKOFF_SECONDS,
    PATIENCE_LEAST_SECONDS,
    PATIENCE_REGAINED_PER_SECOND,
    PATIENCE_SECONDS,
    REMEMBERED_FAILURES,
)
from fairlead_operator.recent import remember


class Backoff:
    """When each pod, by its uid, may be queried. The pauses of a pod that does not answer grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # When it may be queried again, and the last pause.
        self._failed: dict[str, tuple[float, float]] = {}

    def may_query(self, pod: str) -> bool:
        """Whether the pod's pause is over."""
        return self._clock() >= self._failed.get(pod, (0.0, 0.0))[0]

    def failed(self, pod: str) -> None:
        """The pod did not answer."""
        _, before = self._failed.get(pod, (0.0, 0.0))
        pause = min(2 * before, LONGEST_BACKOFF_SECONDS) if before else FIRST_BACKOFF_SECONDS
        remember(self._failed, pod, (self._clock() + pause, pause), REMEMBERED_FAILURES)

    def answered(self, pod: str) -> None:
        """The pod answered."""
        self._failed.pop(pod, None)


class NamespaceTimeBudget:
    """Seconds for which reconciles may wait for silent pods, by namespace."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # The remaining seconds, and at which time.
        self._left: dict[str, tuple[float, float]] = {}

    def left(self, namespace: str) -> float:
        """Seconds to wait at most. Always enough for a pod that answers."""
        return max(PATIENCE_LEAST_SECONDS, self._now_left(namespace))

    def spent(self, namespace: str, seconds: float) -> None:
        """Subtracts the seconds that a reconcile has waited for silent pods."""
        left = max(0.0, self._now_left(namespace) - seconds)
        remember(self._left, namespace, (left, self._clock()), REMEMBERED_FAILURES)

    def _now_left(self, namespace: str) -> float:
        left, since = self._left.get(namespace, (PATIENCE_SECONDS, self._clock()))
        return min(PATIENCE_SECONDS, left + PATIENCE_REGAINED_PER_SECOND * (self._clock() - since))
