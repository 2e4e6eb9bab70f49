"""When a failing pod gets no requests, and when it is tried again.

A pod that cannot be reached gets no requests at once, one that answers with failures after some in a row.
After a pause a single request tries it; the pause doubles with each failure. The states are those of the
usual circuit breaker: closed, open, and half-open while the trial runs.
"""

from __future__ import annotations

_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
_FAILURES_IN_A_ROW = 3
# Beyond it the pause has its maximum, and the power stays a small number.
_MOST_DOUBLINGS = 10


class CircuitBreaker:
    """The circuit breaker of one pod. Times are seconds of one monotonic clock."""

    __slots__ = ("_failures", "_open_until", "_trial")

    def __init__(self) -> None:
        self._failures = 0
        self._open_until: float | None = None
        self._trial = False

    @property
    def is_closed(self) -> bool:
        """Whether requests flow as usual; not while open or on trial."""
        return self._open_until is None

    def allows(self, now: float) -> bool:
        """Whether a request may be sent."""
        return self._open_until is None or (now >= self._open_until and not self._trial)

    def request_sent(self) -> None:
        """A request is under way; the trial, if the breaker is not closed."""
        self._trial = not self.is_closed

    def trial_abandoned(self) -> None:
        """The trial ended without a result, for example because its client left."""
        self._trial = False

    def succeeded(self) -> None:
        """The pod answered: closes the breaker."""
        self._failures, self._open_until, self._trial = 0, None, False

    def failed(self, now: float, reached: bool) -> None:
        """The pod could not be `reached`, or it broke off or reported that it cannot serve."""
        self._trial = False
        self._failures += 1
        grace = _FAILURES_IN_A_ROW if reached else 1
        if self._failures >= grace or not self.is_closed:
            pause = _SHORTEST_PAUSE_SECONDS * 2.0 ** min(self._failures - grace, _MOST_DOUBLINGS)
            self._open_until = now + min(max(pause, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
