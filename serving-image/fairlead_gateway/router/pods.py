"""One pod as the router sees it: how much it has to do, and whether it can be trusted.

Its load is what this router has sent it and, on top, what others have, by what its gateway last told. A pod
that cannot be reached is left alone at once, one that answers with failures after some in a row; after a
pause a single request tries it again. The pause doubles with each failure.

The pod may be fine for others: this is only about what happened here.
"""

from __future__ import annotations

from .policy import hash64
from .slices import Address

# What other routers had at the pod is believed for so long.
_REPORT_SECONDS = 10
_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
_FAILURES_IN_A_ROW = 3
# A pod may write anything; more digits than these are no number of requests.
_LONGEST_NUMBER = 9


class Pod:
    """One ready pod. Times are seconds of one monotonic clock."""

    __slots__ = (
        "_failures",
        "_open_until",
        "_others",
        "_told_at",
        "_trial",
        "address",
        "running",
        "seed",
    )

    def __init__(self, address: Address) -> None:
        self.address = address
        self.seed = hash64(address.pod.encode())
        self.running = 0
        self._others = 0
        self._told_at = 0.0
        self._failures = 0
        self._open_until: float | None = None
        self._trial = False

    @property
    def load(self) -> float:
        """Requests that the pod has, as far as known."""
        return self.running + self._others

    @property
    def failing(self) -> bool:
        """Whether it is left alone, or on trial."""
        return self._open_until is not None

    def available(self, now: float) -> bool:
        """Whether a request may be sent to it."""
        return self._open_until is None or (now >= self._open_until and not self._trial)

    def began(self) -> None:
        """A request is sent to it."""
        self.running += 1
        self._trial = self.failing

    def ended(self) -> None:
        """A request is over, however."""
        self.running -= 1
        if not self.running:
            self._trial = False

    def told(self, header: bytes, now: float) -> None:
        """The header in which its gateway tells its load, `REQUESTS/BOUND`, this request among them."""
        requests = header.partition(b"/")[0]
        if requests.isdigit() and len(requests) <= _LONGEST_NUMBER:
            self._others = max(0, int(requests) - self.running)
            self._told_at = now

    def forget_old_report(self, now: float) -> None:
        """Believes no longer what was told long ago."""
        if self._others and now - self._told_at > _REPORT_SECONDS:
            self._others = 0

    def worked(self) -> None:
        """It answered."""
        self._failures, self._open_until, self._trial = 0, None, False

    def failed(self, now: float, reached: bool) -> None:
        """It could not be `reached`, or it broke off or said that it cannot serve."""
        self._trial = False
        self._failures += 1
        grace = _FAILURES_IN_A_ROW if reached else 1
        if self._failures >= grace or self.failing:
            pause = _SHORTEST_PAUSE_SECONDS * 2.0 ** min(self._failures - grace, 10)
            self._open_until = now + min(max(pause, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
