"""Detects an engine that hangs: requests wait and there is no progress, although it reports itself healthy.

vLLM's own health check only shows whether its processes run. So progress counts: a byte of any answer, or a
change of any of the engine's own counters. They change with each step of a long prompt, before its first
token. The counters are read only when no byte has come for a while.

An engine that was found to hang needs a sign of progress to count as working again. If no request waits any
more (all gave up), one token is requested from time to time, because the counters of an idle engine do not
change.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

# From when, and how often, the counters are read, as parts of the time after which the engine counts as hung.
_DOUBT_FROM, _QUERY_EVERY = 0.25, 0.1
# How often progress of a hung engine is checked.
_QUERY_HUNG_SECONDS = 2.0
_log = logging.getLogger("fairlead.gateway")


class EngineProbe(Protocol):
    """The queries to an engine besides generation."""

    async def metrics(self) -> bytes:
        """Its metrics in Prometheus' text format, empty while it does not answer."""

    async def generates(self, model: str) -> bool:
        """Whether it makes a token for the model of this name."""


class HangWatch:
    """Whether the engine hangs. All times are seconds of one monotonic clock."""

    def __init__(self, engine: EngineProbe, clock: Callable[[], float] = time.monotonic) -> None:
        self.hung = False
        self._engine, self._clock = engine, clock
        self._alive_at = clock()
        self._awaited = self._doubted = False
        self._queried_at = 0.0
        self._pending: asyncio.Task[None] | None = None
        self._counters = b""

    def awaited(self, heard_at: float) -> None:
        """Reports a request that waits for the engine, and when it got a byte; 0 if none came yet."""
        self._awaited = True
        if heard_at > self._alive_at:
            self._alive(heard_at)

    def given_up(self) -> None:
        """Reports that a request has timed out without a byte."""
        self._doubted = True

    def unresponsive_seconds(self, now: float) -> float:
        """How long the engine has made no progress if it hangs, else 0."""
        return now - self._alive_at if self.hung else 0.0

    def check(self, now: float, after: float, model: str) -> None:
        """Checks the engine. To be called about once a second, after all waiting requests were reported.
        After `after` seconds without progress the engine counts as hung; `model` is a name to request a token
        with.
        """
        awaited, self._awaited = self._awaited, False
        if not (awaited or self._doubted):
            self._alive_at = now
            return
        silence = now - self._alive_at
        if silence >= after and not self.hung:
            _log.error("Engine has requests and made no progress for %d s", silence)
            self.hung = self._doubted = True
        pause = _QUERY_HUNG_SECONDS if self.hung else after * _QUERY_EVERY
        if silence >= after * _DOUBT_FROM and now - self._queried_at >= pause and self._pending is None:
            self._queried_at = now
            self._pending = asyncio.create_task(self._query(model, awaited))

    def close(self) -> None:
        """Ends the queries."""
        if self._pending is not None:
            self._pending.cancel()

    async def _query(self, model: str, awaited: bool) -> None:
        try:
            counters = _counters(await self._engine.metrics())
            moved = bool(counters and self._counters and counters != self._counters)
            self._counters = counters or self._counters
            if moved or (not awaited and await self._engine.generates(model)):
                self._alive(self._clock())
        finally:
            self._pending = None

    def _alive(self, at: float) -> None:
        if self.hung:
            _log.warning("Engine makes progress again")
        self._alive_at = at
        self.hung = self._doubted = False


def _counters(metrics: bytes) -> bytes:
    """The engine's own lines: those of its HTTP server and process move without it."""
    return b"\n".join(line for line in metrics.splitlines() if line.startswith(b"vllm:"))
