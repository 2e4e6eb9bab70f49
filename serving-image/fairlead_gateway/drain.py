"""The drain of a pod: it takes no new requests, finishes those in flight, and returns if it is not stopped.

A request is over when its answer is written. The drain goes on until clients have the last byte of it: what
the kernel still holds for them is lost with the pod.

A drain is requested by the engine container's `preStop` hook, so the end of the pod, or a new start of its
engine, follows within the pod's grace period. If neither follows, a working pod would stay out of service for
ever. So it then becomes ready again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from .gateway_context import GatewayContext

# Counted from the end of the drain timeout. A pod that is being stopped is gone 30 s after that: 20 s for the
# engine to end and 10 s of margin, by the operator's rendering (a test compares them). The other 30 s are for
# a late kubelet.
COME_BACK_SECONDS = 60
_LOOK_AGAIN_SECONDS = 1
_LOOK_AT_BYTES_SECONDS = 0.1


class Drain:
    """The drain of one gateway. `start_of_engine` differs for each start of the engine."""

    def __init__(self, services: GatewayContext, start_of_engine: Callable[[], float | None]) -> None:
        self._services, self._start_of_engine = services, start_of_engine
        self._engine: float | None = None
        self._until = 0.0
        self._watch: asyncio.Task[None] | None = None
        self.done = False
        """Whether a drain has run to its end and the pod is still out of service."""

    async def run(self) -> None:
        """Ends readiness at once; returns when clients have all answers, or after the drain timeout."""
        self._begin()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._services.settings.drain_timeout_seconds):
                # Requests that are still routed here meanwhile are served.
                await asyncio.sleep(self._services.process.linger_seconds)
                await self._idle_or_hung()
                while self._services.unread_bytes():  # noqa: ASYNC110 - the kernel has no event for it
                    await asyncio.sleep(_LOOK_AT_BYTES_SECONDS)
        self.done = self._services.limiter.draining

    def _begin(self) -> None:
        self._engine = self._start_of_engine()
        timeout = self._services.settings.drain_timeout_seconds
        self._until = self._services.clock() + timeout + COME_BACK_SECONDS
        self.done, self._services.limiter.draining = False, True
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._come_back())

    async def _come_back(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            if self._start_of_engine() != self._engine or self._services.clock() >= self._until:
                break
        limiter = self._services.limiter
        if not limiter.stopping:
            self.done = limiter.draining = False
            logging.getLogger("fairlead.gateway").warning("Drained pod was not stopped, serving again")

    async def _idle_or_hung(self) -> None:
        """Returns when nothing is in flight, or when the engine hangs and no request can finish."""
        while not self._services.hang.hung:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                    await self._services.limiter.wait_idle()
                    return
