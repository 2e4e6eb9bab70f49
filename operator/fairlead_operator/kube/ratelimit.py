"""The pace of writes: bounded from above, and slower while the API server is overloaded.

The server's own API priority and fairness decides: each 429 halves the rate, and it recovers by a twentieth
of the bound in each second, as in TCP. The bound is for servers that do not answer 429 in time: a start with
thousands of models must leave capacity of a small control plane to other clients.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_SLOWEST_SHARE = 0.02
_RECOVERY_SHARE = 0.05
# The 429 answers to concurrent requests count once.
_ONE_OVERLOAD_SECONDS = 1.0


class TokenBucket:
    """Allows `burst` actions at once and `rate` per second in the long run, less after `slow_down`."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._bound = self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._tokens = float(burst)
        self._updated = clock()
        self._slowed = float("-inf")

    def reserve(self) -> float:
        """Takes a token and returns the seconds to wait before it may be used."""
        self._refill()
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)

    def slow_down(self, seconds: float = 0.0) -> None:
        """Halves the rate, and stops all writes for so many seconds."""
        self._refill()
        now = self._clock()
        if now - self._slowed >= _ONE_OVERLOAD_SECONDS:
            self._slowed = now
            self._rate = max(self._rate / 2, self._bound * _SLOWEST_SHARE)
        # The burst is only for a server that is not overloaded.
        self._tokens = min(self._tokens, -seconds * self._rate)

    async def acquire(self) -> None:
        """Waits for a token. Waiters are served in the order of their calls."""
        delay = self.reserve()
        if delay:
            await asyncio.sleep(delay)

    def _refill(self) -> None:
        now = self._clock()
        passed = now - self._updated
        self._updated = now
        self._rate = min(self._bound, self._rate + passed * self._bound * _RECOVERY_SHARE)
        self._tokens = min(self._burst, self._tokens + passed * self._rate)
