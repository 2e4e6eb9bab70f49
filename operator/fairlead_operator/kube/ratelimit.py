"""A token bucket for writes, so that a start with many models does not flood the API server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class TokenBucket:
    """Allows `burst` actions at once and `rate` per second in the long run."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._tokens = float(burst)
        self._updated = clock()

    def reserve(self) -> float:
        """Takes a token and returns the seconds to wait before it may be used."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)

    async def acquire(self) -> None:
        """Waits for a token. Waiters are served in the order in which they asked."""
        delay = self.reserve()
        if delay:
            await asyncio.sleep(delay)
