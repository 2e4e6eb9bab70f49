"""The gate that every generation request passes.

The gateway counts in-flight requests itself because the engine's own count drifts after broken streams,
and because a drain must know when the last byte has left, not when the engine was done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Counts requests, bounds how many run at once, and tells when none is left.

    `limit` is the number of requests that may run at once; None leaves the order to the engine.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self.running = 0
        self.draining = False

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return len(self._waiters)

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Holds one place for the duration of a request; waits in order of arrival when all are taken."""
        await self._take()
        try:
            yield
        finally:
            self._give_back()

    async def wait_idle(self) -> None:
        """Returns as soon as no request runs or waits."""
        await self._idle.wait()

    async def _take(self) -> None:
        self._idle.clear()
        if self._limit is None or (self.running < self._limit and not self._waiters):
            self.running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # A place may have been handed over just before the client left.
            if turn.done() and not turn.cancelled():
                self._give_back()
            elif turn in self._waiters:
                self._waiters.remove(turn)
            self._settle()
            raise

    def _give_back(self) -> None:
        """Hands the place to whoever waits longest, so that nobody who comes later overtakes."""
        while self._waiters:
            turn = self._waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1
        self._settle()

    def _settle(self) -> None:
        if self.running == 0 and not self._waiters:
            self._idle.set()
