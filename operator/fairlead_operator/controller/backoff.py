"""How long is waited for pods that do not answer, and how soon they are asked again."""

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
    """When each pod, by its uid, may be asked. One that does not answer is asked ever more seldom."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # When it may be asked again, and the pause that led there.
        self._failed: dict[str, tuple[float, float]] = {}

    def may_ask(self, pod: str) -> bool:
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
        # What was left, and when.
        self._left: dict[str, tuple[float, float]] = {}

    def left(self, namespace: str) -> float:
        """Seconds to wait at most. Never so few that a pod that does answer could not."""
        return max(PATIENCE_LEAST_SECONDS, self._now_left(namespace))

    def spent(self, namespace: str, seconds: float) -> None:
        """So long was waited for pods that did not answer."""
        left = max(0.0, self._now_left(namespace) - seconds)
        remember(self._left, namespace, (left, self._clock()), REMEMBERED_FAILURES)

    def _now_left(self, namespace: str) -> float:
        left, since = self._left.get(namespace, (PATIENCE_SECONDS, self._clock()))
        return min(PATIENCE_SECONDS, left + PATIENCE_REGAINED_PER_SECOND * (self._clock() - since))
