"""Notices an engine that hangs: requests wait for it and nothing moves, although it calls itself healthy.

vLLM's own health check only tells whether its processes live. So progress is what counts: a byte of any
answer, or any of the engine's own counters that moves, which they do with each step of a long prompt whose
first token is still to come. The counters are asked for only when no byte has come for a while.

Once the engine is found to hang it needs a sign of life to be trusted again. If no request waits any more
(all gave up), it is asked for one token now and then, because an idle engine's counters stand still.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

# Parts of the time after which it counts as hanging: from when, and how often, the counters are asked for.
_DOUBT_FROM, _ASK_EVERY = 0.25, 0.1
# A sign of life of an engine that hung is looked for this often.
_ASK_HUNG_SECONDS = 2.0
_log = logging.getLogger("fairlead.gateway")


class EngineProbe(Protocol):
    """What can be asked of an engine besides its answers."""

    async def metrics(self) -> bytes:
        """Its metrics in Prometheus' text format, nothing while it cannot be asked."""

    async def generates(self, model: str) -> bool:
        """Whether it makes a token for the model of this name."""


class HangWatch:
    """Whether the engine hangs. All times are seconds of one monotonic clock."""

    def __init__(self, engine: EngineProbe, clock: Callable[[], float] = time.monotonic) -> None:
        self.hung = False
        self._engine, self._clock = engine, clock
        self._alive_at = clock()
        self._awaited = self._doubted = False
        self._asked_at = 0.0
        self._question: asyncio.Task[None] | None = None
        self._counters = b""

    def awaited(self, heard_at: float) -> None:
        """Tells that a request waits for the engine, and when it got a byte; 0 if none came yet."""
        self._awaited = True
        if heard_at > self._alive_at:
            self._alive(heard_at)

    def given_up(self) -> None:
        """Tells that a request has waited in vain for as long as it may."""
        self._doubted = True

    def unresponsive_seconds(self, now: float) -> float:
        """How long the engine has made no progress if it hangs, else 0."""
        return now - self._alive_at if self.hung else 0.0

    def look(self, now: float, after: float, model: str) -> None:
        """Judges. To be called about once a second, after all requests have told that they wait; `after`
        seconds of silence count as hanging, `model` is a name to ask for a token with.
        """
        awaited, self._awaited = self._awaited, False
        if not (awaited or self._doubted):
            self._alive_at = now
            return
        silence = now - self._alive_at
        if silence >= after and not self.hung:
            _log.error("the engine has requests and made no progress for %d s", silence)
            self.hung = self._doubted = True
        pause = _ASK_HUNG_SECONDS if self.hung else after * _ASK_EVERY
        if silence >= after * _DOUBT_FROM and now - self._asked_at >= pause and self._question is None:
            self._asked_at = now
            self._question = asyncio.create_task(self._ask(model, awaited))

    def close(self) -> None:
        """Asks nothing any more."""
        if self._question is not None:
            self._question.cancel()

    async def _ask(self, model: str, awaited: bool) -> None:
        try:
            counters = _counters(await self._engine.metrics())
            moved = bool(counters and self._counters and counters != self._counters)
            self._counters = counters or self._counters
            if moved or (not awaited and await self._engine.generates(model)):
                self._alive(self._clock())
        finally:
            self._question = None

    def _alive(self, at: float) -> None:
        if self.hung:
            _log.warning("the engine makes progress again")
        self._alive_at = at
        self.hung = self._doubted = False


def _counters(metrics: bytes) -> bytes:
    """The engine's own lines: those of its HTTP server and process move without it."""
    return b"\n".join(line for line in metrics.splitlines() if line.startswith(b"vllm:"))
