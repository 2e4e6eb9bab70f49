"""Places for requests, shared fairly between namespaces.

A pod that answers slowly keeps its place until the timeout. So one namespace may hold only a part of the
places, and a place that becomes free goes to the namespaces that wait in turn, not to the longest queue.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairSlots:
    """`total` places, of which each namespace holds at most `share` at a time."""

    def __init__(self, total: int, share: int) -> None:
        self._free = total
        self._share = share
        self._held: Counter[str] = Counter()
        # Namespaces in the order of their next turn; each has at least one waiter.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def place(self, namespace: str) -> AsyncIterator[None]:
        """Waits for a place, and holds it until the end of the block."""
        await self._acquire(namespace)
        try:
            yield
        finally:
            self._release(namespace)

    async def _acquire(self, namespace: str) -> None:
        # While a place is free, every waiting namespace already has its share.
        if self._free and self._held[namespace] < self._share:
            self._take(namespace)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(namespace, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The place was given in the same moment.
                self._release(namespace)
            raise

    def _take(self, namespace: str) -> None:
        self._free -= 1
        self._held[namespace] += 1

    def _release(self, namespace: str) -> None:
        self._free += 1
        self._held[namespace] -= 1
        if not self._held[namespace]:
            del self._held[namespace]
        self._grant()

    def _grant(self) -> None:
        """Gives the place that has become free to the next namespace that may have it."""
        for namespace, turns in list(self._waiting.items()):
            while turns and turns[0].done():
                turns.popleft()
            granted = bool(turns) and self._held[namespace] < self._share
            if granted:
                self._take(namespace)
                turns.popleft().set_result(None)
            if granted or not turns:
                del self._waiting[namespace]
            if granted and turns:
                self._waiting[namespace] = turns
            if granted:
                return
