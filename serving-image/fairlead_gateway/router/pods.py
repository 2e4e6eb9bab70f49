"""One pod as the router sees it: its load, and whether it gets requests.

The load is this router's requests plus those of others, from the last report of the pod's gateway. The
circuit breaker counts only this router's failures: the pod may work for others.
"""

from __future__ import annotations

from .balancing import hash64
from .circuit_breaker import CircuitBreaker
from .endpoint_slices import Address

# How long a report about other routers' requests counts.
_REPORT_SECONDS = 10
# A pod may write anything; more digits than these are not a number of requests.
_LONGEST_NUMBER = 9


class Pod:
    """One ready pod. Times are seconds of one monotonic clock."""

    __slots__ = ("_breaker", "_load_reported_at", "_others", "address", "running", "seed")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.seed = hash64(address.pod.encode())
        self.running = 0
        self._others = 0
        self._load_reported_at = 0.0
        self._breaker = CircuitBreaker()

    @property
    def load(self) -> float:
        """Known requests on the pod."""
        return self.running + self._others

    @property
    def failing(self) -> bool:
        """Whether its circuit breaker is open, or the trial runs."""
        return not self._breaker.is_closed

    def available(self, now: float) -> bool:
        """Whether a request may be sent to it."""
        return self._breaker.allows(now)

    def began(self) -> None:
        """A request is sent to it."""
        self.running += 1
        self._breaker.request_sent()

    def ended(self) -> None:
        """A request has ended, with any result."""
        self.running -= 1
        if not self.running:
            self._breaker.trial_abandoned()

    def record_load(self, header: bytes, now: float) -> None:
        """The header with its gateway's load, `REQUESTS/BOUND`, this request among them."""
        requests = header.partition(b"/")[0]
        if requests.isdigit() and len(requests) <= _LONGEST_NUMBER:
            self._others = max(0, int(requests) - self.running)
            self._load_reported_at = now

    def forget_old_report(self, now: float) -> None:
        """Drops a report that is too old."""
        if self._others and now - self._load_reported_at > _REPORT_SECONDS:
            self._others = 0

    def worked(self) -> None:
        """It answered."""
        self._breaker.succeeded()

    def failed(self, now: float, reached: bool) -> None:
        """It could not be `reached`, or it broke off or reported that it cannot serve."""
        self._breaker.failed(now, reached)
