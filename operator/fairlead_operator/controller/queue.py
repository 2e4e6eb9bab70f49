"""The work queue: keys of models to reconcile.

A key is in the queue at most once, however many events name it. A key that is added during its reconcile runs
again afterwards, never twice at the same time. Failures are retried with a growing delay.

A change of a model causes a burst of events, most of them from the operator's own writes. So a key pauses for
a moment after a reconcile, while other keys start at once. An urgent key, the first replica of a model for
which a request waits, has no pause and goes first.

Keys of one group, the models of one namespace, share one place in the order: after each key of a group the
other groups have their turn.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K")

_FIRST_BACKOFF_SECONDS = 1.0
_LONGEST_BACKOFF_SECONDS = 300.0
# Longer than a Deployment takes to create its ReplicaSet and pods, too short for users to notice.
_PAUSE_SECONDS = 0.5


class WorkQueue(Generic[K]):
    """A queue of keys for one event loop."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float], float] = lambda seconds: seconds * random.uniform(0.8, 1.2),  # noqa: S311
        pause_seconds: float = _PAUSE_SECONDS,
        group: Callable[[K], Hashable] = lambda key: None,
    ) -> None:
        self._clock = clock
        self._jitter = jitter
        self._group = group
        self._waiting: dict[K, float] = {}
        # The keys that wait, by group; the groups in the order of their next turn.
        self._turns: dict[Hashable, dict[K, None]] = {}
        self._working: dict[K, float] = {}
        self._again: set[K] = set()
        self._urgent: dict[K, None] = {}
        self._timers: dict[K, tuple[float, asyncio.TimerHandle]] = {}
        self._failures: dict[K, int] = {}
        self._pause_seconds = pause_seconds
        self._paused_until: dict[K, float] = {}
        self._held: set[K] = set()
        self._wake = asyncio.Event()

    def add(self, key: K, urgent: bool = False) -> None:
        """Adds a key: it runs as soon as possible, or after its pause. An urgent one runs before all others
        and without a pause.
        """
        if urgent:
            self._urgent[key] = None
        if key in self._working:
            self._again.add(key)
        elif urgent:
            self._put(key)
        elif key not in self._waiting:
            pause = self._paused_until.get(key, 0.0) - self._clock()
            if pause > 0:
                self._held.add(key)
                self.add_after(key, pause)
            else:
                self._put(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Adds a key after some time; an earlier time stays."""
        due = self._clock() + seconds
        planned = self._timers.get(key)
        if key in self._waiting or (planned and planned[0] <= due):
            return
        self._cancel_timer(key)
        handle = asyncio.get_running_loop().call_later(seconds, self._put, key)
        self._timers[key] = (due, handle)

    async def get(self) -> K:
        """The next key, which is being worked on until `done`."""
        while not self._waiting:
            self._wake.clear()
            await self._wake.wait()
        key = next((key for key in self._urgent if key in self._waiting), None) or self._next()
        self._urgent.pop(key, None)
        self._take_turn(key)
        self._working[key] = self._waiting.pop(key)
        return key

    def done(self, key: K) -> None:
        """Ends the work on a key and begins its pause; a key that was added meanwhile runs again."""
        del self._working[key]
        now = self._clock()
        # Ordered by time, since each is removed and inserted again.
        self._paused_until.pop(key, None)
        self._paused_until[key] = now + self._pause_seconds
        while (first := next(iter(self._paused_until))) != key and self._paused_until[first] <= now:
            del self._paused_until[first]
        if key in self._again:
            self._again.discard(key)
            self.add(key, urgent=key in self._urgent)

    def waited_seconds(self, key: K) -> float:
        """How long a key that was just given to a worker has waited."""
        return self._clock() - self._working[key]

    def retry(self, key: K, at_least: float = 0.0) -> float:
        """Plans another attempt after a failure and returns its delay in seconds: 1 s, doubling up to 5
        min.
        """
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(_FIRST_BACKOFF_SECONDS * 2 ** min(failures - 1, 16), _LONGEST_BACKOFF_SECONDS)
        delay = max(self._jitter(delay), at_least)
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """Resets a key's failures: the next one starts with the shortest delay."""
        self._failures.pop(key, None)

    @property
    def depth(self) -> int:
        """Keys that wait for a worker, or for the end of their pause."""
        return len(self._waiting) + len(self._held)

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest key that waits or is being worked on, 0 if none."""
        times = [*self._waiting.values(), *self._working.values()]
        return self._clock() - min(times) if times else 0.0

    def _put(self, key: K) -> None:
        self._cancel_timer(key)
        self._held.discard(key)
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting[key] = self._clock()
            self._turns.setdefault(self._group(key), {})[key] = None
            self._wake.set()

    def _next(self) -> K:
        """The key that waits longest in the group whose turn it is."""
        return next(iter(next(iter(self._turns.values()))))

    def _take_turn(self, key: K) -> None:
        """Takes a key out of its group, whose next turn is after all others'."""
        group = self._group(key)
        keys = self._turns.pop(group)
        del keys[key]
        if keys:
            self._turns[group] = keys

    def _cancel_timer(self, key: K) -> None:
        planned = self._timers.pop(key, None)
        if planned:
            planned[1].cancel()
