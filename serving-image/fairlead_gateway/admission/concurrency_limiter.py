"""Bounds how many generation requests run at once, and how many wait.

The order of waiting requests is fair: owners (the API key's name) take turns, so that one owner's flood
cannot starve the others. Within an owner the order is that of arrival. The gateway counts in-flight requests
itself because the engine's own count drifts after broken streams, and because a drain must know when the last
byte has left, not when the engine has finished.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict, deque
from typing import Protocol

from fairlead_gateway.contract.errors import ApiError

# SDKs give up on a Retry-After of more than 120 s.
_LONGEST_RETRY_SECONDS = 120
_WEIGHT_OF_LATEST = 0.1


class Waiter(Protocol):
    """A request that needs a place."""

    owner: str

    def admitted(self) -> None:
        """The request now holds a place, which it must give back with `leave`."""


class ConcurrencyLimiter:
    """Counts requests, bounds how many run and wait, and signals when none is left."""

    def __init__(self, running_limit: int = 1024, queue_limit: int = 1024) -> None:
        self.running_limit, self.queue_limit = running_limit, queue_limit
        self.running = 0
        self.waiting = 0
        self.draining = False
        # The process is to end: a drain is final.
        self.stopping = False
        self._queues: OrderedDict[str, deque[Waiter]] = OrderedDict()
        self._typical_seconds = 1.0
        self._idle_watchers: list[asyncio.Future[None]] = []

    def enter(self, waiter: Waiter) -> bool:
        """True if the request holds a place now, False if it waits for `admitted`.

        Raises ApiError 429 with the expected waiting time when too many wait already.
        """
        if self.running < self.running_limit and not self.waiting:
            self.running += 1
            return True
        if self.waiting >= self.queue_limit:
            raise self._full()
        self._queues.setdefault(waiter.owner, deque()).append(waiter)
        self.waiting += 1
        return False

    def leave(self, seconds: float) -> None:
        """Gives back a place; `seconds` is how long it was held."""
        self._typical_seconds += _WEIGHT_OF_LATEST * (seconds - self._typical_seconds)
        self.running -= 1
        if self.waiting or self._idle_watchers:
            self.admit()

    def withdraw(self, waiter: Waiter) -> None:
        """Removes a waiting request."""
        queue = self._queues[waiter.owner]
        queue.remove(waiter)
        self.waiting -= 1
        if not queue:
            del self._queues[waiter.owner]
        self._settle()

    def admit(self) -> None:
        """Admits waiting requests while there are places; also to be called after the bounds were raised."""
        while self._queues and self.running < self.running_limit:
            owner, queue = next(iter(self._queues.items()))
            waiter = queue.popleft()
            if queue:
                self._queues.move_to_end(owner)
            else:
                del self._queues[owner]
            self.waiting -= 1
            self.running += 1
            waiter.admitted()
        self._settle()

    async def wait_idle(self) -> None:
        """Returns as soon as no request runs or waits."""
        while self.running or self.waiting:
            watcher = asyncio.get_running_loop().create_future()
            self._idle_watchers.append(watcher)
            await watcher

    def retry_after(self) -> int:
        """Seconds after which a place is likely to be free for one more."""
        expected = self._typical_seconds * (self.waiting + 1) / self.running_limit
        return max(1, min(_LONGEST_RETRY_SECONDS, math.ceil(expected)))

    def _full(self) -> ApiError:
        message = f"{self.waiting} requests are waiting already; try again later."
        return ApiError(429, message, "rate_limit_exceeded", headers={"retry-after": str(self.retry_after())})

    def _settle(self) -> None:
        if self._idle_watchers and not self.running and not self.waiting:
            watchers, self._idle_watchers = self._idle_watchers, []
            for watcher in watchers:
                if not watcher.done():
                    watcher.set_result(None)
